"""A choice of pixels that follows what the field says: it looks at maps of it at a few moments of a fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from neurfield.moment import Moment

Values = Callable[[Mapping[str, Tensor]], Tensor]


class Maps(Protocol):
    """What a fit's cameras see of its field now."""

    def of(self, camera: int, longest: int, values: Values) -> np.ndarray:
        """A map float32 [h, w, K] of numbers that the field's heads say, weighted along rays as colours are.

        Args:
            camera: of those that the chooser draws from.
            longest: pixels along the map's longer side; a smaller picture has its own size.
            values: from heads [S, K'] by name to numbers [S, K] of samples.
        """
        ...


@runtime_checkable
class Looking(Protocol):
    """A chooser that looks at the field. What it keeps of that is part of a fit's state.

    `choose` follows from its arguments and from what was last looked at: nothing is drawn ahead over a look.
    """

    def due(self, moment: Moment) -> bool:
        """Whether it wants to look before this step's pixels are chosen."""
        ...

    def look(self, moment: Moment, maps: Maps) -> None:
        """See what the field says now."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What `choose` depends on besides its arguments."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`."""
        ...
