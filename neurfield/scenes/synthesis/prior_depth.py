"""Depth as wrong as a monocular network makes it, from exact depth.

    prior  = lowest + span * warped in 0..1
    warped = base^(1 + curve) * exp(strength * warp)

base is the depth without most of its thin parts, blurred; warp is one of the `ErrorFields`; curve differs
from image to image. So do lowest and span, the unknown shift and scale. strength is solved for, so that the
error left after the best scale and shift is what is asked for.
"""

from __future__ import annotations

import numpy as np

from neurfield.scenes.synthesis.error_fields import ErrorFields
from neurfield.scenes.synthesis.fields import blur, solve_rising
from neurfield.scenes.synthesis.prior_sets import PriorSet
from neurfield.scenes.synthesis.thin import Thin, missed_parts

# Deviation of the blur at edges in pixels of a 600 pixel wide image.
_BLUR = (2.0, 3.0)
_STRIDE = 3


def make_prior_depth(
    depth: np.ndarray, narrow: Thin, fields: ErrorFields, priors: PriorSet, rng: np.random.Generator
) -> np.ndarray:
    """Relative depth [h,w] float32 in 0..1, farther = larger.

    Args:
        depth: [h,w], exact z-depth in metres, 0 = nothing.
        narrow: its `thin_parts`.
    """
    thin, behind = narrow
    shown = np.where(missed_parts(thin, fields.missing), behind, depth)
    shown = np.where(shown > 0, shown, shown.max())
    base = blur(shown, rng.uniform(*_BLUR) * depth.shape[1] / 600)
    base *= (base / np.median(base)) ** np.float32(rng.uniform(*priors.curve))
    few = (slice(None, None, _STRIDE),) * 2

    def error(strength: float) -> float:
        return relative_error(base[few] * np.exp(strength * fields.warp[few]), depth[few])

    strength = solve_rising(error, rng.uniform(*priors.depth_error), high=0.5)
    warped = base * np.exp(strength * fields.warp)
    lowest, span = rng.uniform(*priors.lowest), rng.uniform(*priors.span)
    return (lowest + span * (warped - warped.min()) / max(np.ptp(warped), 1e-9)).astype(np.float32)


def fit_scale_shift(prior: np.ndarray, depth: np.ndarray) -> tuple[float, float]:
    """Scale and shift that bring a prior [h,w] nearest to depth [h,w] > 0 in least squares."""
    valid = depth > 0
    x, y = prior[valid].astype(np.float64), depth[valid].astype(np.float64)
    variance = np.square(x - x.mean()).mean()
    scale = ((x - x.mean()) * (y - y.mean())).mean() / max(variance, 1e-12)
    return float(scale), float(y.mean() - scale * x.mean())


def relative_error(prior: np.ndarray, depth: np.ndarray) -> float:
    """Mean of |scale prior + shift - depth| / depth where there is depth, after the best scale and shift."""
    scale, shift = fit_scale_shift(prior, depth)
    valid = depth > 0
    return float(np.mean(np.abs(scale * prior[valid] + shift - depth[valid]) / depth[valid]))
