"""What a step does with points that have a query of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.points import PointSource
from neurfield.points.point_set import answered, gathered, rows_of


def look_at_points(field: Any, source: PointSource, moment: Moment, drawn: Sequence[Tensor]) -> Seen:
    """What losses may look at where a source drew points: one query for all its sets and their neighbours.

    Args:
        field: that is asked.
        source: that drew.
        moment: of the fit.
        drawn: what its `draw` gave.
    """
    sets = source.sets(*drawn)
    row = rows_of(sets)
    rows = {} if row is None else {"row": row}  # other fields than those of distances know none
    answer = field.query(gathered(sets), gradient=True, **rows)
    holds = dict.fromkeys(sets, source.hold(moment))
    heads = getattr(answer, "heads", {})
    points, start = answered(sets, holds, answer.value, answer.gradient, heads=heads)
    unit = [points[name].slope for name, one in sets.items() if one.unit_slope]
    first = [points[name].slope[: len(one.beside)] for name, one in sets.items() if one.beside is not None]
    gradients = pairs = None
    if unit:
        everywhere = len(unit) == sum(one.asked for one in sets.values())
        gradients = answer.gradient[:start] if everywhere else torch.cat(unit)
    if first:
        pairs = (first[0] if len(first) == 1 else torch.cat(first), answer.gradient[start:])
    return Seen(moment, gradients, pairs, points)
