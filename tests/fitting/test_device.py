"""Where a fit computes, on machines that this one is not."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.fitting import ImageRun, Run, device, fit, fit_image, resume
from neurfield.fitting.device import device_of_run, pick_device
from neurfield.ops import gpus, native, native_cuda
from neurfield.parts import read_config, save_config
from neurfield.scenes import Scene
from tests.fitting.conftest import SMALL
from tests.images.conftest import smooth, write

BUILT = (object(), "built for sm_90")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Machine:
    """What torch, our kernels and the driver say of a machine, and what was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch
        self.told: list[str] = []

    def has(self, torch_sees: bool, kernels: tuple[object, str], gpu: bool, cuda: str | None) -> None:
        self.patch.setattr(torch.cuda, "is_available", lambda: torch_sees)
        self.patch.setattr(torch.version, "cuda", cuda)
        self.patch.setattr(native_cuda, "load", lambda: kernels)
        self.patch.setattr(gpus, "names", lambda: ["A GPU"] if gpu else [])
        self.patch.setattr(gpus, "driver", lambda: "450.1" if gpu else None)

    def pick(self, name: str) -> torch.device:
        return pick_device(name, self.told.append)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_a_gpu_with_our_kernels(machine: Machine) -> None:
    machine.has(True, BUILT, True, "13.0")
    assert [machine.pick(name) for name in ("auto", "cuda", "cpu")] == [CUDA, CUDA, CPU]
    assert device_of_run("cuda", None, machine.told.append) == CUDA
    assert not machine.told


def test_no_gpu(machine: Machine) -> None:
    machine.has(False, (None, "not built (no module)"), False, "13.0")
    assert machine.pick("auto") == CPU and not machine.told
    with pytest.raises(UserError, match="--device cuda: there is no CUDA device"):
        machine.pick("cuda")
    assert device_of_run("cuda", None, machine.told.append) == CPU
    (line,) = machine.told
    assert "the CPU goes on" in line and "\n" not in line


@pytest.mark.parametrize(
    ("torch_sees", "reason", "cuda", "said"),
    [
        (True, "not built (no nvcc)", "13.0", "not built"),
        (True, "switched off by NEURFIELD_NATIVE=0", "13.0", "switched off"),
        (False, "the NVIDIA driver knows CUDA 11.0, the kernels were built with 13.0", "13.0", "CUDA 11.0"),
        (False, "this torch was built without CUDA", None, "without CUDA"),
    ],
)
def test_auto_says_in_one_line_why_a_gpu_is_left_alone(
    machine: Machine, torch_sees: bool, reason: str, cuda: str | None, said: str
) -> None:
    machine.has(torch_sees, (None, reason), True, cuda)
    assert machine.pick("auto") == CPU
    (line,) = machine.told
    assert said in line and "\n" not in line


def test_a_gpu_without_our_kernels_runs_the_reference_and_says_so_once(machine: Machine) -> None:
    machine.has(True, (None, "not built (no nvcc)"), True, "13.0")
    native_cuda._warn_once.cache_clear()
    assert machine.pick("cuda") == CUDA
    (line,) = machine.told
    assert "reference" in line and "not built" in line
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native_cuda.on(CUDA) is None  # and does not warn on top
    native_cuda._warn_once.cache_clear()


@pytest.mark.parametrize(
    ("gpu", "cuda", "said"),
    [(True, None, "built without CUDA"), (True, "13.0", "driver 450.1"), (False, "13.0", "no CUDA device")],
)
def test_cuda_that_cannot_be_is_one_line_and_exit_code_2(
    machine: Machine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    gpu: bool,
    cuda: str | None,
    said: str,
) -> None:
    machine.has(False, (None, "whatever"), gpu, cuda)
    image = write(tmp_path / "a.png", smooth(8, 8))
    words = ["fit", "--image", str(image), "--out", str(tmp_path / "runs"), "--device", "cuda"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def fitted_on_cuda(run: Run) -> None:
    """Make a run say that it was fitted on a GPU."""
    path = run.folder / "config.yaml"
    config = read_config(path)
    config.device = "cuda"
    save_config(config, path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what the test does without")
def test_a_scene_fitted_on_a_gpu_goes_on_without_one(
    sphere_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(sphere_scene, "neus", steps=4, out=tmp_path, overrides=SMALL, quiet=True)
    fitted_on_cuda(run)
    again = Run.load(run.folder)
    assert "the CPU goes on with it" in capsys.readouterr().out
    for name, tensor in run.task.state().items():
        assert torch.equal(tensor, again.task.state()[name])
    with pytest.raises(UserError, match="--device cuda"):
        Run.load(run.folder, device="cuda")
    with pytest.raises(UserError, match="--device cpux"):
        Run.load(run.folder, device="cpux")
    later = resume(run.folder, steps=6, quiet=True)
    assert later.task.device == CPU and read_config(run.folder / "config.yaml").device == "cuda"
    resume(run.folder, steps=7, quiet=True, device="cpu")
    assert read_config(run.folder / "config.yaml").device == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what the test does without")
def test_an_image_fitted_on_a_gpu_goes_on_without_one(tmp_path: Path) -> None:
    small = ["encoding.levels=4", "field.hidden=[16]", "points.picture.count=100", "train.preview_every=0"]
    run = fit_image(smooth(20, 30), steps=4, out=tmp_path, overrides=small, quiet=True)
    fitted_on_cuda(run)
    np.testing.assert_array_equal(ImageRun.load(run.folder).region(0, 0, 30, 20), run.region(0, 0, 30, 20))
    resume(run.folder, steps=6, quiet=True, device="cpu")
    assert read_config(run.folder / "config.yaml").device == "cpu"


def test_the_proc_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path)
    assert not gpus.present() and gpus.driver() is None
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    (tmp_path / "gpus" / "0000:01:00.0" / "information").write_text("Model: \t\t NVIDIA X 1\nIRQ: 3\n")
    for text, version in (
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n",
            "550.54.15",
        ),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n", "580.65.06"),
    ):
        (tmp_path / "version").write_text(text)
        assert gpus.driver() == version
    assert gpus.names() == ["NVIDIA X 1"]


def test_the_name_of_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert native.name_of(torch.zeros(3)) == (native.status().isa or "torch")
    assert native.name_of(torch.zeros(3, dtype=torch.float64)) == "torch"
    assert native.reason_for(CPU) == native.status().reason
    monkeypatch.setattr(native, "kernels", lambda *_: object())
    monkeypatch.setattr(native_cuda, "load", lambda: BUILT)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert native.name_of(torch.zeros(3, device="meta")) == "sm_90"
    assert native.reason_for(CUDA) == "built for sm_90"


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    device.silent("a line")
    assert capsys.readouterr().out == ""
