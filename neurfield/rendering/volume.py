"""Rays and a field to pixels: query, opacity, colour, composite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurfield.fields.shaded import Shaded
from neurfield.ops.compositing import accumulate_along_rays, composite, render_weights_from_alpha
from neurfield.ops.sections import composite_surface, section_midpoints
from neurfield.rays import Rays, Samples
from neurfield.rendering.answers import Answers
from neurfield.rendering.opacity import OpacityNow

if TYPE_CHECKING:
    from neurfield.fields import Color, DistanceField

# Samples with less weight are not asked for their colour: together they change a pixel by less than its 8-bit
# step.
COLOR_WEIGHT = 2e-4
LEAST_OPACITY = 0.02  # by which the colour of a ray is divided
DIRECT = "direct"  # the channel of the samples' colours, where a pixel's colour is made of other channels


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
        channels: [R, K] by name, sums of weight times what the colour says of the samples beside rgb. Where
            it makes the pixels' rgb of these, "direct" is the sum of weight times the samples' own colours.
    """

    rgb: Tensor
    distance: Tensor
    normal: Tensor
    opacity: Tensor
    weights: Tensor
    answers: Answers
    channels: Mapping[str, Tensor] = field(default_factory=dict)


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
    wanted: dict[str, Any] = {"points_gradient": True} if points_gradient else {}
    points, answers = _answers(field, rays, samples, passes.values(), extra_points, points_gradient)
    if points_gradient:
        rays = replace(rays, origins=rays.origins.detach(), directions=rays.directions.detach())
    opaque = {label: opacity.of_answers(answers, rays, samples) for label, opacity in passes.items()}
    with torch.no_grad():
        likely = [
            render_weights_from_alpha(alpha.detach(), packed_info=samples.packed_info)
            for alpha, _ in opaque.values()
        ]
        most = likely[0] if len(likely) == 1 else torch.stack(likely).amax(dim=0)
        counted = (most > COLOR_WEIGHT).nonzero()[:, 0]
    _, normal = next(iter(opaque.values()))
    feature = answers.everywhere.feature[: len(points)]
    if codes is not None:
        feature = torch.cat([feature, codes[samples.ray_indices]], dim=1)
    shaded = color(
        points, feature, normal, color.encode_views(rays.directions),
        rays=samples.ray_indices, counted=counted, **wanted,
    )  # fmt: skip
    if isinstance(shaded, Tensor):
        shaded = Shaded(shaded)
    return {
        label: _rendered(alpha, shaded, normal, answers, samples) for label, (alpha, normal) in opaque.items()
    }


def mean_along_rays(values: Tensor, weights: Tensor, packed_info: Tensor) -> Tensor:
    """Means [R, K] of what samples say, by their weights in a pixel; 0 where a ray has no weight.

    Args:
        values: [S, K] of the samples.
        weights: [S] of them.
        packed_info: int64 [R, 2], first sample and number of samples of each ray.
    """
    total = accumulate_along_rays(weights, packed_info=packed_info)
    return accumulate_along_rays(weights, values, packed_info=packed_info) / (total + 1e-8)


@torch.no_grad()
def render_heads(
    field: DistanceField,
    rays: Rays,
    samples: Samples,
    opacity: OpacityNow,
    values: Callable[[Mapping[str, Tensor]], Tensor],
) -> Tensor:
    """Means [R, K] of what a field's heads say along rays, weighted as colours are; without colours.

    Args:
        field: asked once.
        rays: R.
        samples: S sections of them.
        opacity: at a moment of a fit.
        values: from heads [S, K'] by name to numbers [S, K].
    """
    answers = _answers(field, rays, samples, [opacity])[1]
    alpha, _ = opacity.of_answers(answers, rays, samples)
    weights = render_weights_from_alpha(alpha, packed_info=samples.packed_info)
    return mean_along_rays(values(answers.heads), weights, samples.packed_info)


def _answers(
    field: DistanceField,
    rays: Rays,
    samples: Samples,
    opacities: Iterable[OpacityNow],
    extra: Tensor | None = None,
    points_gradient: bool = False,
) -> tuple[Tensor, Answers]:
    """Points in the middle of sections [S, 3], and what the field says there and at `extra` [E, 3]."""
    points, t = section_midpoints(
        rays.origins, rays.directions, samples.ray_indices, samples.t_starts, samples.t_ends, extra=extra
    )
    n_samples = t.shape[0]
    wanted: dict[str, Any] = {"points_gradient": True} if points_gradient else {}
    if points_gradient:
        at = samples.ray_indices
        on_rays = rays.origins[at] + t[:, None] * rays.directions[at]
        points = torch.cat([on_rays, points[n_samples:]])
    everywhere = field.query(points, gradient=True, **wanted)
    assert everywhere.gradient is not None
    sdf, gradient = everywhere.sdf[:n_samples], everywhere.gradient[:n_samples]
    heads = {name: values[:n_samples] for name, values in everywhere.heads.items()}
    slopes = {
        head: _slope_of(head, field, points[:n_samples], wanted)
        for head in {opacity.slope_of: None for opacity in opacities if opacity.slope_of}
    }
    return points[:n_samples], Answers(t, sdf, gradient, heads, everywhere, slopes)


def _slope_of(head: str, field: DistanceField, points: Tensor, wanted: dict[str, Any]) -> Tensor:
    """The gradient [S, 3] of a head's first number at points [S, 3]: a query of its own."""
    row = torch.full((len(points),), field.row_of(head), dtype=torch.int64, device=points.device)
    slope = field.query(points, gradient=True, row=row, **wanted).gradient
    assert slope is not None
    return slope


def _rendered(alpha: Tensor, shaded: Shaded, normal: Tensor, answers: Answers, samples: Samples) -> Rendered:
    pixels, weights = composite_surface(alpha, shaded.rgb, normal, answers.t, samples.packed_info)
    rgb, opacity = pixels[:, :3], pixels[:, 7]
    distance = pixels[:, 6] / opacity.clamp_min(1e-4)
    channels = {}
    if shaded.channels:
        values, _, _ = composite(alpha, torch.cat(list(shaded.channels.values()), dim=1), samples.packed_info)
        widths = [one.shape[1] for one in shaded.channels.values()]
        channels = dict(zip(shaded.channels, values.split(widths, dim=1)))
    if shaded.of_pixels is not None:
        rgb, channels[DIRECT] = shaded.of_pixels(channels, opacity), rgb
    return Rendered(rgb, distance, pixels[:, 3:6], opacity, weights, answers, channels)
