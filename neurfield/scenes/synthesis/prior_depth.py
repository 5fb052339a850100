"""Depth as wrong as a monocular network makes it, from exact depth.

    prior = offset + gain * warped,      warped = base^(1 + g) * exp(strength * (slow + middle / 2 + object /
    2))

base is the depth without most of its thin parts, blurred; g curves it; slow and middle are smooth random
fields over the image, object a random value for each segment; all differ from image to image. gain and offset
are the unknown scale and shift; strength is solved for, so that the error left after the best scale and shift
is what is asked for.
"""

from __future__ import annotations

import numpy as np

from neurfield.scenes.synthesis.fields import blur, per_segment, smooth_noise, solve_rising
from neurfield.scenes.synthesis.thin import missed_parts, thin_parts

# Mean relative error after the best fit of scale and shift; drawn from this range for every image.
ERROR_RANGE = (0.042, 0.058)
# Deviation of the blur at edges in pixels of a 600 pixel wide image, and limits of g.
_BLUR = (2.0, 3.0)
_CURVE = 0.12
# Correlation lengths of the warps, as parts of the image's width.
_SLOW, _MIDDLE = 0.40, 0.13
_STRIDE = 3


def make_prior_depth(depth: np.ndarray, segment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Relative depth [h,w] float32 in 0..1, farther = larger.

    depth [h,w] exact z-depth in metres, 0 = nothing; segment [h,w] instance ids.
    """
    width = depth.shape[1]
    thin, behind = thin_parts(depth)
    seen = np.where(missed_parts(thin, rng), behind, depth)
    seen = np.where(seen > 0, seen, seen.max())
    softness = rng.uniform(*_BLUR) * width / 600
    base = blur(seen.astype(np.float64), softness)
    base *= (base / np.median(base)) ** rng.uniform(-_CURVE, _CURVE)
    warp = (
        smooth_noise(depth.shape, _SLOW * width, rng)[0]
        + 0.5 * smooth_noise(depth.shape, _MIDDLE * width, rng)[0]
    )
    warp += 0.5 * blur(per_segment(segment, 1, rng)[..., 0], softness)
    few = (slice(None, None, _STRIDE),) * 2

    def error(strength: float) -> float:
        return relative_error(base[few] * np.exp(strength * warp[few]), depth[few])

    strength = solve_rising(error, rng.uniform(*ERROR_RANGE), high=0.5)
    warped = base * np.exp(strength * warp)
    low, high = rng.uniform(0.02, 0.2), rng.uniform(0.6, 0.98)
    return (low + (high - low) * (warped - warped.min()) / max(np.ptp(warped), 1e-9)).astype(np.float32)


def fit_scale_shift(prior: np.ndarray, depth: np.ndarray) -> tuple[float, float]:
    """Scale and shift that bring prior [h,w] nearest to depth [h,w] in least squares; no depth, no say."""
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
