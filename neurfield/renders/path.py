"""Pictures of a lit scene by path tracing, that become better while one waits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from neurfield.light.lights import LUMINANCE
from neurfield.light.lit import LitScene
from neurfield.light.paths import Draws, radiance_along
from neurfield.scenes import Cameras
from neurfield.scenes.synthesis.shading import to_display

_RAYS_AT_ONCE = 1 << 17
_GRAY = 0.18  # of full scale: what the middle of a picture is exposed to
_BRIGHT, _WHITE = 0.98, 1.6  # the share of pixels that are not brighter than so much of full scale
_LOOKS, _LOOK_PIXELS, _LOOK_SAMPLES = 6, 900, 16
_CLAMP = 8.0  # of full scale: the brightest that light from a second surface on may be

Glimpse = Callable[[np.ndarray, int], None]


class PathTracer:
    """A lit scene as pictures: rgb of light's paths; depth and normals of pixels' middles.

    Args:
        scene: that is lit.
        samples: paths a pixel.
        seed: the same one makes the same pictures, bit for bit.
        exposure: from radiance to full scale; None: chosen of `cameras`.
        cameras: of the whole walk, so that all its pictures are exposed alike.
        glimpse: is given a picture, uint8 [h, w, 3], and its samples, whenever those have doubled.
    """

    def __init__(
        self,
        scene: LitScene,
        samples: int,
        seed: int,
        exposure: float | None,
        cameras: Cameras,
        glimpse: Glimpse = lambda picture, samples: None,
    ) -> None:
        self._scene, self._samples, self._seed, self.glimpse = scene, samples, seed, glimpse
        self.exposure = self._chosen(cameras) if exposure is None else exposure

    def __call__(
        self, cameras: Cameras, camera: int, frame: int | None, tell: Callable[[float], None]
    ) -> dict[str, np.ndarray]:
        """See `neurfield.renders.tracers`."""
        w, h = int(cameras.width[camera]), int(cameras.height[camera])
        pixels = np.arange(w * h)
        middles = np.stack([pixels % w + 0.5, pixels // w + 0.5], axis=1)
        parts = [slice(start, start + _RAYS_AT_ONCE) for start in range(0, w * h, _RAYS_AT_ONCE)]
        draws = [
            Draws(len(pixels[part]), self._samples, _seed_of(self._seed, camera, part.start))
            for part in parts
        ]
        light, clamp, shown = torch.zeros(w * h, 3), _CLAMP / self.exposure, 1
        for sample in range(self._samples):
            for part, numbers in zip(parts, draws):
                draw = numbers.of(sample)
                rows = torch.arange(len(pixels[part]))
                jitter = torch.stack([draw(0, rows), draw(1, rows)], dim=1).numpy()
                o, d, _ = self._rays(cameras, camera, middles[part] - 0.5 + jitter)
                light[part] += radiance_along(self._scene, o, d, draw, clamp=clamp)
            tell((sample + 1) / self._samples)
            if sample + 1 >= 2 * shown:
                shown = sample + 1
                self.glimpse(self._display(light / shown, w, h), shown)
        depth, normal = np.zeros(w * h, np.float32), np.zeros((w * h, 3), np.float32)
        for part in parts:
            o, d, z_per_t = self._rays(cameras, camera, middles[part])
            hits = self._scene.first_hits(o, d)
            depth[part] = torch.where(hits.hit, hits.t, 0.0).numpy() * z_per_t
            normal[part] = hits.normal.numpy()
        return {
            "rgb": self._display(light / self._samples, w, h),
            "depth": depth.reshape(h, w), "normal": normal.reshape(h, w, 3),
            "opacity": (depth > 0).astype(np.float32).reshape(h, w),
        }  # fmt: skip

    def _rays(self, cameras: Cameras, camera: int, uv: np.ndarray) -> tuple[Tensor, Tensor, np.ndarray]:
        origins, directions, z_per_t = cameras.rays(np.full(len(uv), camera), uv)
        o = torch.from_numpy(origins - self._scene.origin).float()
        return o, torch.from_numpy(directions), z_per_t

    def _display(self, light: Tensor, w: int, h: int) -> np.ndarray:
        shown = np.minimum(light.numpy() * self.exposure, 1e4)
        return to_display(np.maximum(shown, 0.0)).reshape(h, w, 3)

    def _chosen(self, cameras: Cameras) -> float:
        """What brings the middle brightness of some views to a middle gray, and few pixels beyond white."""
        rng = np.random.default_rng(0)
        bright = []
        for camera in np.unique(np.linspace(0, len(cameras) - 1, _LOOKS).astype(int)):
            size = [int(cameras.width[camera]), int(cameras.height[camera])]
            o, d, _ = self._rays(cameras, int(camera), rng.random((_LOOK_PIXELS, 2)) * size)
            draws = Draws(_LOOK_PIXELS, _LOOK_SAMPLES, 0)
            light = sum(radiance_along(self._scene, o, d, draws.of(s)) for s in range(_LOOK_SAMPLES))
            bright.append((torch.as_tensor(light) / _LOOK_SAMPLES) @ torch.tensor(LUMINANCE))
        seen = torch.cat(bright)
        seen = seen[seen > 0.0]
        if not len(seen):
            return 1.0
        middle = float(torch.exp(torch.log(seen).mean()))
        return min(_GRAY / middle, _WHITE / float(seen.quantile(_BRIGHT)))


def _seed_of(seed: int, camera: int, start: int) -> int:
    """A seed for a part of a picture."""
    return int(np.random.SeedSequence([seed, camera, start]).generate_state(1)[0])
