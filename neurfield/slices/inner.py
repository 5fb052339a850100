"""Which labels lie in which: organs in a body, a tumour in its organ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurfield.slices.contours import Contour, Slice, Slices
from neurfield.slices.planar import inside

SHARE = 0.9  # of a label's area in the planes: with so much of it in another it is a part of that
LEAST = 0.25  # of it in what another goes around, holes and all: so much of it lies deep in that
_PLANES = 24  # of a label are looked at, as far apart as they are
_GRIDS = 12, 48, 192  # places along a label's width: the first in which enough are inside
_ENOUGH = 32


def inner_labels(slices: Slices) -> dict[int, tuple[int, ...]]:
    """For each label that others lie in, those; labels that no other lies in are left out.

    By what their contours go around: where a file has a hole in a label for another, as volumes of labels
    always have, that other lies in none. Two that are the same lie in each other.
    """
    found: dict[int, list[int]] = {}
    for (label, other), share in _shares(slices, filled=False).items():
        if share >= SHARE:
            found.setdefault(other, []).append(label)
    return {label: tuple(those) for label, those in sorted(found.items())}


def enclosed_labels(slices: Slices) -> dict[int, tuple[int, ...]]:
    """For each label those smaller ones that it goes around at least in part, in a hole of it or not.

    A label is smaller by its area in all planes, so that none goes around itself by way of others.
    """
    area = {
        label: sum(abs(c.area) for one in slices.slices for c in one.contours if c.label == label)
        for label in slices.labels
    }
    found: dict[int, list[int]] = {}
    for (label, other), share in _shares(slices, filled=True).items():
        if share >= LEAST and (area[label], -label) < (area[other], -other):
            found.setdefault(other, []).append(label)
    return {label: tuple(those) for label, those in sorted(found.items())}


def _shares(slices: Slices, filled: bool) -> dict[tuple[int, int], float]:
    """Which share of a label lies in another, for pairs of labels of which some does.

    Args:
        slices: of several labels.
        filled: whether holes of the other count as the other.
    """
    labels, found = slices.labels, {}
    for label in labels if len(labels) > 1 else ():
        whole, shared = 0.0, dict.fromkeys(labels, 0.0)
        its = [one for one in slices.slices if one.of_label(label)]
        for one in its[:: -(-len(its) // _PLANES)]:
            places, area = _places_in(one.of_label(label))
            whole += area * len(places)
            for other in _near(one, places, label):
                loops = one.of_label(other)
                within = np.any([inside(places, [loop]) for loop in loops], axis=0) if filled else (
                    inside(places, loops)
                )  # fmt: skip
                shared[other] += area * float(within.sum())
        found.update({(label, other): part / whole for other, part in shared.items() if part > 0.0})
    return found


def _places_in(loops: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """Places [N, 2] of a grid inside contours, and the area that each stands for."""
    corners = np.concatenate(loops)
    low, size = corners.min(axis=0), np.ptp(corners, axis=0)
    places = np.zeros((0, 2))
    cells = _GRIDS[0]
    for cells in _GRIDS:
        share = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(share, share, indexing="ij"), axis=-1).reshape(-1, 2)
        places = low + size * grid
        places = places[inside(places, loops)]
        if len(places) >= _ENOUGH:
            break
    return places, float(size.prod()) / cells**2


def _near(one: Slice, places: np.ndarray, label: int) -> list[int]:
    """Other labels of a slice, of which a contour's box has some of the places in it."""
    if not len(places):
        return []
    low, high = places.min(axis=0), places.max(axis=0)

    def meets(contour: Contour) -> bool:
        corners = contour.corners
        return bool((corners.min(axis=0) <= high).all() and (corners.max(axis=0) >= low).all())

    return sorted({contour.label for contour in one.contours if contour.label != label and meets(contour)})
