"""Procedural materials: in range, deterministic, fixed to the object, continuous noise."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes.room import Material, build_room
from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.room.materials import srgb
from neurfield.scenes.room.noise import hash01, layered2, noise2, noise3
from neurfield.scenes.room.parts import pose
from neurfield.scenes.room.patterns import Plain, Wood

MATERIALS = {type(m.pattern).__name__: m for name in DESIGNS for m in build_room(name).materials}


def samples(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    normals = rng.normal(size=(count, 3))
    return rng.uniform(-1, 6, (count, 3)), normals / np.linalg.norm(normals, axis=1, keepdims=True)


@pytest.mark.parametrize("name", MATERIALS)
def test_albedo_is_linear_rgb_between_zero_and_one(name: str) -> None:
    points, normals = samples()
    rgb = MATERIALS[name].albedo(points, normals)
    assert rgb.shape == (4000, 3) and rgb.dtype == np.float32
    assert np.isfinite(rgb).all()
    assert rgb.min() >= 0 and rgb.max() <= 1
    assert np.array_equal(rgb, MATERIALS[name].albedo(points, normals))


@pytest.mark.parametrize("name", MATERIALS)
def test_albedo_of_a_point_does_not_depend_on_its_neighbours(name: str) -> None:
    points, normals = samples(70_000)  # more than one chunk
    material = MATERIALS[name]
    whole = material.albedo(points, normals)
    some = np.array([0, 1, 32_767, 32_768, 69_999])
    assert np.allclose(material.albedo(points[some], normals[some]), whole[some], atol=1e-4)


@pytest.mark.parametrize("name", MATERIALS)
def test_no_points_give_no_colours(name: str) -> None:
    assert MATERIALS[name].albedo(np.empty((0, 3)), np.empty((0, 3))).shape == (0, 3)


def test_a_pattern_travels_with_its_object() -> None:
    wood = Material("wood", Wood(srgb("#d6ad76"), srgb("#a3733f")))
    points, normals = samples(500)
    where = pose((1.0, -2.0, 0.5), turn=33.0, tilt=12.0)
    there = points @ where[:3, :3].T + where[:3, 3]
    moved = wood.placed(where).albedo(there, normals @ where[:3, :3].T)
    # float32 points of a few metres: grain lines a millimetre wide may differ in the last bits
    assert np.abs(moved - wood.albedo(points, normals)).mean() < 1e-3


def test_some_surfaces_are_nearly_textureless_and_some_are_not() -> None:
    room = build_room()
    points, normals = samples()
    spread = {m.name: m.albedo(points, normals).std(0).max() for m in room.materials}
    assert spread["plaster"] < 0.03 and spread["screen"] < 1e-3
    assert spread["rug"] > 0.1 and spread["floor"] > 0.05


def test_srgb_ends_and_middle() -> None:
    assert srgb("#000000") == (0.0, 0.0, 0.0)
    assert np.allclose(srgb("#ffffff"), 1.0)
    assert np.allclose(srgb("#bcbcbc"), 0.5029, atol=1e-3)


def test_noise_is_in_range_smooth_and_fills_the_range() -> None:
    x = np.linspace(0, 40, 200_001, dtype=np.float32)
    y = np.full_like(x, 3.3)
    for values in (noise2(x, y, 4), noise3(np.stack([x, y, y], 1), 2), layered2(x, y, 3)):
        assert values.min() >= 0 and values.max() <= 1
        assert np.ptp(values) > 0.3
        assert np.abs(np.diff(values)).max() < 0.01


def test_noise_accepts_negative_coordinates_and_large_seeds() -> None:
    x = np.linspace(-20, 20, 4001, dtype=np.float32)
    values = noise2(x, x, 123_456_789)
    assert np.isfinite(values).all() and np.abs(np.diff(values)).max() < 0.1


def test_cell_hash_is_uniform_and_depends_on_the_seed() -> None:
    cells = np.arange(-5000, 5000)
    values = hash01(cells, 3)
    assert 0.48 < values.mean() < 0.52 and values.min() >= 0 and values.max() < 1
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.05
    assert not np.array_equal(values, hash01(cells, 4))


def test_plain_stays_close_to_its_colour() -> None:
    points, normals = samples()
    rgb = Material("paint", Plain((0.5, 0.4, 0.3), 0.03)).albedo(points, normals)
    assert np.abs(rgb / np.array([0.5, 0.4, 0.3]) - 1).max() < 0.031
