"""MonoSDF's own losses on priors, as its paper and code have them; ours are in `of_priors`.

They differ in what is counted: here the rendered depth is carried to the prior and errors are in the prior's
unit, and a ray counts where the distances along it change their sign.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.losses.priors import median_where
from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs
from neurfield.scenes import Cameras

ROW = 32  # pixels that count as neighbours in a row; the paper lays its 1024 out as 32 x 32


@needs("samples", "passes.surface", optional=("pixels.prior_depth",))
def monosdf_depth(
    seen: Seen,
    *,
    scale: Annotated[float, Number(above=0.0)] = 50.0,
    shift: float = 0.5,
    typical: Annotated[float, Number(least=0.0)] = 0.02,
    gradient: Annotated[float, Number(least=0.0)] = 0.5,
) -> Tensor:
    """Rendered depth, by a scale and a shift of each image, against its prior (MonoSDF, Eq. 10-11).

    Half the mean square, and the differences to the pixels beside and below, where the step's pixels are laid
    out in rows of 32 in the order in which they were drawn: so does the code, whose pixels are random, too.
    The sum of both depends on the prior's unit. Give the step pixels of one image, as the paper does:
    pixels.uniform.images_per_step=1.

    Args:
        scale: of the prior, by which 0.02 is about one unit length.
        shift: added to the scaled prior.
        typical: the image's median prior is brought to this first, which is that of the paper's network in
            Replica; 0: priors are taken as they are, as in the paper.
        gradient: weight of the differences.
    """
    pixels, rendered = seen.pixels, seen.rendered("surface")
    prior = pixels.columns["prior_depth"]
    counts = crossed(seen) & (prior > 0)
    if typical > 0.0:
        one = torch.ones_like(prior)
        for group in range(pixels.groups):
            own = pixels.group == group
            one = torch.where(own, typical / median_where(own & (prior > 0), prior, typical), one)
        prior = prior * one
    target = scale * prior + shift
    return toward_prior(
        rendered.distance * pixels.rays.z_per_t, target, counts, pixels.group, pixels.groups, gradient
    )


def toward_prior(
    depth: Tensor, target: Tensor, counts: Tensor, group: Tensor, groups: int, gradient: float
) -> Tensor:
    """MiDaS's loss as MonoSDF has it: scale and shift by least squares, which gradients go through, too.

    Args:
        depth: [R] rendered z-depth.
        target: [R] the prior's.
        counts: [R] bool, which rays count.
        group: [R] int64 image of each ray, in 0..groups-1.
        groups: how many images.
        gradient: weight of the differences between neighbours.
    """
    depth, target, weight = depth.double(), target.double(), counts.double()

    def total(values: Tensor) -> Tensor:
        return depth.new_zeros(groups).index_add(0, group, weight * values)

    a00, a01, a11 = total(depth * depth), total(depth), total(torch.ones_like(depth))
    b0, b1 = total(depth * target), total(target)
    det = a00 * a11 - a01 * a01
    solvable = det > 1e-12
    safe = torch.where(solvable, det, torch.ones_like(det))
    by, off = (torch.where(solvable, x / safe, torch.zeros_like(x)) for x in (
        a11 * b0 - a01 * b1, a00 * b1 - a01 * b0,
    ))  # fmt: skip
    error = weight * (by[group] * depth + off[group] - target)
    number = weight.sum().clamp_min(1.0)
    loss = error.square().sum() / (2.0 * number)
    if gradient > 0.0:
        place = torch.arange(len(depth), device=depth.device)
        for step in (1, ROW):
            both = weight[step:] * weight[:-step] * (group[step:] == group[:-step])
            if step == 1:
                both = both * (place[1:] % ROW != 0)
            loss = loss + gradient * (both * (error[step:] - error[:-step]).abs()).sum() / number
    return loss.float()


@needs("samples", "passes.surface", optional=("pixels.prior_normal",))
class MonoSDFNormal:
    """Rendered normals against the prior's, their difference and its angle (MonoSDF, Eq. 12).

    Both in the axes of the camera, and as a mean over all rays: those that do not count have no gradient.

    Args:
        cameras: of the scene.
        device: of the rays.
    """

    def __init__(self, cameras: Cameras, device: torch.device) -> None:
        axes = torch.from_numpy(cameras.world_from_cam[:, :3, :3]).float()
        self.cam_from_world = axes.transpose(1, 2).contiguous().to(device)

    def __call__(self, seen: Seen) -> Tensor:
        """Mean of both over all rays."""
        pixels = seen.pixels
        prior = pixels.columns["prior_normal"]
        counts = (crossed(seen) & (prior.square().sum(dim=1) > 0.5)).to(prior.dtype)[:, None]
        axes = self.cam_from_world[pixels.camera]
        normal = normalize(seen.rendered("surface").normal * counts, dim=1, eps=1e-6)
        there, here = (torch.einsum("rij,rj->ri", axes, n) for n in (prior * counts, normal))
        return ((here - there).abs().sum(dim=1) + counts[:, 0] - (here * there).sum(dim=1)).mean()


def crossed(seen: Seen) -> Tensor:
    """Which rays, bool [R], have samples on both sides of the surface."""
    samples, sdf = seen.rays.samples, seen.rays.answers.sdf.detach()
    least = sdf.new_full((len(seen.pixels),), torch.inf)
    most = -least
    least = least.scatter_reduce(0, samples.ray_indices, sdf, "amin")
    most = most.scatter_reduce(0, samples.ray_indices, sdf, "amax")
    return (least < 0.0) & (most > 0.0)
