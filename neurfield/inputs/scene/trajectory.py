"""The cameras of a scene in the order of its pictures' names, as benchmarks pair them with theirs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes import Scene


def trajectory_of(scene: Scene, pictures: int) -> np.ndarray:
    """Camera centres [pictures,3] in the order of the pictures' names; NaN where the scene has no such frame.

    Where the scene has fewer than the reference, the number in a picture's name is its place, from 1.

    Args:
        scene: with pictures.
        pictures: how many the reference has.

    Raises:
        UserError: which of the reference's pictures they are cannot be told.
    """
    if "image" not in scene.files:
        raise UserError(f"{scene.path}: cameras without pictures have no order: give --align FILE.log")
    names = [Path(path).stem if path is not None else "" for path in scene.files["image"].paths]
    centers = np.asarray(scene.cameras.centers, np.float64)
    if len(names) >= pictures:  # all of them, or all frames of the video
        return centers[np.array(sorted(range(len(names)), key=lambda i: _with_numbers(names[i])))]
    numbers = [int(found[-1]) if (found := re.findall(r"\d+", name)) else 0 for name in names]
    if len(set(numbers)) < len(numbers) or min(numbers) < 1 or max(numbers) > pictures:
        raise UserError(
            f"{scene.path}: {len(names)} cameras, the reference has {pictures}, and the pictures' names do "
            "not say which they are: give --align FILE.log or --align MATRIX.txt"
        )
    placed = np.full((pictures, 3), np.nan)
    placed[np.array(numbers) - 1] = centers
    return placed


def _with_numbers(name: str) -> list[tuple[int, str]]:
    """What a name is sorted by: its words and numbers, so that 9 comes before 10."""
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"(\d+)", name)]
