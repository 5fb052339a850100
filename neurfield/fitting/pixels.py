"""Random pixels of a scene, some frames at a time, with everything that is known at them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.config import DataConfig
from neurfield.errors import UserError
from neurfield.rendering.rays import Rays, UnitFrame, make_rays
from neurfield.scenes import Scene
from neurfield.scenes.scene import CACHE_BYTES

# Decoded, as `Scene` keeps them; prior depth and normals stay memory-mapped files.
BYTES_PER_PIXEL = {"image": 3, "mask": 1, "depth": 4, "sensor_depth": 4, "prior_normal": 12}


@dataclass(frozen=True)
class Pixels:
    """R pixels: their rays (unit frame) and what the scene says there; a source that takes no part is None.

    group: [R] int64, which of the step's frames; frames: how many. rgb [R, 3] in 0..1. t_depth: [R] distance
    of the sensed surface along the ray, unit lengths, 0 = none. prior_depth [R] in its own unit, 0 = none.
    prior_normal [R, 3] unit, world axes, 0 = none. mask [R] 0 or 1.
    """

    rays: Rays
    group: Tensor
    frames: int
    rgb: Tensor
    t_depth: Tensor | None
    prior_depth: Tensor | None
    prior_normal: Tensor | None
    mask: Tensor | None

    def reorder(self, order: Tensor) -> Pixels:
        """The same pixels in another order."""
        columns: dict[str, Any] = {
            item.name: value[order] if isinstance(value := getattr(self, item.name), Tensor) else value
            for item in fields(self)
        }
        return Pixels(**{**columns, "rays": self.rays.take(order)})


def used_sources(scene: Scene, data: DataConfig) -> Scene:
    """The scene with only the sources that this fit may look at.

    Raises:
        UserError: a prior is asked for that the scene does not have.
    """
    unused = {"segment", "depth", "sensor_depth"}
    source_of = {"exact": "depth", "noisy": "sensor_depth"}
    wanted_depth = source_of.get(data.sensor_depth)
    if wanted_depth and wanted_depth not in scene.sources:
        raise UserError(
            f"{scene.path}: there is no {data.sensor_depth} depth here; "
            "use --set data.sensor_depth=auto or off"
        )
    if data.sensor_depth == "auto":
        wanted_depth = next((source for source in source_of.values() if source in scene.sources), None)
    unused.discard(wanted_depth or "")
    for source, wanted in (("prior_depth", data.prior_depth), ("prior_normal", data.prior_normal)):
        if not wanted:
            unused.add(source)
        elif source not in scene.sources:
            raise UserError(
                f"{scene.path}: the method wants {source}, the scene has none; use --set data.{source}=false"
            )
    if not data.mask:
        unused.add("mask")
    return scene.without(*unused)


def thinned(scene: Scene, budget: float = CACHE_BYTES) -> Scene:
    """The scene itself, or as many evenly spaced frames of it as stay decoded in memory:
    else every step would read files."""
    per_pixel = sum(BYTES_PER_PIXEL.get(source, 0) for source in scene.sources)
    total = float((scene.cameras.width * scene.cameras.height).sum()) * per_pixel
    if total <= budget:
        return scene
    keep = max(1, int(len(scene) * budget / total))
    return scene.with_frames(np.unique(np.linspace(0, len(scene) - 1, keep).round().astype(int)))


class PixelSampler:
    """Draws batches of pixels; the same step always gives the same pixels, so that a resumed fit goes on as
    if never stopped."""

    def __init__(
        self, scene: Scene, data: DataConfig, frame: UnitFrame, unit_box: list[float], rays: int, seed: int
    ) -> None:
        self.scene, self.data, self.frame, self.unit_box = scene, data, frame, unit_box
        self.seed = seed
        kept = [i for i in range(len(scene)) if not is_held_out(i, data.holdout_every)]
        self.frames = np.array(kept)
        self.per_step = min(data.images_per_step, len(kept))
        self.per_frame = max(1, rays // self.per_step)

    def batch(self, step: int, device: torch.device) -> Pixels:
        """The pixels of a step."""
        chosen = self._frames_of(step)
        random = np.random.default_rng([self.seed, 7, step])
        columns: dict[str, list[np.ndarray]] = {}
        cameras = np.repeat(chosen, self.per_frame)
        width, height = self.scene.cameras.width[cameras], self.scene.cameras.height[cameras]
        u = (random.random(len(cameras)) * width).astype(np.int64)
        v = (random.random(len(cameras)) * height).astype(np.int64)
        for k, i in enumerate(chosen):
            part = slice(k * self.per_frame, (k + 1) * self.per_frame)
            for name, values in self._read(int(i), v[part], u[part]).items():
                columns.setdefault(name, []).append(values)
        known = {name: np.concatenate(parts) for name, parts in columns.items()}

        origins, directions, z_per_t = self.scene.cameras.rays(cameras, np.stack([u + 0.5, v + 0.5], axis=1))
        rays = make_rays(origins, directions, z_per_t, self.frame, self.unit_box, device)
        if "normal" in known:
            rotations = self.scene.cameras.world_from_cam[cameras, :3, :3]
            known["normal"] = np.einsum("nij,nj->ni", rotations, known["normal"])

        def tensor(name: str, scale: float = 1.0) -> Tensor | None:
            if name not in known:
                return None
            return torch.as_tensor(known[name].astype(np.float32), device=device) * scale

        depth = tensor("depth", 1.0 / self.frame.half)
        rgb = tensor("rgb", 1.0 / 255.0)
        assert rgb is not None
        return Pixels(
            rays,
            torch.arange(len(chosen), device=device).repeat_interleave(self.per_frame),
            len(chosen),
            rgb,
            None if depth is None else depth / rays.z_per_t,
            tensor("prior"),
            tensor("normal"),
            tensor("mask"),
        )

    def _frames_of(self, step: int) -> np.ndarray:
        """The frames of a step: rounds of shuffled frames, dealt out a handful at a time."""
        total = len(self.frames)
        positions = np.arange(step * self.per_step, (step + 1) * self.per_step)
        rounds = {
            r: np.random.default_rng([self.seed, 3, int(r)]).permutation(total)
            for r in np.unique(positions // total)
        }
        return np.array([self.frames[rounds[p // total][p % total]] for p in positions])

    def _read(self, i: int, v: np.ndarray, u: np.ndarray) -> dict[str, np.ndarray]:
        scene = self.scene
        found = {"rgb": scene.image(i)[v, u]}
        depth = scene.depth(i, "exact" if "depth" in scene.sources else "noisy")
        for name, array in (
            ("depth", depth), ("prior", scene.prior_depth(i)), ("normal", scene.prior_normal(i)),
            ("mask", scene.mask(i)),
        ):  # fmt: skip
            if array is not None:
                found[name] = array[v, u]
        return found


def is_held_out(index: int, every: int) -> bool:
    """Whether a frame is kept from the fit: the middle one of each `every` consecutive frames."""
    return every > 0 and index % every == every // 2
