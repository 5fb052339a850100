"""Baked light: the known brightness under a lamp, shadows, light sent on, light through thin sheets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from synthetic_room import LAMP, MATERIALS, only, plain, room

from neurfield.scenes.room.materials import AreaLight, Material
from neurfield.scenes.room.model import RoomModel
from neurfield.scenes.synthesis.lighting import bake_light
from neurfield.scenes.synthesis.surface import FineSurface, prepare_surface

SMALL = AreaLight(
    np.array([1.99, 1.69, 2.4]), np.array([0, 0.02, 0]), np.array([0.02, 0, 0]), np.array([9.0, 5.0, 1.0])
)


def bake(model: RoomModel, workers: int = 2, **options) -> tuple[FineSurface, np.ndarray]:
    surface = prepare_surface(model, 0.2)
    with ThreadPoolExecutor(workers) as executor:
        return surface, bake_light(surface, model.lights, executor, **options)


def black(model: RoomModel) -> RoomModel:
    return replace(model, materials=tuple(replace(m, pattern=plain(0, 0, 0)) for m in model.materials))


def test_light_under_a_small_lamp_follows_the_inverse_square() -> None:
    surface, light = bake(replace(black(only(0)), lights=(SMALL,)))
    floor = (surface.point_positions[:, 2] < 0.01) & (surface.point_normals[:, 2] > 0.9)
    floor &= (np.abs(surface.point_positions[:, :2] - 1.7) < 1).all(axis=1)
    to_lamp = np.array([2.0, 1.7, 2.4]) - surface.point_positions[floor]
    r2 = np.square(to_lamp).sum(axis=1)
    expected = 0.02**2 * to_lamp[:, 2] ** 2 / r2**2 / np.pi
    assert floor.sum() > 20
    # Neighbouring points are mixed a little, which the curve of the falloff shows.
    assert np.allclose(light[floor], expected[:, None] * SMALL.radiance, rtol=0.06)


def test_a_lamp_shines_to_one_side_only() -> None:
    upwards = replace(SMALL, edge_u=SMALL.edge_v, edge_v=SMALL.edge_u)
    surface, light = bake(replace(black(only(0)), lights=(upwards,)))
    ceiling = surface.point_positions[:, 2] > 2.49
    assert light[surface.point_positions[:, 2] < 2.1].max() == 0
    assert light[ceiling].max() > 0


def test_there_is_shadow_under_the_table() -> None:
    surface, light = bake(replace(black(only(0, 1)), lights=(LAMP,)))
    x, y, z = surface.point_positions.T
    floor = (z < 0.01) & (surface.point_normals[:, 2] > 0.9)
    under = floor & (np.abs(x - 2.2) < 0.2) & (np.abs(y - 1.7) < 0.1)
    beside = floor & (np.abs(x - 0.8) < 0.3) & (np.abs(y - 1.7) < 0.3)
    assert under.sum() > 2 and light[under].mean() < 0.2 * light[beside].mean()


def test_walls_send_light_on() -> None:
    surface, dark = bake(black(only(0, 1)))
    _, lit = bake(only(0, 1))
    lower_side = (surface.point_normals[:, 2] < -0.9) & (np.abs(surface.point_positions[:, 2] - 0.475) < 0.01)
    assert lower_side.sum() > 10
    assert dark[lower_side].max() == 0 and lit[lower_side].min() > 0
    assert (lit >= dark - 1e-4).all()


def test_light_sent_on_does_not_grow_without_end() -> None:
    grey = Material("grey", plain(0.5, 0.5, 0.5))
    model = replace(only(0), materials=(grey, *MATERIALS[1:]))
    _, direct = bake(black(model))
    _, all_light = bake(model)
    areas_alike = all_light.mean() / direct.mean()
    # Half of the light is sent on each time: 1 + 1/2 + 1/4 + 1/8 with the three rounds that are computed.
    assert 1.5 < areas_alike < 2.0


def test_light_comes_through_a_thin_sheet() -> None:
    surface, light = bake(black(only(0, 4)))
    front = np.flatnonzero(surface.point_instance[: len(surface.twin)] == 4)
    assert (surface.twin[front] >= 0).all() and np.array_equal(surface.twin[surface.twin[front]], front)
    both = np.stack([light[front].mean(axis=1), light[surface.twin[front]].mean(axis=1)])
    assert both.min() > 0.2 * both.max() > 0


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_does_not_matter(workers: int) -> None:
    _, one = bake(room(), 2, shadow_rays=16, bounce_rays=9)
    _, other = bake(room(), workers, shadow_rays=16, bounce_rays=9)
    assert np.array_equal(one, other)
