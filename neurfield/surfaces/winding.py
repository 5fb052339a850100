"""Triangles that turn the same way, piece by piece, where a piece has two sides."""

from __future__ import annotations

import numpy as np

from neurfield.ops.mesh_turning import faces_to_turn


def consistent_winding(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, int]:
    """Faces [f, 3] that turn alike across every edge of two faces, and how many pieces have no two sides.

    A piece are the faces that hang together by such edges. It is turned so that its normals point away from
    its middle by area, outwards if it is closed. Pieces without two sides, as a Moebius strip, stay as they
    are. Edges of three and more faces do not join: sheets that meet there may be turned as each of them
    likes.
    """
    over, one_sided = faces_to_turn(vertices, faces)
    return np.where(over[:, None], faces[:, ::-1], faces), one_sided
