"""The diffusion: its schedule, the mixed prediction, what is exactly right, that it finds a distribution."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from neurfield.ddmi.autoencoder import Gaussian
from neurfield.ddmi.diffusion import TIMES, Denoiser, loss_at, sample, scheduler
from neurfield.ddmi.learn_diffusion import spread_of
from tests.ddmi.conftest import TINY

pytest.importorskip("diffusers", reason="schedules of the diffusion: pip install neurfield[generate]")


def test_the_network_knows_the_schedule_of_diffusers() -> None:
    schedule = scheduler()
    assert torch.allclose(Denoiser(3, TINY).remaining, schedule.alphas_cumprod, rtol=1e-4)
    assert schedule.config.num_train_timesteps == TIMES and not schedule.config.clip_sample


def test_it_says_noise_in_the_shape_of_latents_and_trains_every_number() -> None:
    network = Denoiser(3, replace(TINY, unet_multiples=(1, 2, 3)))
    with torch.no_grad():
        for number in network.parameters():
            number.add_(0.05 * torch.randn_like(number))
    said = network(torch.randn(2, 3, 2, 8, 8), torch.tensor([0, 999]))
    assert said.shape == (2, 3, 2, 8, 8)
    said.square().sum().backward()
    for name, number in network.named_parameters():
        assert number.grad is not None and bool(number.grad.isfinite().all()), name
        assert float(number.grad.abs().max()) > 0.0, name


def test_the_mixed_prediction_is_right_of_normal_latents() -> None:
    """With a share of (almost) nothing for the network, the best of all guesses of normal latents' noise."""
    network = Denoiser(1, replace(TINY, mixing=-30.0)).eval()
    latent, time = torch.randn(4, 1, 2, 8, 8), torch.tensor([10, 400, 700, 999])
    noise = torch.randn(latent.shape)
    noisy = scheduler().add_noise(latent, noise, time)
    expected = (1.0 - scheduler().alphas_cumprod[time]).sqrt()[:, None, None, None, None] * noisy
    assert torch.allclose(network(noisy, time), expected, atol=1e-5)
    drawn = sample(network, (64, 1, 2, 8, 8), 0, steps=50)
    assert abs(float(drawn.mean())) < 0.05 and abs(float(drawn.std()) - 1.0) < 0.05


class Knows(nn.Module):
    """The exact noise of latents that are all the same one."""

    def __init__(self, one: Tensor) -> None:
        super().__init__()
        self.one, self.remaining = one, scheduler().alphas_cumprod

    def forward(self, noisy: Tensor, time: Tensor) -> Tensor:
        share = self.remaining[time][:, None, None, None, None]
        return (noisy - share.sqrt() * self.one) / (1.0 - share).sqrt()


def test_who_knows_the_noise_comes_to_the_latent() -> None:
    one = torch.randn(1, 3, 2, 4, 4)
    assert torch.allclose(
        sample(Knows(one), (2, 3, 2, 4, 4), 0, steps=20), one.expand(2, -1, -1, -1, -1), atol=1e-3
    )
    generator = torch.Generator().manual_seed(0)
    assert float(loss_at(Knows(one), one.expand(8, -1, -1, -1, -1), scheduler(), generator)) < 1e-6


def test_the_noise_of_a_latent_depends_on_its_number_alone() -> None:
    network = Denoiser(1, TINY).eval()
    four = sample(network, (4, 1, 2, 8, 8), 3, steps=4)
    assert torch.allclose(four[2:], sample(network, (2, 1, 2, 8, 8), 3, steps=4, first=2), atol=1e-5)
    assert not torch.allclose(four, sample(network, (4, 1, 2, 8, 8), 4, steps=4), atol=1e-2)
    assert not torch.allclose(four[0], four[1], atol=1e-2)


def test_drawn_latents_scaled_by_their_spread_are_of_mean_0_and_deviation_1() -> None:
    mean = 3.0 + 2.0 * torch.randn(200, 3, 2, 4, 4)
    gaussian = Gaussian(mean, torch.zeros_like(mean))
    centre, deviation = spread_of(gaussian)
    scaled = (gaussian.drawn() - centre) / deviation
    assert centre.shape == deviation.shape == (3, 2, 1, 1)
    assert float(scaled.mean(dim=(0, 3, 4)).abs().max()) < 0.1
    assert float((scaled.std(dim=(0, 3, 4)) - 1.0).abs().max()) < 0.1


@pytest.mark.slow
def test_it_finds_two_latents() -> None:
    """Latents are one of two: most samples are of one or the other, of normal ones 1 in 200 would be."""
    torch.manual_seed(0)
    network = Denoiser(1, replace(TINY, unet=16, unet_multiples=(1,), mixing=0.0))
    two = torch.stack([torch.ones(1, 2, 4, 4), -torch.ones(1, 2, 4, 4)])
    optimizer, schedule = torch.optim.Adam(network.parameters(), 3e-3), scheduler()
    generator = torch.Generator().manual_seed(0)
    for _ in range(250):
        latent = two[torch.randint(2, (32,), generator=generator)]
        loss = loss_at(network, latent, schedule, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = sample(network.eval(), (32, 1, 2, 4, 4), 0, steps=30).mean(dim=(1, 2, 3, 4))
    assert float((drawn.abs() > 0.5).float().mean()) > 0.8
    assert 6 <= int((drawn > 0).sum()) <= 26
