"""How the pictures of one scene differ: from its colours to those of each picture."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Exposure(Protocol):
    """What a picture makes of the scene's colours.

    It may be a torch module with `parameter_groups`, and then it is learnt. A method `prepare` is called
    once, before the first step. What stands behind the field is seen through it where it is learnt.
    """

    def shown(self, rgb: Tensor, opacity: Tensor, camera: Tensor) -> Tensor:
        """Colours [R, 3] as a picture shows them.

        Args:
            rgb: [R, 3], the scene's colours times `opacity`.
            opacity: [R] of what has these colours, in 0..1.
            camera: int64 [R], whose rays; -1: none of the fit's, for which colours are the scene's own.
        """
        ...
