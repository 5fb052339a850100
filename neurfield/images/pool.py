"""Where a fit draws its pixels from: the whole picture, or a pool of its tiles where memory is short.

Either way a batch follows from (seed, step) alone, so that a resumed fit goes on as if never stopped. A batch
has one pixel from each of its equal stretches of pixels: it covers what is held evenly, and comes in the
order of memory.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from neurfield.images.source import ImageSource


class PixelPool(Protocol):
    """Draws batches of pixels, the same for the same step."""

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """About `count` pixels for a step of the fit.

        Returns:
            Centres float32 [N, 2] and values float32 [N, channels] in 0..1. Centres are (column + 0.5, row
            + 0.5) by max(width, height), so that both axes have one scale.
        """
        ...


def pixel_pool(source: ImageSource, budget: int, tile: int, count: int, steps: int, seed: int) -> PixelPool:
    """The picture held whole if it fits the budget, else a pool of its tiles.

    Args:
        budget: bytes, of decoded pixels.
        tile: edge of a tile in pixels.
        count: pixels that a step draws.
        steps: of the whole fit, in which all tiles shall be drawn from.
        seed: of the order in which pixels come.
    """
    if source.held or source.nbytes <= budget:
        return HeldPixels(source.hold(), seed)
    return TilePool(source, budget, tile, count, steps, seed)


class HeldPixels:
    """All pixels of a picture; every one is drawn once before any is drawn again."""

    def __init__(self, array: np.ndarray, seed: int) -> None:
        """array: uint8 or uint16 [h, w, c]."""
        self.height, self.width, channels = array.shape
        self.flat, self.seed = array.reshape(-1, channels), seed

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """See `PixelPool`.

        Stretches have as many pixels as there are steps in a round. In each, a walk with a stride that has no
        factor in common with its length visits all, from a start of its own.
        """
        total = len(self.flat)
        length = math.ceil(total / count)
        turn, now = divmod(step, length)
        offsets, stride = self.round_of(turn, length)
        index = np.arange(0, total, length) + (offsets + now * stride) % length
        index = index[index < total]
        row = index // self.width
        return _centres(index - row * self.width, row, max(self.width, self.height)), _unit(self.flat, index)

    def round_of(self, turn: int, length: int) -> tuple[np.ndarray, int]:
        """Where each stretch of `length` pixels is entered in a round, int64, and the stride of all walks."""
        random = np.random.default_rng([self.seed, 5, turn])
        stride = _stride(length, random)
        return random.integers(0, length, math.ceil(len(self.flat) / length)), stride


class TilePool:
    """As many tiles as a budget allows, some of which are replaced each step, in rounds of a random order.

    As many pixels are read as drawn, or more if otherwise some tiles would not be seen before the fit ends.
    Tiles at the right and lower edge reach back into their neighbours, so that all have one size.
    """

    def __init__(
        self, source: ImageSource, budget: int, tile: int, count: int, steps: int, seed: int
    ) -> None:
        self.source, self.seed = source, seed
        self.w, self.h = min(tile, source.width), min(tile, source.height)
        self.across, self.down = math.ceil(source.width / self.w), math.ceil(source.height / self.h)
        self.tiles = self.across * self.down
        bytes_of_tile = self.w * self.h * source.channels * source.bits // 8
        self.slots = max(1, min(self.tiles, budget // bytes_of_tile))
        self.exchanged = max(
            1, round(count / (self.w * self.h)), math.ceil((self.tiles - self.slots) / max(1, steps))
        )
        self.read = 0  # tiles, so far
        self._flat = np.empty((self.slots * self.w * self.h, source.channels), source.dtype)
        self._held = np.full(self.slots, -1, dtype=np.int64)  # place in the order of all tiles ever held
        self._x, self._y = np.zeros(self.slots, dtype=np.int64), np.zeros(self.slots, dtype=np.int64)

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """See `PixelPool`; UserError if a tile cannot be read."""
        self._advance(step)
        random = np.random.default_rng([self.seed, 6, step])
        total = len(self._flat)
        length = math.ceil(total / count)
        first = np.arange(0, total, length)
        index = first + random.integers(0, length, len(first))
        index = index[index < total]
        slot, within = np.divmod(index, self.w * self.h)
        row, column = np.divmod(within, self.w)
        longest = max(self.source.width, self.source.height)
        return _centres(column + self._x[slot], row + self._y[slot], longest), _unit(self._flat, index)

    def _advance(self, step: int) -> None:
        """Hold the tiles that belong to a step: `slots` in the order, from `step * exchanged` on."""
        start = step * self.exchanged
        slots = np.arange(self.slots)
        due = start + (slots - start) % self.slots
        orders: dict[int, np.ndarray] = {}
        for slot in np.flatnonzero(due != self._held):
            turn, place = divmod(int(due[slot]), self.tiles)
            if turn not in orders:
                orders[turn] = np.random.default_rng([self.seed, 3, turn]).permutation(self.tiles)
            row, column = divmod(int(orders[turn][place]), self.across)
            x = min(column * self.w, self.source.width - self.w)
            y = min(row * self.h, self.source.height - self.h)
            part = slice(slot * self.w * self.h, (slot + 1) * self.w * self.h)
            self._flat[part] = self.source.region(x, y, self.w, self.h).reshape(-1, self.source.channels)
            self._x[slot], self._y[slot], self._held[slot] = x, y, due[slot]
            self.read += 1


def centres(x: int, y: int, w: int, h: int, longest: int) -> np.ndarray:
    """Centres float32 [h * w, 2] of a region's pixels, row by row; `longest` is the picture's longer side."""
    row, column = np.divmod(np.arange(w * h), w)
    return _centres(column + x, row + y, longest)


def _centres(column: np.ndarray, row: np.ndarray, longest: int) -> np.ndarray:
    points = np.empty((len(column), 2), np.float32)
    points[:, 0] = (column + 0.5) / longest
    points[:, 1] = (row + 0.5) / longest
    return points


def _unit(flat: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The pixels at these places [N] as float32 [N, channels] in 0..1."""
    return flat.take(index, axis=0).astype(np.float32) * np.float32(1.0 / np.iinfo(flat.dtype).max)


def _stride(length: int, random: np.random.Generator) -> int:
    """A random number below `length` that has no factor in common with it (1 for lengths 1 and 2)."""
    while True:
        stride = int(random.integers(1, max(2, length)))
        if math.gcd(stride, length) == 1:
            return stride
