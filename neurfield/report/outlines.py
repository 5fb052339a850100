"""Closed lines of planes, given and made, as small drawings side by side."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from neurfield.inputs.page import Outline, Outlines
from neurfield.report.page import section

_MOST = 60  # planes: of more those that agree least, and the rest evenly
_SIDE, _ROOM = 1000.0, 30.0  # of a drawing, and around it, in its own units


def outlines(part: Outlines) -> str:
    """A section with a drawing of each plane, all at one scale and each around its own middle."""
    if not part.planes:
        return ""
    chosen = _chosen(part.planes)
    boxes = [_box(part.planes[k]) for k in chosen]
    size = max(float(np.ptp(box, axis=0).max()) for box in boxes) or 1.0
    worst = min(chosen, key=lambda k: part.planes[k].share)
    figures = [
        _figure(part.planes[k], box.mean(axis=0), size, k == worst and len(chosen) > 1)
        for k, box in zip(chosen, boxes)
    ]
    left = len(part.planes) - len(chosen)
    more = f" {left} planes more agree better than those that are shown, or as well." if left else ""
    legend = (
        '<p class="note"><span class="legend"><i></i>given</span>'
        '<span class="legend"><i class="line"></i>made</span></p>'
    )
    note = f'<p class="note">{escape(part.note + more)}</p>'
    return section(part.title, f'{note}{legend}<div class="outlines">{"".join(figures)}</div>')


def _chosen(planes: Sequence[Outline]) -> list[int]:
    """Places of the planes that are shown, in their order."""
    if len(planes) <= _MOST:
        return list(range(len(planes)))
    return sorted(sorted(range(len(planes)), key=lambda k: planes[k].share)[:_MOST])


def _box(plane: Outline) -> np.ndarray:
    """[2, 2] of all of a plane's lines."""
    corners = np.concatenate([np.asarray(line, float) for line in (*plane.given, *plane.made)])
    return np.stack([corners.min(axis=0), corners.max(axis=0)])


def _figure(plane: Outline, middle: np.ndarray, size: float, worst: bool) -> str:
    view = _SIDE + 2.0 * _ROOM
    paths = "".join(
        f'<path class="{kind}" d="{_path(lines, middle, size)}"/>'
        for kind, lines in (("given", plane.given), ("made", plane.made))
        if lines
    )
    label = escape(f"{plane.name}: {plane.value}")
    return (
        f"<figure{' class=' + chr(34) + 'worst' + chr(34) if worst else ''}>"
        f'<svg viewBox="0 0 {view:g} {view:g}" role="img" aria-label="{label}">{paths}</svg>'
        f"<figcaption><span>{escape(plane.name)}</span>{escape(plane.value)}</figcaption></figure>"
    )


def _path(lines: Sequence[Sequence[Sequence[float]]], middle: np.ndarray, size: float) -> str:
    """Closed lines as a path, the second axis upwards."""
    words = []
    for line in lines:
        at = (np.asarray(line, float) - middle) / size * _SIDE * [1.0, -1.0] + 0.5 * _SIDE + _ROOM
        words.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in at) + "Z")
    return "".join(words)
