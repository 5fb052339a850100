"""Normals as wrong as a monocular network makes them, from exact normals.

    prior = cos(angle) base + sin(angle) lean,      angle = strength * exp(unevenness * where) * |field|

base is the exact normal without most thin parts, blurred; lean is the direction of a smooth random field
across base; where is larger at borders, at thin parts, and in random patches. strength and unevenness are
solved for, so that median and mean of the error's angle are what is asked for. All fields differ from image
to image.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from neurfield.scenes.synthesis.fields import blur, per_segment, smooth_noise, solve_rising
from neurfield.scenes.synthesis.sensor import edges
from neurfield.scenes.synthesis.thin import missed_parts, thin_parts

# Median of the error's angle in degrees, drawn from this range for every image, and mean over median.
MEDIAN_RANGE = (9.2, 10.8)
MEAN_OVER_MEDIAN = 1.6
_BLUR = (1.5, 2.5)
# Correlation lengths and reach of the borders, as parts of the image's width.
_SLOW, _MIDDLE, _QUICK, _PATCH, _BORDER = 0.40, 0.13, 0.03, 0.10, 0.015
# No predicted normal turns farther than this, nor away from the camera.
_LARGEST = np.radians(100)
_FACING = 0.05
_STRIDE = 5


def make_prior_normal(
    normal: np.ndarray,
    depth: np.ndarray,
    segment: np.ndarray,
    directions: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Unit normals [h,w,3] float32 in the camera frame, towards the camera, for exact ones.

    normal, directions (of the rays through the pixels) [h,w,3] in the camera frame; depth, segment [h,w].
    """
    base = _base(normal, depth, rng)
    field = _field(segment, rng)
    field -= np.einsum("hwi,hwi->hw", field, base)[..., None] * base
    length = np.linalg.norm(field, axis=-1)
    lean = field / np.maximum(length, 1e-9)[..., None]
    where = _where(depth, segment, rng)
    # The cosine of the error is linear in the cosine and sine of the angle: the solving needs these two
    # products only.
    few = (slice(None, None, _STRIDE),) * 2
    along = np.einsum("hwi,hwi->hw", base[few], normal[few])
    across = np.einsum("hwi,hwi->hw", lean[few], normal[few])

    def errors(strength: float, unevenness: float) -> np.ndarray:
        angle = np.minimum(strength * np.exp(unevenness * where[few]) * length[few], _LARGEST)
        return np.degrees(np.arccos(np.clip(along * np.cos(angle) + across * np.sin(angle), -1, 1)))

    median = rng.uniform(*MEDIAN_RANGE)

    def fitting_strength(unevenness: float) -> float:
        return solve_rising(lambda s: float(np.median(errors(s, unevenness))), median, high=1.0, rounds=9)

    def mean(unevenness: float) -> float:
        return float(errors(fitting_strength(unevenness), unevenness).mean())

    unevenness = solve_rising(mean, MEAN_OVER_MEDIAN * median, high=2.0, rounds=7)
    strength = fitting_strength(unevenness)
    angle = np.minimum(strength * np.exp(unevenness * where) * length, _LARGEST)[..., None]
    return _towards_camera(np.cos(angle) * base + np.sin(angle) * lean, directions)


def angle_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle in degrees [...] between unit vectors a and b [...,3]."""
    return np.degrees(np.arccos(np.clip(np.einsum("...i,...i->...", a, b), -1, 1)))


def _base(normal: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The exact normals with most thin parts replaced by what is around them, and blurred."""
    missed = missed_parts(thin_parts(depth)[0], rng)
    if missed.any() and not missed.all():
        nearest = distance_transform_edt(missed, return_distances=False, return_indices=True)
        normal = normal[tuple(nearest)]
    return _unit(blur(normal, rng.uniform(*_BLUR) * depth.shape[1] / 600))


def _field(segment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random vectors [h,w,3], smooth over the image but for a part that each object has of its own."""
    width = segment.shape[1]
    slow, middle, quick = (smooth_noise(segment.shape, s * width, rng, 3) for s in (_SLOW, _MIDDLE, _QUICK))
    return np.moveaxis(slow + middle + 0.5 * quick, 0, -1) + blur(per_segment(segment, 3, rng), width / 300)


def _where(depth: np.ndarray, segment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How prone to error each pixel is [h,w]: borders, thin parts, patches that a network just gets wrong."""
    width = depth.shape[1]
    border = edges(depth)
    border[:, 1:] |= segment[:, 1:] != segment[:, :-1]
    border[1:] |= segment[1:] != segment[:-1]
    # The first pixel stands in for a border where an image has none.
    border[0, 0] = True
    near = np.exp(-distance_transform_edt(~border) / (_BORDER * width))
    patches = smooth_noise(depth.shape, _PATCH * width, rng)[0]
    return (0.8 * patches + 1.2 * near + 0.8 * thin_parts(depth)[0]).astype(np.float32)


def _towards_camera(normal: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Normals bent back where they would turn away from the camera."""
    view = _unit(directions)
    excess = np.maximum(np.einsum("hwi,hwi->hw", normal, view) + _FACING, 0)
    return _unit(normal - excess[..., None] * view).astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
