"""A fit is looked at while it goes on: what goes wrong is told, and ends with its cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield import inputs
from neurfield.errors import FitWentWrong
from neurfield.fitting import Run, SurfaceLeft, fit
from neurfield.fitting.fit_watch import FitWatch, share_at_sides
from neurfield.fitting.met import LEAST_STEPS, plain_psnr, psnr_of, unmet
from neurfield.fitting.probe import Probe
from neurfield.inputs.scene.diagnosis import watch_of
from neurfield.scenes import Scene
from tests.fitting.conftest import SMALL
from tests.fitting.round_scenes import RoundScene, cameras

NONE = np.zeros(0, int)


def watch_on(distance: Callable[[Tensor], Tensor], **more: Any) -> FitWatch:
    """A watch on a field that does not learn."""
    field = SimpleNamespace(sdf=distance, **more)
    config = SimpleNamespace(train=SimpleNamespace(steps=100))
    task: Any = SimpleNamespace(
        field=field, config=config, unit_box=[-1.0] * 3 + [1.0] * 3, device=torch.device("cpu"), seed=0,
        turn=lambda step: SimpleNamespace(progress=0.5), inside=False,
        moment=lambda step, progress: SimpleNamespace(points_alone=False),
    )  # fmt: skip
    scene: Any = SimpleNamespace(sources=set())
    return FitWatch(task, scene, lambda: None, NONE, NONE, lambda share: "why", "do this")  # type: ignore


def looks(watch: FitWatch, count: int, **figures: float) -> list[str]:
    return [watch.look(step, figures) for step in range(1, count * watch.every + 1)]


def sphere(radius: float) -> Callable[[Tensor], Tensor]:
    return lambda points: points.norm(dim=1) - radius


@pytest.mark.parametrize(("shift", "side"), [(1.0, "empty"), (-3.0, "solid")])
def test_a_field_without_a_surface_stops(shift: float, side: str) -> None:
    watch = watch_on(lambda points: points.norm(dim=1) + shift)
    assert watch.every * watch.patience >= 200 and not any(looks(watch, watch.patience - 1))
    with pytest.raises(SurfaceLeft, match=f"all of the box is {side}: do this"):
        looks(watch, 1)
    assert SurfaceLeft("").exit_code == 1


def test_a_surface_between_the_corners_of_the_lattice_is_one() -> None:
    for radius in (0.9, 0.02, 0.001):
        assert not any(looks(watch_on(sphere(radius)), 10, samples_per_ray=3.0))


def test_a_surface_that_comes_back_goes_on() -> None:
    shift = [0.0]
    watch = watch_on(lambda points: points.norm(dim=1) - 0.5 + shift[0])
    for _ in range(5):
        for shift[0], count in ((2.0, watch.patience - 1), (0.0, 1)):
            looks(watch, count)


def test_distances_without_a_sign_have_no_sides() -> None:
    watch = watch_on(lambda points: torch.ones(len(points)), sign="unsigned")
    assert not any(looks(watch, 5)) and watch.at_sides() == 0.0


def test_rays_without_samples_stop() -> None:
    watch = watch_on(sphere(0.5))
    looks(watch, watch.patience - 1, samples_per_ray=0.0)
    looks(watch, 1, samples_per_ray=0.1)
    looks(watch, watch.patience - 1, samples_per_ray=0.0)
    with pytest.raises(SurfaceLeft, match="no ray has a sample"):
        looks(watch, 1, samples_per_ray=0.0)


def test_how_much_of_the_sides_is_within() -> None:
    assert watch_on(sphere(0.9)).at_sides() == 0.0
    assert watch_on(sphere(2.0)).at_sides() == 1.0
    assert 0.1 < watch_on(sphere(1.1)).at_sides() < 0.3
    assert share_at_sides(None) == 0.0


def test_slow_and_dark_fits_meet_what_they_can() -> None:
    assert unmet(16.0, 15.0, 14.0) == ""  # slow: neither is far above one colour, and they are alike
    assert unmet(16.0, None, 14.0) == ""
    assert unmet(33.0, 32.5, 32.6) == "" and unmet(100.0, 100.0, 100.0) == ""  # dark, black
    assert unmet(30.0, 24.0, 14.0) == ""  # few pictures
    assert "13.9 dB" in unmet(13.9, 13.9, 14.0)
    assert "held out 15.0 dB" in unmet(20.0, 15.0, 14.0)


def test_one_colour() -> None:
    random = np.random.default_rng(0).random((500, 3))
    assert plain_psnr(random) >= psnr_of(random - 0.4)
    assert plain_psnr(np.full((9, 3), 0.3)) == pytest.approx(100.0)


def test_pixels_are_looked_at_where_masks_show_the_object() -> None:
    scene = RoundScene(inside=False).scene("mask")
    frames = np.array([2, 5, 7])
    probe = Probe.of(scene, frames, np.array([0, 1, -1]), 0)
    assert probe is not None and set(probe.camera) == set(frames) and set(probe.pictures) == {0, 1, -1}
    rows, columns = np.floor(probe.places[:, ::-1]).astype(int).T
    for i in frames:
        of = probe.camera == i
        assert scene.mask(i)[rows[of], columns[of]].all()  # type: ignore[index]
        shown = scene.image(i)[rows[of], columns[of]] / 255.0
        np.testing.assert_array_equal(probe.colors[of], shown)
    assert Probe.of(scene, NONE, NONE, 0) is None


STEPS = LEAST_STEPS + 60


def fitted(scene: Scene, folder: Path, *more: str) -> Run:
    settings = [*SMALL, "mesh.voxel=0.2", "sampler.rays=256", "polish=off", *more]
    return fit(scene, "neus", steps=STEPS, out=folder, overrides=settings, quiet=False)


class Striped(RoundScene):
    """Its colours differ on all sides."""

    def paint(self, points: np.ndarray) -> np.ndarray:
        return 0.5 + 0.45 * np.sin(3.0 * points + 2.0 * points[..., [1, 2, 0]] + [0.0, 1.0, 2.0])


def striped() -> RoundScene:
    """An ellipsoid with no two sides alike, seen by 24 cameras."""
    made = Striped((1.7, 1.2, 0.9), inside=False)
    made.cameras = cameras(False, 24)
    return made


@pytest.mark.slow
def test_right_cameras_are_not_told_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = fitted(striped().scene(folder=tmp_path / "scene"), tmp_path)
    assert "going wrong" not in capsys.readouterr().out
    assert inputs.finish(run).troubles == {}


@pytest.mark.slow
def test_wrong_cameras_are_told_while_it_fits_and_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = striped().scene(folder=tmp_path / "scene")
    others = scene.cameras.select(np.random.default_rng(0).permutation(24))
    run = fitted(scene.seen_by(others, scene.files, None), tmp_path)
    told = capsys.readouterr().out
    assert told.count("the fit is going wrong") == 1 and "poses or lenses may be wrong" in told
    trouble = inputs.finish(run).troubles["pictures"]
    assert isinstance(trouble, FitWentWrong) and "poses or lenses may be wrong" in str(trouble)
    assert watch_of(run.input).verdict() != ""
