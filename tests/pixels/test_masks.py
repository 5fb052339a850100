"""What masks ask: the outline of an object, or which pixels are to be looked at, on all frames or on some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.fitting.scene import SceneTask
from neurfield.losses.photometric import color_l1
from neurfield.moment import Moment
from neurfield.parts import Config, load_config
from neurfield.pixels import Pixels, Uniform
from neurfield.pixels.masks import asked_for, counted
from neurfield.points.fuse_scene import fuse_scene
from neurfield.rendering.backgrounds import RandomBehindMasks
from neurfield.rendering.volume import before
from neurfield.scenes import Scene
from neurfield.scenes.images import FileList
from tests.fitting.conftest import SMALL
from tests.pixels.test_pixels import reader, some_masks

CPU = torch.device("cpu")


def small(*more: str) -> Config:
    return load_config("neus", "quick", [*SMALL, *more, "device=cpu"])


def with_first_frame(scene: Scene) -> Pixels:
    """A batch that looks at the first frame, which has no mask."""
    source = reader(scene)
    assert isinstance(source.chooser, Uniform)
    return next(source.batch(step, 256) for step in range(3) if 0 in source.chooser._images_of(step))


def colors_behind(pixels: Pixels) -> torch.Tensor:
    moment = Moment(0, 0.0, generator=torch.Generator().manual_seed(0))
    return RandomBehindMasks().colors(pixels.rays, pixels.camera, moment)


def compared(scene: Scene, says: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """mask [R], and how the colour loss changes with rendered colour [R, 3] and opacity [R]."""
    pixels = with_first_frame(scene)
    mask = pixels.columns["mask"]
    rgb = torch.full_like(pixels.rgb, 0.3, requires_grad=True)
    opacity = torch.full_like(mask, 0.5, requires_grad=True)
    asked, behind, counts = asked_for(pixels, colors_behind(pixels) if says == "object" else None, says)
    color_l1(before(rgb, opacity, behind, None), asked.rgb, counts).backward()
    assert rgb.grad is not None
    by_opacity = torch.zeros_like(opacity) if opacity.grad is None else opacity.grad
    return mask, rgb.grad, by_opacity


def test_what_is_not_valid_asks_nothing(sphere_scene: Scene) -> None:
    mask, by_rgb, _ = compared(some_masks(sphere_scene, "valid"), "valid")
    assert (mask == 0).any() and (mask == 1).any()
    assert not by_rgb[mask == 0].any() and by_rgb[mask == 1].abs().sum(dim=1).all()


def test_an_outline_asks_for_a_background_and_its_absence_for_colour_alone(sphere_scene: Scene) -> None:
    mask, by_rgb, by_opacity = compared(some_masks(sphere_scene, "object"), "object")
    assert {0.0, 1.0, 2.0} == set(mask.tolist())
    assert by_opacity[mask == 0].any() and by_rgb[mask == 2].any()
    assert counted(mask, mask).tolist() == (mask == 1).float().tolist()


def test_a_perfect_surface_is_asked_nothing_where_the_outline_is_unknown(sphere_scene: Scene) -> None:
    pixels = with_first_frame(some_masks(sphere_scene, "object"))
    opacity = torch.linspace(0.0, 1.0, len(pixels.rays))
    asked, behind, counts = asked_for(pixels, colors_behind(pixels), "object")
    shown = before(opacity[:, None] * pixels.rgb, opacity, behind, None)
    assert counts is None
    unknown = pixels.columns["mask"] == 2
    assert unknown.any()
    torch.testing.assert_close(asked.rgb[unknown], shown[unknown])


def test_without_a_background_an_outline_asks_for_black_behind(sphere_scene: Scene) -> None:
    pixels = with_first_frame(some_masks(sphere_scene, "object"))
    mask = pixels.columns["mask"]
    asked, behind, counts = asked_for(pixels, None, "object")
    assert behind is not None and counts is None
    assert not asked.rgb[mask == 0].any() and not behind[mask < 1.5].any()
    assert torch.equal(asked.rgb[mask > 0.5], pixels.rgb[mask > 0.5])
    assert torch.equal(behind[mask == 2], pixels.rgb[mask == 2])


def test_without_masks_a_background_stands_behind_all_and_colours_are_the_pictures(
    sphere_scene: Scene,
) -> None:
    pixels = reader(sphere_scene, mask=False).batch(0, 64)
    white = torch.ones_like(pixels.rgb)
    asked, behind, counts = asked_for(pixels, white, "object")
    assert behind is white and counts is None and torch.equal(asked.rgb, pixels.rgb)


@pytest.mark.parametrize("says", ["object", "valid"])
def test_a_step_looks_at_outlines_as_outlines_alone(sphere_scene: Scene, says: str) -> None:
    scene = some_masks(sphere_scene, says).without("sensor_depth")  # type: ignore[arg-type]
    report = SceneTask(scene, small(), CPU).step(0, 0.5)
    assert ("mask" in report.losses) == (says == "object")
    assert all(torch.isfinite(loss) for loss in report.losses.values())


def test_depth_that_is_not_valid_is_not_fused(sphere_scene: Scene) -> None:
    scene = some_masks(sphere_scene, "valid")
    depth, mask = scene.depth(5, "noisy"), scene.mask(5)
    assert depth is not None and mask is not None and scene.depth(0, "noisy") is not None
    spoilt = scene.files["sensor_depth"]

    def read(path: Path) -> np.ndarray:
        found = spoilt.read(path)
        return np.where(found > 0, found, np.float32(0.9))  # a wall before the object, outside the masks

    wall = {**scene.files, "sensor_depth": FileList((None, None, *spoilt.paths[2:]), read)}
    few = {**scene.files, "sensor_depth": FileList((None, None, *spoilt.paths[2:]), spoilt.read)}
    found = []
    for files in (wall, few):
        made = Scene("s", scene.path, scene.cameras, files, box=scene.box, mask_says="valid", kind="outside")
        task = SceneTask(made, small(), CPU)
        found.append(fuse_scene(made, 0.0, task.frame, CPU, None))
    assert found[0] is not None and found[1] is not None
    torch.testing.assert_close(found[0].points, found[1].points)
    torch.testing.assert_close(found[0].sdf, found[1].sdf)


def test_the_two_meanings_follow_from_where_cameras_stand(sphere_scene: Scene) -> None:
    assert sphere_scene.kind == "outside" and sphere_scene.mask_says == "object"
    files = sphere_scene.files
    room = Scene("room", sphere_scene.path, sphere_scene.cameras, files, kind="inside")
    assert room.mask_says == "valid" and room.without("image").with_frames(np.arange(4)).mask_says == "valid"
    by_hand = Scene("hand", sphere_scene.path, sphere_scene.cameras, files, mask_says="valid")
    assert by_hand.with_frames(np.arange(4)).mask_says == "valid"
