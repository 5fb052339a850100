"""Lights by name: the same words as in a file, placed by the surface and by where there is room."""

from __future__ import annotations

from typing import Any

import numpy as np

PRESETS = ("day", "night", "studio")
_WARM = "#ffc78f"


def preset(name: str, box: np.ndarray, up: np.ndarray, inside: bool, place: np.ndarray) -> dict[str, Any]:
    """What a preset says of a scene.

    Args:
        name: of `PRESETS`. day: in a room a panel under the ceiling, around an object sun and sky; night: one
            warm lamp; studio: three soft lights and a floor, in a room as day.
        box: [2, 3] of the surface, world.
        up: [3] unit, world.
        inside: whether cameras stand in a room.
        place: [3] world, where there is room for a lamp, of a room.
    """
    size, middle = float(np.ptp(box, axis=0).max()), box.mean(axis=0)
    if inside:
        return _in_room(name, box, up, place)
    side = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.8 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    ahead = np.cross(up, side)
    ground = {"albedo": [0.35, 0.35, 0.35]}
    if name == "day":
        return {"environment": "sky", "ground": ground}
    if name == "night":
        at = middle + size * (0.75 * side + 0.5 * ahead + 0.9 * up)
        lamp = {"at": listed(at), "radius": 0.05 * size, "color": _WARM, "strength": 120.0}
        return {"environment": {"color": "#1b2a4a", "strength": 0.6}, "lamps": [lamp], "ground": ground}
    lamps = []
    for turn, height, strength in ((0.8, 1.1, 9.0), (-1.1, 0.7, 3.0), (2.8, 1.3, 5.0)):
        away = np.cos(turn) * side + np.sin(turn) * ahead + height * up
        away /= np.linalg.norm(away)
        u = np.cross(up, away)
        u /= np.linalg.norm(u)
        v = np.cross(away, u)
        edges = -0.9 * size * u, 0.9 * size * v  # their cross product looks back at the middle
        corner = middle + 2.0 * size * away - 0.5 * (edges[0] + edges[1])
        lamps.append(
            {"corner": listed(corner), "edges": [listed(edge) for edge in edges], "strength": strength}
        )
    return {
        "environment": {"color": [1.0, 1.0, 1.0], "strength": 0.12},
        "lamps": lamps,
        "surface": {"roughness": 0.4},
        "ground": {"albedo": [0.6, 0.6, 0.6], "roughness": 0.5},
    }


def lamp_at(place: np.ndarray, box: np.ndarray) -> dict[str, Any]:
    """One warm lamp at a place of the world, and nothing else."""
    radius = 0.02 * float(np.ptp(box, axis=0).min())
    return {"lamps": [{"at": listed(place), "radius": radius, "color": _WARM, "strength": 60.0}]}


def _in_room(name: str, box: np.ndarray, up: np.ndarray, place: np.ndarray) -> dict[str, Any]:
    if name == "night":
        return lamp_at(place, box)
    axis = int(np.abs(up).argmax())
    low, size = box[0], np.ptp(box, axis=0)
    first, second = ((axis + 1) % 3, (axis + 2) % 3) if up[axis] < 0 else ((axis + 2) % 3, (axis + 1) % 3)
    edges, corner = np.zeros((2, 3)), low + 0.25 * size
    edges[0, first], edges[1, second] = 0.5 * size[first], 0.5 * size[second]  # looks down
    corner[axis] = (low + 0.93 * size)[axis] if up[axis] > 0 else (low + 0.07 * size)[axis]
    panel = {"corner": listed(corner), "edges": [listed(edge) for edge in edges], "strength": 3.0}
    return {"lamps": [panel]}


def listed(values: np.ndarray) -> list[float]:
    """Numbers as they stand in a file."""
    return [round(float(value), 6) for value in values]
