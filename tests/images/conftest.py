"""Small pictures of every kind, as arrays and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def smooth(height: int, width: int, channels: int = 3, bits: int = 8) -> np.ndarray:
    """Waves that differ from channel to channel, uint8 or uint16 [h, w, c]."""
    v, u = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    waves = [0.5 + 0.4 * np.sin(0.11 * (k + 1) * u + 0.07 * v + k) for k in range(channels)]
    peak = 2**bits - 1
    return (np.stack(waves, axis=2) * peak).astype(np.uint8 if bits == 8 else np.uint16)


def write(path: Path, array: np.ndarray, tile: int | None = None) -> Path:
    """PNG or TIFF as the name ends; a TIFF in tiles of that edge."""
    import pyvips

    kind = "b-w" if array.shape[2] < 3 else "srgb"
    if array.dtype == np.uint16:
        kind = {"b-w": "grey16", "srgb": "rgb16"}[kind]
    image = pyvips.Image.new_from_array(array).copy(interpretation=kind)
    options = {} if tile is None else {"tile": True, "tile_width": tile, "tile_height": tile}
    image.write_to_file(str(path), **options)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small RGB picture."""
    Image.fromarray(smooth(33, 47)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"
