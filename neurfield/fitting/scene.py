"""The task of a scene: its parts, as a configuration composes them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from neurfield.config import Config
from neurfield.fitting.determined import telling_sources, what_would_help
from neurfield.fitting.old_parts import Parts, parts_of
from neurfield.fitting.rays_step import RaysStep
from neurfield.fitting.surface_watch import SurfaceWatch, least_share
from neurfield.fitting.task import Task
from neurfield.fusion import AlignedPriors
from neurfield.losses.weighted import WeightedLoss
from neurfield.pixels import PixelReader
from neurfield.points import Beside, FusedDepth, PointSource
from neurfield.points.fuse_scene import VolumePoints, aligned_priors
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene


class SceneTask(Task):
    """A field, its colour and the space it may occupy, for one scene (already reduced to the sources in
    use)."""

    def __init__(
        self, scene: Scene, config: Config, device: torch.device, aligned: AlignedPriors | None = None
    ) -> None:
        """aligned: what the scene's priors mean, where it is known already."""
        self.scene, self.config, self._aligned = scene, config, aligned
        self.frame = UnitFrame.around(scene.box)
        self.unit_box = self.frame.box_in_unit(scene.box)
        self.inside = scene.kind == "inside"
        parts = parts_of(config)
        losses = {
            label: WeightedLoss(part.load(), part.weight, *_faded(part.numbers))
            for label, part in parts.many("losses").items()
        }
        smooth = losses.get("smooth")
        beside = Beside() if smooth is None else Beside(512)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            heads = {label: part.numbers["width"] for label, part in parts.many("heads").items()}
            field = parts.one("field").make(config.seed, heads).to(device)
            color = parts.one("color").make(config.seed, field.feature_dim).to(device)
        field.start_as_sphere(field.radius or self._radius(), inside=self.inside, seed=config.seed)
        chooser = parts.one("pixels").make(scene.cameras, config.seed)
        sampler = parts.one("sampler").make(self.unit_box, device)
        passes = {label: part.make().to(device) for label, part in parts.many("passes").items()}
        background = parts.one("background")
        advice = what_would_help(telling_sources(scene), self.inside)
        rays = RaysStep(
            PixelReader(scene, chooser, self.frame, self.unit_box, device),
            sampler, passes, None if background is None else background.make(), self.frame.half,
            SurfaceWatch(least_share(scene, config.data), advice, device), beside,
        )  # fmt: skip
        super().__init__(field, color, [], rays, losses, config.train, config.seed, device)
        self.sources = self._make_sources(parts, beside)

    def _make_sources(self, parts: Parts, beside: Beside) -> list[PointSource]:
        """The sources of points of which a loss looks at something."""
        chosen = parts.many("points")
        place = {"unit_box": self.unit_box, "device": self.device}
        aligned = self.aligned if "fused_depth" in chosen else None
        given = {
            "fused_depth": {
                "scene": self.scene,
                "frame": self.frame,
                "device": self.device,
                "aligned": aligned,
                "beside": beside,
            },
            "seen": {"aligned": aligned, "frame": self.frame, **place},
            "uniform": place,
        }
        made = [part.make(**given[label]) for label, part in chosen.items()]
        looked_at = {name for loss in self.losses.values() for name in loss.needs | loss.optional}
        return [
            s
            for s in made
            if any(n in looked_at or any(l.startswith(f"{n}.") for l in looked_at) for n in s.offers)
        ]

    def _radius(self) -> float:
        """Of the initial sphere: around the cameras and most of the box for a room, well inside the box for
        an object."""
        extent = np.array(self.unit_box[3:]) - np.array(self.unit_box[:3])
        if not self.inside:
            return 0.35 * float(extent.min())
        cameras = np.linalg.norm(self.frame.unit_from_world(self.scene.cameras.centers), axis=1)
        return max(0.45 * float(extent.mean()), 1.1 * float(cameras.max()))

    @cached_property
    def aligned(self) -> AlignedPriors | None:
        """What the scene's priors mean, where depth is known by nothing else."""
        if self._aligned is not None:
            return self._aligned
        return aligned_priors(self.scene, self.config.data.box, self.config.seed)

    @property
    def volume(self) -> VolumePoints | None:
        """What the scene's depth says together; fused when first asked for."""
        return next((s.volume for s in self.sources if isinstance(s, FusedDepth)), None)

    def preview(self, step: int, folder: Path) -> None:
        """One frame as the field renders it now, colour and normals beside the true image."""
        from neurfield.fitting.view import write_preview

        write_preview(self, step, folder)


def _faded(numbers: dict) -> tuple[dict, float]:
    rest = dict(numbers)
    decay = rest.pop("decay", 0.0)
    return rest, decay
