"""Whether a fit meets its pictures: what one colour for all of them reaches is what it is measured by."""

from __future__ import annotations

import numpy as np

LEAST_STEPS = 300  # of a fit, before which it is slow rather than wrong
_NOTHING = 1.0  # dB above one colour, up to which nothing was learnt of the pictures
_LITTLE = 2.5  # dB above one colour, up to which pictures that were held out are not met
_APART = 2.5  # dB from fitted to held-out pictures, from which the fitted ones were learnt by heart
_FAINT = 32.0  # dB of one colour, from which pictures show too little for any of this


def unmet(fitted: float, held_out: float | None, plain: float) -> str:
    """How a fit does not meet its pictures, in words; "" if it does, or if pictures are too faint to tell.

    A fit that is slow or dark has little above one colour of what it has seen and of what it has not. One to
    wrong cameras learns by heart what it sees, and nothing of what it does not.

    Args:
        fitted: PSNR of pixels that are fitted, dB.
        held_out: of pictures that are not; None: there are none.
        plain: PSNR of one colour for all of them.
    """
    if plain > _FAINT:
        return ""
    if fitted < plain + _NOTHING:
        return f"fitted pictures have {fitted:.1f} dB, one colour for all has {plain:.1f} dB"
    if held_out is None or held_out > plain + _LITTLE or fitted < held_out + _APART:
        return ""
    return (
        f"pictures that are fitted have {fitted:.1f} dB, those that are held out {held_out:.1f} dB, hardly "
        f"more than one colour for all ({plain:.1f} dB)"
    )


def plain_psnr(colors: np.ndarray) -> float:
    """PSNR of the best single colour for pixels [K, 3] of colours in 0..1, dB."""
    return psnr_of(colors - colors.mean(axis=0))


def psnr_of(errors: np.ndarray) -> float:
    """PSNR of errors of colours in 0..1, dB; at most 100."""
    return float(-10.0 * np.log10(max(1e-10, np.square(errors).mean())))
