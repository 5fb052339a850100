"""A fit to a picture from end to end: is it found, and can it be stopped and continued without a trace?"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from neurfield.errors import UserError
from neurfield.fields.picture_encodings import PlaneGrid, sizes_with_kernels, table_for
from neurfield.fitting import FitFailed, FitInterrupted, ImageRun, Run, fit_image, resume
from neurfield.fitting.image import ImageTask
from neurfield.images import open_image
from neurfield.images.compare import psnr_of
from neurfield.inputs import finish
from tests.images.conftest import smooth, write

SMALL = ("encoding.levels=6", "field.hidden=[32]", "points.picture.count=512", "train.preview_every=0")
TILES = (*SMALL, "points.picture.tile=16")


def fitted(image: np.ndarray | Path, out: Path, steps: int = 60, **more: object) -> ImageRun:
    return fit_image(image, steps=steps, out=out, quiet=True, **{"overrides": SMALL, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture_is_found_and_everything_is_left(tmp_path: Path, channels: int, bits: int) -> None:
    true = smooth(40, 61, channels, bits)
    run = fitted(write(tmp_path / "waves.png", true), tmp_path, 120)
    metrics = finish(run).metrics
    written = open_image(run.folder / "reconstruction.png")
    assert (written.channels, written.bits) == (channels, bits)
    assert metrics["image"]["psnr"] == pytest.approx(psnr_of(true, written.hold(), 2**bits - 1))
    assert metrics["image"]["psnr"] > 25
    assert metrics["image"]["psnr_float16"] == pytest.approx(metrics["image"]["psnr"], abs=0.5)
    np.testing.assert_array_equal(run.region(3, 5, 20, 10), written.region(3, 5, 20, 10))
    files = metrics["files"]
    assert files["source"] == (tmp_path / "waves.png").stat().st_size
    assert files["model"] == (run.folder / "model.safetensors").stat().st_size
    assert 1 <= files["jpeg_quality"] <= 100 and files["jpeg"] > 0 < files["png"]
    assert ("8 bits" in files.get("remarks", "")) == (bits == 16)
    assert ("alpha" in files.get("remarks", "")) == (channels in (2, 4))
    assert json.loads((run.folder / "metrics.json").read_text()) == metrics
    assert (run.folder / "side_by_side.png").is_file()
    with safe_open(run.folder / "model.safetensors", "pt") as model:
        assert json.loads(model.metadata()["size"]) == [61, 40, channels, bits]
    loaded = ImageRun.load(run.folder)
    np.testing.assert_array_equal(loaded.region(0, 0, 61, 40), written.hold())


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 16), (1003, 1), (17, 16)])
def test_odd_sizes(tmp_path: Path, height: int, width: int) -> None:
    run = fitted(smooth(height, width), tmp_path, 5)
    metrics = finish(run).metrics
    assert open_image(run.folder / "reconstruction.png").hold().shape == (height, width, 3)
    assert np.isfinite(metrics["image"]["psnr"])


def test_an_array_is_kept_with_its_run(tmp_path: Path) -> None:
    true = smooth(20, 30)
    run = fitted(true, tmp_path, 4)
    moved = tmp_path / "elsewhere"
    run.folder.rename(moved)
    again = ImageRun.load(moved)
    np.testing.assert_array_equal(again.source.hold(), true)


@pytest.mark.parametrize("kind", ["simplex", "rbf"])
def test_the_other_encodings(tmp_path: Path, kind: str) -> None:
    true = smooth(40, 61)
    run = fitted(true, tmp_path, 120, encoding=kind)
    metrics = finish(run).metrics
    assert metrics["image"]["psnr"] > 25
    assert metrics["image"]["psnr_float16"] == pytest.approx(metrics["image"]["psnr"], abs=0.5)
    again = ImageRun.load(run.folder)
    np.testing.assert_array_equal(again.region(0, 0, 61, 40), run.region(0, 0, 61, 40))
    assert fitted(smooth(1, 1), tmp_path, 2, encoding=kind).region(0, 0, 1, 1).shape == (1, 1, 3)


class _Stop(Exception):
    pass


@pytest.mark.parametrize(
    ("kind", "budget_is_small"), [("hash", False), ("hash", True), ("rbf", False), ("rbf", True)]
)
def test_resume_ends_where_an_uninterrupted_fit_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, budget_is_small: bool
) -> None:
    path = write(tmp_path / "a.tif", smooth(700, 700), tile=16)
    options = {
        "overrides": [*TILES, "train.save_every=10", "points.picture.budget_mb=1"],
        "encoding": kind,
    }
    if kind == "rbf":
        options["overrides"].append("encoding.kernels=300")  # type: ignore[attr-defined]
    if not budget_is_small:
        options["overrides"].append("points.picture.budget_mb=100")  # type: ignore[attr-defined]
    whole = fitted(path, tmp_path / "a", 20, **options)
    assert whole.source.held != budget_is_small
    step = ImageTask.step

    def stop_at_15(self: ImageTask, number: int, progress: float) -> object:
        if number == 15:
            raise _Stop
        return step(self, number, progress)

    monkeypatch.setattr(ImageTask, "step", stop_at_15)
    with pytest.raises(_Stop):
        fitted(path, tmp_path / "b", 20, **options)
    monkeypatch.undo()
    continued = resume(tmp_path / "b" / "a" / "latest", quiet=True)
    for name, tensor in whole.task.state().items():
        torch.testing.assert_close(continued.task.state()[name], tensor, rtol=0, atol=0)


def test_same_seed_same_result_and_another_seed_another(tmp_path: Path) -> None:
    true = smooth(30, 30)
    a, b, c = (fitted(true, tmp_path, 10, seed=seed).task.state() for seed in (1, 1, 2))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], c[name]) for name in a)


def test_saying_how_long_leaves_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.tif", smooth(700, 700), tile=16)
    options = {"overrides": [*TILES, "points.picture.budget_mb=1"]}
    silent = fitted(path, tmp_path / "a", 8, **options)
    said = fit_image(path, steps=8, out=tmp_path / "b", **options)  # type: ignore[arg-type]
    for name, tensor in silent.task.state().items():
        assert torch.equal(said.task.state()[name], tensor), name
    words = capsys.readouterr().out
    assert "700 x 700 pixels" in words and "tile by tile" in words and "ms a step" in words


def test_ctrl_c_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ImageTask.step

    def interrupt(self: ImageTask, number: int, progress: float) -> object:
        if number == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, number, progress)

    monkeypatch.setattr(ImageTask, "step", interrupt)
    with pytest.raises(FitInterrupted) as caught:
        fitted(smooth(20, 20), tmp_path, 20)
    assert caught.value.step == 8 and caught.value.checkpoint.is_file()


def test_nan_stops_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ImageTask.step

    def poison(self: ImageTask, number: int, progress: float) -> object:
        if number == 3:
            self.field.layers[0].weight.data.fill_(float("nan"))  # type: ignore[union-attr,operator]
        return step(self, number, progress)

    monkeypatch.setattr(ImageTask, "step", poison)
    with pytest.raises(FitFailed, match="loss is not finite"):
        fitted(smooth(20, 20), tmp_path, 20)


def test_previews(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", smooth(700, 700), tile=16)
    for budget in (1, 100):
        overrides = [*TILES, "train.preview_every=2", f"points.picture.budget_mb={budget}"]
        run = fitted(path, tmp_path, 3, overrides=overrides)
        assert (run.folder / "previews" / "step-000002.png").is_file()


def test_mistakes_leave_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = write(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    for change, said in (
        ({"encoding": "hahs"}, "did you mean 'hash'"),
        ({"steps": 0}, "--steps 0"),
        ({"overrides": ["field.sine=[1.0]"]}, "'field': sine: two numbers"),
        ({"overrides": ["field.hidden=[]"]}, "'field': hidden: at least one layer"),
        ({"overrides": ["encoding.features=3"]}, "'encoding': .*features must be 1, 2 or 4"),
        ({"overrides": ["encoding.parameters_per_pixel=0"]}, "parameters_per_pixel"),
    ):
        with pytest.raises(UserError, match=said):
            fit_image(path, **{"steps": 2, "out": out, "quiet": True, **change})
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(UserError, match="truncated"):
        fitted(path, out)
    assert not out.exists()


def test_another_picture_in_the_place_of_the_runs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", smooth(20, 20))
    run = fitted(path, tmp_path, 2)
    with pytest.raises(UserError, match="a fit of an image"):
        Run.load(run.folder).mesh()
    write(path, smooth(20, 21))
    with pytest.raises(UserError, match="another than the run's"):
        ImageRun.load(run.folder)
    path.unlink()
    with pytest.raises(UserError, match="no such file"):
        ImageRun.load(run.folder)


@pytest.mark.parametrize("kind", ["grid", "rbf"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (640, 480), (4096, 4096), (40_000, 25_000)])
def test_sizes_follow_the_picture(kind: str, width: int, height: int) -> None:
    levels, kernel_features = (2, 32) if kind == "rbf" else (16, 0)

    def sizes(**asked: int) -> tuple[PlaneGrid, int, int]:
        grid, kernels = PlaneGrid(levels, **asked), 5 if asked else 0
        if kind == "rbf":
            return grid, *sizes_with_kernels(grid, kernels, 4, kernel_features, width, height)
        return grid, table_for(grid, width, height), 0

    grid, table, kernels = sizes()
    assert grid.finest(width, height) >= max(width, height) // 2
    total = grid.parameters(grid.finest(width, height), table) + kernels * (2 + 3 + kernel_features)
    if 640 <= width < 40_000:  # in between the sizes that tables can have
        assert 0.5 < total / (grid.parameters_per_pixel * width * height) < 2.0
    grid, table, kernels = sizes(finest_resolution=77, log2_table_size=9)
    assert (grid.finest(width, height), table) == (77, 9)
    assert kernels == (min(5, width * height) if kind == "rbf" else 0)
