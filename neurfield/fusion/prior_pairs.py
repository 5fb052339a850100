"""What pairs of images say of each other's ambiguous depth: pixels of one carried into the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.fusion.prior_model import Meaning
from neurfield.fusion.prior_views import PriorViews

PARTNERS, PIXELS = 8, 160  # per image and round
BASELINE = 0.4  # of the typical depth between two views is ample; nearer ones count less
CARRIED, OF_FRAMES = (
    23,
    128,
)  # every so many pixels tell overlap, of more frames fewer: all take as long as these
STEEPEST = 0.15  # change of log depth over a pixel of the small maps; above it is a jump


@dataclass(frozen=True)
class Pairs:
    """Pixels of one image carried into another: k of each of n images into each of b others, all [n, b, k].

    Attributes:
        first, second: int64, the images.
        residual: log of (carried / second's own) depth.
        valid: bool, where the pixel falls into the second image and neither depth jumps.
        by_first, by_second: [n, b, k, PARAMETERS], derivatives of the residual by the images' parameters.
        x: the second image's scaled prior there.
        carried: the depth that was carried, in the second camera.
    """

    first: Tensor
    second: Tensor
    residual: Tensor
    valid: Tensor
    by_first: Tensor
    by_second: Tensor
    x: Tensor
    carried: Tensor

    def disagreement(self) -> float:
        """Median |residual|, infinite where no pixel is valid."""
        return float(self.residual[self.valid].abs().median()) if bool(self.valid.any()) else float("inf")


def draw_pairs(
    views: PriorViews, meaning: Meaning, partners: Tensor, generator: torch.Generator, near: float
) -> Pairs:
    """PIXELS random pixels of each image in PARTNERS others.

    Args:
        partners: [n, n], the weights by which the others are drawn; 0 for none.
        near: nothing is nearer to a camera, units of the poses.
    """
    n, k = len(views), PIXELS
    second = torch.multinomial(partners + 1e-9, min(PARTNERS, n - 1), generator=generator)
    b = second.shape[1]
    pixel = torch.randint(views.uv.shape[0], (n, b, k), generator=generator)
    first = torch.arange(n)[:, None].expand(n, b)
    drawn = partners[first, second] > 0  # not one that only fills the number up
    uv = views.uv[pixel]
    x_own = views.carried.gather(1, pixel.view(n, -1)).view(n, b, k)
    log_z, by_first, _ = meaning.log_depth(first[..., None].expand(n, b, k), x_own, uv)
    # What is of a pair, and not of each of its pixels, is worked out once: [n, b, 1, ...].
    own, lens = views.lens[first][:, :, None], views.lens[second][:, :, None]
    turn = views.turns[second].transpose(-1, -2) @ views.turns[first]  # second from first
    between = views.centers[first] - views.centers[second]
    between = (views.turns[second].transpose(-1, -2) @ between[..., None])[..., 0][:, :, None]
    ray = torch.cat([(uv - own[..., 2:]) / own[..., :2], torch.ones(n, b, k, 1)], dim=-1)
    along = ray @ turn.transpose(-1, -2) * log_z.exp()[..., None]
    in_second = along + between
    z = in_second[..., 2].clamp_min(near)
    place = in_second[..., :2] / z[..., None] * lens[..., :2] + lens[..., 2:]
    valid = (in_second[..., 2] > near) & ((place > 0.003) & (place < 0.997)).all(dim=-1) & drawn[..., None]
    place = place.clamp(0.0, 1.0)
    first, second = (image[..., None].expand(n, b, k) for image in (first, second))
    x, x_by_place = views.look_up(second, place)
    log_own, by_second, by_x = meaning.log_depth(second, x, place)
    # How the residual follows the first pixel's log depth: the point slides along its ray, and across the
    # second image, whose depth is not the same everywhere.
    slide = (
        (along[..., :2] - (place - lens[..., 2:]) / lens[..., :2] * along[..., 2:])
        * lens[..., :2]
        / z[..., None]
    )
    follow = along[..., 2] / z - by_x * (x_by_place * slide).sum(dim=-1)
    valid &= smooth(views, x_by_place, by_x) & views.shows(first, uv) & views.shows(second, place)
    return Pairs(
        first, second, z.log() - log_own, valid, by_first * follow[..., None], -by_second, x, z
    )  # fmt: skip


def smooth(views: PriorViews, x_by_place: Tensor, by_x: Tensor) -> Tensor:
    """Where depth does not jump under a pixel, bool [...]: a jump says nothing about an image."""
    return x_by_place.abs().sum(dim=-1) * by_x.abs() / views.x.shape[2] < STEEPEST


def overlap(views: PriorViews, meaning: Meaning) -> Tensor:
    """How much two images can say of each other [n, n].

    That is the share of one's pixels that fall into the other, less for views from nearly the same place,
    whose scales nothing ties together.
    """
    n = len(views)
    few = torch.arange(0, views.uv.shape[0], CARRIED * max(1, n // OF_FRAMES))
    image = torch.arange(n)[:, None].expand(n, len(few))
    uv = views.uv[few].expand(n, len(few), 2)
    z = meaning.depth(image, views.carried[:, few], uv)
    points = views.centers[:, None] + views.directions(image, uv) * z[..., None]
    shared = torch.zeros(n, n)
    for j in range(n):
        in_second = (points - views.centers[j]) @ views.turns[j]
        place = (
            in_second[..., :2] / in_second[..., 2:].clamp_min(1e-6) * views.lens[j, :2] + views.lens[j, 2:]
        )
        inside = (in_second[..., 2] > 0) & ((place > 0) & (place < 1)).all(dim=-1)
        shared[:, j] = inside.float().mean(dim=1)
    apart = (views.centers[:, None] - views.centers[None]).norm(dim=2)
    shared = shared * (apart / (BASELINE * z[views.told].median())).clamp_max(1.0)
    shared *= (views.told[:, None] & views.told).float()
    return shared.fill_diagonal_(0.0)
