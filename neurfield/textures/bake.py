"""Photographs, and a field's colours where none looks, as the texture of a mesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import trimesh
from PIL import Image

from neurfield.far import local_origin
from neurfield.textures.atlas import PADDING, Atlas, unwrap
from neurfield.textures.best_looks import BestLooks
from neurfield.textures.fill import filled, grown
from neurfield.textures.texels import Texels, reached
from neurfield.textures.view import Pictures, Viewer

Colors = Callable[[np.ndarray], np.ndarray]
Tell = Callable[[str, float], None]

_SHARPNESS = 1.0  # power of the weights
_UNLIKE = 0.3  # difference of colours at which a look counts e^-1 as much
_FAINT = 0.02  # of the median weight: below it the field's own colours come in


@dataclass(frozen=True)
class Baked:
    """A mesh with a texture.

    Attributes:
        mesh: with uv and a material that holds the picture; vertices at cuts stand more than once.
        seen: share of the surface that photographs show.
        gains: of the pictures [n, 3], how much brighter they are than others; ones where exposure is steady.
    """

    mesh: trimesh.Trimesh
    seen: float
    gains: np.ndarray


def bake(
    mesh: trimesh.Trimesh,
    size: int,
    pictures: Pictures | None = None,
    colors: Colors | None = None,
    tell: Tell = lambda stage, fraction: None,
) -> Baked:
    """A mesh with a texture of its own.

    Each texel lies somewhere on the surface. Of the pictures that see that place, the eight that see it best
    (four for textures of more than 16 million texels) are mixed: weights are pixels per length times the
    cosine of the angle; less next to edges and borders, where a surface that is a little off would take the
    colours of what stands behind; less where a look differs much from their middle. Exposure is taken
    out by the ratios of pictures that see the same places. What no picture sees takes the field's colours.

    Args:
        mesh: in the pictures' world.
        size: texels along a side of the texture.
        pictures: with cameras and masks; None: there are none.
        colors: the field's, uint8 [k, 3] at places float64 [k, 3] of the world; None: what no picture sees
            takes the colours around it.
        tell: is told what goes on, and which fraction of it is done.

    Raises:
        UserError: as `unwrap`.
    """
    tell("cutting the mesh into charts", 0.0)
    atlas = unwrap(mesh, size)
    tell("looking for texels", 0.0)
    texels = reached(atlas.corners, size)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    points = texels.between(vertices, faces)
    count = 0 if pictures is None else len(pictures.cameras)
    looks = BestLooks(len(points))
    if pictures is not None:
        _look(mesh, pictures, texels, points, looks, tell)
    gains = looks.log_gains(max(count, 1))
    rgb, weight = looks.blended(gains, _SHARPNESS, _UNLIKE)
    known = weight > 0
    seen = float(known.mean()) if len(known) else 0.0
    if colors is not None:
        tell("asking the field", 0.0)
        faint = _FAINT * float(np.median(weight[known])) if known.any() else 1.0
        rows = np.flatnonzero(weight < 10.0 * faint)
        share = (weight[rows] / (weight[rows] + faint))[:, None]
        rgb[rows] = share * rgb[rows] + (1.0 - share) * (colors(points[rows]) / np.float32(255.0))
        known[:] = True
    tell("writing the texture", 0.0)
    picture = np.zeros((size, size, 3), dtype=np.float32)
    where = np.zeros((size, size), dtype=bool)
    picture.reshape(-1, 3)[texels.place[known]] = rgb[known]
    where.reshape(-1)[texels.place[known]] = True
    picture = filled(*grown(picture, where, PADDING // 2))
    return Baked(textured(mesh, atlas, picture), seen, np.exp(gains[:count]))


def textured(mesh: trimesh.Trimesh, atlas: Atlas, picture: np.ndarray) -> trimesh.Trimesh:
    """The mesh cut as an atlas has it, with a picture [size, size, 3] in 0..1 as its colour.

    The material is as rough as can be, no metal, and seen from both sides.
    """
    image = Image.fromarray((picture * 255.0 + 0.5).astype(np.uint8))
    material = trimesh.visual.material.PBRMaterial(
        name="texture", baseColorTexture=image, metallicFactor=0.0, roughnessFactor=1.0, doubleSided=True
    )
    visual = trimesh.visual.TextureVisuals(uv=atlas.uv, material=material)
    vertices = np.asarray(mesh.vertices)[atlas.origin]
    normals = np.asarray(mesh.vertex_normals)[atlas.origin]
    made = trimesh.Trimesh(vertices, atlas.faces, vertex_normals=normals, visual=visual, process=False)
    made.metadata.update(mesh.metadata)
    return made


def _look(
    mesh: trimesh.Trimesh,
    pictures: Pictures,
    texels: Texels,
    points: np.ndarray,
    looks: BestLooks,
    tell: Tell,
) -> None:
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    viewer = Viewer(vertices, faces, pictures, local_origin(vertices))
    normals = texels.between(np.asarray(mesh.vertex_normals), faces).astype(np.float32)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    starts = np.searchsorted(texels.face, np.arange(len(faces) + 1))
    count = len(pictures.cameras)
    for i in range(count):
        tell("looking at pictures", i / count)
        looks.add(i, viewer.look(i, points, normals, starts))
