"""What segments ask of the distances of objects, as parts of methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.losses import objects as on
from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs
from neurfield.pixels import Instances
from neurfield.rendering import Opacity

Share = Annotated[float, Number(least=0.0, most=1.0)]


@needs("heads.objects", "pixels.segment", "passes.{at}")
class Semantics:
    """Cross entropy of rendered logits of the objects' distances against segments (Wu et al. 2022).

    Args:
        objects: which instances are which of the field's.
        at: the pass whose weights render.
        sharpness: gamma of the logits gamma sigmoid(-gamma d), one over unit lengths.
    """

    def __init__(
        self,
        objects: Instances,
        *,
        at: str = "surface",
        sharpness: Annotated[float, Number(above=0.0)] = 10.0,
    ) -> None:
        self.objects, self.at, self.sharpness = objects, at, sharpness

    def __call__(self, seen: Seen) -> Tensor:
        rays = seen.rays
        logits = on.semantic_logits(rays.answers.heads["objects"], self.sharpness)
        index = self.objects.index_of(seen.pixels.columns["segment"])
        alpha = rays.alpha(self.at)
        return on.rendered_entropy(logits, alpha, rays.samples.packed_info, index, segmented(seen))


@needs("heads.objects", "pixels.segment", "passes.{at}")
class ObjectOpacity:
    """Binary cross entropy of each object's opacity behind the scene against segments (ObjectSDF++, 2023).

    Args:
        objects: which instances are which of the field's.
        passes: the opacities of the fit, by label.
        at: the pass whose opacity is asked of each object; one that does not depend on the slope.

    Raises:
        UserError: the pass's opacity depends on the slope, which is known of the nearest object alone.
    """

    def __init__(self, objects: Instances, passes: Mapping[str, Opacity], *, at: str = "surface") -> None:
        if at in passes and passes[at].slope_matters:
            raise UserError(
                f"'losses.object_opacity' asks the opacity of each object by its distance alone, and that of "
                f"'passes.{at}' depends on the slope: use an opacity such as --set passes.{at}=volsdf"
            )
        self.objects, self.at = objects, at

    def __call__(self, seen: Seen) -> Tensor:
        rays = seen.rays
        now, length = rays.opacities[self.at], rays.samples.t_ends - rays.samples.t_starts
        distances = rays.answers.heads["objects"]
        alone = now.opacity.alpha(
            distances, torch.zeros_like(distances), length[:, None], now.width, now.progress
        )
        opacity = on.object_opacities(rays.alpha(self.at), alone, rays.samples.packed_info)
        index = self.objects.index_of(seen.pixels.columns["segment"])
        return on.opacity_entropy(opacity, index, segmented(seen))


@needs("heads.objects")
def distinction(seen: Seen, *, since: Share = 0.0) -> Tensor:
    """No two objects at one place, at all points that rays and joined sources ask (Wu et al. 2023, Eq. 9).

    Args:
        since: share of the steps before which it costs nothing.
    """
    distances = seen.rays.answers.everywhere.heads["objects"]
    if seen.moment.progress < since:
        return 0.0 * distances.sum()
    return on.overlap(distances)


@needs(optional=("points.fused_depth.object",))
def fused_object(seen: Seen) -> Tensor:
    """Points of fused depth belong to the object that the segments show there."""
    points = seen.points["fused_depth"]
    columns = points.columns
    return on.owned(
        points.heads["objects"], columns["object"], columns["sdf"], columns["weight"], points.sizes["band"]
    )


@needs(optional=("points.object_space",))
def object_space(seen: Seen) -> Tensor:
    """Free space is as far from each object as points of fused depth tell that the segments give to it."""
    points = seen.points["object_space"]
    return on.around(points.heads["objects"], points.columns["distance"], points.sizes["band"])


@needs(optional=("points.object_space",))
def object_free(seen: Seen, *, share: Annotated[float, Number(above=0.0, most=1.0)] = 0.5) -> Tensor:
    """Free space is no nearer to any object than a share of what points of fused depth tell.

    Args:
        share: of the distance to them.
    """
    points = seen.points["object_space"]
    return on.too_near(points.heads["objects"], points.columns["distance"], points.sizes["band"], share)


def segmented(seen: Seen) -> Tensor:
    """Which pixels' segments count, bool [R]: those that are known, of pixels whose colour counts."""
    known = seen.pixels.columns["segment"] >= 0
    return known if seen.rays.compared is None else known & seen.rays.compared
