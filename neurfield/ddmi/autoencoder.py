"""The variational autoencoder: shapes or pictures to latent planes, and latent planes to fields of places.

Park et al., DDMI (ICLR 2024), section 4.1: a latent decodes to planes of several resolutions, and the network
of places takes them one after another, the coarsest first. Shapes have three planes and answer with the logit
of being inside; pictures have one and answer with colours. All but the front is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, silu

from neurfield.ddmi.blocks import Attention, Doubled, Residual, ResidualRows, groups_of, halved
from neurfield.ddmi.fronts import AXES, PicturePlane, PointPlanes
from neurfield.ddmi.sizes import Size

_LEAST, _MOST = -12.0, 6.0  # of the logarithm of a latent's variance


@dataclass(frozen=True)
class Gaussian:
    """What the encoder says of B shapes: an independent normal distribution of each number.

    Attributes:
        mean: [B, P, c, r, r].
        log_variance: the same shape.
    """

    mean: Tensor
    log_variance: Tensor

    def drawn(self, generator: torch.Generator | None = None) -> Tensor:
        """A latent [B, P, c, r, r], differentiable in both (Kingma and Welling 2014)."""
        noise = torch.randn(self.mean.shape, generator=generator).to(self.mean)
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def divergence(self) -> Tensor:
        """[B]: from the standard normal distribution, summed over all numbers of a latent."""
        each = self.mean.square() + self.log_variance.exp() - 1.0 - self.log_variance
        return 0.5 * each.flatten(1).sum(dim=1)


class Autoencoder(nn.Module):
    """Encoder, decoder and the network of places.

    Args:
        domain: "shapes" or "pictures".
        size: of all parts.
    """

    def __init__(self, domain: str, size: Size) -> None:
        super().__init__()
        self.domain, self.size = domain, size
        self.planes = 3 if domain == "shapes" else 1
        self.front: nn.Module = (
            PointPlanes(size.channels, size.resolution, size.point_hidden, size.point_blocks)
            if domain == "shapes"
            else PicturePlane(size.channels)
        )
        self.encoder = PlaneEncoder(self.planes, size)
        self.decoder = PlaneDecoder(self.planes, size)
        self.places = CoarseToFine(3 if domain == "shapes" else 2, 1 if domain == "shapes" else 3, size)

    def encode(self, seen: Tensor) -> Gaussian:
        """Points [B, N, 3] of [-1, 1]^3, or pictures [B, 3, R, R] in [-1, 1], as latents."""
        return self.encoder(self.front(seen))

    def decode(self, latent: Tensor) -> list[Tensor]:
        """Latents [B, P, c, r, r] as planes [B, P, basis, R, R], the coarsest first."""
        return self.decoder(latent)

    def value(self, planes: list[Tensor], at: Tensor) -> Tensor:
        """What decoded planes say at places: [B, Q] logits of being inside, or [B, Q, 3] colours in [-1, 1].

        Args:
            planes: of `decode`.
            at: [B, Q, 3] or [B, Q, 2] in [-1, 1]; a picture's x goes right and y down.
        """
        said = self.places(planes, at)
        return said[..., 0] if self.domain == "shapes" else said


class PlaneEncoder(nn.Module):
    """Planes to latents: residual blocks at falling resolutions, all planes by the same numbers.

    A plane is told from the others by a code of its own, and at some levels they look at each other.

    Args:
        planes: of a shape.
        size: of its parts.
    """

    def __init__(self, planes: int, size: Size) -> None:
        super().__init__()
        self.which = nn.Parameter(0.1 * torch.randn(planes, size.channels, 1, 1))
        self.first = nn.Conv2d(size.channels, size.channels, 3, padding=1)
        layers: list[nn.Module] = []
        width = size.channels
        for level, multiple in enumerate(size.multiples):
            if level:
                layers.append(halved(width))
            for _ in range(size.blocks):
                layers.append(Residual(width, multiple * size.channels))
                width = multiple * size.channels
            if level in size.attended:
                layers.append(Attention(width, planes))
        self.layers = nn.Sequential(*layers)
        self.norm = nn.GroupNorm(groups_of(width), width)
        self.last = nn.Conv2d(width, 2 * size.latent, 3, padding=1)

    def forward(self, planes: Tensor) -> Gaussian:
        """[B, P, channels, R, R] to latents."""
        count = planes.shape[1]
        maps = self.layers(self.first((planes + self.which).flatten(0, 1)))
        mean, log_variance = self.last(silu(self.norm(maps))).unflatten(0, (-1, count)).chunk(2, dim=2)
        return Gaussian(mean, log_variance.clamp(_LEAST, _MOST))


class PlaneDecoder(nn.Module):
    """Latents to planes at rising resolutions, a set of planes a level ("hierarchical basis fields").

    Args:
        planes: of a shape.
        size: of its parts.
    """

    def __init__(self, planes: int, size: Size) -> None:
        super().__init__()
        width = size.multiples[-1] * size.channels
        self.which = nn.Parameter(0.1 * torch.randn(planes, width, 1, 1))
        self.first = nn.Conv2d(size.latent, width, 3, padding=1)
        self.levels, self.heads = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(size.multiples))):
            layers: list[nn.Module] = [] if level == len(size.multiples) - 1 else [Doubled(width)]
            for _ in range(size.blocks):
                layers.append(Residual(width, size.multiples[level] * size.channels))
                width = size.multiples[level] * size.channels
            if level in size.attended:
                layers.append(Attention(width, planes))
            self.levels.append(nn.Sequential(*layers))
            self.heads.append(
                nn.Sequential(
                    nn.GroupNorm(groups_of(width), width), nn.SiLU(), nn.Conv2d(width, size.basis, 1)
                )
            )

    def forward(self, latent: Tensor) -> list[Tensor]:
        """[B, P, c, r, r] to [B, P, basis, R, R] of each level, the coarsest first."""
        count = latent.shape[1]
        maps = self.first(latent.flatten(0, 1)).unflatten(0, (-1, count))
        maps = (maps + self.which).flatten(0, 1)
        found = []
        for layers, head in zip(self.levels, self.heads):
            maps = layers(maps)
            found.append(head(maps).unflatten(0, (-1, count)))
        return found


class CoarseToFine(nn.Module):
    """The network of places: it is told the planes of one level after another.

    Args:
        dimensions: of a place.
        answers: of a place.
        size: of its parts.
    """

    def __init__(self, dimensions: int, answers: int, size: Size) -> None:
        super().__init__()
        self.first = nn.Linear(dimensions, size.hidden)
        self.coarsest = ResidualRows(size.basis, size.hidden)
        self.finer = nn.ModuleList(
            [ResidualRows(size.hidden + size.basis, size.hidden) for _ in size.multiples[1:]]
        )
        self.end = ResidualRows(size.hidden, size.hidden)
        self.last = nn.Linear(size.hidden, answers)

    def forward(self, planes: list[Tensor], at: Tensor) -> Tensor:
        """Planes [B, P, basis, R, R] of each level and places [B, Q, D] to [B, Q, answers]."""
        rows = self.first(at) + self.coarsest(sampled(planes[0], at))
        for level, block in zip(planes[1:], self.finer):
            rows = block(torch.cat([rows, sampled(level, at)], dim=2))
        return self.last(torch.relu(self.end(rows)))


def sampled(planes: Tensor, at: Tensor) -> Tensor:
    """Planes [B, P, C, R, R] at places [B, Q, 3] or [B, Q, 2], summed over the planes: [B, Q, C]."""
    axes = AXES if at.shape[2] == 3 else ((0, 1),)
    where = torch.stack([at[..., [u, v]] for u, v in axes], dim=1).flatten(0, 1)[:, :, None]
    found = grid_sample(
        planes.flatten(0, 1), where, mode="bilinear", padding_mode="border", align_corners=False
    )
    return found[..., 0].unflatten(0, (-1, len(axes))).sum(dim=1).transpose(1, 2)
