"""Grey in a mask: what is more than half white is inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.scenes.images import read_alpha, read_mask


@pytest.mark.parametrize(("white", "dtype"), [(255, np.uint8), (65535, np.uint16)])
def test_more_than_half_white_is_inside(tmp_path: Path, white: int, dtype: type) -> None:
    share = np.array([[0.0, 0.3, 0.45, 0.55, 0.7, 1.0]])
    Image.fromarray((share * white).astype(dtype)).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), share > 0.5)


def test_more_than_half_opaque_is_inside(tmp_path: Path) -> None:
    alpha = np.array([[0, 80, 120, 135, 200, 255]], np.uint8)
    rgba = np.dstack([np.full((1, 6, 3), 50, np.uint8), alpha])
    Image.fromarray(rgba).save(tmp_path / "image.png")
    for read in (read_alpha, read_mask):
        np.testing.assert_array_equal(read(tmp_path / "image.png"), alpha > 127)
