"""Which contours are holes, and of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neurfield.slices.contours import Contour
from neurfield.slices.planar import crossings, edges_of


def around(contours: Sequence[Contour]) -> list[list[int]]:
    """For each contour those of its label that it lies in, the smallest first.

    A contour lies in another if most of its corners do: lines that touch share some.
    """
    areas = [abs(contour.area) for contour in contours]
    result: list[list[int]] = []
    for i, contour in enumerate(contours):
        holders = []
        for j, other in enumerate(contours):
            if j == i or other.label != contour.label or areas[j] <= areas[i] or len(other.corners) < 3:
                continue
            within = crossings(contour.corners, edges_of([other.corners])) % 2 == 1
            if np.mean(within) > 0.5:
                holders.append(j)
        result.append(sorted(holders, key=lambda j: areas[j]))
    return result


def turned(contours: Sequence[Contour]) -> list[Contour]:
    """The same, outer lines turning left around the plane's normal and holes right."""
    is_hole = [len(holders) % 2 == 1 for holders in around(contours)]
    return [
        replace(contour, corners=contour.corners[::-1]) if (contour.area < 0.0) != hole else contour
        for contour, hole in zip(contours, is_hole)
    ]


def parents_of(contours: Sequence[Contour]) -> list[tuple[Contour, int | None]]:
    """Contours in an order in which holes come after the line around them, and that line's place, if a hole.

    What lies in an odd number of lines of its label is a hole of the smallest; in an even number, an island.
    """
    holders = around(contours)
    order = sorted(range(len(contours)), key=lambda i: len(holders[i]))
    place = {i: k for k, i in enumerate(order)}
    return [(contours[i], place[holders[i][0]] if len(holders[i]) % 2 else None) for i in order]
