"""Normals as wrong as a monocular network makes them, from exact normals.

    prior = cos(angle) base + sin(angle) across
    angle = strength * exp(unevenness * where) * |lean|

base is the exact normal without most thin parts, blurred. lean is one of the `ErrorFields`, and across its
direction across base. where is larger at borders, at thin parts, and in patches. strength and unevenness are
solved for, so that median and mean of the error's angle are what is asked for.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from neurfield.scenes.synthesis.error_fields import ErrorFields
from neurfield.scenes.synthesis.fields import blur, solve_rising
from neurfield.scenes.synthesis.prior_sets import PriorSet
from neurfield.scenes.synthesis.sensor import edges
from neurfield.scenes.synthesis.thin import Thin, missed_parts

# Deviation of the blur in pixels of a 600 pixel wide image; reach of borders as a part of the width.
_BLUR = (1.5, 2.5)
_BORDER = 0.015
# No predicted normal turns farther than this, nor away from the camera.
_LARGEST = np.radians(100)
_FACING = 0.05
_STRIDE = 5


def make_prior_normal(
    normal: np.ndarray,
    depth: np.ndarray,
    narrow: Thin,
    segment: np.ndarray,
    directions: np.ndarray,
    fields: ErrorFields,
    priors: PriorSet,
    rng: np.random.Generator,
) -> np.ndarray:
    """Unit normals [h,w,3] float32 in camera axes, towards the camera, for exact ones.

    Args:
        normal: [h,w,3], camera axes.
        depth: [h,w].
        narrow: the `thin_parts` of depth.
        segment: [h,w], instance ids.
        directions: [h,w,3], of the rays through the pixels, camera axes.
    """
    thin = narrow[0]
    base = _base(normal, missed_parts(thin, fields.missing), rng)
    lean = fields.lean - np.einsum("hwi,hwi->hw", fields.lean, base)[..., None] * base
    length = np.linalg.norm(lean, axis=-1)
    across = lean / np.maximum(length, 1e-9)[..., None]
    where = 0.8 * fields.patches + 1.2 * _near_borders(depth, segment) + 0.8 * thin
    # The cosine of the error is linear in the cosine and sine of the angle: the solving needs these two
    # products only.
    few = (slice(None, None, _STRIDE),) * 2
    along_true = np.einsum("hwi,hwi->hw", base[few], normal[few])
    across_true = np.einsum("hwi,hwi->hw", across[few], normal[few])

    def errors(strength: float, unevenness: float) -> np.ndarray:
        angle = np.minimum(strength * np.exp(unevenness * where[few]) * length[few], _LARGEST)
        return np.degrees(np.arccos(np.clip(along_true * np.cos(angle) + across_true * np.sin(angle), -1, 1)))

    median = rng.uniform(*priors.normal_error)

    def fitting_strength(unevenness: float) -> float:
        return solve_rising(lambda s: float(np.median(errors(s, unevenness))), median, high=1.0, rounds=9)

    def mean(unevenness: float) -> float:
        return float(errors(fitting_strength(unevenness), unevenness).mean())

    unevenness = solve_rising(mean, priors.mean_over_median * median, high=2.0, rounds=7)
    strength = fitting_strength(unevenness)
    angle = np.minimum(strength * np.exp(unevenness * where) * length, _LARGEST)[..., None]
    return _towards_camera(np.cos(angle) * base + np.sin(angle) * across, directions)


def angle_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle in degrees [...] between unit vectors a and b [...,3]."""
    return np.degrees(np.arccos(np.clip(np.einsum("...i,...i->...", a, b), -1, 1)))


def _base(normal: np.ndarray, missed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The exact normals with missed pixels [h,w] replaced by what is around them, and blurred."""
    if missed.any() and not missed.all():
        nearest = distance_transform_edt(missed, return_distances=False, return_indices=True)
        normal = normal[tuple(nearest)]
    return _unit(blur(normal, rng.uniform(*_BLUR) * normal.shape[1] / 600))


def _near_borders(depth: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """How near each pixel [h,w] is to the border of a thing: 1 on it, falling off."""
    border = edges(depth)
    border[:, 1:] |= segment[:, 1:] != segment[:, :-1]
    border[1:] |= segment[1:] != segment[:-1]
    # The first pixel stands in for a border where an image has none.
    border[0, 0] = True
    reach = np.float32(_BORDER * depth.shape[1])
    return np.exp(-distance_transform_edt(~border).astype(np.float32) / reach)


def _towards_camera(normal: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Normals bent back where they would turn away from the camera."""
    view = _unit(directions)
    excess = np.maximum(np.einsum("hwi,hwi->hw", normal, view) + _FACING, 0)
    return _unit(normal - excess[..., None] * view).astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
