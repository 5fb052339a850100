"""Pixels that lie on a step's device, or come a step ahead: the same ones, whichever way."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.images import open_image, pixel_pool
from neurfield.images.pool import HeldPixels, TilePool
from neurfield.parts.groups import Data
from neurfield.pixels import PixelReader, Pixels, Uniform, flat_images, used_sources
from neurfield.pixels.uploads import Ahead
from neurfield.points import picture_pixels
from neurfield.points.picture_pixels import (
    DrawnAhead,
    DrawnPixels,
    ResidentPixels,
    StepPixels,
    step_pixels,
)
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene
from tests.images.conftest import smooth, write

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_what_comes_ahead_is_made_once_and_in_another_thread() -> None:
    made: list[tuple[int, int]] = []

    def make(a: int, b: int) -> int:
        made.append((a, threading.get_ident()))
        return 10 * a + b

    ahead = Ahead(make)
    assert ahead.get(1, 2) == 12
    ahead.start(2, 2)
    assert ahead.get(2, 2) == 22
    ahead.start(3, 2)
    assert ahead.get(3, 5) == 35  # what was begun is dropped
    assert ahead.get(3, 5) == 35  # and nothing is kept
    here = threading.get_ident()
    assert [(a, thread == here) for a, thread in made] == [
        (1, True), (2, False), (3, False), (3, True), (3, True),
    ]  # fmt: skip


def test_what_fails_ahead_fails_when_it_is_asked_for() -> None:
    def make(a: int) -> int:
        if a == 2:
            raise ValueError("two")
        return a

    ahead = Ahead(make)
    ahead.start(2)
    assert ahead.get(1) == 1
    ahead.start(2)
    with pytest.raises(ValueError, match="two"):
        ahead.get(2)
    assert ahead.get(3) == 3


def steps_of(found: StepPixels, steps: int) -> list[tuple[Tensor, Tensor]]:
    return [found.pixels(*found.inputs(step)) for step in range(steps)]


@pytest.mark.parametrize(
    ("height", "width", "count", "channels", "bits"),
    [(33, 47, 100, 3, 8), (1, 1, 8, 1, 8), (5, 1, 2, 4, 16), (16, 16, 256, 2, 16), (40, 7, 64, 3, 16)],
)
def test_images_both_ways(height: int, width: int, count: int, channels: int, bits: int) -> None:
    true = smooth(height, width, channels, bits)
    ways = [
        DrawnPixels(HeldPixels(true, seed=3), count, CPU),
        DrawnAhead(HeldPixels(true, seed=3), count, CPU, pin=torch.clone),
        ResidentPixels(HeldPixels(true, seed=3), count, CPU, pin=torch.clone),
    ]
    steps = 2 * -(-height * width // count) + 3  # more than two rounds
    wanted, *others = (steps_of(way, steps) for way in ways)
    for other in others:
        for (points, values), (same_points, same_values) in zip(wanted, other):
            assert torch.equal(points, same_points) and torch.equal(values, same_values)
            assert points.dtype == values.dtype == torch.float32


def test_steps_in_any_order_give_the_same_pixels() -> None:
    true = smooth(20, 30)
    found = ResidentPixels(HeldPixels(true, 1), 64, CPU, pin=torch.clone)
    pool = HeldPixels(true, 1)
    for step in (7, 3, 25, 24, 7):
        points, values = found.pixels(*found.inputs(step))
        wanted = pool.batch(step, 64)
        assert np.array_equal(points, wanted[0]) and np.array_equal(values, wanted[1])


def test_tiles_come_ahead(tmp_path: Path) -> None:
    source = open_image(write(tmp_path / "a.tif", smooth(300, 200), tile=32))
    pools = [pixel_pool(source, 10 * 32 * 32 * 3, 32, 512, 1000, 0) for _ in range(2)]
    assert all(isinstance(pool, TilePool) for pool in pools)
    ahead, plain = DrawnAhead(pools[0], 512, CPU, pin=torch.clone), DrawnPixels(pools[1], 512, CPU)
    for (a, b), (c, d) in zip(steps_of(ahead, 5), steps_of(plain, 5)):
        assert torch.equal(a, c) and torch.equal(b, d)


def test_where_an_image_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = HeldPixels(smooth(33, 47), 0)
    assert type(step_pixels(pool, 100, CPU)) is DrawnPixels
    monkeypatch.setattr(picture_pixels, "ResidentPixels", lambda *_: "resident")
    for free, wanted in ((2 * pool.flat.nbytes, "resident"), (2 * pool.flat.nbytes - 1, None)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10 * free))
        found = step_pixels(pool, 100, CUDA)
        assert found == wanted if wanted else type(found) is DrawnAhead


class Anywhere:
    """A device that is the CPU, and does not say so."""

    type = "elsewhere"


def same(a: Pixels, b: Pixels) -> bool:
    rays = ("origins", "directions", "t_min", "t_max", "z_per_t")
    assert {"rgb", "t_depth", "mask"} <= a.columns.keys() == b.columns.keys()
    return (
        a.groups == b.groups
        and all(torch.equal(getattr(a, n), getattr(b, n)) for n in ("camera", "group"))
        and all(torch.equal(a.columns[n], b.columns[n]) for n in a.columns)
        and all(torch.equal(getattr(a.rays, n), getattr(b.rays, n)) for n in rays)
    )


@pytest.mark.parametrize("resident", [False, True])
def test_scenes_both_ways(sphere_scene: Scene, resident: bool) -> None:
    frame = UnitFrame.around(sphere_scene.box)
    box = frame.box_in_unit(sphere_scene.box)
    scene = used_sources(sphere_scene, Data())
    chooser = Uniform(scene.cameras, 0, images_per_step=4)
    plain, other = (PixelReader(scene, chooser, frame, box) for _ in range(2))
    other.images.resident = resident
    other._pin = torch.clone
    for step, rays in enumerate((128, 200, 64, 64)):
        wanted = plain.batch(step, rays)
        other.device = Anywhere()  # type: ignore[assignment]
        drawn, groups = other._ahead.get(step, rays)
        other.ahead(step + 1, 64)  # right only for the last
        assert ("index" in drawn) == resident and ("image" in drawn) != resident
        other.device = CPU
        assert same(wanted, other._pixels(dict(drawn), groups))


def test_where_a_scenes_images_lie(sphere_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.arange(len(sphere_scene))
    config = Data()
    scene = used_sources(sphere_scene, config)
    held = flat_images.FlatImages(scene, frames)
    assert not held.resident
    size = sum(t.nbytes for t in held.sources.values())
    moved: list[str] = []
    monkeypatch.setattr(Tensor, "to", lambda self, device: moved.append(str(device)) or self)  # type: ignore[func-returns-value]
    for free, wanted in ((2 * size, True), (2 * size - 2, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10 * free))
        assert flat_images.FlatImages(scene, frames, CUDA).resident == wanted
        assert moved == (["cuda"] * len(held.sources) if wanted else [])
        moved.clear()
