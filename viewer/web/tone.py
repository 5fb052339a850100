"""Colours as they have to be sent so that a page shows them as they are.

The page's renderer maps what light makes of colours onto the screen by a curve of film, which cannot be
switched off from here: greys would come out pale, and colours of a scale would not be those of its legend. So
its inverse is sent. The curve is Stephen Hill's fit of the ACES RRT and ODT, as three.js has it
(`ACESFilmicToneMapping`, exposure 1).
"""

from __future__ import annotations

import numpy as np

from neurfield.surfaces.glb import linear_of_srgb

BRIGHTEST = 4.0  # of linear values that are sent; what screens show of them is within 1/255 of white
_EXPOSURE = 0.6
_IN = np.array(
    [[0.59719, 0.35458, 0.04823], [0.07600, 0.90834, 0.01566], [0.02840, 0.13383, 0.83777]], float
)  # fmt: skip
_OUT = np.array(
    [[1.60475, -0.53108, -0.07367], [-0.10208, 1.10813, -0.00605], [-0.00327, -0.07276, 1.07602]], float
)  # fmt: skip
# (v (v + a) - b) / (v (c v + d) + e)
_A, _B, _C, _D, _E = 0.0245786, 0.000090537, 0.983729, 0.4329510, 0.238081
# What bright saturated colours are darkened to, so as to keep their hue: the curve fades them to white.
_DIMMED = (1.0, 0.94, 0.88, 0.82, 0.76)
_NEAR = 4e-3  # of linear values that the screen shows: some 1/255


def shown(linear: np.ndarray) -> np.ndarray:
    """What the page shows, linear [..., 3] in 0..1, of linear values [..., 3] that lie under full light."""
    value = linear / _EXPOSURE @ _IN.T
    value = (value * (value + _A) - _B) / (value * (_C * value + _D) + _E)
    return np.clip(value @ _OUT.T, 0.0, 1.0)


def sent(srgb: np.ndarray) -> np.ndarray:
    """Linear values [..., 3] in 0..`BRIGHTEST` that the page shows as sRGB colours [..., 3] in 0..1.

    Where the curve has no such colour, a darker one of the same hue.
    """
    wanted = linear_of_srgb(np.asarray(srgb, float))
    values = _inverse(wanted)
    for dimmed in _DIMMED[1:]:
        far = np.abs(shown(values) - wanted).max(axis=-1) > _NEAR * (1.0 + 12.0 * wanted.min(axis=-1))
        if not far.any():
            break
        wanted[far] = linear_of_srgb(np.asarray(srgb, float)[far] * dimmed)
        values[far] = _inverse(wanted[far])
    return values


def _inverse(linear: np.ndarray) -> np.ndarray:
    """Of `shown`, as far as it goes."""
    share = linear @ np.linalg.inv(_OUT).T
    # The curve ends at 1 / c; a little below it a value is as large as it may be.
    share = np.clip(share, 0.0, 0.97 / _C)
    square, middle, rest = 1.0 - _C * share, _A - _D * share, -_B - _E * share
    root = np.sqrt(np.maximum(middle * middle - 4.0 * square * rest, 0.0))
    value = (root - middle) / (2.0 * square)
    return np.clip(value @ np.linalg.inv(_IN).T * _EXPOSURE, 0.0, BRIGHTEST)
