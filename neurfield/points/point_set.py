"""Points off the rays, with what is known of them, and what the field answers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor

from neurfield.moment import Moment


@dataclass(frozen=True)
class PointSet:
    """P points of the field's coordinates.

    Attributes:
        points: [P, D].
        columns: what is known of each, [P, ...], by name: sdf, normal, weight, color, ...
        sizes: lengths that belong to all of them, by name, such as the band that errors are counted in.
        unit_slope: whether the field ought to have slope one there.
        beside: [K, D], each a small step from one of the first K points.
        fades: whether they count as much as the source's `hold` says.
        asked: whether the field is asked there; where it is not, losses look at the columns alone.
        row: [P] int64, which of a field's distances each is of (`query`); None: its own. Then there is
            nothing beside them.
    """

    points: Tensor
    columns: dict[str, Tensor] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    unit_slope: bool = False
    beside: Tensor | None = None
    fades: bool = False
    asked: bool = True
    row: Tensor | None = None

    @property
    def queried(self) -> Tensor:
        """Those of the points at which the field is asked: all, or none."""
        return self.points if self.asked else self.points[:0]


@dataclass(frozen=True)
class AskedPoints:
    """A point set once the field was asked.

    Attributes:
        columns: what is known of each point, [P, ...], by name.
        sizes: lengths that belong to all of them, by name.
        value: what the field says, sdf [P] or colours [P, C]; of no point where it was not asked.
        gradient: [P, 3] of a distance field, else None.
        hold: the factor that the weights of losses on it take for now.
        heads: of a field that has some, [P, K] each, by name.
    """

    columns: dict[str, Tensor]
    sizes: dict[str, float]
    value: Tensor
    gradient: Tensor | None
    hold: float = 1.0
    heads: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def sdf(self) -> Tensor:
        """The value of a distance field [P]."""
        return self.value

    @property
    def slope(self) -> Tensor:
        """The gradient of a distance field [P, 3]."""
        assert self.gradient is not None
        return self.gradient


@dataclass(frozen=True)
class Beside:
    """Which points get a neighbour in a step.

    Attributes:
        pairs: how many do.
        distance: of the neighbour, at most, along each axis; unit lengths.
    """

    pairs: int = 0
    distance: float = 0.005


NONE_BESIDE = Beside()


class PointSource(Protocol):
    """Draws points for each step.

    Attributes:
        offers: what losses may look at by it: "points.NAME" for each set, "gradients", "pairs".
        with_rays: whether its points join the query of the rays' samples.
        alone: share of the steps that look at points alone.
        warm: whether the field starts from a surface that the points are of.
        words: what it draws from, for people; "": nothing worth a line.
    """

    offers: frozenset[str]
    with_rays: bool

    @property
    def alone(self) -> float: ...

    @property
    def warm(self) -> bool: ...

    @property
    def words(self) -> str: ...

    def prepare(self) -> None:
        """Work out, once, what is drawn from."""
        ...

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Random numbers, indices or points for a step; empty where the source takes no part.

        Their shapes are the same in nearly every step.
        """
        ...

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """Points by the names of their sets, from what `draw` gave and nothing else.

        No value of a tensor is read.
        """
        ...

    def hold(self, moment: Moment) -> float:
        """How much losses on those of its sets that fade count, 0 to 1."""
        ...

    def learning(self, progress: float) -> float:
        """What learning rates are multiplied with when a share of the steps is done."""
        ...

    def figures(self, answers: dict[str, AskedPoints]) -> dict[str, float | Tensor]:
        """For the log, by what the field said of its sets."""
        ...


class Source:
    """What most sources share: they take part from the first ray to the last."""

    offers: frozenset[str] = frozenset()
    with_rays = False
    alone = 0.0
    warm = False
    words = ""

    def prepare(self) -> None:
        """Nothing has to be worked out."""

    def hold(self, moment: Moment) -> float:
        """Fully, at every moment."""
        return 1.0

    def learning(self, progress: float) -> float:
        """One: rates follow the steps alone."""
        return 1.0

    def figures(self, answers: dict[str, AskedPoints]) -> dict[str, float | Tensor]:
        """No figures."""
        return {}


def gathered(sets: dict[str, PointSet], *more: Tensor) -> Tensor:
    """All points of some sets [N, D] that a field is asked at, those beside behind them, then some more."""
    each = [s.queried for s in sets.values()]
    return torch.cat([*each, *(s.beside for s in sets.values() if s.beside is not None), *more])


def rows_of(sets: Mapping[str, PointSet]) -> Tensor | None:
    """The rows of all points of `gathered`, where sets have some; None: they have none."""
    rows = [one.row for one in sets.values() if one.asked and one.row is not None]
    return torch.cat(rows) if rows else None


def answered(
    sets: Mapping[str, PointSet],
    holds: Mapping[str, float],
    value: Tensor,
    gradient: Tensor | None,
    start: int = 0,
    heads: Mapping[str, Tensor] = MappingProxyType({}),
) -> tuple[dict[str, AskedPoints], int]:
    """Sets with what a field answered at their points, and the row behind the last of these.

    Args:
        sets: by name.
        holds: of each, by name, what its source's `hold` says.
        value: of the whole query, [N] or [N, C].
        gradient: of the whole query, [N, 3], or None.
        start: the row of the first set's first point.
        heads: of the whole query, [N, K] each, by name.
    """
    points = {}
    for name, one in sets.items():
        rows = slice(start, start + len(one.queried))
        slope = None if gradient is None else gradient[rows]
        hold = holds[name] if one.fades else 1.0
        own = {head: numbers[rows] for head, numbers in heads.items()}
        points[name] = AskedPoints(one.columns, one.sizes, value[rows], slope, hold, own)
        start = rows.stop
    return points, start
