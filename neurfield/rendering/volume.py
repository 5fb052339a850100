"""Rays and a field to pixels: query, opacity, colour, composite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurfield.ops.compositing import render_weights_from_alpha
from neurfield.ops.sections import composite_surface, section_midpoints
from neurfield.rays import Rays, Samples
from neurfield.rendering.opacity import OpacityNow

if TYPE_CHECKING:
    from neurfield.fields import Color, DistanceField, FieldSample

# Samples with less weight are not asked for their colour: together they change a pixel by less than its 8-bit
# step.
COLOR_WEIGHT = 2e-4
LEAST_OPACITY = 0.02  # by which the colour of a ray is divided


@dataclass(frozen=True)
class Answers:
    """What the field says in the middle of each of S sections, and at E further points.

    Attributes:
        t: [S] of the middles, along the rays, unit lengths.
        sdf: [S] unit lengths.
        gradient: [S, 3].
        heads: [S, K] of each of the field's heads, by name.
        everywhere: all that was asked, S + E points, those of the sections first.
    """

    t: Tensor
    sdf: Tensor
    gradient: Tensor
    heads: dict[str, Tensor]
    everywhere: FieldSample


@dataclass(frozen=True)
class Rendered:
    """What an opacity makes of R rays and their S samples.

    Attributes:
        rgb: [R, 3], sums of weight times colour.
        distance: [R] expected t of what was hit, unit lengths.
        normal: [R, 3] world axes, not unit.
        opacity: [R] sums of the weights, in 0..1.
        weights: [S] of the samples, without gradient.
        answers: what the field says there.
    """

    rgb: Tensor
    distance: Tensor
    normal: Tensor
    opacity: Tensor
    weights: Tensor
    answers: Answers


def before(rgb: Tensor, opacity: Tensor, behind: Tensor | None, ended: Tensor | None) -> Tensor:
    """Colours [R, 3] of rays, with `behind` where they are not opaque.

    The samples of some rays end with the surface that was sensed there, at grazing incidence before they are
    opaque. What such a ray saw counts as all there is: its weights are scaled to a sum of one. Those of the
    samples and of what is behind sum to one for every ray.

    Args:
        rgb: [R, 3], sums of weight times colour.
        opacity: [R], sums of weights.
        behind: [R, 3] in 0..1; None: black.
        ended: [R] bool, which rays do; None: none.
    """
    if ended is not None:
        whole = torch.where(ended, opacity.clamp_min(LEAST_OPACITY), torch.ones_like(opacity))
        rgb, opacity = rgb / whole[:, None], opacity / whole
    return rgb if behind is None else rgb + (1.0 - opacity)[:, None] * behind


def render(
    field: DistanceField,
    color: Color,
    rays: Rays,
    samples: Samples,
    opacity: OpacityNow,
    extra_points: Tensor | None = None,
) -> Rendered:
    """Volume-render packed samples with one opacity.

    Args:
        field: asked once, for values and gradients.
        color: asked where a sample weighs something.
        rays: R.
        samples: S sections of them.
        opacity: at a moment of a fit.
        extra_points: [E, 3] points off the rays that join the same query of the field; None: none.

    Example:
        >>> from neurfield.fields import Radiance, SDFField
        >>> field = SDFField()  # a sphere of radius 0.5, free space outside
        >>> box = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])  # of the world
        >>> frame = UnitFrame.around(box)
        >>> rays = make_rays(
        ...     np.array([[0.0, 0.0, -2.0]]), np.array([[0.0, 0.0, 1.0]]), np.ones(1),
        ...     frame, frame.box_in_unit(box), torch.device("cpu"),
        ... )
        >>> grid = OccupancyGrid(frame.box_in_unit(box), 32)
        >>> grid.update(field.sdf)
        >>> samples = sample_surface(
        ...     rays, grid, step=0.01, reach=0.1, max_samples=128, jitter=torch.full((1,), 0.5)
        ... )
        >>> with torch.no_grad():
        ...     pixels = render(field, Radiance(), rays, samples, NeuS().at(END))
        >>> pixels.rgb.shape, abs(float(pixels.distance) - 1.5) < 0.1  # from the eye to the sphere
        (torch.Size([1, 3]), True)
    """
    return render_passes(field, color, rays, samples, {"surface": opacity}, extra_points)["surface"]


def render_passes(
    field: DistanceField,
    color: Color,
    rays: Rays,
    samples: Samples,
    passes: Mapping[str, OpacityNow],
    extra_points: Tensor | None = None,
    codes: Tensor | None = None,
    points_gradient: bool = False,
) -> dict[str, Rendered]:
    """The same samples with one or several opacities: field and colour are asked once.

    Colours are those of the first pass's normals, and are asked for where any pass gives a sample weight.

    Args:
        field: asked once, for values and gradients.
        color: asked where a sample weighs something.
        rays: R.
        samples: S sections of them.
        passes: opacities at a moment of a fit, by label.
        extra_points: [E, 3] points off the rays that join the same query of the field; None: none.
        codes: [R, K] of the rays' pictures, which the colour gets after the feature; None: zeros.
        points_gradient: whether what is rendered is differentiable in the rays' origins and directions,
            through the samples' points alone; slower.

    Returns:
        What each pass renders, by label.
    """
    points, t = section_midpoints(
        rays.origins, rays.directions, samples.ray_indices, samples.t_starts, samples.t_ends,
        extra=extra_points,
    )  # fmt: skip
    n_samples = t.shape[0]
    wanted: dict[str, Any] = {"points_gradient": True} if points_gradient else {}
    if points_gradient:
        at = samples.ray_indices
        on_rays = rays.origins[at] + t[:, None] * rays.directions[at]
        points = torch.cat([on_rays, points[n_samples:]])
        rays = replace(rays, origins=rays.origins.detach(), directions=rays.directions.detach())
    everywhere = field.query(points, gradient=True, **wanted)
    assert everywhere.gradient is not None
    sdf, gradient = everywhere.sdf[:n_samples], everywhere.gradient[:n_samples]
    heads = {name: values[:n_samples] for name, values in everywhere.heads.items()}
    opaque = {label: opacity.of_sections(sdf, gradient, rays, samples) for label, opacity in passes.items()}
    with torch.no_grad():
        likely = [
            render_weights_from_alpha(alpha.detach(), packed_info=samples.packed_info)
            for alpha, _ in opaque.values()
        ]
        most = likely[0] if len(likely) == 1 else torch.stack(likely).amax(dim=0)
        counted = (most > COLOR_WEIGHT).nonzero()[:, 0]
    _, normal = next(iter(opaque.values()))
    feature = everywhere.feature[:n_samples]
    if codes is not None:
        feature = torch.cat([feature, codes[samples.ray_indices]], dim=1)
    rgb = color(
        points[:n_samples], feature, normal, color.encode_views(rays.directions),
        rays=samples.ray_indices, counted=counted, **wanted,
    )  # fmt: skip
    answers = Answers(t, sdf, gradient, heads, everywhere)
    return {
        label: _rendered(alpha, rgb, normal, answers, samples) for label, (alpha, normal) in opaque.items()
    }


def _rendered(alpha: Tensor, rgb: Tensor, normal: Tensor, answers: Answers, samples: Samples) -> Rendered:
    pixels, weights = composite_surface(alpha, rgb, normal, answers.t, samples.packed_info)
    opacity = pixels[:, 7]
    distance = pixels[:, 6] / opacity.clamp_min(1e-4)
    return Rendered(pixels[:, :3], distance, pixels[:, 3:6], opacity, weights, answers)
