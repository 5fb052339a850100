"""Colour decoded after rendering: what is rendered are three numbers, and it is as if all of them were."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.fields import LatentRadiance, Shaded
from neurfield.moment import END
from neurfield.rendering import VolSDF, render, render_passes
from neurfield.surfaces.color import vertex_colors
from tests.rendering.test_distances import some_sections
from tests.rendering.test_visibility import GRID, sphere_and_rays

LATENT = 7


def made(precise: bool = False) -> LatentRadiance:
    torch.manual_seed(2)
    color = LatentRadiance(**GRID, hidden=(16, 16), latent=LATENT)
    with torch.no_grad():
        color.encoding.table.normal_(std=2.0)
        color.decoder.weight.mul_(20.0)
    return color.double() if precise else color


def latent_of(
    color: LatentRadiance, points: Tensor, feature: Tensor, normal: Tensor, views: Tensor
) -> Tensor:
    """The numbers [N, K] of samples, layer by layer."""
    inputs = torch.cat([color.encoding(points * 0.5 + 0.5), feature, normal, views], dim=1)
    *hidden, last = color.layers
    for layer in hidden:
        inputs = torch.relu(layer(inputs))
    return last(inputs)


def decoded(color: LatentRadiance, latent: Tensor) -> Tensor:
    return 0.5 * torch.tanh(latent @ color.decoder.weight.T + color.decoder.bias) + 0.5


def some_points(precise: bool) -> tuple[Tensor, ...]:
    kind = torch.float64 if precise else torch.float32
    generator = torch.Generator().manual_seed(4)
    points, feature, normal, views = (
        torch.randn(33, n, generator=generator, dtype=kind) for n in (3, 15, 3, 3)
    )
    return (
        points.clamp(-1.0, 1.0),
        feature,
        *(torch.nn.functional.normalize(v, dim=1) for v in (normal, views)),
    )


@pytest.mark.parametrize("precise", [False, True])
def test_samples_are_decoded_one_by_one(precise: bool) -> None:
    color = made(precise)
    points, feature, normal, directions = some_points(precise)
    views = color.encode_views(directions)
    shaded = color(points, feature, normal, views)
    assert isinstance(shaded, Shaded) and set(color.channels) == {*shaded.channels, "direct"}
    by_hand = decoded(color, latent_of(color, points, feature, normal, views))
    torch.testing.assert_close(shaded.rgb, by_hand, rtol=1e-4, atol=1e-5)
    few = torch.tensor([5, 2, 30])
    some = color(points, feature, normal, views, counted=few)
    torch.testing.assert_close(some.rgb[few], shaded.rgb[few])
    rest = torch.ones(len(points), dtype=torch.bool).index_fill(0, few, False)
    assert not some.rgb[rest].any() and not some.channels["linear"][rest].any()


def test_pixels_are_decoded_of_all_that_is_rendered() -> None:
    """Against a loop over rays that renders every latent number and then decodes; gradients, too."""
    color = made(precise=True)
    points, feature, normal, directions = some_points(precise=True)
    views = color.encode_views(directions)
    alpha = torch.rand(33, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 0.6
    runs = [(0, 10), (10, 20), (30, 3)]
    leaves = alpha.requires_grad_(), feature.requires_grad_(), *color.parameters()

    weights = []
    for start, count in runs:
        light = alpha.new_ones(())
        for i in range(start, start + count):
            weights.append(light * alpha[i])
            light = light * (1.0 - alpha[i])
    weight = torch.stack(weights)

    def rendered(values: Tensor) -> Tensor:
        return torch.stack([(weight[s : s + n, None] * values[s : s + n]).sum(dim=0) for s, n in runs])

    opacity = rendered(torch.ones_like(alpha)[:, None])[:, 0]
    latent = latent_of(color, points, feature, normal, views)
    by_hand = opacity[:, None] * decoded(color, rendered(latent) / opacity[:, None])
    shaded = color(points, feature, normal, views)
    assert shaded.of_pixels is not None
    found = shaded.of_pixels({name: rendered(v) for name, v in shaded.channels.items()}, opacity)
    torch.testing.assert_close(found, by_hand)
    by = torch.rand(3, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    each = [
        torch.autograd.grad((pixels * by).sum(), leaves, retain_graph=True, allow_unused=True)
        for pixels in (found, by_hand)
    ]
    for ours, theirs in zip(*each):
        assert ours is not None and theirs is not None and theirs.abs().sum() > 0.0
        torch.testing.assert_close(ours, theirs)


def test_a_ray_that_sees_nothing_is_black_and_harmless() -> None:
    color = made()
    shaded = color(*(t[:0] for t in some_points(False)[:3]), color.encode_views(torch.zeros(0, 3)))
    assert shaded.of_pixels is not None and shaded.rgb.shape == (0, 3)
    linear, opacity = torch.zeros(2, 3, requires_grad=True), torch.zeros(2, requires_grad=True)
    pixels = shaded.of_pixels({"linear": linear}, opacity)
    pixels.sum().backward()
    assert not pixels.any() and linear.grad is not None and linear.grad.isfinite().all()


def test_it_is_rendered_and_colours_a_mesh() -> None:
    field, rays = sphere_and_rays(40)
    color, samples = made(), some_sections(rays)
    now = VolSDF(width_end=0.05).at(END)
    one = render(field, color, rays, samples, now)
    assert set(one.channels) == {"linear", "direct"}
    assert (one.rgb - one.channels["direct"]).abs().max() > 1e-3  # they are not the same picture
    (by_layer,) = torch.autograd.grad(one.rgb.sum(), field.layers[0].weight)
    assert by_layer.abs().sum() > 0.0
    moving = render_passes(field, color, rays, samples, {"surface": now}, points_gradient=True)["surface"]
    torch.testing.assert_close(moving.rgb, one.rgb, rtol=1e-3, atol=1e-3)
    vertices = torch.nn.functional.normalize(
        torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    colors = vertex_colors(field, color, 0.5 * vertices.numpy())
    assert colors.shape == (9, 3) and colors.std() > 0.0


def test_the_decoder_is_learnt_with_the_network() -> None:
    color = made()
    groups = color.parameter_groups()
    learnt = {id(p) for group in groups.values() for p in group}
    assert learnt == {id(p) for p in color.parameters()}
    assert any(p is color.decoder.weight for p in groups["network"])
