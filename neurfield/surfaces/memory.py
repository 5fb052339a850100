"""How much memory a level set takes, told beforehand, and the bricks that keep it within bounds.

Reckoned per block of 8^3 points near the surface, as the first look counts them. The look keeps blocks within
lipschitz * 4 sqrt(3) voxels of the surface on both sides, so a surface of A square voxels has A / 29.5
(lipschitz 1.25); marching cubes makes 1.5 A vertices of it where it looks in any direction.
"""

from __future__ import annotations

import re
import resource
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.surfaces.lattice_field import BLOCK

# Bytes, measured: of a block while its brick is looked at; of a vertex with its faces as they are welded, and
# while the mesh is coloured, counted and written.
_BLOCK_BYTES = 8000
_WELDED_BYTES = 90
_FINISHED_BYTES = 220
_LOOK_BYTES = 100  # of a block, once
_AT_ONCE = 200e6  # for the points that are asked together
_VERTICES = 44  # of a block near the surface

_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2.0**10, "MI": 2.0**20, "GI": 2.0**30}


def read_memory(text: str | float) -> float:
    """Bytes of "4GB", "500 MB", "2GiB", or of a number.

    Raises:
        UserError: it is no such thing, or not positive.
    """
    found = re.fullmatch(r"\s*([0-9.eE+]+)\s*(|[KMGT]|[KMG]I)B?\s*", str(text), re.IGNORECASE)
    try:
        size = float(found[1]) * _UNITS[found[2].upper()] if found else 0.0
    except ValueError:
        size = 0.0
    if not 0.0 < size < 1e18:
        raise UserError(f"memory {text!r}: give a size such as 4GB or 500MB")
    return size


def resident_bytes() -> float:
    """What the process has in memory now; what it had at most where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmRSS:"):
                return float(line.split()[1]) * 1024.0
    return peak_bytes()


def peak_bytes() -> float:
    """The most that the process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def in_words(size: float) -> str:
    """A size for people."""
    return f"{size / 1e9:.2g} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def bricks_within(layers: np.ndarray, cubes: int, memory: float, resident: float) -> list[tuple[int, int]]:
    """Where along x bricks begin and end, in cubes, so that the peak stays within `memory`.

    Args:
        layers: how many blocks near the surface each layer of blocks along x has.
        cubes: along x.
        memory: the most that the process may have, in bytes.
        resident: what it has now.

    Raises:
        UserError: it cannot be kept, with what would do.
    """
    beside = np.concatenate([layers[1:], [0]])  # a brick knows the first plane of the next layer
    vertices = _VERTICES * float(layers.sum())
    fixed = resident + _AT_ONCE + _LOOK_BYTES * float(layers.sum()) + _WELDED_BYTES * vertices
    most = float((layers + beside).max(initial=0))
    finished = resident + _FINISHED_BYTES * vertices
    need = max(fixed + _BLOCK_BYTES * most, finished)
    if need > memory:
        spare = memory - resident - _AT_ONCE
        advice = ""
        if spare > 0.0:
            # The surface in voxels, and so all else, falls with the square of the voxel.
            larger = np.sqrt((need - resident - _AT_ONCE) / spare)
            advice = f", or voxels {np.ceil(10.0 * larger) / 10.0:.1f} times as large"
        raise UserError(
            f"memory {in_words(memory)}: a mesh of about {vertices / 1e6:.2g} million vertices needs "
            f"{in_words(1.05 * need)} (the process alone has {in_words(resident)}): give that much{advice}"
        )
    room = (memory - fixed) / _BLOCK_BYTES
    bricks, begin, blocks = [], 0, 0.0
    for layer, count in enumerate(layers):
        if blocks and blocks + count + beside[layer] > room:
            bricks.append((begin * BLOCK, layer * BLOCK))
            begin, blocks = layer, 0.0
        blocks += count
    return [*bricks, (begin * BLOCK, cubes)]
