"""A car at the kerb of a street, as a scene of textured triangles: what a stranger's first photos show.

The car is a model of metal, glass and rubber at real size. Street, pavement and house fronts have photographs
of floors and walls for materials, with stains that do not repeat, windows and doors. Metres, z up, the car
stands on z = 0 and looks along x, a little off the world's origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image, ImageDraw

from benchmarks.captures import downloads
from benchmarks.object_assets import srgb_to_linear, weld
from neurfield.scenes.room.noise import layered2, noise3

CAR_LENGTH = 4.1  # metres, of a Volkswagen New Beetle
STANDS_AT = np.array([1.3, -0.7, 0.0])
_Z_FROM_Y = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # the model looks along z, y up
KERB, KERB_HEIGHT = 1.25, 0.14  # where the pavement begins beside the car's middle, metres
_ASPHALT, _PAVEMENT, _FRONTS = 0, 1, 2


@dataclass(frozen=True)
class Material:
    """What a face is made of.

    Attributes:
        colour: diffuse, linear light [3]; without a picture.
        gloss: share of light that is reflected as by a mirror, face on (Schlick's F0).
        picture: of a textured one [h,w,3], linear light float32, or None.
        metres: how wide and high the picture is laid out; it repeats.
        stains: how much noise that does not repeat darkens it.
    """

    colour: np.ndarray
    gloss: float = 0.0
    picture: np.ndarray | None = None
    metres: tuple[float, float] = (1.0, 1.0)
    stains: float = 0.0


@dataclass(frozen=True)
class Street:
    """Triangles and what they are made of.

    Attributes:
        triangles: [f,3,3] world.
        normals: [f,3,3] of their corners, units.
        uv: [f,3,2] metres along the material's picture, v up.
        material: [f] int64, the row of `materials`.
        materials: of all.
        car: the car alone.
    """

    triangles: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    material: np.ndarray
    materials: list[Material]
    car: trimesh.Trimesh

    def colours(self, face: np.ndarray, weights: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Diffuse colours [r,3] at points [r,3] of faces [r], with their barycentric weights [r,3]."""
        colour = np.zeros((len(face), 3), np.float32)
        kind = self.material[face]
        uv = np.einsum("rk,rkc->rc", weights, self.uv[face])
        for number in np.unique(kind):
            here, material = kind == number, self.materials[number]
            if material.picture is None:
                colour[here] = material.colour
            else:
                colour[here] = repeated(material.picture, uv[here] / material.metres)
            if material.stains:
                colour[here] *= (1 - material.stains * dirt(points[here]))[:, None]
        return colour


def dirt(points: np.ndarray) -> np.ndarray:
    """Noise [r] in 0..1 at points [r,3]: stains of a metre, a hand's width, and grains of a centimetre."""
    p = points.astype(np.float32)
    return 0.45 * noise3(p * 1.1) + 0.3 * noise3(p * 7.3, 1) + 0.25 * noise3(p * 71.0, 2)


def repeated(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Colours [r,3] of a picture [h,w,3] that repeats, at coordinates [r,2] counted in pictures, v up."""
    h, w = picture.shape[:2]
    x, y = (uv[:, 0] * w - 0.5) % w, (-uv[:, 1] * h - 0.5) % h
    column, row = np.floor(x).astype(int) % w, np.floor(y).astype(int) % h
    fx, fy = (x - np.floor(x))[:, None], (y - np.floor(y))[:, None]
    right, below = (column + 1) % w, (row + 1) % h
    top = (1 - fx) * picture[row, column] + fx * picture[row, right]
    bottom = (1 - fx) * picture[below, column] + fx * picture[below, right]
    return ((1 - fy) * top + fy * bottom).astype(np.float32)


@lru_cache(maxsize=1)
def street() -> Street:
    """The car on its street.

    Raises:
        Unavailable: a package with the model or the textures cannot be had.
    """
    pieces, materials, surface = _car(downloads.car())
    more, walls = _surroundings(downloads.textures())
    offset = len(materials)
    pieces += [(triangles, normals, uv, offset + kind) for triangles, normals, uv, kind in more]
    stacked = [np.concatenate([piece[k] for piece in pieces]) for k in range(3)]
    kinds = np.concatenate([np.full(len(piece[0]), piece[3]) for piece in pieces])
    return Street(*stacked, kinds, [*materials, *walls], surface)


_Piece = tuple[np.ndarray, np.ndarray, np.ndarray, int]


def _car(folder: Path) -> tuple[list[_Piece], list[Material], trimesh.Trimesh]:
    """The car by material, and its surface as one mesh."""
    loaded = trimesh.load(folder / downloads.CAR_FILES[0], process=False, split_object=False)
    low, high = loaded.bounds
    scale = CAR_LENGTH / (high[2] - low[2])
    middle = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    pieces, materials, triangles = [], [], []
    for name in sorted(loaded.geometry):
        part = loaded.geometry[name]
        corners = scale * (np.asarray(part.vertices)[part.faces] - middle) @ _Z_FROM_Y.T + STANDS_AT
        normals = np.asarray(part.vertex_normals)[part.faces] @ _Z_FROM_Y.T
        pieces.append((corners, normals, np.zeros((len(corners), 3, 2)), len(materials)))
        materials.append(_finish(name, np.asarray(part.visual.material.diffuse[:3]) / 255))
        triangles.append(corners)
    vertices = np.concatenate(triangles).reshape(-1, 3)
    surface = trimesh.Trimesh(*weld(vertices, np.arange(len(vertices)).reshape(-1, 3)), process=False)
    return pieces, materials, surface


def _finish(name: str, colour: np.ndarray) -> Material:
    """What the model's material is, by its name: lacquer, glass and chrome reflect the street."""
    diffuse = srgb_to_linear(np.round(255 * colour).astype(np.uint8))
    if name.startswith("GLASS"):
        return Material(0.6 * diffuse + 0.01, gloss=0.06)
    if "chrome" in name or "aluminum" in name:
        return Material(0.35 * diffuse, gloss=0.5, stains=0.2)
    if name.startswith("PAINT"):
        return Material(diffuse, gloss=0.04, stains=0.15)
    return Material(diffuse + 0.015, gloss=0.0, stains=0.4)


def _surroundings(folder: Path) -> tuple[list[_Piece], list[Material]]:
    """Street, pavement, and house fronts on both sides and at both ends; corners are counted from the car."""
    picture = {name: _opened(folder / name) for name in downloads.TEXTURE_FILES}
    stucco, slabs, wall, boards, linen = (picture[name] for name in downloads.TEXTURE_FILES)
    white = np.ones(3)
    materials = [
        Material(white, picture=stucco * 0.6, metres=(0.6, 0.6), stains=0.7),
        Material(white, picture=slabs, metres=(1.2, 1.2), stains=0.45),
    ]
    x, y = STANDS_AT[:2]
    pieces = [
        _quad([x - 40, y - 40, 0], [80, 0, 0], [0, 40 + KERB, 0], _ASPHALT),
        _quad([x - 40, y + KERB, KERB_HEIGHT], [80, 0, 0], [0, 12, 0], _PAVEMENT),
        _quad([x - 40, y + KERB, 0], [80, 0, 0], [0, 0, KERB_HEIGHT], _PAVEMENT),
    ]
    fronts = [  # corner, along, height
        ([-26, 6.5], [17, 0], 8.0), ([-9, 6.5], [11, 0], 11.0), ([2, 6.5], [24, 0], 9.0),
        ([26, -10], [-20, 0], 10.0), ([6, -10], [-14, 0], 7.5), ([-8, -10], [-18, 0], 12.0),
        ([-26, -10], [0, 16.5], 9.0), ([26, 6.5], [0, -16.5], 9.0),
    ]  # fmt: skip
    bases = (wall, boards, linen)
    for number, (corner, along, height) in enumerate(fronts):
        width = float(np.abs(along).max())
        front = _front(bases[number % 3], width, height, number)
        materials.append(Material(white, picture=front, metres=(width, height), stains=0.3))
        place = [x + corner[0], y + corner[1], 0]
        pieces.append(_quad(place, [*along, 0], [0, 0, height], _FRONTS + number))
    return pieces, materials


def _quad(corner: list[float], along: list[float], up: list[float], kind: int) -> _Piece:
    """Two triangles; their picture counts metres along both sides from the corner."""
    a, u, v = (np.asarray(side, np.float64) for side in (corner, along, up))
    places = np.stack([a, a + u, a + u + v, a + v])
    metres = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]) * [np.linalg.norm(u), np.linalg.norm(v)]
    order = np.array([[0, 1, 2], [0, 2, 3]])
    normal = np.cross(u, v) / np.linalg.norm(np.cross(u, v))
    return places[order], np.broadcast_to(normal, (2, 3, 3)).copy(), metres[order], kind


def _opened(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return srgb_to_linear(np.asarray(opened.convert("RGB")))


def _front(base: np.ndarray, width: float, height: float, seed: int, texels: int = 64) -> np.ndarray:
    """A house front [h,w,3], linear light: a wall's photograph in a tint of its own, windows, a door, bills.

    Args:
        base: of the wall, 3 metres wide.
        width: metres.
        height: metres.
        seed: of what differs between houses.
        texels: a metre.
    """
    rng = np.random.default_rng(seed)
    h, w = round(height * texels), round(width * texels)
    v, u = np.mgrid[0:h, 0:w]
    uv = np.stack([u / (3 * texels), v / (3 * texels)], axis=-1).reshape(-1, 2)
    tint = rng.uniform(0.7, 1.0) * rng.uniform(0.7, 1.0, 3).astype(np.float32)
    front = repeated(base, uv).reshape(h, w, 3) * tint
    front *= (0.7 + 0.6 * layered2(u.ravel() / texels, v.ravel() / texels, seed=seed).reshape(h, w))[
        ..., None
    ]
    drawn = Image.new("RGB", (w, h))
    mask = Image.new("1", (w, h))
    pens = ImageDraw.Draw(drawn), ImageDraw.Draw(mask)

    def box(left: float, bottom: float, wide: float, high: float, colour: np.ndarray) -> None:
        corners = [left * texels, h - (bottom + high) * texels, (left + wide) * texels, h - bottom * texels]
        pens[0].rectangle(corners, fill=tuple(int(255 * c) for c in colour))
        pens[1].rectangle(corners, fill=1)

    frame, glass = rng.uniform(0.2, 0.9) * rng.uniform(0.75, 1.0, 3), np.array([0.06, 0.08, 0.1])
    for floor in np.arange(1.0, height - 1.6, 2.9):
        for left in np.arange(0.8 + rng.uniform(0, 0.6), width - 1.6, rng.uniform(1.9, 2.8)):
            box(left, floor, 1.1, 1.5, frame)
            for half in (0.08, 0.58):
                curtain = glass + rng.uniform(0, 0.25) * rng.uniform(0.4, 1.0, 3)
                box(left + half, floor + 0.08, 0.44, 1.34, curtain)
    box(rng.uniform(0.2, 0.8) * (width - 1.2), 0.0, 1.1, 2.3, rng.uniform(0.05, 0.5, 3))
    for _ in range(int(2 * width)):  # bills, signs, patches of plaster
        box(
            *rng.uniform([0, 0.3], [width - 0.6, 2.4]),
            *rng.uniform(0.1, 0.6, 2),
            0.1 + rng.uniform(0, 0.6) * rng.uniform(0.4, 1.0, 3),
        )
    where = np.asarray(mask)
    front[where] = srgb_to_linear(np.asarray(drawn))[where]
    return front.astype(np.float32)
