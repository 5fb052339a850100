"""A scene's pictures, ready to be compared with each other at the surface of a field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.ops.stereo_pictures import StereoPictures


@dataclass(frozen=True)
class ComparedViews:
    """Pictures of n frames, the cameras in the order of the scene's.

    Attributes:
        pictures: grey, pinhole, of one size.
        sources: int64 [n, S], pictures that each may be compared with, -1: no more.
        depth: float32 [n, h, w], z-depth of what each picture sees, world lengths, 0: nothing known. Of any
            size, over the same view. None: nothing is known of any.
        comparable: 0..1, how far greys, times their gains, may be compared as they are.
    """

    pictures: StereoPictures
    sources: Tensor
    depth: Tensor | None = None
    comparable: float = 1.0

    def to(self, device: torch.device) -> ComparedViews:
        """The same on a device."""

        def there(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        old = self.pictures
        pictures = StereoPictures(
            old.grey.to(device), old.lens.to(device), old.cam_from_world.to(device), there(old.inside),
            there(old.gain),
        )  # fmt: skip
        return ComparedViews(pictures, self.sources.to(device), there(self.depth), self.comparable)
