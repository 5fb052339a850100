"""An unsigned distance field: how far a surface is that need not have an inside."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from neurfield.fields.sdf import SDFField

START = 0.3  # f in the middle of the box, unit lengths: about as far as the surface of most shapes


class UDFField(SDFField):
    """max(f, 0) of a network f as `SDFField` has.

    Not |f|: behind a surface that ends somewhere, f would have to come back through zero, and where it does
    there would be another surface. Here f touches zero from above, and where it is below it is pushed up: the
    derivatives by parameters are those of f everywhere.

    Args:
        start: "apart": positive everywhere at first, for those who are told distances; "sphere": f begins as
            the distance of a sphere, zero in it, for those who must see a surface to move it.
        arguments: further ones as of `SDFField`.

    Example:
        >>> field = UDFField()
        >>> bool((field.sdf(torch.rand(100, 3) * 2 - 1) >= 0).all())
        True
    """

    sign = "unsigned"

    def __init__(self, *arguments: Any, start: Literal["apart", "sphere"] = "apart", **options: Any) -> None:
        self.start = start
        super().__init__(*arguments, **options)

    def _value(self, outputs: Tensor) -> Tensor:
        """Not negative; its derivatives are those of f."""
        return outputs - outputs.detach().clamp_max(0.0)

    def start_as_sphere(self, radius: float, inside: bool, seed: int = 0) -> None:
        """A sphere, or positive everywhere, and more so away from the middle, whatever the radius."""
        if self.start == "sphere":
            super().start_as_sphere(radius, inside, seed)
        else:
            super().start_as_sphere(-START, inside=False, seed=seed)
