"""What doctor tells, and that whatever is missing comes with a command."""

from __future__ import annotations

import json
import os
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
