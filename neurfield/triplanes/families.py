"""Which families of shapes there are, and one shape of a family as a mesh whose faces know their part."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurfield.triplanes.furniture import chair, shelf, table
from neurfield.triplanes.machines import gear, plane, screw, spanner
from neurfield.triplanes.solids import Draw, joined
from neurfield.triplanes.vessels import Parts, bottle, cup, lamp, mug, vase


@dataclass(frozen=True)
class Family:
    """A class of shapes.

    Attributes:
        make: puts one together of random numbers.
        parts: the names of all parts that one may have.
    """

    make: Callable[[Draw], Parts]
    parts: tuple[str, ...]


FAMILIES = {
    "bottle": Family(bottle, ("body", "neck", "cap")),
    "chair": Family(chair, ("seat", "back", "leg", "arm")),
    "cup": Family(cup, ("body", "saucer", "handle")),
    "gear": Family(gear, ("tooth", "disc", "hub")),
    "lamp": Family(lamp, ("base", "pole", "shade")),
    "mug": Family(mug, ("body", "handle")),
    "plane": Family(plane, ("fuselage", "wing", "tail", "engine")),
    "screw": Family(screw, ("head", "thread", "shank")),
    "shelf": Family(shelf, ("board", "side", "back")),
    "spanner": Family(spanner, ("handle", "jaw", "ring")),
    "table": Family(table, ("top", "leg", "board")),
    "vase": Family(vase, ("body", "foot", "handle")),
}
_STRETCH, _TURN = 0.18, 6.0  # deviations: of an axis's scale (its logarithm), of turns in degrees


@dataclass(frozen=True)
class Labelled:
    """A closed mesh and the parts of its faces.

    Attributes:
        vertices: [V, 3] float32, z upwards, about as large as 1.
        faces: [F, 3] int64, counter-clockwise from outside.
        parts: [F] int64 indices into `Family.parts`.
    """

    vertices: np.ndarray
    faces: np.ndarray
    parts: np.ndarray


def part_numbers(families: dict[str, Family] | None = None) -> dict[str, dict[str, int]]:
    """A number for each part of each family, over all families, as ShapeNetPart numbers them."""
    numbers: dict[str, dict[str, int]] = {}
    count = 0
    for name, family in (FAMILIES if families is None else families).items():
        numbers[name] = {part: count + k for k, part in enumerate(family.parts)}
        count += len(family.parts)
    return numbers


def make_shape(family: str, number: int, seed: int = 0) -> Labelled:
    """One shape of a family: parts of random numbers, joined, stretched along each axis and turned a little.

    Args:
        family: a key of `FAMILIES`.
        number: of the shape within its family.
        seed: of all shapes.

    Raises:
        UserError: manifold3d is not installed.
    """
    entropy = [seed, zlib.crc32(family.encode()), number]
    draw = Draw(np.random.default_rng(entropy))
    names = FAMILIES[family].parts
    solids = [(names.index(part), solid.as_original()) for part, solid in FAMILIES[family].make(draw)]
    mesh = joined([solid for _, solid in solids]).to_mesh()
    part_of = {solid.original_id(): part for part, solid in solids}
    parts = np.empty(len(mesh.tri_verts), np.int64)
    begins = np.asarray(mesh.run_index) // 3
    for begin, end, source in zip(begins[:-1], begins[1:], mesh.run_original_id):
        parts[begin:end] = part_of[int(source)]
    vertices = np.asarray(mesh.vert_properties, np.float64)[:, :3] @ _placed(draw).T
    return Labelled(vertices.astype(np.float32), np.asarray(mesh.tri_verts, np.int64), parts)


def part_colors(family: str, number: int, seed: int = 0) -> np.ndarray:
    """uint8 [parts, 3], sRGB: a colour for each part of a shape, drawn for each shape: they tell no class.

    Args:
        family: a key of `FAMILIES`.
        number: of the shape within its family.
        seed: of all shapes.
    """
    generator = np.random.default_rng([seed, zlib.crc32(family.encode()), number, 1])
    drawn = generator.uniform([0.0, 0.2, 0.35], [1.0, 0.85, 0.95], (len(FAMILIES[family].parts), 3))
    return np.array([[round(255.0 * c) for c in colorsys.hsv_to_rgb(*one)] for one in drawn], np.uint8)


def _placed(draw: Draw) -> np.ndarray:
    """[3, 3] that stretches along the axes, then turns about each by some degrees."""
    matrix = np.diag(np.exp(draw.generator.normal(0.0, _STRETCH, 3)))
    for axis, turn in enumerate(np.radians(draw.generator.normal(0.0, [_TURN / 2, _TURN / 2, 2 * _TURN]))):
        i, j = [k for k in range(3) if k != axis]
        rotation = np.eye(3)
        rotation[i, i] = rotation[j, j] = np.cos(turn)
        rotation[i, j], rotation[j, i] = -np.sin(turn), np.sin(turn)
        matrix = rotation @ matrix
    return matrix
