"""What a field says along rays, which passes make pixels of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from neurfield.fields import FieldSample


@dataclass(frozen=True)
class Answers:
    """What the field says in the middle of each of S sections, and at E further points.

    Attributes:
        t: [S] of the middles, along the rays, unit lengths.
        sdf: [S] unit lengths.
        gradient: [S, 3].
        heads: [S, K] of each of the field's heads, by name.
        everywhere: all that was asked, S + E points, those of the sections first.
        slopes: [S, 3], the gradients of the heads' first numbers, by name, of those that a pass asks for.
    """

    t: Tensor
    sdf: Tensor
    gradient: Tensor
    heads: Mapping[str, Tensor]
    everywhere: FieldSample
    slopes: Mapping[str, Tensor] = field(default_factory=dict)
