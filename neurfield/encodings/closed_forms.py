"""Encodings without parameters, as modules: what a coordinate is, without anything learnt."""

from __future__ import annotations

from torch import Tensor

from neurfield.encodings.encoding import Encoding
from neurfield.ops.closed_forms import MAX_BANDS, frequency, one_blob


class Frequency(Encoding):
    """Sines and cosines of 2^k pi x (Mildenhall et al. 2020): per band k all axes' sines, then their cosines.

    Bands are the levels: coarse to fine is band by band. Periodic outside [0, 1], with period 2. The point
    itself is not among the features; `Concatenation(Identity(3), Frequency(3))` has it.

    Raises:
        ValueError: bands is not 1 to 20, dimensions not 2 to 4.
    """

    def __init__(self, dimensions: int = 3, bands: int = 10) -> None:
        super().__init__()
        if not 1 <= bands <= MAX_BANDS:
            raise ValueError(f"Frequency: bands must be 1 to {MAX_BANDS}, got {bands}")
        self.dimensions = _dimensions("Frequency", dimensions)
        self.levels = self.bands = bands
        self.output_dim = 2 * bands * dimensions

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """[N, 2 * bands * dimensions] of [N, dimensions]; bands from `active_levels` on are zero."""
        self._check(points)
        return frequency(points, self.bands, active_levels)

    def extra_repr(self) -> str:
        return f"dimensions={self.dimensions}, bands={self.bands}"


class OneBlob(Encoding):
    """What each of an axis's bins holds of a blob around the coordinate (Müller et al. 2019), axis by axis.

    The blob is a quartic kernel, two bins wide, as in tiny-cuda-nn. It wraps around: 0 and 1 are the same
    point, and outside [0, 1] the features repeat.

    Raises:
        ValueError: bins is less than 2, dimensions not 2 to 4.
    """

    def __init__(self, dimensions: int = 3, bins: int = 16) -> None:
        super().__init__()
        if bins < 2:
            raise ValueError(f"OneBlob: bins must be at least 2, got {bins}")
        self.dimensions = _dimensions("OneBlob", dimensions)
        self.bins = bins
        self.output_dim = bins * dimensions

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """[N, dimensions * bins] of [N, dimensions]; zeros where no level is active."""
        self._check(points)
        return _all_or_nothing(one_blob(points, self.bins), active_levels)

    def extra_repr(self) -> str:
        return f"dimensions={self.dimensions}, bins={self.bins}"


class Identity(Encoding):
    """The point itself: scale * x + offset, anywhere.

    Raises:
        ValueError: dimensions is not 2 to 4.
    """

    def __init__(self, dimensions: int = 3, scale: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.dimensions = self.output_dim = _dimensions("Identity", dimensions)
        self.scale, self.offset = scale, offset

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """[N, dimensions] of [N, dimensions]; zeros where no level is active."""
        self._check(points)
        return _all_or_nothing(points * self.scale + self.offset, active_levels)

    def extra_repr(self) -> str:
        return f"dimensions={self.dimensions}, scale={self.scale}, offset={self.offset}"


def _dimensions(who: str, dimensions: int) -> int:
    if dimensions not in (2, 3, 4):
        raise ValueError(f"{who}: dimensions must be 2, 3 or 4, got {dimensions}")
    return dimensions


def _all_or_nothing(features: Tensor, active_levels: int | None) -> Tensor:
    return features if active_levels is None or active_levels > 0 else 0.0 * features
