"""How sharp a picture is, and how far it is from another, on small grey copies."""

from __future__ import annotations

import numpy as np
from PIL import Image

_SMALL = (128, 72)
_ROUNDING = 20.0 / 12.0  # the edge energy of levels that were rounded
_WEAK = 0.03  # of a correlation: no shift explains the two pictures


def grey_of(picture: np.ndarray, longest: int = 960) -> np.ndarray:
    """A picture uint8 [h,w,3] in grey, float32, no side longer than `longest`."""
    image = Image.fromarray(picture).convert("L")
    image.thumbnail((longest, longest), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32)


def edge_energy(grey: np.ndarray) -> float:
    """The variance of the Laplacian [h,w]: high where a picture is sharp, and where there is much to see."""
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4.0 * inner
    return float(laplacian.var())


def sharpness(picture: np.ndarray) -> float:
    """The edge energy of a picture uint8 [h,w,3] by that of its copy of half the size.

    What is seen cancels, because the world looks alike at all sizes: 0.3 to 0.7 where the picture is sharp,
    about 0.1 and less where it is blurred over two pixels or more. Of the picture and its half, the lesser:
    what is left of a very blurred picture's edges is noise.
    """
    full = grey_of(picture, max(picture.shape))
    half = _halved(full)
    energies = [max(0.0, edge_energy(grey) - _ROUNDING) for grey in (full, half, _halved(half))]
    return min(energies[k] / max(energies[k + 1], _ROUNDING) for k in range(2))


def _halved(grey: np.ndarray) -> np.ndarray:
    rows, columns = (n // 2 * 2 for n in grey.shape)
    return grey[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))


def small_grey(picture: np.ndarray) -> np.ndarray:
    """A picture uint8 [h,w,3] as 128x72 levels of grey, float32, however it lies."""
    image = Image.fromarray(picture).convert("L").resize(_SMALL, Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32)


def shift(first: np.ndarray, second: np.ndarray) -> float:
    """How far the second of two small pictures [72,128] is shifted, as a share of their width.

    1 where no shift makes one of the other (phase correlation).
    """
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1]))
    a = np.fft.rfft2((first - first.mean()) * window)
    b = np.fft.rfft2((second - second.mean()) * window)
    product = a * np.conj(b)
    peaks = np.fft.irfft2(product / np.maximum(np.abs(product), 1e-6), s=first.shape)
    row, column = np.unravel_index(int(peaks.argmax()), peaks.shape)
    if peaks[row, column] < _WEAK:
        return 1.0
    rows, columns = first.shape
    moved = min(int(row), rows - int(row)), min(int(column), columns - int(column))
    return float(np.hypot(*moved)) / columns
