"""What a colour says of points beside their colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Shaded:
    """Colours of N points, and whatever else is to be rendered of them.

    Attributes:
        rgb: [N, 3] in 0..1.
        channels: [N, K] by name: each pass renders them as it does colours. A colour that has some says how
            many numbers each has in its attribute `channels`.
        of_pixels: from rendered channels, [R, K] by name, and opacities [R] to the pixels' colours times
            opacity [R, 3]; None: they are those of the samples. A colour that has it lists "direct" among its
            channels, with 3 numbers: what the samples' own colours render to.
    """

    rgb: Tensor
    channels: Mapping[str, Tensor] = field(default_factory=dict)
    of_pixels: Callable[[Mapping[str, Tensor], Tensor], Tensor] | None = None
