"""Which pictures are matched with which, and what all of it will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np

from neurfield.wording import about

MOST_EACH_WITH_EACH = 100  # pictures
ALIKE = 10  # more of those that look most like a picture, where not all are matched
_NEIGHBOURS = 10
PAIRS_AT_ONCE = 64
NEAR = 20  # partners of a picture whose pose is roughly known
_TURN = 30.0  # degrees that make two pictures as unlike as cameras that are far apart

# Of one processor of 2022, measured; machines differ by a factor of two either way.
_FEATURES_SECONDS = 0.65  # a million pixels
_PAIR_SECONDS = 0.11  # of 4096 features each
_POSE_SECONDS = 0.3  # a picture, of few; of many more, because all poses are refined again and again
_POSE_GROWS = 200  # pictures after which it is twice as much
_WRITE_SECONDS = 0.12  # a million pixels
_MEMORY_PIXEL, _MEMORY_BASE, _MEMORY_PICTURE = 290, 3e8, 2.5e6  # bytes
_DISK_PIXEL, _DISK_PICTURE = 0.8, 0.7e6  # bytes, written twice


def each_with_each(n: int, ordered: bool) -> bool:
    """Whether n pictures are few enough to match all pairs of them; `ordered`: as a video's frames are."""
    return n <= MOST_EACH_WITH_EACH and not ordered


def choose_pairs(n: int, ordered: bool) -> list[tuple[int, int]]:
    """Which of n pictures are matched with which: each with each, of up to a hundred that come in any order.

    Of more, or of a video: each with the ten after it and those 16, 32, 64, ... after it. The last are
    followed by the first, because a walk around something ends where it began.
    """
    if each_with_each(n, ordered):
        return [(i, j) for i in range(n) for j in range(i + 1, n)]
    found = set()
    for i in range(n):
        for step in range(1, min(_NEIGHBOURS, n - 1) + 1):
            found.add((min(i, (i + step) % n), max(i, (i + step) % n)))
        step = 16
        while i + step < n:
            found.add((i, i + step))
            step *= 2
    return sorted(found)


def near_pairs(poses: np.ndarray, most: int = NEAR) -> list[tuple[int, int]]:
    """Which pictures are matched where poses [n,4,4] are roughly known: each with those most like it.

    Alike are those that look the same way from near each other: an angle between optical axes counts beside
    a distance in the median distance of all pairs.
    """
    axes, centres = poses[:, :3, 2], poses[:, :3, 3]
    pairs: set[tuple[int, int]] = set()
    some = centres[np.linspace(0, len(poses) - 1, min(len(poses), 100)).astype(int)]
    far = float(np.median(np.linalg.norm(some[:, None] - some, axis=2))) or 1.0
    for i in range(len(poses)):
        angle = np.degrees(np.arccos(np.clip(axes @ axes[i], -1.0, 1.0)))
        unlike = np.hypot(angle / _TURN, np.linalg.norm(centres - centres[i], axis=1) / far)
        unlike[i] = np.inf
        pairs.update(
            (min(i, j), max(i, j)) for j in np.argsort(unlike, kind="stable")[:most].tolist() if j != i
        )
    return sorted(pairs)


def in_blocks(pairs: Sequence[tuple[int, int]], most: int = 64) -> list[list[tuple[int, int]]]:
    """The same pairs in groups of at most so many, each of few pictures.

    COLMAP makes an index of each picture of a group, which is then asked for all of the group's pairs.

    Args:
        pairs: two numbers of pictures each.
        most: pairs of a group.
    """
    side = max(1, isqrt(most))
    blocks: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for i, j in pairs:
        blocks.setdefault((i // side, j // side), []).append((i, j))
    return [blocks[key] for key in sorted(blocks)]


@dataclass(frozen=True)
class Cost:
    """What an import will take.

    Attributes:
        seconds: on the clock.
        memory, disk: bytes.
    """

    seconds: float
    memory: float
    disk: float

    @property
    def words(self) -> str:
        """For people: about 3 min, 0.9 GB of memory, 60 MB of disk."""
        return f"about {about(self.seconds)}, {_bytes(self.memory)} of memory, {_bytes(self.disk)} of disk"


def estimate(sizes: Sequence[tuple[int, int]], pairs: int, threads: int) -> Cost:
    """What pictures of these sizes will take, roughly: half or twice as long is possible.

    Args:
        sizes: width and height of each.
        pairs: that are matched.
        threads: that take part.
    """
    count, pixels = len(sizes), float(sum(w * h for w, h in sizes))
    largest = max(w * h for w, h in sizes)
    shared = _FEATURES_SECONDS * pixels / 1e6 + _PAIR_SECONDS * pairs + _WRITE_SECONDS * pixels / 1e6
    alone = _POSE_SECONDS * count * (1.0 + count / _POSE_GROWS)
    features = _MEMORY_PIXEL * largest * min(threads, count)
    memory = _MEMORY_BASE + max(features, _MEMORY_PICTURE * count)
    return Cost(shared / threads + alone, memory, _DISK_PIXEL * pixels + _DISK_PICTURE * count)


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 9.5e8 else f"{max(1.0, count / 1e6):.0f} MB"
