"""Colours for numbers: one palette for errors, one for the two sides of a surface, and their scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.images.ramps import between

# From nothing to much: pale, yellow, orange, red, purple. Lightness falls all the way: it reads in grey too.
_MUCH = np.array([[233, 237, 238], [254, 217, 118], [253, 141, 60], [215, 38, 38], [98, 10, 96]], float)
# Inside, the surface, free space: blue, nearly white, ochre.
_SIDES = np.array(
    [[24, 58, 122], [78, 138, 194], [190, 215, 233], [247, 246, 243], [244, 217, 178], [217, 142, 66],
     [140, 70, 16]], float,
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """Which numbers have which colours.

    Attributes:
        low, high: values at the ends; what lies beyond has the end's colour.
        unit: of the values, "m"; "" where it is not known.
        words: what the values are.
        two_sided: the palette of two sides, with its middle in the middle; else the one of errors.
    """

    low: float
    high: float
    unit: str
    words: str
    two_sided: bool = False

    def colors(self, values: np.ndarray) -> np.ndarray:
        """Colours uint8 [..., 3] of values [...]; grey where they are not finite."""
        stops = _SIDES if self.two_sided else _MUCH
        share = (np.asarray(values, float) - self.low) / max(self.high - self.low, 1e-30)
        known = np.isfinite(share)
        mixed = between(np.where(known, share, 0.0), stops)
        mixed[~known] = 200.0
        return (mixed + 0.5).astype(np.uint8)

    def strip(self, width: int, height: int) -> np.ndarray:
        """A legend's picture uint8 [height, width, 3], low on the left."""
        row = self.colors(np.linspace(self.low, self.high, width))
        return np.repeat(row[None], height, axis=0)

    def ends(self) -> tuple[str, str]:
        """What stands below the legend's ends."""
        more = "" if self.two_sided else "> "
        return in_lengths(self.low, self.unit), more + in_lengths(self.high, self.unit)


def round_up(value: float) -> float:
    """The next of ... 0.1, 0.2, 0.5, 1, 2, 5 ...; 1 of what is not positive."""
    if not (np.isfinite(value) and value > 0.0):
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(power * step for step in (1.0, 2.0, 5.0, 10.0) if value <= power * step * (1 + 1e-9)))


def in_lengths(value: float, unit: str) -> str:
    """A length as people write it: 3.2 mm, 1.24 m; three digits where its unit is not known."""
    if unit != "m":
        return f"{value:.3g} {unit}".rstrip()
    size = abs(value)
    if size == 0.0:
        return "0"
    if size < 0.01:
        return f"{1000.0 * value:.3g} mm"
    return f"{100.0 * value:.3g} cm" if size < 1.0 else f"{value:.4g} m"
