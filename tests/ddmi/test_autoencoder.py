"""The autoencoder: shapes of tensors, conventions of planes, what it may not depend on, that it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from neurfield.ddmi.autoencoder import Autoencoder, Gaussian, sampled
from neurfield.ddmi.data import pixel_places
from neurfield.ddmi.fronts import AXES, PointPlanes
from neurfield.ddmi.learn_autoencoder import differences
from neurfield.ddmi.sizes import SIZES
from tests.ddmi.conftest import TINY


def made(domain: str, seed: int = 0) -> Autoencoder:
    """With numbers that are nowhere zero, so that nothing is hidden behind a zero."""
    torch.manual_seed(seed)
    network = Autoencoder(domain, TINY)
    with torch.no_grad():
        for number in network.parameters():
            number.add_(0.05 * torch.randn_like(number))
    return network


def given(domain: str, count: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(1)
    shape = (count, 200, 3) if domain == "shapes" else (count, 3, 16, 16)
    return 2.0 * torch.rand(shape, generator=random) - 1.0


@pytest.mark.parametrize("domain", ["shapes", "pictures"])
def test_both_domains_go_through_the_same_code(domain: str) -> None:
    network = made(domain)
    planes, dimensions = (3, 3) if domain == "shapes" else (1, 2)
    gaussian = network.encode(given(domain))
    assert gaussian.mean.shape == gaussian.log_variance.shape == (3, planes, 2, 8, 8)
    decoded = network.decode(gaussian.drawn())
    assert [tuple(level.shape) for level in decoded] == [(3, planes, 4, 8, 8), (3, planes, 4, 16, 16)]
    at = 2.0 * torch.rand(3, 7, dimensions) - 1.0
    said = network.value(decoded, at)
    assert said.shape == ((3, 7) if domain == "shapes" else (3, 7, 3))
    (said.square().sum() + gaussian.divergence().sum()).backward()
    for name, number in network.named_parameters():
        assert number.grad is not None and bool(number.grad.isfinite().all()), name
        assert float(number.grad.abs().max()) > 0.0, name


def test_the_order_of_points_and_of_shapes_means_nothing() -> None:
    network, points = made("shapes").eval(), given("shapes")
    one = network.encode(points).mean
    assert torch.allclose(network.encode(points.flip(1)).mean, one, atol=1e-5)
    assert torch.allclose(network.encode(points.flip(0)).mean, one.flip(0), atol=1e-5)
    assert not torch.allclose(network.encode(-points).mean, one, atol=1e-3)


def test_planes_look_at_each_other() -> None:
    """What one latent plane says changes what another decodes to, by the attention at the coarsest level."""
    network = made("shapes")
    latent = torch.randn(1, 3, 2, 8, 8)
    other = latent.clone()
    other[:, 0] += 1.0
    assert not torch.allclose(network.decode(latent)[0][:, 2], network.decode(other)[0][:, 2], atol=1e-4)


def test_places_are_told_the_coarsest_planes_first() -> None:
    """Each level matters, and the finest passes through the fewest blocks."""
    network = made("shapes")
    planes = network.decode(torch.randn(1, 3, 2, 8, 8))
    at = 2.0 * torch.rand(1, 50, 3) - 1.0
    one = network.value(planes, at)
    for level in range(len(planes)):
        moved = [plane + (1.0 if k == level else 0.0) for k, plane in enumerate(planes)]
        assert not torch.allclose(network.value(moved, at), one, atol=1e-4)
    assert network.places.coarsest.shortcut.weight.shape == (16, 4)
    assert all(block.shortcut.weight.shape == (16, 20) for block in network.places.finer)


def test_sampled_planes_are_sums_of_their_axes() -> None:
    """Planes whose texels hold their own coordinates give the places back."""
    side = 64
    plane = pixel_places(side).T.view(1, 1, 2, side, side)
    at = 1.8 * torch.rand(1, 40, 3) - 0.9
    found = sampled(plane.expand(1, 3, 2, side, side), at)
    assert torch.allclose(found[..., 0], 2.0 * at[..., 0] + at[..., 1], atol=1e-5)
    assert torch.allclose(found[..., 1], at[..., 1] + 2.0 * at[..., 2], atol=1e-5)
    assert torch.allclose(sampled(plane, at[..., :2]), at[..., :2], atol=1e-5)


def test_points_land_in_the_texels_that_their_places_read() -> None:
    front = PointPlanes(channels=4, resolution=16, hidden=8, blocks=2)
    point = torch.tensor([[[0.3, -0.7, 0.55]]])
    planes = front(point)[0]
    for (u, v), plane in zip(AXES, planes):
        filled = torch.nonzero(plane.abs().sum(dim=0))
        assert filled.tolist() == [[int((point[0, 0, v] + 1) * 8), int((point[0, 0, u] + 1) * 8)]]
    centre = (torch.floor((point + 1.0) * 8.0) + 0.5) / 8.0 - 1.0
    assert torch.allclose(
        sampled(planes[None], centre)[0, 0], 3.0 * planes[0].flatten(1).sum(dim=1), atol=1e-5
    )


def test_the_divergence_is_that_of_torch() -> None:
    mean, log_variance = torch.randn(2, 3, 2, 4, 4), torch.randn(2, 3, 2, 4, 4)
    own = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    normal = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    true = torch.distributions.kl_divergence(own, normal).flatten(1).sum(dim=1)
    assert torch.allclose(Gaussian(mean, log_variance).divergence(), true, rtol=1e-4)
    assert float(Gaussian(0.0 * mean, 0.0 * mean).divergence().abs().max()) == 0.0


def test_drawn_latents_have_their_mean_and_deviation() -> None:
    one = torch.ones(4000, 1, 1, 1, 1)
    drawn = Gaussian(3.0 * one, 2.0 * one.log() + 2.0 * torch.tensor(0.5).log()).drawn(
        torch.Generator().manual_seed(0)
    )
    assert abs(float(drawn.mean()) - 3.0) < 0.03 and abs(float(drawn.std()) - 0.5) < 0.03


def test_the_published_size_is_the_published_one() -> None:
    size = SIZES["published"]
    assert (size.resolution, size.latent_resolution, size.latent, 3 * size.latent) == (64, 16, 64, 192)
    assert (size.unet, size.unet_multiples, size.mixing) == (256, (1, 2, 4, 6), -6.0)


@pytest.mark.parametrize("domain", [pytest.param("shapes", marks=pytest.mark.slow), "pictures"])
def test_it_learns_two_things_by_heart(domain: str) -> None:
    """A ball and a half space, or two colours: told apart by what is seen, right at most places."""
    torch.manual_seed(0)
    network = Autoencoder(domain, replace(TINY, hidden=32))
    if domain == "shapes":
        away = torch.randn(256, 3)
        ball = 0.6 * away / away.norm(dim=1, keepdim=True)
        half = torch.cat([torch.zeros(256, 1), 2.0 * torch.rand(256, 2) - 1.0], dim=1)
        seen = torch.stack([ball, half])
    else:
        seen = torch.stack([torch.ones(3, 16, 16), -torch.ones(3, 16, 16)])
        seen[0, :, :, 8:] = 0.0
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(80):
        if domain == "shapes":
            at = 2.0 * torch.rand(2, 300, 3) - 1.0
            true = torch.stack([at[0].norm(dim=1) < 0.6, at[1, :, 0] < 0.0]).float()
        else:
            at, true = pixel_places(16).expand(2, -1, -1), seen.flatten(2).transpose(1, 2)
        said = network.value(network.decode(network.encode(seen).mean), at)
        loss = differences(domain, said, true).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if domain == "shapes":
        assert float(((said > 0) == (true > 0.5)).float().mean()) > 0.93
    else:
        assert float((said - true).abs().mean().detach()) < 0.1
