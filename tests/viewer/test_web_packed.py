"""Surfaces as they are sent: small, near what they were, in colours that come out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from neurfield.gltf import srgb_of_linear
from neurfield.viewer.layers import Triangles
from neurfield.viewer.palettes import Scale
from neurfield.viewer.shell import fewer
from neurfield.viewer.web.packed import BUDGET, MOST_FACES, glb_of
from neurfield.viewer.web.tone import BRIGHTEST, sent, shown


def sheet(side: int) -> Triangles:
    """A wavy sheet of side x side squares, coloured."""
    u, v = np.meshgrid(np.linspace(-3, 5, side + 1), np.linspace(0, 6, side + 1))
    vertices = np.stack([u, v, 0.2 * np.sin(3 * u + v)], axis=-1).reshape(-1, 3).astype(np.float32)
    corner = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).reshape(-1)
    faces = np.stack([corner, corner + 1, corner + side + 1], axis=1)
    faces = np.concatenate([faces, np.stack([corner + 1, corner + side + 2, corner + side + 1], axis=1)])
    colors = (np.random.default_rng(0).random((len(vertices), 3)) * 190).astype(np.uint8)
    normals = np.tile(np.float32([0, 0, 1]), (len(vertices), 1))
    return Triangles(vertices, faces.astype(np.int32), normals, colors)


def opened(glb: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The JSON of a GLB, and its accessors as arrays."""
    length = int.from_bytes(glb[12:16], "little")
    tree, binary = json.loads(glb[20 : 20 + length]), glb[28 + length :]
    kinds = {5126: np.float32, 5123: np.uint16, 5125: np.uint32}
    arrays = []
    for accessor in tree["accessors"]:
        view = tree["bufferViews"][accessor["bufferView"]]
        part = np.frombuffer(binary, np.uint8, view["byteLength"], view["byteOffset"])
        values = part.view(kinds[accessor["componentType"]])
        width = 1 if accessor["type"] == "SCALAR" else 3
        stride = view.get("byteStride", values.itemsize * width) // values.itemsize
        assert accessor["count"] * stride == values.size
        arrays.append(values.reshape(-1, stride)[:, :width])
    return tree, arrays


def test_what_is_sent_is_what_it_was() -> None:
    given = sheet(20)
    assert given.colors is not None
    tree, (places, normals, corners, colors) = opened(glb_of(given))
    node = tree["nodes"][0]
    vertices = places * np.array(node["scale"]) + np.array(node["translation"])
    np.testing.assert_allclose(vertices, given.vertices, atol=8.0 / 65535)
    np.testing.assert_allclose(normals, given.normals, atol=1 / 256)
    np.testing.assert_array_equal(corners.reshape(-1, 3), given.faces)
    seen = srgb_of_linear(shown(colors / 65535.0 * BRIGHTEST)) * 255.0
    off = np.abs(seen - given.colors).max(axis=1)
    assert np.percentile(off, 90) < 1.0
    assert tree["accessors"][0]["max"] == places.max(axis=0).tolist()


def test_sides_light_and_clay() -> None:
    given = sheet(2)
    lit = opened(glb_of(given, cull=True))[0]["materials"][0]
    assert lit["doubleSided"] is False and "extensions" not in lit
    flat = opened(glb_of(given.painted(given.colors, lit=False)))[0]["materials"][0]  # type: ignore[arg-type]
    assert flat["doubleSided"] is True and "KHR_materials_unlit" in flat["extensions"]
    plain = Triangles(given.vertices, given.faces, given.normals)
    tree, _ = opened(glb_of(plain))
    assert "COLOR_0" not in tree["meshes"][0]["primitives"][0]["attributes"]
    factor = np.array(tree["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"][:3])
    np.testing.assert_allclose(srgb_of_linear(shown(factor)), [0.80, 0.78, 0.74], atol=1e-6)


def test_the_largest_surface_keeps_to_the_budget() -> None:
    """2.6 million triangles, as a room in cells of 1 cm has: whole they would be three times the budget."""
    large = sheet(1140)
    assert len(large.faces) > 2_590_000
    small = fewer(large, MOST_FACES)
    assert MOST_FACES / 3 < len(small.faces) <= MOST_FACES
    assert len(glb_of(small)) < BUDGET < len(glb_of(large)) / 3


def test_colours_of_scales_and_greys_come_out_as_they_are() -> None:
    greys = np.repeat(np.linspace(0, 0.98, 50)[:, None], 3, axis=1)
    scale = Scale(0.0, 1.0, "m", "x").colors(np.linspace(0, 1, 50)) / 255.0
    sides = Scale(-1.0, 1.0, "m", "x", two_sided=True).colors(np.linspace(-1, 1, 50)) / 255.0
    for colors in (greys, scale, sides):
        np.testing.assert_allclose(srgb_of_linear(shown(sent(colors))), colors, atol=2.5 / 255)


def test_colours_that_the_screen_lacks_keep_their_hue() -> None:
    for color in np.eye(3):
        seen = srgb_of_linear(shown(sent(color[None])))[0]
        assert seen.argmax() == color.argmax() and np.sort(seen)[1] < 0.35 * seen.max()
    assert sent(np.random.default_rng(1).random((1000, 3))).max() <= BRIGHTEST
    assert srgb_of_linear(shown(sent(np.ones((1, 3))))).min() > 0.97
    assert shown(np.zeros(3)) == pytest.approx(np.zeros(3), abs=1e-3)
