"""An unsigned distance field: how far a surface is that need not have an inside."""

from __future__ import annotations

from torch import Tensor

from neurfield.fields.sdf import SDFField

START = 0.3  # f in the middle of the box, unit lengths: about as far as the surface of most shapes


class UDFField(SDFField):
    """max(f, 0) of a network f as `SDFField` has; f starts positive everywhere.

    Not |f|: behind a surface that ends somewhere, f would have to come back through zero, and where it does
    there would be another surface. Here f touches zero from above, and where it is below it is pushed up: the
    derivatives by parameters are those of f everywhere. Arguments as of `SDFField`.

    Example:
        >>> field = UDFField()
        >>> bool((field.sdf(torch.rand(100, 3) * 2 - 1) >= 0).all())
        True
    """

    sign = "unsigned"

    def _value(self, outputs: Tensor) -> Tensor:
        """Not negative; its derivatives are those of f."""
        return outputs - outputs.detach().clamp_max(0.0)

    def start_as_sphere(self, radius: float, inside: bool, seed: int = 0) -> None:
        """Positive everywhere, and more so away from the middle, whatever the radius."""
        super().start_as_sphere(-START, inside=False, seed=seed)
