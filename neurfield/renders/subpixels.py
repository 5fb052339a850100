"""Several rays a pixel, and the pixel that they make."""

from __future__ import annotations

import numpy as np

SAMPLES = 3  # along each side of a pixel; odd, so that one of them is its middle


def subpixels(w: int, h: int) -> np.ndarray:
    """Places [h * 3 * w * 3, 2] of a picture, column and row, as pixels' centres are at +0.5."""
    shares = (np.arange(SAMPLES) + 0.5) / SAMPLES
    v, u = np.meshgrid(
        (np.arange(h)[:, None] + shares).ravel(), (np.arange(w)[:, None] + shares).ravel(), indexing="ij"
    )
    return np.stack([u.ravel(), v.ravel()], axis=1)


def pixels_of(
    w: int, h: int, depth: np.ndarray, normal: np.ndarray, rgb: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The pixels that rays through `subpixels` make; depth is that of the pixel's middle.

    Args:
        w: columns.
        h: rows.
        depth: [K], z, 0 where nothing is.
        normal: [K, 3] unit, 0 where nothing is.
        rgb: [K, 3], 0 where nothing is; None: no colours.

    Returns:
        "depth" [h, w], "normal" [h, w, 3], "opacity" [h, w], and, with colours, "rgb" float32 [h, w, 3] of
        what is there.
    """
    n = SAMPLES

    def mean(values: np.ndarray) -> np.ndarray:
        return values.reshape(h, n, w, n, -1).mean(axis=(1, 3))

    blended = mean(normal)
    length = np.linalg.norm(blended, axis=-1, keepdims=True)
    made = {
        "depth": depth.reshape(h, n, w, n)[:, n // 2, :, n // 2].astype(np.float32),
        "normal": (blended / np.maximum(length, 1e-12)).astype(np.float32),
        "opacity": mean(depth > 0)[..., 0].astype(np.float32),
    }
    if rgb is not None:
        made["rgb"] = mean(rgb) / np.maximum(made["opacity"], 1e-6)[..., None]
    return made
