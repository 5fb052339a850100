"""Edges joined to closed lines."""

from __future__ import annotations

import numpy as np


def chained(edges: np.ndarray) -> tuple[list[np.ndarray], int]:
    """Lines that edges [E, 2] between numbered places make, each the places in order, and how many were open.

    Where more than two edges meet, lines go on along any of them; which one does not change what is inside by
    the even-odd rule. Open lines come first in the count and are closed by whoever uses them.
    """
    near: dict[int, list[int]] = {}
    for e, (a, b) in enumerate(edges.tolist()):
        near.setdefault(a, []).append(e)
        near.setdefault(b, []).append(e)
    used = np.zeros(len(edges), bool)
    loops: list[np.ndarray] = []
    open_lines = 0
    ends = [place for place, those in near.items() if len(those) % 2]
    for start in [*ends, *near]:
        while any(not used[e] for e in near[start]):
            line = [start]
            while (edge := next((e for e in near[line[-1]] if not used[e]), None)) is not None:
                used[edge] = True
                a, b = edges[edge]
                line.append(int(b if a == line[-1] else a))
                if line[-1] == start:
                    break
            closed = line[-1] == start
            open_lines += not closed
            loops.append(np.array(line[:-1] if closed else line, np.int64))
    return [loop for loop in loops if len(loop) > 2], open_lines
