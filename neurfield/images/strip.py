"""Pictures of one size beside each other in one PNG that says what each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from neurfield.files import atomic_write

_KEY = "neurfield columns"
_BEFORE = ("true picture", "rendered", "normals")  # of strips that do not say


def write_strip(path: Path, columns: Mapping[str, np.ndarray], inside: np.ndarray | None = None) -> None:
    """Write pictures uint8 [h, w, 3] by what they show, from left to right.

    What is not inside (bool [h, w]) is white, and transparent where a reader minds it.
    """
    row = np.concatenate(list(columns.values()), axis=1)
    if inside is not None:
        whole = np.tile(inside, (1, len(columns)))[..., None]
        row = np.concatenate([np.where(whole, row, 255), 255 * whole], axis=2)
    said = PngInfo()
    said.add_itxt(_KEY, "|".join(columns))
    with atomic_write(path) as temporary:
        Image.fromarray(row.astype(np.uint8)).save(temporary, pnginfo=said)


def read_strip(path: Path) -> dict[str, np.ndarray]:
    """The pictures of a strip, uint8 [h, w, 3] or, with how opaque they are, [h, w, 4]."""
    with Image.open(path) as strip:
        names: Sequence[str] = str(strip.info.get(_KEY, "|".join(_BEFORE))).split("|")
        row = np.asarray(strip if strip.mode == "RGBA" else strip.convert("RGB"))
    width = row.shape[1] // len(names)
    return {name: row[:, k * width : (k + 1) * width] for k, name in enumerate(names)}
