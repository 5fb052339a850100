"""What segments ask of the places of objects, as parts of methods.

Surfaces stand still for all of them: they teach labels, and leave the scene's distance alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor
from torch.nn.functional import cross_entropy

from neurfield.errors import UserError
from neurfield.losses import objects as on
from neurfield.losses.seen import Seen
from neurfield.ops.compositing import render_transmittance_from_alpha
from neurfield.parts import needs
from neurfield.pixels import Instances
from neurfield.rendering import Opacity

LEAST_WEIGHT = 2e-4  # of a sample whose label is asked, as of one whose colour is


class Labels(Protocol):
    """What is asked of a field's labels."""

    def __call__(self, points: Tensor) -> Tensor:
        """Numbers [N, K] of points [N, 3], the largest of which says whose they are."""
        ...

    def distances(self, sdf: Tensor, points: Tensor) -> Tensor:
        """Distances [N, K] of objects at points [N, 3], of the scene's [N]."""
        ...


@needs("pixels.segment", "passes.{at}")
class Semantics:
    """Cross entropy of rendered labels against segments, as ObjectSDF has it of distances (Wu et al. 2022).

    Args:
        objects: which instances are which of the field's.
        labels: of the field.
        at: the pass whose weights render.

    Raises:
        UserError: the field has no labels.
    """

    def __init__(self, objects: Instances, labels: Labels | None, *, at: str = "surface") -> None:
        self.objects, self.labels, self.at = objects, there("semantics", labels), at

    def __call__(self, seen: Seen) -> Tensor:
        weights = seen.rendered(self.at).weights
        which, ray, points = lit(seen, weights)
        rendered = on.summed_along_rays(weights[which], self.labels(points), ray, len(seen.pixels))
        index = self.objects.index_of(seen.pixels.columns["segment"])
        return on.rendered_entropy(rendered, index, segmented(seen))


@needs("pixels.segment", "passes.{at}")
class ObjectOpacity:
    """Binary cross entropy of each object's opacity behind the scene against segments (ObjectSDF++, 2023).

    O_k = sum_i T_i a_ki, T_i the scene's transmittance before a sample and a_ki the opacity that it would
    have if object k were alone (Wu et al. 2023, Eq. 7). No a_ki is larger than the scene's, so samples that
    weigh nothing in the scene weigh nothing here.

    Args:
        objects: which instances are which of the field's.
        labels: of the field.
        passes: the opacities of the fit, by label.
        at: the pass whose opacity is asked of each object; one that does not depend on the slope.

    Raises:
        UserError: the field has no labels, or the pass's opacity depends on the slope, which is known of the
            scene alone.
    """

    def __init__(
        self,
        objects: Instances,
        labels: Labels | None,
        passes: Mapping[str, Opacity],
        *,
        at: str = "surface",
    ) -> None:
        if at in passes and passes[at].slope_matters:
            raise UserError(
                f"'losses.object_opacity' asks the opacity of each object by its distance alone, and that of "
                f"'passes.{at}' depends on the slope: use an opacity such as --set passes.{at}=volsdf"
            )
        self.objects, self.labels, self.at = objects, there("object_opacity", labels), at

    def __call__(self, seen: Seen) -> Tensor:
        rays, samples = seen.rays, seen.rays.samples
        which, ray, points = lit(seen, seen.rendered(self.at).weights)
        now, length = rays.opacities[self.at], (samples.t_ends - samples.t_starts)[which, None]
        distances = self.labels.distances(rays.answers.sdf.detach()[which], points)
        alone = now.opacity.alpha(distances, 0.0 * distances.detach(), length, now.width, now.progress)
        alpha = rays.alpha(self.at).detach()
        before = render_transmittance_from_alpha(alpha, packed_info=samples.packed_info)
        opacity = on.summed_along_rays(before[which], alone, ray, len(seen.pixels))
        index = self.objects.index_of(seen.pixels.columns["segment"])
        return on.opacity_entropy(opacity, index, segmented(seen))


@needs(optional=("points.object_places",))
class Places:
    """Cross entropy of labels at points of which is known whose place they are.

    Args:
        labels: of the field.

    Raises:
        UserError: the field has no labels.
    """

    def __init__(self, labels: Labels | None) -> None:
        self.labels = there("object_places", labels)

    def __call__(self, seen: Seen) -> Tensor:
        columns = seen.points["object_places"].columns
        return cross_entropy(self.labels(columns["point"]), columns["object"])


def there(loss: str, labels: Labels | None) -> Labels:
    """The labels of a field that has some.

    Raises:
        UserError: it has none.
    """
    if labels is None:
        raise UserError(
            f"'losses.{loss}' looks at the labels of objects, and the field has none: use "
            f"--set field=objects, or leave it out with --set losses.{loss}=off"
        )
    return labels


def lit(seen: Seen, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The samples that weigh something: int64 [M] which, int64 [M] of which ray, and where [M, 3].

    Args:
        seen: with rays.
        weights: [S] of the samples.
    """
    rays, which = seen.rays, (weights > LEAST_WEIGHT).nonzero()[:, 0]
    ray = rays.samples.ray_indices[which]
    of = rays.pixels.rays
    return which, ray, (of.origins[ray] + rays.answers.t[which, None] * of.directions[ray]).detach()


def segmented(seen: Seen) -> Tensor:
    """Which pixels' segments count, bool [R]: those that are known, of pixels whose colour counts."""
    known = seen.pixels.columns["segment"] >= 0
    return known if seen.rays.compared is None else known & seen.rays.compared
