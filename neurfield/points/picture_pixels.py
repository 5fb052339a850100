"""Where the pixels of an image fit's steps lie, and how they come to its device.

Which ones follows from the pool alone. On a GPU the picture lies there as the file's integers, where it takes
no more than half of the free memory, and a step copies nothing from the host. Else the host draws, a step
ahead, into pinned memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from neurfield.images.pool import HeldPixels, PixelPool
from neurfield.pixels.uploads import Ahead, has_room, pinned, uploaded


class StepPixels(Protocol):
    """Draws a step's pixels in two: what the host decides, and the pixels by it, wherever they lie."""

    def inputs(self, step: int) -> tuple[Tensor, ...]:
        """Tensors on the device from which `pixels` makes the step's pixels."""
        ...

    def pixels(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Centres [N, 2] and values [N, channels] in 0..1, as `PixelPool.batch` gives them."""
        ...


def step_pixels(pool: PixelPool, count: int, device: torch.device) -> StepPixels:
    """About `count` pixels a step of this pool, for this device."""
    if device.type == "cpu":
        return DrawnPixels(pool, count, device)
    if isinstance(pool, HeldPixels) and has_room(pool.flat.nbytes, device):
        return ResidentPixels(pool, count, device)
    return DrawnAhead(pool, count, device)


class DrawnPixels:
    """The host draws points and values when a step asks for them."""

    def __init__(self, pool: PixelPool, count: int, device: torch.device) -> None:
        self.pool, self.count, self.device = pool, count, device

    def inputs(self, step: int) -> tuple[Tensor, ...]:
        """As `StepPixels.inputs`: centres and values."""
        points, values = self._drawn(step)
        return uploaded(points, self.device), uploaded(values, self.device)

    def pixels(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As `StepPixels.pixels`: the inputs themselves."""
        points, values = inputs
        return points, values

    def _drawn(self, step: int) -> tuple[Tensor, Tensor]:
        points, values = self.pool.batch(step, self.count)
        return torch.from_numpy(points), torch.from_numpy(values)


class DrawnAhead(DrawnPixels):
    """The host draws, a step ahead, into pinned memory."""

    def __init__(
        self,
        pool: PixelPool,
        count: int,
        device: torch.device,
        pin: Callable[[Tensor], Tensor] = pinned,
    ) -> None:
        super().__init__(pool, count, device)
        self.pin = pin
        self._ahead = Ahead(self._pinned)

    def inputs(self, step: int) -> tuple[Tensor, ...]:
        """As `DrawnPixels.inputs`, drawn while the step before ran."""
        points, values = self._ahead.get(step)
        inputs = uploaded(points, self.device), uploaded(values, self.device)
        self._ahead.start(step + 1)
        return inputs

    def _pinned(self, step: int) -> tuple[Tensor, Tensor]:
        points, values = self._drawn(step)
        return self.pin(points), self.pin(values)


class ResidentPixels:
    """The whole picture on the device. What a round of steps shares is copied there once a round."""

    def __init__(
        self,
        pool: HeldPixels,
        count: int,
        device: torch.device,
        pin: Callable[[Tensor], Tensor] = pinned,
    ) -> None:
        self.pool, self.count, self.device, self.pin = pool, count, device, pin
        self.total, self.peak = len(pool.flat), float(np.iinfo(pool.flat.dtype).max)
        self.longest = max(pool.width, pool.height)
        self.length = math.ceil(self.total / count)
        array = pool.flat if pool.flat.dtype == np.uint8 else pool.flat.view(np.int16)  # which torch gathers
        self.flat = torch.from_numpy(np.ascontiguousarray(array)).to(device)
        self.first = torch.arange(0, self.total, self.length, device=device)
        self._turn = -1

    def inputs(self, step: int) -> tuple[Tensor, ...]:
        """As `StepPixels.inputs`: indices into the picture's pixels."""
        turn, now = divmod(step, self.length)
        if turn != self._turn:
            offsets, self._stride = self.pool.round_of(turn, self.length)
            self._turn, self._last = turn, int(offsets[-1])
            self._offsets = uploaded(self.pin(torch.from_numpy(offsets)), self.device)
        shift = now * self._stride
        index = self.first + (self._offsets + shift) % self.length
        # Only the last stretch may reach beyond the picture; whether it does, the host knows.
        last = (len(self.first) - 1) * self.length + (self._last + shift) % self.length
        return (index if last < self.total else index[:-1],)

    def pixels(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As `StepPixels.pixels`, gathered on the device."""
        (index,) = inputs
        row = index // self.pool.width
        place = torch.stack([index - row * self.pool.width, row], dim=1)
        values = self.flat.index_select(0, index)
        if values.dtype == torch.int16:
            values = values.int() & 0xFFFF
        return ((place.double() + 0.5) / self.longest).float(), values.float() * (1.0 / self.peak)
