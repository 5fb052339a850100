"""The diffusion over latents: a network that tells noise from latents, and how it makes latents of noise.

Schedules are those of diffusers. The prediction is mixed (Vahdat et al., LSGM, 2021, section 3.2, as DDMI
takes it): the noise is said to be (1 - s) sqrt(1 - a_t) z + s n(z, t), where a_t is the share of the latent's
variance that is left and s a number in (0, 1) for each channel. With s = 0 it is right where latents are
normal.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from neurfield.ddmi.blocks import Attention, Doubled, Residual, groups_of, halved
from neurfield.ddmi.sizes import Size
from neurfield.optional import require

TIMES = 1000
DRAWN = 200  # steps of a sample, as the authors take


def scheduler() -> Any:
    """diffusers' DDIM schedule (Song et al. 2021): 1,000 times, betas 1e-4 to 2e-2 evenly in their roots.

    Raises:
        UserError: diffusers is not installed.
    """
    return require("diffusers", "generate").DDIMScheduler(
        num_train_timesteps=TIMES, beta_start=1e-4, beta_end=2e-2, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=True, steps_offset=1, prediction_type="epsilon",
    )  # fmt: skip


class Denoiser(nn.Module):
    """A 2-D U-net over latent planes side by side in its channels (Dhariwal and Nichol 2021).

    Args:
        planes: of a latent.
        size: of its parts.
    """

    remaining: Tensor

    def __init__(self, planes: int, size: Size) -> None:
        super().__init__()
        self.planes, self.width = planes, size.unet
        channels, told = planes * size.latent, 4 * size.unet
        self.time = nn.Sequential(nn.Linear(size.unet, told), nn.SiLU(), nn.Linear(told, told))
        self.first = nn.Conv2d(channels, size.unet, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        width, widths = size.unet, [size.unet]
        for level, multiple in enumerate(size.unet_multiples):
            if level:
                self.down.append(Step([halved(width)]))
                widths.append(width)
            for _ in range(size.unet_blocks):
                self.down.append(_step(width, multiple * size.unet, told, level in size.unet_attended))
                width = multiple * size.unet
                widths.append(width)
        self.middle = Step([Residual(width, width, told), Attention(width), Residual(width, width, told)])
        for level in reversed(range(len(size.unet_multiples))):
            out = size.unet_multiples[level] * size.unet
            for k in range(size.unet_blocks + 1):
                step = _step(width + widths.pop(), out, told, level in size.unet_attended)
                width = out
                if level and k == size.unet_blocks:
                    step.layers.append(Doubled(width))
                self.up.append(step)
        self.norm = nn.GroupNorm(groups_of(width), width)
        self.last = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        self.mixing = nn.Parameter(torch.full((1, channels, 1, 1), float(size.mixing)))
        betas = torch.linspace(1e-4**0.5, 2e-2**0.5, TIMES, dtype=torch.float64) ** 2
        self.register_buffer("remaining", torch.cumprod(1.0 - betas, 0).float(), persistent=False)

    def forward(self, noisy: Tensor, time: Tensor) -> Tensor:
        """The noise in latents [B, P, c, r, r] at whole times [B] of 0 to 999, in their shape."""
        maps = noisy.flatten(1, 2)
        code = self.time(waves(time, self.width))
        seen = [self.first(maps)]
        for step in self.down:
            seen.append(step(seen[-1], code))
        inner = self.middle(seen[-1], code)
        for step in self.up:
            inner = step(torch.cat([inner, seen.pop()], dim=1), code)
        own = self.last(silu(self.norm(inner)))
        share = torch.sigmoid(self.mixing)
        normal = (1.0 - self.remaining[time]).sqrt()[:, None, None, None] * maps
        return ((1.0 - share) * normal + share * own).unflatten(1, (self.planes, -1))


class Step(nn.Module):
    """Layers one after another; those that take it are told the code of the time.

    Args:
        layers: in their order.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, maps: Tensor, code: Tensor) -> Tensor:
        """[B, C, h, w] and [B, told] to what the last layer says."""
        for layer in self.layers:
            maps = layer(maps, code) if isinstance(layer, Residual) else layer(maps)
        return maps


def _step(into: int, out: int, told: int, attended: bool) -> Step:
    return Step([Residual(into, out, told), *([Attention(out)] if attended else [])])


def waves(time: Tensor, width: int) -> Tensor:
    """Sines and cosines [B, width] of times [B], as of positions (Vaswani et al. 2017)."""
    rates = torch.exp(-torch.arange(width // 2, device=time.device) * (9.21 / (width // 2)))
    angles = time[:, None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def loss_at(network: nn.Module, latent: Tensor, schedule: Any, generator: torch.Generator) -> Tensor:
    """Mean square of what the network gets wrong of the noise in latents, at times that are drawn."""
    time = torch.randint(TIMES, (len(latent),), generator=generator)
    noise = torch.randn(latent.shape, generator=generator)
    return (network(schedule.add_noise(latent, noise, time), time) - noise).square().mean()


@torch.no_grad()
def sample(
    network: nn.Module, shape: tuple[int, ...], seed: int, steps: int = DRAWN, first: int = 0
) -> Tensor:
    """New latents by DDIM without noise between its steps (eta 0).

    Args:
        network: a `Denoiser`.
        shape: [N, P, c, r, r] of what is made.
        seed: of the noise that it begins with; each latent has noise of its own, whatever N is.
        steps: of the schedule.
        first: the number of the first latent; the noise of latent k is that of number first + k.
    """
    schedule = scheduler()
    schedule.set_timesteps(steps)
    latent = torch.stack(
        [
            torch.randn(shape[1:], generator=torch.Generator().manual_seed(1_000_003 * seed + first + k))
            for k in range(shape[0])
        ]
    )
    for time in schedule.timesteps:
        found = network(latent, time.expand(len(latent)))
        latent = schedule.step(found, time, latent, eta=0.0).prev_sample
    return latent
