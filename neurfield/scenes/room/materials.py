"""What a surface looks like: a procedural colour pattern, a little gloss, sometimes light of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]
# points a pattern works on at a time: its intermediate arrays stay in the cache
_CHUNK = 32768


def srgb(code: str) -> tuple[float, float, float]:
    """Linear rgb of a display colour such as "#c98b3a"."""
    values = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b


@dataclass(frozen=True)
class Material:
    """A pattern and how it reflects.

    `pattern(points [k,3], normals [k,3]) -> rgb [k,3]` works in the object's own frame, in metres;
    `local_from_world` (4x4) takes world points there. `gloss` 0 is purely diffuse. `emission` is radiance
    added to what is reflected; the light that it sheds on the room is the `AreaLight`s'.
    """

    name: str
    pattern: Pattern
    gloss: float = 0.0
    two_sided: bool = False
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    local_from_world: np.ndarray = field(default_factory=lambda: np.eye(4), compare=False)

    def placed(self, world_from_local: np.ndarray) -> Material:
        """The same material carried along with an object by a rigid 4x4 pose."""
        return replace(self, local_from_world=self.local_from_world @ np.linalg.inv(world_from_local))

    def albedo(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Linear rgb in 0..1, float32 [k,3], at world points [k,3] with world normals [k,3]."""
        turn = self.local_from_world[:3, :3].T.astype(np.float32)
        shift = self.local_from_world[:3, 3].astype(np.float32)
        rgb = np.empty((len(points), 3), dtype=np.float32)
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            local = points[part].astype(np.float32, copy=False) @ turn + shift
            local_normals = normals[part].astype(np.float32, copy=False) @ turn
            np.clip(self.pattern(local, local_normals), 0.0, 1.0, out=rgb[part])
        return rgb


@dataclass(frozen=True)
class AreaLight:
    """A parallelogram that shines to the side of `edge_u` x `edge_v`; world metres, linear radiance."""

    corner: np.ndarray
    edge_u: np.ndarray
    edge_v: np.ndarray
    radiance: np.ndarray
