"""What doctor tells, and that whatever is missing comes with a command."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from neurfield.cli import doctor
from neurfield.scenes.synthesis.writer import VERSION


def test_tells_versions_kernels_and_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.doctor() == 0
    shown = capsys.readouterr().out
    for word in ("version", "torch", "kernels", "threads", "built-in scenes", "safetensors", "next:"):
        assert word in shown


def test_missing_extra_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    there = doctor.version_of
    monkeypatch.setattr(doctor, "version_of", lambda name: None if name == "open3d" else there(name))
    missing: list[tuple[str, str]] = []
    doctor._libraries(missing)
    assert 'pip install "neurfield[viewer]"' in [command for command, _ in missing]


def test_all_extras_are_told_with_all_that_they_bring() -> None:
    project = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    table = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    lines = re.findall(r"^([\w-]+) = \[(.*?)\](?= *(?:#|$))", table, flags=re.M | re.S)
    brought = {extra: tuple(re.findall(r'"([\w-]+)', names)) for extra, names in lines}
    for_work_on_neurfield = {"dev", "bench", "gpu-peers"}
    assert for_work_on_neurfield < brought.keys()
    told = {extra: names for extra, (names, _) in doctor.EXTRAS.items()}
    assert told == {extra: names for extra, names in brought.items() if extra not in for_work_on_neurfield}


def test_extras_are_those_of_the_page_one_starts_with() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "start.md").read_text(encoding="utf-8")
    table = page.partition('| `pip install "neurfield[...]"` |')[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.M)) == set(doctor.EXTRAS)


def test_an_extra_of_which_a_part_is_missing_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "version_of", lambda name: None if name == "pydicom" else "1.0")
    missing: list[tuple[str, str]] = []
    rows = dict(doctor._libraries(missing))
    assert "nibabel 1.0" in rows["extra [slices]"] and "not installed: pydicom" in rows["extra [slices]"]
    assert [command for command, _ in missing if "neurfield[" in command] == [
        'pip install "neurfield[slices]"'
    ]


def test_missing_system_libraries_come_with_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "version_of", lambda name: "1.0")
    monkeypatch.setattr(doctor, "_loads", lambda library: library != "libusb-1.0.so.0")
    missing: list[tuple[str, str]] = []
    rows = dict(doctor._libraries(missing))
    assert rows["Open3D's system libraries"] == "missing: libusb-1.0-0"
    assert missing == [("sudo apt-get install libusb-1.0-0", "what Open3D's window and screenshots want")]


def test_a_build_older_than_its_sources_is_seen(tmp_path: Path) -> None:
    module, source = tmp_path / "module.so", tmp_path / "csrc" / "a" / "kernel.h"
    source.parent.mkdir(parents=True)
    source.write_text("")
    module.write_text("")
    os.utime(source, (100, 100)), os.utime(module, (200, 200))
    assert doctor.stale_build(module, tmp_path / "csrc") is None
    assert doctor.stale_build(module, tmp_path / "nowhere") is None
    os.utime(source, (300, 300))
    assert doctor.stale_build(module, tmp_path / "csrc") == "kernel.h"


@pytest.mark.parametrize(("version", "asked"), [(VERSION, False), (VERSION - 1, True), (None, True)])
def test_a_scene_of_another_version_comes_with_how_to_make_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int | None, asked: bool
) -> None:
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path))
    missing: list[tuple[str, str]] = []
    assert not doctor._scenes(missing) and not missing  # not made
    (tmp_path / "room0").mkdir()
    (tmp_path / "room0" / "traj.txt").write_text("")
    if version is not None:
        (tmp_path / "room0" / "scene.json").write_text(json.dumps({"version": version}))
    assert doctor._scenes(missing)[0][0] == "scene room0"
    assert any("neurfield scene make room0" in command for command, _ in missing) == asked


def test_library_that_no_machine_has() -> None:
    assert not doctor._loads("libnothing-of-the-kind.so.9")
    assert doctor._loads("libc.so.6")


def test_unknown_distribution_has_no_version() -> None:
    assert doctor.version_of("no-such-distribution-anywhere") is None
    assert doctor.version_of("numpy")


@pytest.mark.parametrize(
    ("kernels", "cuda", "shown", "command"),
    [
        ((None, "not built (no module)"), "13.0", "not used (not built", "NEURFIELD_CUDA=1"),
        ((None, "this torch was built without CUDA"), None, "without CUDA", "torch"),
        ((object(), "built for sm_80+90"), "13.0", "built for sm_80+90", None),
    ],
)
def test_gpus_and_their_kernels(
    monkeypatch: pytest.MonkeyPatch,
    kernels: tuple[object, str],
    cuda: str | None,
    shown: str,
    command: str | None,
) -> None:
    from neurfield.ops import gpus, native_cuda

    monkeypatch.setattr(gpus, "names", lambda: ["NVIDIA X, sm_90, 80 GiB", "NVIDIA Y, sm_80, 40 GiB"])
    monkeypatch.setattr(gpus, "driver", lambda: "580.1")
    monkeypatch.setattr(native_cuda, "load", lambda: kernels)
    monkeypatch.setattr("torch.version.cuda", cuda)
    missing: list[tuple[str, str]] = []
    rows = doctor._gpus(missing)
    assert [name for name, _ in rows] == ["GPU", "GPU", "CUDA kernels"]
    assert rows[1][1].endswith("driver 580.1") and shown in rows[2][1]
    assert len(missing) == (command is not None)
    assert command is None or command in missing[0][0]


def test_no_gpu_is_no_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurfield.ops import gpus

    monkeypatch.setattr(gpus, "names", list)
    missing: list[tuple[str, str]] = []
    assert doctor._gpus(missing) == [("GPU", "none, the CPU serves")]
    assert not missing
