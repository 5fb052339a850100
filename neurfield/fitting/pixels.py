"""Random pixels of a scene, some frames at a time, with everything that is known at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.config import DataConfig
from neurfield.errors import UserError
from neurfield.fitting.device import CPU
from neurfield.fitting.flat_images import BYTES_PER_PIXEL, FlatImages
from neurfield.fitting.uploads import Ahead, pinned, uploaded
from neurfield.rendering.rays import Rays, UnitFrame, clipped, unit_lines
from neurfield.scenes import Scene
from neurfield.scenes.scene import CACHE_BYTES

_LINES = ("origins", "directions", "z_per_t")  # of a drawn batch, beside the sources


@dataclass(frozen=True)
class Pixels:
    """R pixels: their rays (unit frame) and what the scene says there; a source that takes no part is None.

    group: [R] int64, which of the step's frames; frames: how many. rgb [R, 3] in 0..1. t_depth: [R] distance
    of the sensed surface along the ray, unit lengths, 0 = none. prior_depth [R] in its own unit, 0 = none.
    prior_normal [R, 3] unit, world axes, 0 = none. mask [R] 0 or 1, or 2 where it is not known
    (`FlatImages`); where it says that a pixel is not valid, there is no depth and no prior either.
    """

    rays: Rays
    group: Tensor
    frames: int
    rgb: Tensor
    t_depth: Tensor | None
    prior_depth: Tensor | None
    prior_normal: Tensor | None
    mask: Tensor | None

    def elsewhere(self, tolerance: float) -> Tensor:
        """[R] whether a surface was sensed, but farther than `tolerance` from the stretch in the box."""
        t = torch.zeros_like(self.rays.t_min) if self.t_depth is None else self.t_depth
        return (t > 0) & ((t < self.rays.t_min - tolerance) | (t > self.rays.t_max + tolerance))

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
    """The scene itself, or as many evenly spaced frames of it as fit into memory decoded."""
    per_pixel = sum(BYTES_PER_PIXEL.get(source, 0) for source in scene.sources)
    total = float((scene.cameras.width * scene.cameras.height).sum()) * per_pixel
    if total <= budget:
        return scene
    keep = max(1, int(len(scene) * budget / total))
    return scene.with_frames(np.unique(np.linspace(0, len(scene) - 1, keep).round().astype(int)))


class PixelSampler:
    """Draws batches of pixels; the same step and number of rays give the same pixels, on any device, so that
    a resumed fit goes on as if never stopped."""

    def __init__(
        self,
        scene: Scene,
        data: DataConfig,
        frame: UnitFrame,
        unit_box: list[float],
        seed: int,
        device: torch.device = CPU,
    ) -> None:
        """All frames of the scene are drawn from. Nothing is read yet."""
        self.scene, self.frame, self.seed, self.device = scene, frame, seed, device
        self._unit_box = torch.tensor(unit_box, device=device)
        self._pin: Callable[[Tensor], Tensor] = pinned
        self._ahead = Ahead(self._draw_pinned)
        self.frames = np.arange(len(scene))
        self.per_step = min(data.images_per_step, len(scene))

    @cached_property
    def images(self) -> FlatImages:
        """Every pixel that may be drawn, read when first asked for."""
        return FlatImages(self.scene, self.frames, self.device)

    def batch(self, step: int, rays: int) -> Pixels:
        """About `rays` pixels for a step: the same number from each of its frames."""
        if self.device.type == "cpu":
            return self._pixels(self._draw(step, rays))
        drawn = self._ahead.get(step, rays)
        return self._pixels({name: uploaded(tensor, self.device) for name, tensor in drawn.items()})

    def ahead(self, step: int, rays: int) -> None:
        """Let the host draw the batch that will be asked for next, while the GPU is busy with this one."""
        if self.device.type != "cpu":
            self._ahead.start(step, rays)

    def _draw(self, step: int, rays: int) -> dict[str, Tensor]:
        """The host's part: rays not cut to the box yet, and the sources' numbers, or where they are to be
        found."""
        chosen = self._frames_of(step)
        per_frame = max(1, rays // self.per_step)
        random = np.random.default_rng([self.seed, 7, step])
        frames = np.repeat(chosen, per_frame)
        width, height = self.scene.cameras.width[frames], self.scene.cameras.height[frames]
        u = (random.random(len(frames)) * width).astype(np.int64)
        v = (random.random(len(frames)) * height).astype(np.int64)
        index = self.images.places(frames, v, u)
        known = {"index": index} if self.images.resident else self.images.gather(index)
        lines = self.scene.cameras.rays(frames, np.stack([u + 0.5, v + 0.5], axis=1))
        return {**known, **dict(zip(_LINES, unit_lines(*lines, self.frame)))}

    def _draw_pinned(self, step: int, rays: int) -> dict[str, Tensor]:
        return {name: self._pin(tensor) for name, tensor in self._draw(step, rays).items()}

    def _pixels(self, drawn: dict[str, Tensor]) -> Pixels:
        """The device's part."""
        origins, directions, z_per_t = (drawn.pop(name) for name in _LINES)
        rays_there = clipped(origins, directions, z_per_t, self._unit_box)
        known = FlatImages.decode(self.images.gather(drawn["index"]) if self.images.resident else drawn)
        if "mask" in known and self.scene.mask_says == "valid":
            for name in known.keys() - {"mask", "image"}:
                known[name] = known[name] * known["mask"].view(-1, *[1] * (known[name].ndim - 1))
        depth = known.get("depth", known.get("sensor_depth"))
        per_frame = len(rays_there) // self.per_step
        return Pixels(
            rays_there,
            torch.arange(self.per_step, device=self.device).repeat_interleave(per_frame),
            self.per_step,
            known["image"],
            None if depth is None else depth / (self.frame.half * rays_there.z_per_t),
            known.get("prior_depth"),
            known.get("prior_normal"),
            known.get("mask"),
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


def fitted_and_held_out(count: int, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of `count` frames a fit may look at, and which are kept from it: the middle one of each `every`
    consecutive frames, none for 0."""
    frames = np.arange(count)
    held_out = frames % every == every // 2 if every > 0 else np.zeros(count, bool)
    return frames[~held_out], frames[held_out]
