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
from neurfield.points.object_space import ObjectSpace, object_space
from neurfield.points.object_votes import voted_objects
from neurfield.points.point_set import NONE_BESIDE, Beside, PointSet, Source
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene

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
        voxel: world lengths; 0: the box's longest side / 512, for stereo / 384, for priors / 192.
        count: points a step; twice as many while they are looked at alone.
        free: points a step in space that views look through; as many whose distance to objects is known.
        alone: share of the steps that look at these points alone, coarse to fine; then come rays.
        until: share of the steps by which they have faded out; 0: they are held on to.

    Raises:
        UserError: they would have faded out before rays come.
    """

    offers = frozenset(
        f"points.{name}" for name in ("fused_depth", "fused_depth.normal", "fused_depth.object", "free_space")
    ) | {"points.object_space", "gradients", "pairs"}

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
        alone: Share = 0.25,
        until: Share = 0.0,
    ) -> None:
        wrong = self.wrong_numbers(alone=alone, until=until)
        if wrong:
            raise UserError(f"'points.fused_depth': {wrong}")
        self._about = scene, voxel, frame, device, aligned, stereo
        self.objects = objects
        self.beside, self.count, self.free = beside, count, free
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
    def space(self) -> ObjectSpace | None:
        """How far free space is from each object; None where no points are known to be of objects."""
        if self.volume is None or self.owners is None:
            return None
        return object_space(self.volume, self.owners, len(self.objects))

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
        _ = self.volume, self.owners, self.space

    @cached_property
    def owners(self) -> Tensor | None:
        """Which object the volume's points [N] are of, -1: not known; None without objects or segments."""
        scene, _, frame, device, _, _ = self._about
        if self.volume is None or not self.objects.ids or "segment" not in scene.sources:
            return None
        volume, half = self.volume, frame.half
        world = frame.world_from_unit(volume.points.cpu().numpy())
        distance, band, voxel = half * volume.sdf.cpu().numpy(), half * volume.band, half * volume.voxel
        return voted_objects(world, distance, band, voxel, scene, self.objects).to(device)

    def hold(self, moment: Moment) -> float:
        """1 at first, then less until it lets go, at `until`."""
        if moment.progress < self._alone or self.until <= 0:
            return 1.0
        if moment.progress >= self.until:
            return 0.0
        return (self.until - moment.progress) / (self.until - self._alone)

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Indices of points, points in free space, and steps aside [pairs, 3] from the first points.

        Where objects are known, also indices of points in the space around them; these are drawn to the end.
        """
        if self.volume is None:
            return ()
        generator = moment.generator
        if self.hold(moment) <= 0.0:
            return () if self.space is None else (self._around(self.space, generator),)
        index = self.volume.draw(2 * self.count if moment.points_alone else self.count, generator)
        free = self.volume.draw_free(self.free, generator)
        pairs = min(len(index), self.beside.pairs)
        aside = torch.rand(pairs, 3, generator=generator, device=index.device) - 0.5
        if self.space is None:
            return index, free, aside
        return index, free, aside, self._around(self.space, generator)

    def _around(self, space: ObjectSpace, generator: torch.Generator | None) -> Tensor:
        device = space.points.device
        return torch.randint(len(space.points), (self.free,), generator=generator, device=device)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """Two sets, "fused_depth" and "free_space".

        "fused_depth" has the columns sdf, weight and, where they are known, normal and normal_weight, and
        object, and the size "band"; "free_space" has the size "least", the sdf that there is at least. Where
        objects are known there is "object_space" with the column distance [P, K] and the size "band".
        """
        volume = self.volume
        assert volume is not None  # something was drawn
        more = {}
        if len(drawn) != 3 and self.space is not None:
            *drawn, around = drawn  # type: ignore[assignment]
            known = {"distance": self.space.distance[around]}
            more["object_space"] = PointSet(self.space.points[around], known, {"band": volume.band})
        if not drawn:
            return more
        index, free, offset = drawn
        points = volume.points[index]
        columns = {"sdf": volume.sdf[index], "weight": volume.weight[index]}
        if volume.normal is not None and volume.normal_weight is not None:
            columns |= {"normal": volume.normal[index], "normal_weight": volume.normal_weight[index]}
        if self.owners is not None:
            columns["object"] = self.owners[index]
        beside = None
        if len(offset):
            beside = points[: len(offset)] + 2.0 * self.beside.distance * offset
        surface = PointSet(
            points, columns, {"band": volume.band}, unit_slope=True, beside=beside, fades=True
        )  # fmt: skip
        return {
            "fused_depth": surface,
            **more,
            "free_space": PointSet(free, sizes={"least": 0.5 * volume.free_half}, unit_slope=True),
        }
