"""What the depth of a scene says together: a volume to start from, to hold on to, and to let go of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Annotated

import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fusion import AlignedPriors
from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.pixels import Instances
from neurfield.pixels.instances import NONE
from neurfield.points.fuse_scene import VolumePoints, fuse_scene
from neurfield.points.fuse_stereo import StereoDepth
from neurfield.points.object_places import ObjectPlaces, object_places
from neurfield.points.object_votes import voted_objects
from neurfield.points.point_set import NONE_BESIDE, Beside, PointSet, Source
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene

NEAR = 0.25  # bands: points nearer to the surface than that stand for it
Share = Annotated[float, Number(least=0.0, most=1.0)]


class FusedDepth(Source):
    """Points of fused depth, sensed, matched or of aligned priors, and of space that views look through.

    Args:
        scene: whose depth is fused.
        frame: the unit coordinates.
        device: of the points.
        aligned: gives what the scene's priors mean, None where it is not known.
        beside: neighbours that the points get.
        stereo: gives depth matched between the scene's pictures, None where none was.
        objects: which instances the field tells apart.
        voxel: world lengths; 0: the box's longest side / 864, for stereo / 384, for priors / 192.
        count: points a step; twice as many while they are looked at alone.
        free: points a step in space that views look through.
        places: points a step of which is known whose place they are, where a field tells objects apart.
        alone: share of the steps that look at these points alone, coarse to fine; then come rays.
        until: share of the steps by which they have faded out; 0: they are held on to.

    Raises:
        UserError: they would have faded out before rays come.
    """

    offers = frozenset(
        f"points.{name}" for name in ("fused_depth", "fused_depth.normal", "free_space", "object_places")
    ) | {"gradients", "pairs"}

    def __init__(
        self,
        scene: Scene,
        frame: UnitFrame,
        device: torch.device,
        aligned: Callable[[], AlignedPriors | None] = lambda: None,
        beside: Beside = NONE_BESIDE,
        stereo: Callable[[], StereoDepth | None] = lambda: None,
        objects: Instances = NONE,
        *,
        voxel: Annotated[float, Number(least=0.0)] = 0.0,
        count: int = 8192,
        free: int = 1024,
        places: int = 4096,
        alone: Share = 0.25,
        until: Share = 0.0,
    ) -> None:
        wrong = self.wrong_numbers(alone=alone, until=until)
        if wrong:
            raise UserError(f"'points.fused_depth': {wrong}")
        self._about = scene, voxel, frame, device, aligned, stereo
        self.objects = objects
        self.beside, self.count, self.free, self.count_places = beside, count, free, places
        self._alone, self.until = alone, until

    @staticmethod
    def wrong_numbers(*, alone: float, until: float, **others: object) -> str | None:
        """What is wrong with numbers that must fit together, or None."""
        if not 0 < until <= alone:
            return None
        return (
            f"the volume would have faded out by {until:g} of the steps while they look at it alone "
            f"up to {alone:g}; set until above alone, or to 0 to hold on to the volume"
        )

    @cached_property
    def volume(self) -> VolumePoints | None:
        """Fused when first asked for; None where the scene has no depth that can be fused."""
        scene, voxel, frame, device, aligned, stereo = self._about
        return fuse_scene(scene, voxel, frame, device, aligned(), stereo())

    @cached_property
    def places(self) -> ObjectPlaces | None:
        """Points of which is known whose place they are; None without objects or segments."""
        scene, _, frame, device, _, _ = self._about
        volume = self.volume
        if volume is None or not self.objects.ids or "segment" not in scene.sources:
            return None
        near = volume.sdf.abs() < NEAR * volume.band
        surface, half = volume.points[near], frame.half
        world = frame.world_from_unit(surface.cpu().numpy())
        owner = voted_objects(world, half * volume.band, half * volume.voxel, scene, self.objects)
        return object_places(surface, owner.to(device), torch.tensor(frame.box_in_unit(scene.box)))

    @property
    def warm(self) -> bool:  # type: ignore[override]
        """Whether there is a volume."""
        return self.volume is not None

    @property
    def alone(self) -> float:  # type: ignore[override]
        """Share of the steps that look at the volume alone."""
        return self._alone if self.warm else 0.0

    @property
    def words(self) -> str:  # type: ignore[override]
        """What was fused."""
        return "" if self.volume is None else f"first surface: {self.volume.words}"

    def prepare(self) -> None:
        """Fuse, if it is not done yet, and let the pictures vote on what is whose."""
        _ = self.volume, self.places

    def hold(self, moment: Moment) -> float:
        """1 at first, then less until it lets go, at `until`."""
        if moment.progress < self._alone or self.until <= 0:
            return 1.0
        if moment.progress >= self.until:
            return 0.0
        return (self.until - moment.progress) / (self.until - self._alone)

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Indices of points, points in free space, and steps aside [pairs, 3] from the first points.

        Where objects are told apart, also indices of places; these are drawn to the end. They take no random
        numbers, so that all else is drawn as it would be without them.
        """
        if self.volume is None:
            return ()
        places = () if self.places is None else (self._of_places(self.places, moment.step),)
        if self.hold(moment) <= 0.0:
            return places
        generator = moment.generator
        index = self.volume.draw(2 * self.count if moment.points_alone else self.count, generator)
        free = self.volume.draw_free(self.free, generator)
        pairs = min(len(index), self.beside.pairs)
        aside = torch.rand(pairs, 3, generator=generator, device=index.device) - 0.5
        return index, free, aside, *places

    def _of_places(self, places: ObjectPlaces, step: int) -> Tensor:
        """The next of them, which are in a random order."""
        first = step * self.count_places
        index = torch.arange(first, first + self.count_places, device=places.points.device)
        return index % len(places.points)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """Two sets, "fused_depth" and "free_space".

        "fused_depth" has the columns sdf, weight and, where they are known, normal and normal_weight, and the
        size "band"; "free_space" has the size "least", the sdf that there is at least. Where objects are told
        apart there is "object_places", which the field is not asked at, with the columns point [P, 3] and
        object [P].
        """
        volume = self.volume
        assert volume is not None  # something was drawn
        of_places = {}
        if len(drawn) != 3 and self.places is not None:
            *drawn, at = drawn  # type: ignore[assignment]
            columns = {"point": self.places.points[at], "object": self.places.object[at]}
            of_places = {"object_places": PointSet(columns["point"], columns, asked=False)}
        if not drawn:
            return of_places
        index, free, offset = drawn
        points = volume.points[index]
        columns = {"sdf": volume.sdf[index], "weight": volume.weight[index]}
        if volume.normal is not None and volume.normal_weight is not None:
            columns |= {"normal": volume.normal[index], "normal_weight": volume.normal_weight[index]}
        beside = None
        if len(offset):
            beside = points[: len(offset)] + 2.0 * self.beside.distance * offset
        surface = PointSet(
            points, columns, {"band": volume.band}, unit_slope=True, beside=beside, fades=True
        )  # fmt: skip
        return {
            "fused_depth": surface,
            "free_space": PointSet(free, sizes={"least": 0.5 * volume.free_half}, unit_slope=True),
            **of_places,
        }
