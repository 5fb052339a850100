"""The sources of a scene as a fit holds them: their numbers in memory, and the column that they become."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Source:
    """One kind of image.

    Attributes:
        column: of `Pixels`.
        words: for people.
        dtype: of the numbers that are held.
        channels: numbers that are held a pixel.
    """

    column: str
    words: str
    dtype: torch.dtype
    channels: int = 1

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes that are held a pixel."""
        return self.channels * self.dtype.itemsize


SOURCES = {
    "image": Source("rgb", "images", torch.uint8, 3),
    "mask": Source("mask", "masks", torch.uint8),
    "depth": Source("t_depth", "exact depth maps", torch.float32),
    "sensor_depth": Source("t_depth", "noisy sensor depth maps", torch.float32),
    "stereo_depth": Source("stereo_depth", "stereo depth maps", torch.float32),
    "stereo_normal": Source("stereo_normal", "stereo normal maps", torch.int8, 3),
    "stereo_confidence": Source("stereo_confidence", "confidence of stereo", torch.float32),
    "prior_depth": Source("prior_depth", "ambiguous prior depth maps", torch.float32),
    "prior_normal": Source("prior_normal", "prior normal maps", torch.int8, 3),
    "segment": Source("segment", "segment maps", torch.int32),
    "reflectance": Source("reflectance", "pictures of reflectance", torch.uint8, 3),
    "shading": Source("shading", "pictures of shading", torch.uint8, 3),
}
