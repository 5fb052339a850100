"""How near a rendered picture is to the true one."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d, minimum_filter, uniform_filter1d

from neurfield.errors import UserError

_WINDOW, _SIGMA = 11, 1.5
_GREY = np.array([0.299, 0.587, 0.114])  # of red, green and blue
_STEADY = 170.0 / 255.0**2  # of squared slopes: what is flatter than this counts less


def psnr(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB of two images; infinite if they are equal.

    Args:
        image, truth: [H,W,3] or [H,W], uint8 or floats in 0..1.
        mask: bool [H,W], only these pixels count; NaN if there are none.

    Raises:
        UserError: the images differ in shape.
    """
    a, b = _pair(image, truth)
    squared = (a - b) ** 2
    if mask is not None:
        squared = squared[mask]
    if not squared.size:
        return float("nan")
    error = squared.mean()
    return float("inf") if error == 0 else float(-10.0 * np.log10(error))


def ssim(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Structural similarity of two images; 1 if they are equal.

    Wang et al., Image Quality Assessment, IEEE TIP 2004: a Gaussian window of 11 x 11 with sigma 1.5, K1
    = 0.01, K2 = 0.03 and biased moments, averaged over channels and over the pixels whose window lies in the
    picture.

    Args:
        image, truth: [H,W,3] or [H,W], uint8 or floats in 0..1.
        mask: bool [H,W], only pixels count whose whole window lies inside it; NaN if there are none.

    Raises:
        UserError: the images differ in shape, or are smaller than the window.
    """
    a, b = _pair(image, truth)
    if min(a.shape[:2]) < _WINDOW:
        raise UserError(
            f"images of {a.shape[1]}x{a.shape[0]} pixels: SSIM needs at least {_WINDOW}x{_WINDOW}"
        )
    c1, c2 = 0.01**2, 0.03**2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    similar = luminance * structure
    if mask is not None:
        similar = similar[_windows_inside(mask)]
    return float(similar.mean()) if similar.size else float("nan")


def gmsd(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Gradient magnitude similarity deviation of two images; 0 if they are equal, more as they differ.

    Xue et al., Gradient Magnitude Similarity Deviation, IEEE TIP 2014, Eq. 1 to 6: greys are halved in size,
    the strength of their edges is compared pixel by pixel, and the standard deviation over the pixels is what
    people mind: a picture that is blurred where it has detail, say. No network takes part.

    Args:
        image, truth: [H,W,3] or [H,W], uint8 or floats in 0..1.
        mask: bool [H,W], only pixels count whose 3 x 3 of half the size lie inside it; NaN if there are none.

    Raises:
        UserError: the images differ in shape, or have less than 6 x 6 pixels.
    """
    a, b = _pair(image, truth)
    if min(a.shape[:2]) < 6:
        raise UserError(f"images of {a.shape[1]}x{a.shape[0]} pixels: GMSD needs at least 6x6")
    edges_a, edges_b = _edges(_halved(_grey(a))), _edges(_halved(_grey(b)))
    similar = (2.0 * edges_a * edges_b + _STEADY) / (edges_a**2 + edges_b**2 + _STEADY)
    if mask is not None:
        similar = similar[minimum_filter(_halved(mask.astype(np.float64)) == 1.0, size=3)[1:-1, 1:-1]]
    return float(similar.std()) if similar.size else float("nan")


def _grey(image: np.ndarray) -> np.ndarray:
    return image @ _GREY if image.ndim == 3 else image


def _halved(image: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    h, w = image.shape[0] // 2, image.shape[1] // 2
    return image[: 2 * h, : 2 * w].reshape(h, 2, w, 2).mean(axis=(1, 3))


def _edges(grey: np.ndarray) -> np.ndarray:
    """How steep a picture is by Prewitt's filters, for the pixels that have neighbours on all sides."""
    across = uniform_filter1d(grey, 3, axis=0)[1:-1]
    down = uniform_filter1d(grey, 3, axis=1)[:, 1:-1]
    return np.hypot(across[:, 2:] - across[:, :-2], down[2:] - down[:-2])


def _windows_inside(mask: np.ndarray) -> np.ndarray:
    """For the pixels whose window lies within the image, whether it lies within the mask."""
    half = _WINDOW // 2
    return minimum_filter(mask, size=_WINDOW)[half:-half, half:-half]


def _blur(image: np.ndarray) -> np.ndarray:
    """Gaussian-weighted means over windows, for the pixels whose window lies within the image."""
    half = _WINDOW // 2
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / _SIGMA) ** 2)
    kernel /= kernel.sum()
    return correlate1d(correlate1d(image, kernel, axis=0), kernel, axis=1)[half:-half, half:-half]


def _pair(image: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if image.shape != truth.shape:
        raise UserError(f"images of shapes {image.shape} and {truth.shape}: compare images of one size")
    return _unit(image), _unit(truth)


def _unit(image: np.ndarray) -> np.ndarray:
    """As float64 in 0..1."""
    scale = 255.0 if image.dtype == np.uint8 else 1.0
    return np.asarray(image, dtype=np.float64) / scale
