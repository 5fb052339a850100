"""What a step does with points that have a query of their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurfield.fields import SDFField
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.points import AskedPoints, PointSource
from neurfield.points.point_set import gathered


def look_at_points(field: SDFField, source: PointSource, moment: Moment, drawn: Sequence[Tensor]) -> Seen:
    """What losses may look at where a source drew points: one query for all its sets and their neighbours."""
    sets = source.sets(*drawn)
    answer = field.query(gathered(sets), gradient=True)
    assert answer.gradient is not None
    points, start, hold = {}, 0, source.hold(moment)
    for name, one in sets.items():
        part = slice(start, start + len(one.points))
        counts = hold if one.fades else 1.0
        points[name] = AskedPoints(one.columns, one.sizes, answer.sdf[part], answer.gradient[part], counts)
        start = part.stop
    firsts, beside = [], len(answer.gradient) - start
    for name, one in sets.items():
        if one.beside is not None:
            firsts.append(points[name].gradient[: len(one.beside)])
    unit = [points[name].gradient for name, one in sets.items() if one.unit_slope]
    gradients = None
    if unit:
        whole = len(unit) == len(sets)
        gradients = answer.gradient[:start] if whole else torch.cat(unit)
    pairs = (firsts[0] if len(firsts) == 1 else torch.cat(firsts), answer.gradient[start:]) if beside else None
    return Seen(moment, gradients, pairs, points)
