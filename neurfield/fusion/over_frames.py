"""The same work on each of many frames, in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def over_frames(work: Callable[[int], T], frames: Iterable[int]) -> list[T]:
    """What `work` gives for each frame, in their order.

    Decoding files and large arrays let go of the interpreter's lock. An error in one frame ends all.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(work, frames))
