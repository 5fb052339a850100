"""Which algorithm makes a mesh of a field: by name, or by what the field is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.surfaces.dual_contouring import extract_dual_contour
from neurfield.surfaces.dual_mesh import extract_dual_mesh
from neurfield.surfaces.holes import border_edges
from neurfield.surfaces.lattice_field import Tell
from neurfield.surfaces.level_set import LIPSCHITZ, find_level_set, steep_in_words
from neurfield.surfaces.mesh_udf import extract_mesh_udf
from neurfield.surfaces.unsigned import Lattice

SIGNED = ("marching-cubes", "dual-contouring")
UNSIGNED = ("dual-mesh", "mesh-udf")

_QUIET = 0.25  # cells: noise up to it leaves tangent planes that meet where the surface is
_SMOOTH = 0.07  # cells: noise up to it leaves few holes
_HOLES = 0.2  # cells: noise from which on there are many
_BESIDE = 0.87  # cells: the corners of cells that the surface passes are hardly farther from it
_TRIED = (24, 32, 45, 64, 91, 128, 181, 256)  # cells along the longest side that are chosen from
_KEPT = 0.15  # of the area: a mesh in finer cells that differs by more is torn, or made of layers
_GROWN = 1.5  # times the least border: one that is longer is torn
_SLACK = 0.25  # of the root of the area: a closed mesh has no border to multiply


class Extracted(NamedTuple):
    """A surface, and how it was made.

    Attributes:
        vertices: float64 [v, 3] in the box's coordinates.
        faces: int64 [f, 3]; normals into free space, of unsigned fields outwards.
        extractor: its name.
        why: it was chosen, and what is to be known of the mesh; "" if nothing.
        figures: what it took, of marching cubes: "points_asked" of "points", "share", "bricks", "seconds",
            "peak_memory_gb" of the process so far, "slope" reckoned with; else empty.
    """

    vertices: np.ndarray
    faces: np.ndarray
    extractor: str
    why: str
    figures: Mapping[str, float] = MappingProxyType({})


def extract_surface(
    field: Any,
    box: np.ndarray,
    voxel: float,
    extractor: str = "auto",
    device: torch.device | str = "cpu",
    memory: float | None = None,
    tell: Tell | None = None,
) -> Extracted:
    """The surface of a field in a box.

    A field says by `sign` what its values are: "unsigned" distances, or else values whose sign tells the
    sides, as those of fields that do not say. Signed fields go through marching cubes, unless dual contouring
    is asked for. Unsigned ones are looked at: where the noise of their distances is little beside a cell,
    their tangent planes give sharp edges (dual-mesh); where it is not, signs by vote of many give a whole
    surface (mesh-udf).

    Args:
        field: with `sdf(points)`, and `query(points, gradient=True)` whose answer has a `value` and a
            `gradient`.
        box: [2, 3] minimum and maximum.
        voxel: edge of the cells.
        extractor: "auto", or a name of `SIGNED` or `UNSIGNED`.
        device: where the field is asked.
        memory: bytes that the process may have at most, of marching cubes; None: as much as it takes.
        tell: is told what goes on, and which fraction of it is done.

    Raises:
        UserError: there is no such extractor, it is for the other kind of field or cannot keep within a
            memory, the memory does not suffice, or the field has no surface that could be found, and why.
    """
    unsigned = is_unsigned(field)
    fitting, others = (UNSIGNED, SIGNED) if unsigned else (SIGNED, UNSIGNED)
    if extractor in others:
        raise UserError(
            f"extractor {extractor} is for fields {'with' if unsigned else 'without'} a sign, and this one "
            f"has {'none' if unsigned else 'one'}: take {fitting[0]}, {fitting[1]} or auto"
        )
    if extractor not in (*fitting, "auto"):
        raise UserError(f"there is no extractor '{extractor}': take {', '.join((*fitting, 'auto'))}")
    if memory is not None and (unsigned or extractor == "dual-contouring"):
        raise UserError("memory: only marching-cubes keeps within it: leave it out, or take that extractor")
    query = query_of(field)
    try:
        if unsigned:
            return _of_unsigned(query, box, voxel, extractor, device, tell)
        if extractor == "dual-contouring":
            vertices, faces = extract_dual_contour(field.sdf, query, box, voxel, device=device, progress=tell)
            return Extracted(vertices, faces, extractor, "")
    except ValueError as error:
        raise UserError(f"extractor {extractor}: {error}") from error
    made = find_level_set(field.sdf, box, voxel, device=device, memory=memory, progress=tell)
    figures = {
        "points_asked": made.asked, "points": made.points, "share": made.asked / made.points,
        "bricks": made.bricks, "seconds": made.seconds, "peak_memory_gb": made.peak_bytes / 1e9,
        "slope": made.slope,
    }  # fmt: skip
    why = steep_in_words(made.slope) if made.slope > LIPSCHITZ else ""
    return Extracted(made.vertices, made.faces, "marching-cubes", why, figures)


def is_unsigned(field: Any) -> bool:
    """Whether a field says that its values are distances without a sign."""
    return getattr(field, "sign", "signed") == "unsigned"


@torch.no_grad()
def smallest_cell(field: Any, box: np.ndarray, device: torch.device | str = "cpu") -> float:
    """Edge of the smallest cells for which a distance without a sign is clean enough: few holes.

    A fitted field errs next to its surface, where its gradient turns around. In cells that are not much
    larger than that error nothing tells on which side of the surface a corner is. Of a field that goes
    straight through zero (`sided`) the error is measured. Others may be zero in a layer, in which they show
    none: of them meshes are made, finer and finer, until one has lost area or its border has grown.

    Args:
        field: as for `extract_surface`.
        box: [2, 3] minimum and maximum.
        device: where the field is asked.
    """
    longest = float(np.ptp(np.asarray(box), axis=0).max())
    query = query_of(field)
    if getattr(field, "sided", False):
        finest = longest / _TRIED[-1]
        return max(finest, _noise(query, box, finest, 0.0, device) / _SMOOTH)
    chosen, area, border = longest / _TRIED[0], 0.0, 0.0
    for cells in _TRIED:
        made = _of_unsigned(query, box, longest / cells, "auto", device)
        finer = _area_and_border(made.vertices, made.faces)
        slack = _SLACK * math.sqrt(finer[0])
        if area and (abs(finer[0] / area - 1.0) > _KEPT or finer[1] > _GROWN * border + slack):
            break
        border = min(border, finer[1]) if area else finer[1]
        chosen, area = longest / cells, finer[0]
    return chosen


def _area_and_border(vertices: np.ndarray, faces: np.ndarray) -> tuple[float, float]:
    """The area of faces, and the length of the edges that have one."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    starts, ends = border_edges(faces, len(vertices))
    border = np.linalg.norm(vertices[starts] - vertices[ends], axis=1)
    return 0.5 * float(np.linalg.norm(across, axis=1).sum()), float(border.sum())


def query_of(field: Any) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Values [k] and gradients [k, 3] of a field at points [k, 3]."""

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        answer = field.query(points, gradient=True)
        return answer.value, answer.gradient

    return query


def _of_unsigned(
    query: Any,
    box: np.ndarray,
    voxel: float,
    extractor: str,
    device: torch.device | str,
    tell: Tell | None = None,
) -> Extracted:
    said = []
    if extractor == "auto":
        noise = _noise(query, box, voxel, _BESIDE, device)
        extractor = UNSIGNED[0] if noise <= _QUIET * voxel else UNSIGNED[1]
        said.append(
            f"the field has no sign, and its noise is {noise / voxel:.2g} of a cell"
            f" ({'up to' if noise <= _QUIET * voxel else 'more than'} {_QUIET:g})"
        )
        if noise > _HOLES * voxel:
            larger = noise / (_SMOOTH * voxel)
            said.append(f"holes are to be expected: cells {larger:.2g} times as large have few")
    make = extract_dual_mesh if extractor == "dual-mesh" else extract_mesh_udf
    mesh = make(query, box, voxel, device=device, progress=tell)
    if mesh.one_sided:
        said.append(f"{mesh.one_sided} pieces have but one side: their faces turn either way")
    return Extracted(mesh.vertices, mesh.faces, extractor, "; ".join(said))


@torch.no_grad()
def _noise(query: Any, box: np.ndarray, voxel: float, reach: float, device: torch.device | str) -> float:
    """By how much distances err at most so many cells beside the surface, in the field's lengths."""
    lattice = Lattice(query, box, voxel, device=device)
    lattice.steady()
    return lattice.noise_beside(reach) * voxel
