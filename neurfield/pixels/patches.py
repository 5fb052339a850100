"""Pictures cut into patches, of which something is kept that single pixels could not tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes import Cameras

ALONG = 80  # patches along a picture's longer side, of pixels at least


@dataclass(frozen=True)
class Patches:
    """Patches of n pictures, the same number in each: numbered picture after picture, row after row.

    Attributes:
        width: int64 [n], of the pictures, pixels.
        height: int64 [n], pixels.
        rows: patches of a picture from top to bottom.
        columns: patches of a picture from left to right.
    """

    width: np.ndarray
    height: np.ndarray
    rows: int
    columns: int

    @staticmethod
    def of(cameras: Cameras) -> Patches:
        """Nearly square ones, `ALONG` on the longer side of the largest picture."""
        width, height = (side.astype(np.int64) for side in (cameras.width, cameras.height))
        share = min(1.0, ALONG / max(1, int(width.max()), int(height.max())))
        rows, columns = (max(1, round(share * int(side.max()))) for side in (height, width))
        return Patches(width, height, rows, columns)

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, rows, columns."""
        return len(self.width), self.rows, self.columns

    def at(self, camera: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """The patches int64 [R] of pixels: of their pictures, rows and columns, int64 [R] each."""
        y = row * self.rows // self.height[camera]
        x = column * self.columns // self.width[camera]
        return (camera * self.rows + y) * self.columns + x
