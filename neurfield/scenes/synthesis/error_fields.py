"""Where and how one view's priors are wrong, before it is scaled to the size asked for.

The errors of `fresh_fields` know nothing of other views. Those of `RepeatingFields` are like a network's, a
function of what is seen: of the place and the thing, of the direction and the distance it is seen from, and
of how bright it looks. So two views of one thing are wrong alike, the more so the more alike they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.synthesis.fields import blur, per_segment, smooth_noise

# Correlation lengths over an image, as parts of its width, of errors that are each image's own.
_SLOW, _MIDDLE, _QUICK, _PATCH, _THIN_PATCH = 0.40, 0.13, 0.03, 0.10, 0.08
# Correlation lengths of errors that repeat: in the room (metres), of the direction (a chord of the unit
# sphere) and of the logarithm of the distance.
_PLACE, _FINE_PLACE, _DIRECTION, _DISTANCE = 0.9, 0.35, 0.7, 0.5
_WAVES = 64


@dataclass(frozen=True)
class ErrorFields:
    """Random fields over one view, deviations of about 1.

    Attributes:
        warp: [h,w], added, scaled, to the logarithm of depth.
        lean: [h,w,3], camera axes: the direction and the strength with which normals are bent.
        patches: [h,w], where normals are worse.
        missing: [h,w]; thin things are overlooked where it is low.
    """

    warp: np.ndarray
    lean: np.ndarray
    patches: np.ndarray
    missing: np.ndarray


def fresh_fields(segment: np.ndarray, rng: np.random.Generator) -> ErrorFields:
    """Fields of one view alone, for its instance ids [h,w]."""
    shape, width = segment.shape, segment.shape[1]
    slow, middle = (smooth_noise(shape, part * width, rng, 4) for part in (_SLOW, _MIDDLE))
    objects = blur(per_segment(segment, 4, rng), width / 250)
    warp = slow[0] + 0.5 * middle[0] + 0.5 * objects[..., 0]
    quick = smooth_noise(shape, _QUICK * width, rng, 3)
    lean = np.moveaxis(slow[1:] + middle[1:] + 0.5 * quick, 0, -1) + objects[..., 1:]
    patches = smooth_noise(shape, _PATCH * width, rng)[0]
    return ErrorFields(warp, lean, patches, smooth_noise(shape, _THIN_PATCH * width, rng)[0])


class RepeatingFields:
    """Fields that belong to a room of so many instances; a seed gives the same again."""

    def __init__(self, instances: int, seed: int) -> None:
        rng = np.random.default_rng((seed, 77))
        # Sums of cosines with random directions and phases: smooth Gaussian fields over any number of
        # coordinates (Rahimi and Recht, Random Features for Large-Scale Kernel Machines, 2007).
        self._place = _Waves(3, 5, rng)
        self._fine = _Waves(3, 4, rng)
        self._aspect = _Waves(7, 4, rng)
        # The last row is for pixels that see nothing.
        self._object = rng.standard_normal((instances + 1, 4)).astype(np.float32)

    def of_view(
        self,
        offsets: np.ndarray,
        eye: np.ndarray,
        world_from_cam: np.ndarray,
        luminance: np.ndarray,
        segment: np.ndarray,
        rng: np.random.Generator,
    ) -> ErrorFields:
        """Fields of one view.

        Args:
            offsets: [h,w,3], from the eye to what each pixel sees, metres, world.
            eye: [3], world.
            world_from_cam: [3,3].
            luminance: [h,w] in 0..1.
            segment: [h,w], instance ids.
        """
        shape, width = segment.shape, segment.shape[1]
        # At every other pixel: what is smooth over a surface does not change between two.
        flat = np.ascontiguousarray(offsets[::2, ::2], np.float32).reshape(-1, 3)
        distance = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
        points = flat + eye.astype(np.float32)
        place = self._place(points / np.float32(_PLACE))
        fine = self._fine(points / np.float32(_FINE_PLACE))
        view = (points / np.float32(1.5 * _PLACE), flat / (distance * np.float32(_DIRECTION)),
                np.log(distance) / np.float32(_DISTANCE))  # fmt: skip
        aspect = self._aspect(np.concatenate(view, axis=1))
        place, fine, aspect = (_to_all_pixels(field, shape) for field in (place, fine, aspect))
        objects = blur(self._object[segment], width / 250)
        dark = blur(luminance, width / 60)
        dark = (dark.mean() - dark) / max(float(dark.std()), 1e-3)
        # What is left over is the image's own: it was cropped, framed and lit as no other.
        own = smooth_noise(shape, _SLOW * width, rng, 4)
        warp = 0.55 * place[..., 0] + 0.75 * aspect[..., 0] + 0.5 * objects[..., 0] + 0.25 * dark
        world = 0.7 * place[..., 1:4] + 0.7 * aspect[..., 1:] + 0.5 * fine[..., 1:] + 0.6 * objects[..., 1:]
        lean = world @ world_from_cam.astype(np.float32) + 0.6 * np.moveaxis(own[1:], 0, -1)
        return ErrorFields(warp + 0.75 * own[0], lean, place[..., 4], fine[..., 0])


def _to_all_pixels(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Values [k,channels] at every other pixel of an image as [h,w,channels]."""
    h, w = shape
    few = values.reshape((h + 1) // 2, (w + 1) // 2, -1)
    return few.repeat(2, axis=0).repeat(2, axis=1)[:h, :w]


class _Waves:
    """A smooth random function of `coordinates` numbers with `channels` values, each of deviation 1."""

    def __init__(self, coordinates: int, channels: int, rng: np.random.Generator) -> None:
        self._frequencies = rng.standard_normal((coordinates, _WAVES)).astype(np.float32)
        self._phases = rng.uniform(0, 2 * np.pi, _WAVES).astype(np.float32)
        heights = rng.standard_normal((_WAVES, channels))
        heights *= np.sqrt(2.0) / np.linalg.norm(heights, axis=0)
        self._heights = heights.astype(np.float32)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Values [k,channels] at x [k,coordinates]; their correlation falls as exp(-|x - y|^2 / 2)."""
        return np.cos(x @ self._frequencies + self._phases) @ self._heights
