"""An unsigned distance field: how far a surface is that need not have an inside."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from neurfield.fields.sdf import FieldSample, SDFField

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

    def query(self, points: Tensor, gradient: bool = False, **options: Any) -> FieldSample:  # type: ignore[override]
        """As `SDFField.query`; the value is not negative, the gradient that of f."""
        sample = super().query(points, gradient, **options)
        below = sample.sdf.detach().clamp_max(0.0)
        return sample._replace(sdf=sample.sdf - below)

    def start_as_sphere(self, radius: float, inside: bool, seed: int = 0) -> None:
        """Positive everywhere, and more so away from the middle, whatever the radius."""
        super().start_as_sphere(-START, inside=False, seed=seed)
