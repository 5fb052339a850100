"""What a step needs of the host's memory, brought to a GPU without either waiting for the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import torch
from torch import Tensor

SHARE = 0.5  # of a GPU's free memory that images may take

T = TypeVar("T")


def has_room(n_bytes: int, device: torch.device) -> bool:
    """Whether images of this size may stay on a GPU; on the CPU they are where they are."""
    return device.type == "cuda" and n_bytes <= SHARE * torch.cuda.mem_get_info(device)[0]


def pinned(tensor: Tensor) -> Tensor:
    """A copy in memory from which a GPU fetches by itself; torch hands it out again once that is done."""
    return tensor.pin_memory()


def uploaded(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; if it is `pinned`, in the order of the stream, and nobody waits."""
    return tensor.to(device, non_blocking=True)


class Ahead(Generic[T]):
    """Makes what the next step will ask for while the present one runs, in a thread of its own.

    Args:
        make: follows from its arguments; never runs twice at a time.
    """

    def __init__(self, make: Callable[..., T]) -> None:
        self._make = make
        self._thread: ThreadPoolExecutor | None = None
        self._pending: tuple[tuple[Hashable, ...], Future[T]] | None = None

    def start(self, *arguments: Hashable) -> None:
        """Begin with what will be asked for next."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self.drop()
        self._pending = arguments, self._thread.submit(self._make, *arguments)

    def get(self, *arguments: Hashable) -> T:
        """What `make` gives of these; raises what it raises."""
        if self._pending is not None and self._pending[0] == arguments:
            future, self._pending = self._pending[1], None
            return future.result()
        self.drop()
        return self._make(*arguments)

    def drop(self) -> None:
        """Wait for what nobody asked for; had it failed, so will what is asked for."""
        if self._pending is not None:
            self._pending[1].exception()
            self._pending = None
