"""Whether a mesh has an inside, and which of its sides that is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops import TriangleTree

TRUSTED = 0.9  # share of sample points with whole winding numbers from which an inside is believed
_SAMPLES = 2048  # on each side of the surface
_NEAR = 0.1  # a winding number as near as this to a whole one is whole
_OFFSETS = 0.002, 0.02  # of sample points from the surface, unit lengths


@dataclass(frozen=True)
class Sides:
    """What winding numbers tell of a mesh.

    Attributes:
        whole: share of points beside the surface whose winding number is nearly whole: all, of a closed mesh
            whose faces turn one way; few, of one that is open or whose faces turn both ways.
        flipped: whether its faces turn inwards, all of them.
    """

    whole: float
    flipped: bool

    @property
    def trusted(self) -> bool:
        """Whether it has an inside: points whose winding number is more than a half."""
        return self.whole >= TRUSTED

    @property
    def words(self) -> str:
        """What was found, for people."""
        share = f"winding numbers are whole at {100.0 * self.whole:.1f} % of points beside the surface"
        return f"{share}; its faces turned inwards, and are turned" if self.flipped else share


def sides_of(tree: TriangleTree, seed: int = 0) -> Sides:
    """Ask the winding number beside the surface, on both sides of random places of it.

    Args:
        tree: of the mesh, unit coordinates.
        seed: of the places.
    """
    generator = torch.Generator().manual_seed(seed)
    places, normals = spread(tree.corners, _SAMPLES, generator)
    low, high = _OFFSETS
    offset = low + (high - low) * torch.rand(len(places), 1, generator=generator)
    winding = tree.winding(torch.cat([places + offset * normals, places - offset * normals]))
    whole = float(((winding - winding.round()).abs() < _NEAR).float().mean())
    inwards = (winding < -0.5).sum() > (winding > 0.5).sum()
    return Sides(whole, whole >= TRUSTED and bool(inwards))


def spread(
    corners: Tensor, count: int, generator: torch.Generator | None, cumulative: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Points [count, 3] spread over triangles by area, and the unit normals [count, 3] there.

    Osada et al., Shape Distributions (2002), section 4.2.

    Args:
        corners: [F, 3, 3].
        count: of points.
        generator: draws them.
        cumulative: what `cumulated` gives of the corners; None: it is worked out.
    """
    cumulative = cumulated(corners) if cumulative is None else cumulative
    drawn = torch.rand(count, 3, generator=generator, device=corners.device)
    at = drawn[:, 0].double() * cumulative[-1]
    face = torch.searchsorted(cumulative, at, right=True).clamp_max(len(corners) - 1)
    root, other = drawn[:, 1:2].sqrt(), drawn[:, 2:3]
    a, b, c = corners[face].unbind(dim=1)
    points = (1.0 - root) * a + root * (1.0 - other) * b + root * other * c
    return points, unit_normals(corners[face])


def unit_normals(corners: Tensor) -> Tensor:
    """Unit normals [F, 3] of triangles [F, 3, 3]."""
    a, b, c = corners.unbind(dim=1)
    return normalize(torch.linalg.cross(b - a, c - a), dim=1, eps=1e-30)


def cumulated(corners: Tensor) -> Tensor:
    """Sums [F] float64 of the areas of triangles [F, 3, 3], each with those before it."""
    wide = corners.double()
    return torch.linalg.cross(wide[:, 1] - wide[:, 0], wide[:, 2] - wide[:, 0]).norm(dim=1).cumsum(dim=0)
