"""An unsigned distance field: how far a surface is that need not have an inside."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from neurfield.fields.heads import Head
from neurfield.fields.sdf import FieldSample, SDFField
from neurfield.ops.points import flat_points

START = 0.3  # f in the middle of the box, unit lengths: about as far as the surface of most shapes
SIDE, BEYOND = "side", "beyond"


class UDFField(SDFField):
    """max(f, 0) of a network f as `SDFField` has.

    Not |f|: behind a surface that ends somewhere, f would have to come back through zero, and where it does
    there would be another surface. Here f touches zero from above, and where it is below it is pushed up: the
    derivatives by parameters are those of f everywhere.

    Touching zero is a kink, which a network rounds off. So `sided` has a second output h, the distance with
    the sign of the side that a point is on, which goes straight through zero: the field is max(|h|, f), where
    f is below zero on the surface and more than |h| where h comes back through zero. Its heads "side" and
    "beyond" are h and f, for losses that tell both.

    A loss on the value would have h grow on either side, so h learns by its head and by the gradient alone.
    It starts at zero, and while it is there the field is max(f, 0).

    Args:
        arguments: as of `SDFField`.
        start: "apart": positive everywhere at first, for those who are told distances; "sphere": f begins as
            the distance of a sphere, zero in it, for those who must see a surface to move it.
        sided: whether there is h.
        options: as of `SDFField`.

    Example:
        >>> field = UDFField()
        >>> bool((field.sdf(torch.rand(100, 3) * 2 - 1) >= 0).all())
        True
    """

    sign = "unsigned"

    def __init__(
        self,
        *arguments: Any,
        start: Literal["apart", "sphere"] = "apart",
        sided: bool = False,
        **options: Any,
    ) -> None:
        self.start, self.sided = start, sided
        heads = {SIDE: Head(1, start=0.0)} if sided else {}
        super().__init__(*arguments, heads=heads, **options)  # type: ignore[misc]

    def query(self, points: Tensor, gradient: bool = False, **options: Any) -> FieldSample:  # type: ignore[override]
        """As `SDFField.query`; the value is not negative, the gradient is that of f, or of |h|."""
        if not self.sided:
            return super().query(points, gradient, **options)
        flat = flat_points("UDFField.query", points, 3, self._linears()[0].weight)
        # Which of both tells is asked first, because one gradient comes with a query.
        with torch.set_grad_enabled(torch.is_grad_enabled() and not gradient):
            sample = super().query(flat)
        by_side = _told_by_side(sample.heads[SIDE][:, 0], sample.sdf)
        if gradient:
            row = by_side.to(torch.int64) * self.row_of(SIDE)
            sample = super().query(flat, True, row=row, **options)
        side, beyond = sample.heads[SIDE], sample.sdf
        value, turn = _larger(side[:, 0], beyond, by_side)
        slope = None if sample.gradient is None else turn[:, None] * sample.gradient
        both = FieldSample(value, slope, sample.feature, {SIDE: side, BEYOND: beyond[:, None]})
        return both if points.ndim == 2 else both.batched(points.shape[:-1])

    def start_as_sphere(self, radius: float, inside: bool, seed: int = 0) -> None:
        """A sphere, or positive everywhere, and more so away from the middle, whatever the radius."""
        if self.start == "sphere":
            super().start_as_sphere(radius, inside, seed)
        else:
            super().start_as_sphere(-START, inside=False, seed=seed)

    def _value(self, outputs: Tensor) -> Tensor:
        """Not negative; its derivatives are those of f. Beside h f stays as it is."""
        return outputs if self.sided else _not_negative(outputs)

    def _trained(self, points: Tensor) -> Tensor:
        if not self.sided:
            return super()._trained(points)
        outputs = self._trained_outputs(points)
        side, beyond = outputs[:, self.row_of(SIDE)], outputs[:, 0]
        return _larger(side, beyond, _told_by_side(side, beyond))[0]


def _told_by_side(side: Tensor, beyond: Tensor) -> Tensor:
    """Where |h| is the field's value [N] rather than f: not before anybody told it sides."""
    return (side.abs() > beyond) & (side.abs() > 0.0)


def _larger(side: Tensor, beyond: Tensor, by_side: Tensor) -> tuple[Tensor, Tensor]:
    """The field's values [N], which teach f alone, and what turns the gradient of h or f into theirs [N]."""
    turn = torch.where(side < 0.0, -1.0, 1.0) * by_side + ~by_side
    return torch.where(by_side, turn * side.detach(), _not_negative(beyond)), turn


def _not_negative(values: Tensor) -> Tensor:
    """Values below zero pushed up to it; their derivatives are 1 all over."""
    return values - values.detach().clamp_max(0.0)
