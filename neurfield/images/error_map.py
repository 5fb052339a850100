"""Where and by how much a fitted picture is off, gathered band by band."""

from __future__ import annotations

import math

import numpy as np

from neurfield.images.source import ImageSource


class ErrorMap:
    """Squared errors of a fitted picture, in all (exactly) and in square blocks.

    Attributes:
        block: edge of a block in pixels, such that the longest side has at most `longest` blocks.
        blocks: [rows, columns], the sum of squared errors in each.
        squared, values: the sum of squared errors, and of how many values.
    """

    def __init__(self, like: ImageSource, longest: int) -> None:
        self.like = like
        self.block = math.ceil(max(like.width, like.height) / longest)
        self.blocks = np.zeros((math.ceil(like.height / self.block), math.ceil(like.width / self.block)))
        self.squared, self.values = 0, 0  # Python's integers: exact whatever the size

    def add(self, y: int, true: np.ndarray, fitted: np.ndarray) -> None:
        """Compare rows [h, width, channels] from row y on; y is a multiple of `block`."""
        difference = true.astype(np.int32) - fitted
        squared = np.einsum("hwc,hwc->hw", difference, difference, dtype=np.int64)
        self.squared += int(squared.sum())
        self.values += difference.size
        rows, columns = (np.arange(0, n, self.block) for n in squared.shape)
        sums = np.add.reduceat(np.add.reduceat(squared, rows, axis=0), columns, axis=1)
        self.blocks[y // self.block : y // self.block + len(rows)] = sums

    def psnr(self) -> float:
        """dB over every value that was compared, infinite if all are equal."""
        if not self.squared:
            return math.inf
        return 10.0 * math.log10(self.like.peak**2 * self.values / self.squared)

    def relative(self) -> np.ndarray:
        """Root mean square error of each block [rows, columns], 1 = white against black."""
        across = np.diff(np.append(np.arange(0, self.like.width, self.block), self.like.width))
        down = np.diff(np.append(np.arange(0, self.like.height, self.block), self.like.height))
        counts = down[:, None] * across[None, :] * self.like.channels
        return np.sqrt(self.blocks / counts) / self.like.peak

    def worst(self, edge: int) -> tuple[int, int, int, int]:
        """x, y, width and height of the square of about `edge` pixels in which the error is largest."""
        w, h = min(edge, self.like.width), min(edge, self.like.height)
        across, down = max(1, w // self.block), max(1, h // self.block)
        summed = np.zeros((self.blocks.shape[0] + 1, self.blocks.shape[1] + 1))
        summed[1:, 1:] = self.blocks.cumsum(axis=0).cumsum(axis=1)
        window = (
            summed[down:, across:]
            - summed[:-down, across:]
            - summed[down:, :-across]
            + summed[:-down, :-across]
        )
        row, column = np.unravel_index(int(window.argmax()), window.shape)
        return (
            min(int(column) * self.block, self.like.width - w),
            min(int(row) * self.block, self.like.height - h),
            w,
            h,
        )
