"""A fit whose surface leaves the box stops by itself, and says what its sources could not hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.cli.main import main
from neurfield.fitting import Run, SurfaceLeft, fit
from neurfield.fitting.determined import telling_sources, what_is_determined, what_would_help
from neurfield.fitting.surface_watch import LEAST_EXPECTED, SurfaceWatch, least_share
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.parts import load_config
from neurfield.parts.groups import Data
from neurfield.scenes import Scene, load_scene
from tests.fitting.conftest import SMALL
from tests.scenes.tiny_scenes import (
    FOCAL,
    HEIGHT,
    ROOM,
    WIDTH,
    Cameras,
    all_pixels,
    room_cameras,
    write_transforms,
)

LARGER = 20.0  # than the room in which a camera's box, widened by 1.5 m, holds the walls


def write_pictures_of_a_room(folder: Path) -> Path:
    """A large, textured room of which there are pictures alone: its walls lie outside of the box that the
    cameras suggest."""
    small = room_cameras()
    poses = small.world_from_cam.copy()
    poses[:, :3, 3] *= LARGER
    cameras = Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)

    def paint(i: int) -> np.ndarray:
        origins, directions, _ = small.rays(np.full(WIDTH * HEIGHT, i), all_pixels())
        reach = (np.where(directions > 0, ROOM[1], ROOM[0]) - origins) / directions
        at = origins + directions * reach.min(axis=1)[:, None]
        stripes = 0.15 * np.sign(np.sin(9.0 * at.sum(axis=1)))
        color = 0.5 + 0.3 * np.sin(3.0 * at * [1.0, 1.3, 1.7]) + stripes[:, None]
        return (255.0 * color.clip(0.0, 1.0)).reshape(HEIGHT, WIDTH, 3).astype(np.uint8)

    write_transforms(folder, cameras, {"fl_x": FOCAL}, paint)
    return folder


def test_a_room_of_pictures_alone_stops_once_its_surface_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = write_pictures_of_a_room(tmp_path / "room")
    settings = [word for item in (*SMALL, "mesh.voxel=2.0") for word in ("--set", item)]
    arguments = ["fit", "--scene", str(scene), "--method", "neus", "--out", str(tmp_path), *settings]
    arguments += ["--steps", "2000"]
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert "neither plain walls nor where the room ends" in told.out
    assert (
        told.err.count("\n") == 1 and "the surface has left the box" in told.err and "add depth" in told.err
    )
    folder = tmp_path / "room" / "latest"
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert 100 <= log[-1]["step"] < 600
    assert list((folder / "previews").glob("frame-*.png"))
    known = json.loads((folder / "metrics.json").read_text())
    assert "has left the box" in known["troubles"]["fit"] and "psnr" in known["images"]
    assert "has left the box" in (folder / "report.html").read_text()
    assert Run.load(folder).task.field is not None


def test_stopping_leaves_the_last_state(sphere_scene: Scene, tmp_path: Path) -> None:
    overrides = [*SMALL, "data.sensor_depth=off", "data.box=[0.4,0.1,0.5,0.6,0.3,0.7]"]
    with pytest.raises(SurfaceLeft, match=r"stopped at step \d+: .*masks are white") as caught:
        fit(sphere_scene, "neus", steps=2000, out=tmp_path, overrides=overrides, quiet=True)
    assert caught.value.checkpoint is not None and caught.value.checkpoint.is_file()


def rays(share: float) -> torch.Tensor:
    """Opacities of a hundred rays, of which a share ends at a surface."""
    return torch.where(torch.arange(100) < round(100 * share), 0.9, 0.1)


def test_a_surface_that_is_gone_for_a_while_goes_on() -> None:
    watch = SurfaceWatch(LEAST_EXPECTED, "")
    for _ in range(20):
        for _ in range(100):
            watch.look(rays(0.0), None)
        for _ in range(100):
            watch.look(rays(0.9), None)


@pytest.mark.parametrize(("share", "stops"), [(0.0, True), (0.1, True), (0.2, False), (1.0, False)])
def test_it_is_the_mean_that_stops_a_fit(share: float, stops: bool) -> None:
    watch = SurfaceWatch(LEAST_EXPECTED, "advice")
    for _ in range(200):
        watch.look(rays(share), None)
    if not stops:
        for _ in range(2000):
            watch.look(rays(share), None)
        return
    with pytest.raises(SurfaceLeft, match="advice"):
        for _ in range(2000):
            watch.look(rays(share), None)
    watch.reset()
    for _ in range(200):
        watch.look(rays(share), None)  # begins anew


def test_only_rays_that_ought_to_end_at_the_surface_count() -> None:
    small, nothing = (torch.arange(100) < 3).float(), torch.zeros(100)
    watch = SurfaceWatch(LEAST_EXPECTED, "")
    for _ in range(1000):
        watch.look(rays(0.03), small)  # an object that fills little of the picture is there
        watch.look(rays(0.0), nothing)  # and pictures that do not show it say nothing
    with pytest.raises(SurfaceLeft):
        for _ in range(1000):
            watch.look(1.0 - rays(0.03), small)  # opaque everywhere but there


def test_who_is_expected_to_meet_a_surface(sphere_scene: Scene, tmp_path: Path) -> None:
    assert least_share(sphere_scene, Data()) == LEAST_EXPECTED
    assert least_share(sphere_scene.without("mask"), Data()) < 0.01
    moving = sphere_scene.with_frames(np.arange(12))
    moving.mask_says_by_hand = "valid"  # what to leave out says nothing of where the object is
    assert least_share(moving, Data()) < 0.01 and "mask" not in telling_sources(moving)
    room = load_scene(write_pictures_of_a_room(tmp_path / "room"))
    assert least_share(room, Data()) == LEAST_EXPECTED
    assert least_share(room, Data(box=[0.0, 0.0, 0.0, 1.0, 1.0, 1.0])) < 0.01


def test_what_sources_determine() -> None:
    said = {}
    for sources in (
        "image depth",
        "image prior_depth prior_normal",
        "image prior_normal",
        "image mask",
        "image",
        "image stereo_depth",
        "image mask stereo_depth",
        "image prior_depth stereo_depth",
    ):
        for inside in (True, False):
            words, doubtful = what_is_determined(set(sources.split()), inside)
            assert "\n" not in words and "\n" not in what_would_help(set(sources.split()), inside)
            said[sources, inside] = words, doubtful
    assert not said["image depth", True][1] and not said["image mask", False][1]
    assert said["image", True][1] and "plain walls" in said["image", True][0]
    assert said["image", False][1] and "masks" in said["image", False][0]
    assert said["image mask", True] == said["image", True]
    for inside in (True, False):
        told = [said[f"image{more} stereo_depth", inside][0] for more in ("", " mask", " prior_depth")]
        assert all(words.startswith("pictures matched with each other determine") for words in told)
    assert said["image stereo_depth", False][1] and not said["image mask stereo_depth", False][1]
    assert "--method photos" in what_would_help({"image"}, True)
    assert "--method photos" not in what_would_help({"image", "stereo_depth"}, True)


def test_matched_pictures_are_a_source(sphere_scene: Scene) -> None:
    pictures = sphere_scene.without("sensor_depth")
    assert telling_sources(pictures) == {"image", "mask"}
    assert telling_sources(pictures, matched=True) == {"image", "mask", "stereo_depth"}
    methods = {"neus": False, "photos": True}
    for method, matched in methods.items():
        opened = OpenedScene.of(load_config(method, overrides=SMALL), pictures, box=pictures.box)
        assert ("stereo_depth" in opened.task.telling) == matched


def look_on(watch: SurfaceWatch, opacities: list[float]) -> int:
    """How many steps a watch lets pass in which all rays have one opacity each step."""
    for i, opacity in enumerate(opacities):
        try:
            watch.look(torch.full((8,), opacity), None)
        except SurfaceLeft:
            return i + 1
    return len(opacities)


def test_a_surface_that_is_coming_back_is_waited_for() -> None:
    gone = [0.0] * 100  # then as in a room of dark pictures: twice the opacity every 50 steps, from 1e-4
    back = gone + [min(1e-4 * 2.0 ** (i / 50.0), 0.9) for i in range(1000)]
    watch = SurfaceWatch(LEAST_EXPECTED, "")
    assert look_on(watch, back) == len(back)
    assert float(watch.mean) > LEAST_EXPECTED


@pytest.mark.parametrize("late", [0.0, 1e-6, 3e-3, 0.3])
def test_one_that_fades_or_stays_faint_is_not_waited_for(late: float) -> None:
    noise = np.random.default_rng(0).uniform(0.5, 1.5, 600)
    fading = [late * float(noise[i]) * 0.5 ** (i / 100.0) for i in range(600)]
    faint = [late * float(noise[i]) for i in range(600)]
    for opacities in (fading, faint):
        assert look_on(SurfaceWatch(LEAST_EXPECTED, ""), opacities) <= 225


def test_of_less_than_a_trace_growth_means_nothing() -> None:
    traces = [1e-9 * 2.0 ** (i / 50.0) for i in range(600)]
    assert look_on(SurfaceWatch(LEAST_EXPECTED, ""), traces) <= 225
