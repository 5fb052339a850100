"""The task of a scene: its parts, as a configuration composes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurfield.errors import UserError
from neurfield.fitting.compared_views import compared_views
from neurfield.fitting.determined import telling_sources, what_would_help
from neurfield.fitting.dual import DualStep
from neurfield.fitting.rays_step import RaysStep
from neurfield.fitting.surface_watch import SurfaceWatch, least_share
from neurfield.fitting.task import Task
from neurfield.fusion import AlignedPriors
from neurfield.losses.compared_views import ComparedViews
from neurfield.losses.weighted import WeightedLoss
from neurfield.parts import Config, awake, looked_at, of_use
from neurfield.pixels import Instances, Patches, PixelReader
from neurfield.pixels.sources import SOURCES
from neurfield.points import Beside, PointSource
from neurfield.points.fuse_scene import aligned_priors
from neurfield.points.stereo import confident_points
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene
from neurfield.stereo import Contradicted, StereoMaps, contradicted
from neurfield.surfaces.extractors import is_unsigned

PAIRS = 512  # a step, where a loss looks at pairs and does not say how many


class SceneTask(Task):
    """The parts of a method, put together for one scene."""

    def __init__(
        self,
        scene: Scene,
        config: Config,
        device: torch.device,
        aligned: AlignedPriors | None = None,
        stereo: Callable[[], StereoMaps] | None = None,
    ) -> None:
        """Make all parts; nothing is read of the scene's files.

        Args:
            scene: reduced to the sources in use.
            config: of the fit.
            device: of field and steps.
            aligned: what the scene's priors mean, where it is known already.
            stereo: gives depth matched between its pictures, when that is first wanted; None: they are not.

        Raises:
            UserError: a part asks for what the scene or the method does not have, with the way out.
        """
        self.scene, self.config, self._aligned, self._stereo = scene, config, aligned, stereo
        self._where = device
        self._contradicted: Contradicted | None = None
        self.frame = UnitFrame.around(scene.box)
        self.unit_box = self.frame.box_in_unit(scene.box)
        self.inside = scene.kind == "inside"
        self.telling = telling_sources(scene, stereo is not None)
        needed = looked_at(config.many("losses").values())
        beside = _beside(config)

        def attached() -> Scene:
            return scene if self.stereo is None else self.stereo.attached_to(scene)

        offers: dict[str, Callable[[], Any]] = {
            "scene": lambda: scene, "cameras": lambda: scene.cameras, "frame": lambda: self.frame,
            "unit_box": lambda: self.unit_box, "device": lambda: device, "seed": lambda: config.seed,
            "aligned": lambda: lambda: self.aligned, "beside": lambda: beside,
            "contradicted": lambda: self.contradicted,
            "stereo": lambda: lambda: self.stereo, "telling": lambda: self.telling,
            "compared_views": lambda: lambda: self.compared_views,
            "stereo_points": lambda: lambda: confident_points(attached()),
        }  # fmt: skip
        self.told = resolve(config, scene)
        field, color = make_fields(config, device)
        instances = Instances(getattr(field, "ids", ()))
        offers |= {"objects": lambda: instances, "labels": lambda: getattr(field, "labels", None)}
        field.start_as_sphere(field.radius or self._radius(), inside=self.inside, seed=config.seed)
        chooser, sampler = (config.needed(slot).make_of(offers) for slot in ("pixels", "sampler"))
        passes = {label: part.make_of(offers).to(device) for label, part in config.many("passes").items()}
        offers["passes"] = lambda: passes
        if not passes:
            raise UserError(f"'passes': a fit to a scene needs an opacity, the method {config.name} has none")
        background, exposure, poses, transients = (
            None if part is None else part.make_of(offers)
            for part in map(config.one, ("background", "exposure", "poses", "transients"))
        )
        polish = config.one("polish")
        if polish is not None and is_unsigned(field) and getattr(polish.load(), "wants_sign", False):
            raise UserError(
                f"'polish.{polish.name}' looks for where distances change their sign, and this field's have "
                "none: leave it out with --set polish=off"
            )
        advice = what_would_help(self.telling, self.inside)
        rays = RaysStep(
            PixelReader(scene, chooser, self.frame, self.unit_box, device),
            sampler, passes, background, self.frame.half,
            SurfaceWatch(least_share(scene, config.data), advice, device), beside, exposure, poses,
            transients,
        )  # fmt: skip
        dual = None if transients is None else DualStep(transients, self._another)
        sources = of_use((part.make_of(offers) for part in config.many("points").values()), needed)
        offered = offers_of_scene(scene, field, passes, sources, color)
        for slot in ("passes", "pixels"):
            awake(config.parts[slot], offered)  # else the method lacks what they look at
        losses = {
            label: WeightedLoss.of(part, offers)
            for label, part in awake(config.many("losses"), offered).items()
        }
        if not losses:
            raise UserError(f"{scene.path}: none of the method's losses finds what it looks at in this scene")
        super().__init__(
            field, color, sources, rays, losses, config.train, config.seed, device, dual,
            None if polish is None else polish.make_of(offers),
        )  # fmt: skip

    def _radius(self) -> float:
        """Of the initial sphere, unit lengths.

        Around the cameras and most of the box for a room, well inside the box for an object.
        """
        extent = np.array(self.unit_box[3:]) - np.array(self.unit_box[:3])
        if not self.inside:
            return 0.35 * float(extent.min())
        cameras = np.linalg.norm(self.frame.unit_from_world(self.scene.cameras.centers), axis=1)
        return max(0.45 * float(extent.mean()), 1.1 * float(cameras.max()))

    def _another(self) -> tuple[Any, Any]:
        """A field and a colour as this fit's began, from another seed."""
        config = replace(self.config, seed=self.config.seed + 1)
        field, color = make_fields(config, self._where)
        field.start_as_sphere(field.radius or self._radius(), inside=self.inside, seed=config.seed)
        return field, color

    @property
    def stereo(self) -> StereoMaps | None:
        """Depth matched between the scene's pictures; None where they are not."""
        return None if self._stereo is None else self._stereo()

    def contradicted(self, patches: Patches) -> Contradicted | None:
        """What matched pictures tell of each other's patches; None where they are not matched."""
        if self._stereo is None:
            return None
        if self._contradicted is None:
            self._contradicted = contradicted(self.scene, self._stereo(), patches.rows, patches.columns)
        return self._contradicted

    @cached_property
    def aligned(self) -> AlignedPriors | None:
        """What the scene's priors mean, where depth is known by nothing else."""
        if self._aligned is not None:
            return self._aligned
        return aligned_priors(self.scene, self.config.data.box, self.config.seed, self.stereo)

    @cached_property
    def compared_views(self) -> ComparedViews:
        """The pictures as they are compared with each other, read when a loss first asks for them.

        What they contradict each other in is not compared where masks leave it out.
        """
        maps, masks = self.stereo, None if self.dual is None else self.dual.transients
        found = self.contradicted(masks.patches) if masks is not None and masks.learns else None
        if maps is not None and found is not None:
            maps = maps.hiding(found.transient)
        return compared_views(self.scene, maps)

    def preview(self, step: int, folder: Path) -> None:
        """One frame as the field renders it now, colour and normals beside the true image."""
        from neurfield.fitting.view import write_preview

        write_preview(self, step, folder)


def resolve(config: Config, scene: Any) -> list[str]:
    """Set numbers of the field that follow from the scene and are still open, and say what was left out.

    A field whose part has an attribute `resolved(scene, **numbers)` is asked: it returns the numbers that
    follow, none where nothing is open, and lines for people.
    """
    part = config.needed("field")
    ask = getattr(part.load(), "resolved", None)
    if ask is None:
        return []
    numbers, lines = ask(scene, **part.numbers)
    part.numbers.update(numbers)
    return list(lines)


def make_field(config: Config, device: torch.device) -> Any:
    """The field that a configuration names, as it is before the first step: the first of `make_fields`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return config.needed("field").make_of(_offers_of_fields(config)).to(device)


def make_fields(config: Config, device: torch.device) -> tuple[Any, Any]:
    """The field and the colour that a configuration names, as they are before the first step."""
    offers = _offers_of_fields(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        field = config.needed("field").make_of(offers).to(device)
        exposure = config.one("exposure")
        codes = 0 if exposure is None else exposure.numbers.get("codes", 0)
        of_field = {"feature_dim": lambda: field.feature_dim + codes, "codes": lambda: codes}
        return field, config.needed("color").make_of({**offers, **of_field}).to(device)


def _offers_of_fields(config: Config) -> dict[str, Callable[[], Any]]:
    """What a field and a colour may ask for."""
    return {
        "seed": lambda: config.seed,
        "heads": lambda: {label: part.make() for label, part in config.many("heads").items()},
    }


def aligns(config: Config) -> bool:
    """Whether a part of a configuration asks what priors mean."""
    return any("aligned" in part.asks_for() for part in config.many("points").values())


def offers_of_scene(
    scene: Scene, field: Any, passes: Iterable[str], sources: Iterable[PointSource], color: Any
) -> frozenset[str]:
    """Names of all that losses may look at in some step of a fit to a scene; see `Seen.offers`.

    Args:
        scene: reduced to the sources in use.
        field: whose heads are among them.
        passes: their labels.
        sources: of points.
        color: whose channels are among them.
    """
    names = {"samples", "gradients", "pairs"}
    for label in passes:
        names |= {f"passes.{label}", *(f"passes.{label}.{name}" for name in getattr(color, "channels", ()))}
    names |= {f"heads.{name}" for name in field.heads}
    names |= {f"pixels.{SOURCES[source].column}" for source in scene.sources & SOURCES.keys()}
    if "mask" in scene.sources and scene.mask_says == "object":
        names.add("pixels.outline")
    for source in sources:
        names |= source.offers
    return frozenset(names)


def _beside(config: Config) -> Beside:
    """The neighbours that points get, as the losses on pairs want them."""
    wanting = [p for p in config.many("losses").values() if "pairs" in p.needs().required]
    if not wanting:
        return Beside()
    pairs, distances = (
        [p.numbers[name] for p in wanting if name in p.numbers] for name in ("pairs", "distance")
    )
    return Beside(max(pairs, default=PAIRS), max(distances, default=Beside.distance))
