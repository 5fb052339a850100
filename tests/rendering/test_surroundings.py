"""What surrounds an object without masks: the borders' colour, or an environment that is learnt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from neurfield.fitting.scene import SceneTask
from neurfield.inputs import Run, fit
from neurfield.moment import END
from neurfield.parts import load_config
from neurfield.rays import Rays, UnitFrame
from neurfield.rendering import (
    Border,
    Environment,
    FarField,
    RandomBehindMasks,
    border_color,
    look_one_way,
    share_past,
    surroundings,
)
from neurfield.scenes import Cameras, Scene, load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene

CPU = torch.device("cpu")
FEW = (*SMALL, "points.fused_depth=off", "sampler.rays=256", "sampler.samples=0", "device=cpu")


def rays(count: int) -> Rays:
    zero = torch.zeros(count)
    directions = normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    return Rays(torch.zeros(count, 3), directions, zero, zero, zero + 1.0)


class Pictures:
    """As much of a scene as a background looks at: rims of some colours, each broken by what stands there."""

    def __init__(self, *colors: tuple[int, int, int]) -> None:
        self.made = [np.full((60, 80, 3), color, np.uint8) for color in colors]
        for picture in self.made:
            picture[20:, 30:50] = (9, 200, 9)

    def __len__(self) -> int:
        return len(self.made)

    def image(self, i: int) -> np.ndarray:
        return self.made[i]


def test_a_border_is_its_most_common_colour() -> None:
    scene: Any = Pictures((200, 100, 50), (210, 105, 50), (90, 100, 50))
    assert (border_color(scene.image(0)) * 255.0).round().tolist() == [200, 100, 50]
    camera = torch.tensor([2, 0, -1])
    each = Border(scene, CPU).colors(rays(3), camera, END)
    assert (255.0 * each).round().tolist() == [[90, 100, 50], [200, 100, 50], [200, 100, 50]]
    one = Border(scene, CPU, each=False).colors(rays(3), camera, END)
    assert (255.0 * one).round().tolist() == [[200, 100, 50]] * 3


def test_an_environment_begins_as_the_border_and_learns_by_direction() -> None:
    scene: Any = Pictures((200, 100, 50))
    around, some = Environment(scene, CPU), rays(500)
    around.prepare()
    none = torch.full((500,), -1)
    begun = around.colors(some, none, END)
    torch.testing.assert_close(begun, torch.tensor([200.0, 100.0, 50.0]).expand(500, 3) / 255.0)
    sky = 0.5 + 0.4 * some.directions
    adam = torch.optim.Adam(around.parameters(), lr=0.05)
    for _ in range(150):
        adam.zero_grad()
        (around.colors(some, none, END) - sky).square().mean().backward()
        adam.step()
    assert (around.colors(some, none, END) - sky).abs().max() < 0.05


def test_it_begins_once() -> None:
    scene: Any = Pictures((200, 100, 50))
    first, second = Environment(scene, CPU), Environment(scene, CPU)
    first.prepare()
    with torch.no_grad():
        first.coefficients += 1.0
    learnt = first.coefficients.clone()
    second.load_state_dict(first.state_dict())
    for environment in (first, second):
        environment.prepare()
        assert torch.equal(environment.coefficients, learnt)


def test_each_scene_gets_what_suits_it(sphere_scene: Scene) -> None:
    bare = sphere_scene.without("mask", "sensor_depth")
    assert isinstance(chosen(sphere_scene), RandomBehindMasks)
    room = Scene("room", Path("room"), looking([0, 90, 180, 270]), {}, kind="inside", box=bare.box)
    assert isinstance(chosen(room), RandomBehindMasks)
    # Matched pictures say where the surface is, and what lies beyond the box differs from place to place.
    beyond = chosen(bare, {"image", "stereo_depth"})
    assert isinstance(beyond, FarField)
    assert beyond.words.startswith("6 % of the pixels look past the box") and "contracted" in beyond.words
    # Runs of before the field was there have an environment, and go on with it.
    frame = UnitFrame.around(bare.box)
    before = surroundings(bare, frame, frame.box_in_unit(bare.box), {"image", "stereo_depth"}, CPU, 0)
    assert isinstance(before, Environment) and before.words == ""
    # Else a field beyond the box would paint the object; and cameras that hardly look past it show no places.
    wide = bare.with_box(bare.box.mean(axis=0) + 2.0 * (bare.box - bare.box.mean(axis=0)))
    for by_direction in (chosen(bare), chosen(wide, {"image", "stereo_depth"})):
        assert isinstance(by_direction, Environment) and "by direction alone" in by_direction.words


def test_what_cameras_that_look_one_way_look_past_is_learnt() -> None:
    """Before a facade there is no room that light must end in: its sky became a surface."""
    for degrees, one_way in (([-20, 0, 20], True), ([-55, 0, 55], True), ([-65, 0, 65], False)):
        facade = Scene("facade", Path("facade"), looking(degrees), {}, kind="inside", box=FACADE)
        assert look_one_way(facade.cameras) == one_way
        background = chosen(facade)
        assert isinstance(background, Environment if one_way else RandomBehindMasks)
        assert not one_way or "look one way" in background.words
        # Runs of before it was looked at go on as they were.
        frame = UnitFrame.around(FACADE)
        before = surroundings(facade, frame, frame.box_in_unit(FACADE), {"image"}, CPU, 0)
        assert isinstance(before, RandomBehindMasks)


FACADE = np.array([[-9.0, -5, -5], [9, 5, 9]])


def looking(degrees: list[float]) -> Cameras:
    """Level cameras a step apart that look so far to the right of z."""
    poses = np.tile(np.eye(4), (len(degrees), 1, 1))
    for k, angle in enumerate(np.radians(degrees)):
        c, s = np.cos(angle), np.sin(angle)
        poses[k, :3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
        poses[k, 0, 3] = k
    return Cameras(poses, 8.0, 8.0, 4.0, 3.0, 8, 6)


def chosen(scene: Scene, telling: frozenset[str] | set[str] = frozenset({"image"})) -> Any:
    frame = UnitFrame.around(scene.box)
    return surroundings(scene, frame, frame.box_in_unit(scene.box), telling, CPU, 0, beyond="chosen")


def test_the_share_of_pixels_that_look_past_a_box_is_that_of_its_picture() -> None:
    """A box that fills the middle half of a picture's width and all of its height."""
    cameras = Cameras(np.eye(4)[None], 50.0, 50.0, 40.0, 30.0, 80, 60)
    box = np.array([[-0.4, -2.0, 1.0], [0.4, 2.0, 1.001]])
    seen = Scene("wall", Path("wall"), cameras, {}, box=box, kind="outside")
    frame = UnitFrame.around(box)
    assert share_past(seen, frame, frame.box_in_unit(box)) == pytest.approx(0.5, abs=0.01)


@pytest.fixture(scope="module")
def sphere_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return load_scene(write_sphere_scene(tmp_path_factory.mktemp("sphere") / "sphere"))


@pytest.fixture(scope="module")
def in_the_open(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The sphere without masks, depth or truth, before a light background."""
    folder = write_sphere_scene(tmp_path_factory.mktemp("open") / "sphere")
    said = json.loads((folder / "transforms.json").read_text())
    for frame in said["frames"]:
        frame.pop("depth_file_path")
        picture = Image.open(folder / frame["file_path"])
        light = Image.new("RGBA", picture.size, (230, 220, 200, 255))
        Image.alpha_composite(light, picture).convert("RGB").save(folder / frame["file_path"])
    (folder / "transforms.json").write_text(json.dumps(said))
    return load_scene(folder)


def test_rays_that_leave_the_box_are_not_black_by_default(in_the_open: Scene, tmp_path: Path) -> None:
    assert in_the_open.sources == {"image"} and in_the_open.kind == "outside"
    for background, corner in (
        ("surroundings", [230, 220, 200]),
        ("environment", [230, 220, 200]),
        ("border", [230, 220, 200]),
        ("off", [0] * 3),
    ):
        run = fit(
            in_the_open,
            "neus",
            steps=3,
            quiet=True,
            out=tmp_path,
            # Else its plain background would tell the outlines of what stands before it.
            overrides=[*FEW, f"background={background}", "data.mask=false"],
        )
        drawn = Run.load(run.folder).render(0, 1.0)["rgb"]
        assert np.abs(drawn[0, 0].astype(int) - corner).max() <= 6


def test_a_learnt_background_is_fitted_kept_and_resumed(in_the_open: Scene) -> None:
    def task() -> SceneTask:
        overrides = [*FEW, "background=environment"]
        return SceneTask(in_the_open, load_config("neus", overrides=overrides), CPU)

    one, other = task(), task()
    one.prepare()
    assert one.rays is not None and other.rays is not None
    around = one.rays.background
    assert isinstance(around, Environment)
    assert any(around.coefficients is p for group in one.groups() for p in group.parameters)
    one.step(0, 0.0).total().backward()
    assert around.coefficients.grad is not None and around.coefficients.grad.abs().sum() > 0
    other.load(one.state())
    assert torch.equal(other.rays.background.coefficients, around.coefficients)  # type: ignore[union-attr]


def test_what_stands_behind_masks_is_not_in_pictures(sphere_scene: Scene, tmp_path: Path) -> None:
    run = fit(sphere_scene, "neus", steps=3, quiet=True, out=tmp_path, overrides=[*FEW])
    assert not run.render(0, 1.0)["rgb"][0, 0].any()
