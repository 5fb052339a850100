"""From quads to faces: along which diagonal each is cut.

Zhang et al., Surface Extraction from Neural Unsigned Distance Fields, ICCV 2023; Ju et al., Dual Contouring
of Hermite Data, SIGGRAPH 2002.
"""

from __future__ import annotations

import numpy as np

from neurfield.ops.dual_steps import CORNER, EDGE


def triangles(quads: np.ndarray, along_02: np.ndarray) -> np.ndarray:
    """Triangles [2 q, 3] of quads [q, 4], cut from 0 to 2 or from 1 to 3."""
    first = np.where(along_02[:, None], quads[:, [0, 1, 2]], quads[:, [0, 1, 3]])
    second = np.where(along_02[:, None], quads[:, [0, 2, 3]], quads[:, [1, 2, 3]])
    return np.stack([first, second], axis=1).reshape(-1, 3)


def diagonals(vertices: np.ndarray, ranks: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Which quads are cut from 0 to 2 [q]: along a crease where they have one, else the shorter way."""
    crease = ((ranks == EDGE) | (ranks == CORNER))[quads]
    on_02, on_13 = crease[:, 0] & crease[:, 2], crease[:, 1] & crease[:, 3]
    corners = vertices[quads]
    shorter = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1) <= np.linalg.norm(
        corners[:, 1] - corners[:, 3], axis=1
    )
    return np.where(on_02 == on_13, shorter, on_02)


def compact(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without vertices that no face has."""
    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    return vertices[used], (np.cumsum(used) - 1)[faces]
