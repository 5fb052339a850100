"""What a camera sees of a surface that answers rays, such as a fitted field without its mesh."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from neurfield.renders.pictures import light_on, over_white
from neurfield.renders.subpixels import pixels_of, subpixels
from neurfield.scenes import Cameras
from neurfield.traced import TracedSurface

_RAYS_AT_ONCE = 1 << 17


class HitTracer:
    """First hits of a surface, several rays a pixel; depth is that of the pixel's middle.

    Args:
        surface: that is met.
        lamp: whether its colours are shown under a lamp that goes with the camera, as those of shapes are;
            colours fitted to photographs have their light in them.
    """

    def __init__(self, surface: TracedSurface, lamp: bool) -> None:
        self._surface, self._lamp = surface, lamp

    def __call__(
        self, cameras: Cameras, camera: int, frame: int | None, tell: Callable[[float], None]
    ) -> dict[str, np.ndarray]:
        """See `neurfield.renders.tracers`."""
        w, h = int(cameras.width[camera]), int(cameras.height[camera])
        surface, uv = self._surface, subpixels(w, h)
        depth, normal = np.zeros(len(uv), np.float32), np.zeros((len(uv), 3), np.float32)
        rgb = np.zeros((len(uv), 3), np.float32) if surface.has_color else None
        for start in range(0, len(uv), _RAYS_AT_ONCE):
            part = slice(start, start + _RAYS_AT_ONCE)
            origins, directions, z_per_t = cameras.rays(np.full(len(uv[part]), camera), uv[part])
            o = torch.from_numpy(origins - surface.origin).float().to(surface.device)
            d = torch.from_numpy(directions).to(surface.device)
            hits, colors = surface.pictured(o, d)
            t = torch.where(hits.hit, hits.t, 0.0).cpu().numpy()
            depth[part], normal[part] = t * z_per_t, hits.normal.cpu().numpy()
            if rgb is not None:
                rgb[part] = colors.cpu().numpy()
            tell(min(1.0, (start + _RAYS_AT_ONCE) / len(uv)))
        drawn = pixels_of(w, h, depth, normal, rgb)
        if rgb is not None:
            light = 0.5 + 0.5 * light_on(drawn["normal"], cameras, camera) if self._lamp else 1.0
            drawn["rgb"] = over_white(255.0 * np.asarray(light)[..., None] * drawn["rgb"], drawn["opacity"])
        return drawn
