"""Batches of pixels: the right ones, the same ones for the same step, and only from what the fit may look
at."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.parts.groups import Data
from neurfield.pixels import PixelReader, Uniform, fitted_and_held_out, thinned, used_sources
from neurfield.pixels.flat_images import FlatImages
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene
from neurfield.scenes.cover import box_of_cameras, covering_frames
from neurfield.scenes.images import FileList, read_prior_normal
from tests.fitting.conftest import CENTRE, RADIUS


def reader(scene: Scene, seed: int = 0, **data: object) -> PixelReader:
    """Of four images a step."""
    used = used_sources(scene, Data(**data))  # type: ignore[arg-type]
    frame = UnitFrame.around(scene.box)
    chooser = Uniform(used.cameras, seed, images_per_step=4)
    return PixelReader(used, chooser, frame, frame.box_in_unit(scene.box))


def test_depth_puts_the_point_on_the_surface(sphere_scene: Scene) -> None:
    source = reader(sphere_scene)
    pixels = source.batch(3, 128)
    t_depth, mask = pixels.columns["t_depth"], pixels.columns["mask"]
    hit = t_depth > 0
    assert torch.equal(hit, mask > 0.5) and hit.any()
    points = source.frame.world_from_unit(
        (pixels.rays.origins + t_depth[:, None] * pixels.rays.directions)[hit].numpy()
    )
    np.testing.assert_allclose(np.linalg.norm(points - CENTRE, axis=1), RADIUS, atol=2e-3)


def test_the_same_step_gives_the_same_pixels(sphere_scene: Scene) -> None:
    a, b, other = (
        reader(sphere_scene).batch(5, 128),
        reader(sphere_scene).batch(5, 128),
        reader(sphere_scene, seed=1).batch(5, 128),
    )
    assert torch.equal(a.rays.directions, b.rays.directions) and torch.equal(a.rgb, b.rgb)
    assert not torch.equal(a.rays.directions, other.rays.directions)


def test_every_frame_gets_its_turn(sphere_scene: Scene) -> None:
    chooser = Uniform(sphere_scene.cameras, 0, images_per_step=4)
    seen = np.concatenate([chooser._images_of(step) for step in range(3)])
    assert sorted(seen) == list(range(12))


def test_the_middle_of_each_few_frames_is_held_out() -> None:
    fitted, held_out = fitted_and_held_out(12, 4)
    assert held_out.tolist() == [2, 6, 10] and sorted([*fitted, *held_out]) == list(range(12))
    assert fitted_and_held_out(3, 0)[0].tolist() == [0, 1, 2]
    assert len(fitted_and_held_out(23, "auto")[1]) == 0
    assert fitted_and_held_out(24, "auto")[1].tolist() == [4, 12, 20]
    for every in (2, 3, 7):  # something is always left to fit
        assert len(fitted_and_held_out(1, every)[0]) == 1


def test_more_rays_come_from_the_same_frames(sphere_scene: Scene) -> None:
    few, many = reader(sphere_scene).batch(5, 128), reader(sphere_scene).batch(5, 500)
    assert len(few.rays) == 128 and len(many.rays) == 500
    assert set(few.rays.origins[:, 0].tolist()) == set(many.rays.origins[:, 0].tolist())
    assert set(few.camera.tolist()) == set(many.camera.tolist())


def test_rays_come_from_the_cameras_and_groups_that_they_are_said_to(sphere_scene: Scene) -> None:
    source = reader(sphere_scene)
    pixels = source.batch(5, 128)
    assert pixels.camera.dtype == torch.int64 and len(set(pixels.camera.tolist())) == pixels.groups == 4
    origins = source.frame.unit_from_world(sphere_scene.cameras.centers[pixels.camera.numpy()])
    np.testing.assert_allclose(pixels.rays.origins.numpy(), origins, atol=1e-6)
    for group in range(4):  # a group is one image
        assert len(set(pixels.camera[pixels.group == group].tolist())) == 1


def test_colour_and_mask_are_those_of_the_files(sphere_scene: Scene) -> None:
    source = reader(sphere_scene)
    frames, v, u = np.array([3, 0, 3]), np.array([24, 5, 0]), np.array([20, 47, 1])
    found = source.images.at(frames, v, u)
    for row, (i, y, x) in enumerate(zip(frames, v, u)):
        mask = sphere_scene.mask(int(i))
        assert mask is not None
        np.testing.assert_array_equal(found["image"][row].numpy() * 255.0, sphere_scene.image(int(i))[y, x])
        assert found["mask"][row] == mask[y, x]


def test_prior_normals_come_in_world_axes_nearly_as_exact_as_the_file(
    sphere_scene: Scene, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    in_cam = random.normal(size=(12, 48, 48, 3)).astype(np.float32)
    in_cam /= np.linalg.norm(in_cam, axis=3, keepdims=True)
    in_cam[:, :10] = 0.0
    paths: list[Path | None] = [tmp_path / f"{i}.npy" for i in range(12)]
    for i, path in enumerate(paths):
        assert path is not None
        np.save(path, np.moveaxis(0.5 * in_cam[i] + 0.5, 2, 0))
    paths[4] = None  # a frame for which there is none
    files = {**sphere_scene.files, "prior_normal": FileList(tuple(paths), read_prior_normal)}
    scene = Scene("priors", sphere_scene.path, sphere_scene.cameras, files)
    frames = np.repeat(np.arange(12), 50)
    v, u = random.integers(0, 48, 600), random.integers(0, 48, 600)
    found = FlatImages(scene, np.arange(12)).at(frames, v, u)["prior_normal"].numpy()
    rotations = scene.cameras.world_from_cam[frames, :3, :3]
    world = np.einsum("nij,nj->ni", rotations, in_cam[frames, v, u])
    known = (v >= 10) & (frames != 4)
    assert not found[~known].any()
    np.testing.assert_allclose((found * world).sum(axis=1)[known], 1.0, atol=2.5e-5)  # cos(0.4 degrees)
    np.testing.assert_allclose(np.linalg.norm(found[known], axis=1), 1.0, atol=1e-6)


def some_masks(sphere_scene: Scene, says: Literal["object", "valid"] | None = None) -> Scene:
    """The sphere's scene whose first two frames have no mask."""
    masks = sphere_scene.files["mask"]
    files = {**sphere_scene.files, "mask": FileList((None, None, *masks.paths[2:]), masks.read)}
    box = sphere_scene.box
    return Scene("masks", sphere_scene.path, sphere_scene.cameras, files, box=box, mask_says=says)


@pytest.mark.parametrize("says", ["object", "valid"])
def test_all_frames_are_drawn_from_where_some_have_a_mask(
    sphere_scene: Scene, says: Literal["object", "valid"]
) -> None:
    source = reader(some_masks(sphere_scene, says))
    drawn = [source.batch(step, 64).camera for step in range(3)]
    assert set(torch.cat(drawn).tolist()) == set(range(12))
    frames, v, u = np.arange(12), np.full(12, 24), np.zeros(12, np.int64)  # all outside the object
    expected = np.where(frames < 2, 2.0 if says == "object" else 1.0, 0.0)
    np.testing.assert_array_equal(source.images.at(frames, v, u)["mask"].numpy(), expected)


def test_pixels_that_are_not_valid_say_nothing_of_depth_or_priors(
    sphere_scene: Scene, tmp_path: Path
) -> None:
    mask = np.zeros((48, 48), bool)
    mask[:, 24:] = True
    np.save(tmp_path / "prior.npy", np.ones((48, 48), np.float32))
    np.save(tmp_path / "normal.npy", np.full((3, 48, 48), 0.5 + 0.5 / 3**0.5, np.float32))
    files = {
        **sphere_scene.files,
        "mask": FileList((tmp_path,) * 12, lambda path: mask),
        "prior_depth": FileList((tmp_path / "prior.npy",) * 12, np.load),
        "prior_normal": FileList((tmp_path / "normal.npy",) * 12, read_prior_normal),
    }
    scene = Scene("valid", tmp_path, sphere_scene.cameras, files, box=sphere_scene.box, mask_says="valid")
    pixels = reader(scene, prior_depth=True, prior_normal=True).batch(0, 256)
    assert set(pixels.columns) == {"rgb", "mask", "t_depth", "prior_depth", "prior_normal"}
    valid = pixels.columns["mask"] > 0.5
    assert valid.any() and not valid.all() and (pixels.columns["t_depth"][valid] > 0).any()
    for known in ("t_depth", "prior_depth", "prior_normal"):
        assert not pixels.columns[known][~valid].any()
    assert (pixels.columns["prior_depth"][valid] == 1).all()
    assert pixels.columns["prior_normal"][valid].any(dim=1).all()


def test_reordering_keeps_rows_together(sphere_scene: Scene) -> None:
    pixels = reader(sphere_scene).batch(0, 128)
    order = torch.randperm(len(pixels.rays), generator=torch.Generator().manual_seed(0))
    again = pixels.reorder(order).reorder(torch.argsort(order))
    assert torch.equal(again.rgb, pixels.rgb) and torch.equal(again.rays.origins, pixels.rays.origins)
    assert torch.equal(again.group, pixels.group) and again.groups == pixels.groups
    assert torch.equal(again.camera, pixels.camera) and again.columns.keys() == pixels.columns.keys()
    assert all(torch.equal(again.columns[name], pixels.columns[name]) for name in pixels.columns)
    moved = pixels.reorder(order)
    assert torch.equal(moved.camera, pixels.camera[order]) and torch.equal(moved.rgb, pixels.rgb[order])


def test_only_what_is_asked_for_is_looked_at(sphere_scene: Scene) -> None:
    assert "sensor_depth" in used_sources(sphere_scene, Data()).sources
    assert used_sources(sphere_scene, Data(sensor_depth="off", mask=False)).sources == {"image"}
    with pytest.raises(UserError, match="no exact depth"):
        used_sources(sphere_scene, Data(sensor_depth="exact"))


def test_of_scenes_too_large_for_memory_those_frames_stay_that_cover_most(sphere_scene: Scene) -> None:
    assert thinned(sphere_scene) is sphere_scene
    few = thinned(sphere_scene, budget=4 * 48 * 48 * 8.0)  # 3 bytes of colour, 4 of depth, 1 of mask a pixel
    assert len(few) == 4
    box = box_of_cameras(sphere_scene.cameras)
    chosen = covering_frames(sphere_scene.cameras, box, 4)
    np.testing.assert_array_equal(few.cameras.centers, sphere_scene.cameras.centers[chosen])
