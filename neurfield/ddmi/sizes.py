"""How large the autoencoder and the diffusion are, and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Of both networks; a batch is of shapes or of pictures.

    Attributes:
        resolution: texels along a plane that the encoder fills, and of the decoder's finest plane.
        channels: of these planes.
        blocks: residual blocks of a level, of the autoencoder.
        multiples: of `channels` at each level, the finest first; each has half the texels of the one before.
        attended: levels, counted as in `multiples`, where all texels of all planes look at each other.
        latent: channels of a latent plane.
        basis: channels of the planes that a place is asked in, a plane a level.
        hidden: units of the network of places.
        point_hidden: units of the network of points.
        point_blocks: its residual blocks.
        points: of the surface that the encoder sees of a shape.
        queries: places of a shape or a picture that a step asks.
        steps: of the autoencoder.
        rate: its highest rate.
        batch: of a step of it.
        divergence: weight of the Kullback-Leibler divergence at the first step and from 90 % of the steps on.
        unet: channels of the diffusion's network.
        unet_multiples: of them at each level.
        unet_blocks: residual blocks of a level.
        unet_attended: levels with attention.
        diffusion_steps: of the diffusion.
        diffusion_rate: its highest rate.
        diffusion_batch: latents of a step of it.
        average: share of the running average of its numbers that stays at a step.
        mixing: what the logits of the mixed prediction begin with.
    """

    resolution: int
    channels: int
    blocks: int
    multiples: tuple[int, ...]
    attended: tuple[int, ...]
    latent: int
    basis: int
    hidden: int
    point_hidden: int
    point_blocks: int
    points: int
    queries: int
    steps: int
    rate: float
    batch: int
    divergence: tuple[float, float]
    unet: int
    unet_multiples: tuple[int, ...]
    unet_blocks: int
    unet_attended: tuple[int, ...]
    diffusion_steps: int
    diffusion_rate: float
    diffusion_batch: int
    average: float
    mixing: float

    @property
    def latent_resolution(self) -> int:
        """Texels along a latent plane."""
        return self.resolution >> (len(self.multiples) - 1)


SIZES = {
    "small": Size(
        resolution=32, channels=16, blocks=1, multiples=(1, 2, 4), attended=(2,), latent=4, basis=16,
        hidden=64, point_hidden=32, point_blocks=3, points=1024, queries=1024, steps=2000, rate=1e-3, batch=8,
        divergence=(1e-4, 1e-2), unet=64, unet_multiples=(1, 2), unet_blocks=1, unet_attended=(0, 1),
        diffusion_steps=5000, diffusion_rate=6e-4, diffusion_batch=32, average=0.998, mixing=0.0,
    ),
    # What the authors' configurations say; epochs as steps of ShapeNet's 35,000 shapes.
    "published": Size(
        resolution=64, channels=64, blocks=2, multiples=(1, 2, 4), attended=(0, 1, 2), latent=64, basis=64,
        hidden=256, point_hidden=256, point_blocks=7, points=3000, queries=2048, steps=175_000, rate=1e-4,
        batch=60, divergence=(1e-4, 1e-2), unet=256, unet_multiples=(1, 2, 4, 6), unet_blocks=2,
        unet_attended=(1, 2, 3), diffusion_steps=1_600_000, diffusion_rate=1e-4, diffusion_batch=64,
        average=0.9999, mixing=-6.0,
    ),
}  # fmt: skip
