"""Pixels by uncertainty: of the density that is written down, and the same ones in a resumed fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.fitting import fit, resume
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.scene import SceneTask
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.pixels import Uniform
from neurfield.rays import make_rays
from neurfield.rendering import OpacityNow, mean_along_rays, render_passes, uncertainties
from neurfield.rendering.by_uncertainty import ByUncertainty, drawn_by
from neurfield.scenes import Scene, load_scene
from tests.fitting.conftest import SIZE, SMALL, write_sphere_scene

CPU = torch.device("cpu")
FEW = (
    *SMALL, "sampler.rays=64", "sampler.samples=0", "points.fused_depth=off", "data.sensor_depth=off",
    "heads.uncertainty={}", "pixels=by_uncertainty", "pixels.longest=12", "pixels.at=[0.3,0.6]",
    "device=cpu",
)  # fmt: skip


class Given:
    """Maps in which the uncertainty of a pixel is twice as high on the right, and 0 in camera 1."""

    def of(self, camera: int, longest: int, values: object) -> np.ndarray:
        assert longest == 6
        row = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]) * (camera != 1)
        said = np.broadcast_to(row[None, :, None], (4, 6, 4)).astype(np.float32).copy()
        said[..., 0] /= np.sqrt(2.0)
        return said


def test_places_have_the_density_that_is_bilinear_between_the_weights() -> None:
    weights = np.array([[1.0, 4.0, 0.0], [2.0, 0.5, 3.0]])
    random = np.random.default_rng(0).random((5, 400_000))
    found = drawn_by(weights, random)
    assert found is not None and (found >= 0.0).all() and (found <= 1.0).all()
    bins = (8, 12)
    counts, _, _ = np.histogram2d(*found, bins=bins, range=((0, 1), (0, 1)))
    fine = 25  # of the density in each bin, level beyond the outermost middles
    at = [(np.arange(n * fine) + 0.5) / (n * fine) * side - 0.5 for n, side in zip(bins, weights.shape)]
    by_row = np.stack([np.interp(at[1], np.arange(3), row) for row in weights])
    dense = np.stack([np.interp(at[0], np.arange(2), column) for column in by_row.T], axis=1)
    expected = dense.reshape(bins[0], fine, bins[1], fine).sum(axis=(1, 3))
    expected *= counts.sum() / expected.sum()
    assert np.abs(counts - expected).max() < 5.0 * np.sqrt(expected.max())
    assert drawn_by(np.zeros((2, 3)), random[:, :4]) is None


def test_a_share_is_drawn_evenly_and_the_rest_by_the_maps(sphere_scene: Scene) -> None:
    cameras = sphere_scene.cameras
    chooser = ByUncertainty(cameras, 3, images_per_step=4, even=0.4, longest=6, at=[0.25])
    plain = Uniform(cameras, 3, images_per_step=4)
    before, expected = chooser.choose(1, 64), plain.choose(1, 64)
    assert all(np.array_equal(a, b) for a, b in zip(vars(before).values(), vars(expected).values()))
    assert not chooser.due(Moment(0, 0.24)) and chooser.due(Moment(0, 0.25))
    chooser.look(Moment(0, 0.25), Given())
    assert not chooser.due(Moment(0, 0.9)) and chooser.looks == 1
    np.testing.assert_allclose(chooser.maps[0][:, 4], 2.0, rtol=1e-5)  # sqrt(2) u_d and u_n are both 2
    right, other = [], []
    for step in range(60):
        chosen = chooser.choose(step, 400)
        assert np.array_equal(chosen.camera, plain.choose(step, 400).camera)
        assert (chosen.column >= 0).all() and (chosen.column < SIZE).all() and (chosen.row < SIZE).all()
        of_map = chosen.camera != 1
        right += list(chosen.column[of_map] >= SIZE // 2)
        other += list(chosen.column[~of_map] >= SIZE // 2)
    # Two thirds of the map's weight are in the right half, less what is bilinear across the middle.
    share = 0.4 * 0.5 + 0.6 * (6.0 - 0.125) / 9.0
    assert np.mean(right) == pytest.approx(share, abs=0.012)
    assert np.mean(other) == pytest.approx(0.5, abs=0.04)  # nothing is known of it


def test_the_state_is_all_that_it_draws_by(sphere_scene: Scene) -> None:
    one, other = (ByUncertainty(sphere_scene.cameras, 3, longest=6) for _ in range(2))
    one.load({k: v.clone() for k, v in one.state().items()})
    assert not one.maps
    one.look(Moment(0, 0.3), Given())
    other.load({k: torch.clone(v) for k, v in one.state().items()})
    a, b = one.choose(5, 200), other.choose(5, 200)
    assert np.array_equal(a.row, b.row) and np.array_equal(a.column, b.column) and other.looks == 1


def task_of(scene: Scene, *more: str) -> SceneTask:
    return SceneTask(scene, load_config("volsdf", overrides=[*FEW, *more]), CPU)


def test_a_map_is_what_pictures_are_made_of_the_same_way(sphere_scene: Scene) -> None:
    task = task_of(sphere_scene)
    assert task.rays is not None
    task.step(0, 0.5)
    moment = task.moment(1, 0.5)
    now = next(iter(task.rays.opacities(moment).values()))
    maps = task.rays._maps(task.field, now)
    found = maps.of(3, 12, lambda heads: uncertainties(heads["uncertainty"]))
    assert found.shape == (12, 12, 4) and found.dtype == np.float32 and (found > 0.0).any()
    pixels = (np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1).reshape(-1, 2) + 0.5) * 4.0
    lines = sphere_scene.cameras.rays(np.full(144, 3), pixels)
    rays = make_rays(*lines, task.frame, task.unit_box, CPU)
    samples = task.rays.sampler.for_picture(rays, task.field, now)
    sharp = {"surface": OpacityNow(now.opacity, now.number)}
    drawn = render_passes(task.field, task.color, rays, samples, sharp)["surface"]
    said = uncertainties(drawn.answers.heads["uncertainty"])
    expected = mean_along_rays(said, drawn.weights, samples.packed_info).detach()
    torch.testing.assert_close(torch.from_numpy(found).view(-1, 4), expected, rtol=1e-4, atol=1e-5)


def test_a_fit_looks_at_the_moments_that_it_was_told_and_when_rehearsed_forgets(sphere_scene: Scene) -> None:
    task = task_of(sphere_scene, "train.steps=10")
    assert task.rays is not None
    chooser = task.rays.reader.chooser
    fitter = Fitter(task, task.train, Path("nowhere"), quiet=True)
    fitter.seconds_per_step()
    assert chooser.looks == 0 and not chooser.maps  # type: ignore[attr-defined]
    looks = []
    for step in range(8):
        task.step(step, step / 10)
        looks.append(chooser.looks)  # type: ignore[attr-defined]
    assert looks == [0, 0, 0, 1, 1, 1, 2, 2]
    maps = chooser.maps  # type: ignore[attr-defined]
    assert len(maps) == len(sphere_scene) and all(one.shape == (12, 12) for one in maps)


class _Stop(Exception):
    pass


def test_a_resumed_fit_draws_the_same_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = load_scene(write_sphere_scene(tmp_path / "sphere"))
    options = {"steps": 10, "overrides": [*FEW, "train.save_every=5"], "quiet": True}
    whole = fit(scene, "volsdf", out=tmp_path / "a", **options)  # type: ignore[arg-type]
    step = SceneTask.step

    def stop_at_8(self: SceneTask, number: int, progress: float) -> object:
        if number == 8:
            raise _Stop
        return step(self, number, progress)

    monkeypatch.setattr(SceneTask, "step", stop_at_8)
    with pytest.raises(_Stop):
        fit(scene, "volsdf", out=tmp_path / "b", **options)  # type: ignore[arg-type]
    monkeypatch.undo()
    continued = resume((tmp_path / "b" / scene.name / "latest").resolve(), quiet=True)
    state = whole.task.state()
    assert {"pixels.looks", "pixels.map_0"} <= set(state)
    for name, tensor in state.items():
        torch.testing.assert_close(continued.task.state()[name], tensor, rtol=0, atol=0)


def test_the_head_starts_as_it_is_told_and_the_surface_as_without_it(sphere_scene: Scene) -> None:
    with_head = task_of(sphere_scene, "heads.uncertainty.start=0.3").field
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    found = with_head.query(points)
    torch.testing.assert_close(uncertainties(found.heads["uncertainty"]), torch.full((50, 4), 0.3))
    without = task_of(sphere_scene, "heads.uncertainty=off", "pixels=uniform").field
    torch.testing.assert_close(without.sdf(points), found.sdf, rtol=0.0, atol=5e-3)


def test_without_the_head_it_is_one_line_before_the_first_step(sphere_scene: Scene) -> None:
    with pytest.raises(UserError, match=r"'pixels.*' looks at heads\.uncertainty, and the method has none"):
        task_of(sphere_scene, "heads.uncertainty=off")
