"""In which other images a pixel's point is looked for: those that should show it best."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neurfield.fusion.prior_views import PriorViews

VIEWS = 6  # that a point is looked for in
BEST_ANGLE, LEAST_ANGLE, MOST_ANGLE = 12.0, 2.0, 50.0  # degrees between two views of a point
PROMISING = 48  # images that the points of one are looked for among
LOOKS, FEWEST_LOOKS = 4096, 4  # pixels by which these are found: of all images, of one

Guess = Callable[[Tensor, Tensor], Tensor]  # (image [P], uv [P, 2] in 0..1) -> z-depth [P]


def promising(views: PriorViews, guess: Guess) -> Tensor:
    """The images that should show most of what each of n shows, in order: int64 [n, at most PROMISING].

    A few pixels of each image tell. Without a limit points would be looked for among n images, and those of
    all images would take n^2.
    """
    n, k = len(views), len(views.uv)
    if n <= PROMISING:
        return torch.arange(n).expand(n, n)
    pixel = torch.linspace(0, k - 1, max(LOOKS // n, FEWEST_LOOKS) + 2)[1:-1].long()
    worth, typical = torch.zeros(n, n), torch.zeros(n)
    for i in range(n):
        uv = views.uv[(pixel + 61 * i) % k]  # elsewhere in each image
        z = guess(torch.full((len(uv),), i), uv)
        worth[i], typical[i] = _worth(views, i, uv, z, torch.arange(n)).mean(dim=0), z.median()
    return _taken(views.centers, worth, typical, PROMISING)[0].sort(dim=1).values


def views_of(views: PriorViews, image: Tensor, uv: Tensor, z: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """The VIEWS images that should show a pixel's point best.

    Angles are weighed as OpenMVS does: 12 degrees are best, below 2 nothing can be told. Of views that stand
    side by side one is enough.

    Args:
        views: n images.
        image, uv, z: [P], [P, 2] in 0..1 and [P]: the pixels and their z-depth.
        among: int64 [n, c], the images that may be taken for points of each image.

    Returns:
        The images, int64 [P, VIEWS], and how well each should show the point [P, VIEWS], 0: not at all.
    """
    count = min(VIEWS, among.shape[1])
    chosen, weights = torch.zeros(len(z), count, dtype=torch.int64), torch.zeros(len(z), count)
    for i in image.unique().tolist():
        own = (image == i).nonzero()[:, 0]
        worth = _worth(views, i, uv[own], z[own], among[i])
        best, weights[own] = _taken(views.centers[among[i]], worth, z[own], count)
        chosen[own] = among[i][best]
    return chosen, weights


def _worth(views: PriorViews, i: int, uv: Tensor, z: Tensor, second: Tensor) -> Tensor:
    """How well images `second` [c] should show the points of p pixels of image i: [p, c]."""
    image = torch.full((len(z),), i)
    points = views.centers[i] + views.directions(image, uv) * z[:, None]
    back = views.centers[i] - points
    distance = back.norm(dim=1)[:, None]
    to_second = views.centers[second] - points[:, None]  # [p, c, 3]
    in_second = -torch.einsum("pci,cij->pcj", to_second, views.turns[second])
    lens = views.lens[second]
    place = in_second[..., :2] / in_second[..., 2:].clamp_min(1e-6) * lens[:, :2] + lens[:, 2:]
    inside = (in_second[..., 2] > 0.05 * z[:, None]) & ((place > 0.03) & (place < 0.97)).all(dim=-1)
    far = to_second.norm(dim=-1)
    cosine = (to_second @ back[..., None])[..., 0] / (far * distance).clamp_min(1e-12)
    angle = torch.rad2deg(torch.acos(cosine.clamp(-1.0, 1.0)))
    spread = torch.where(angle < BEST_ANGLE, 0.38 * BEST_ANGLE, 0.7 * BEST_ANGLE)
    weight = torch.exp(-0.5 * ((angle - BEST_ANGLE) / spread).square())
    # A view is at no angle to itself.
    weight = weight * (angle > LEAST_ANGLE) * (angle < MOST_ANGLE) * inside
    return weight * torch.minimum(far / distance, distance / far).pow(1.5)


def _taken(centers: Tensor, worth: Tensor, z: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` best of c views at `centers` [c, 3] for each of p points, and what each is worth then.

    Once one is taken, those beside it are worth less.

    Args:
        worth: [p, c].
        z: [p], depth of the points.
    """
    apart = torch.cdist(centers, centers, compute_mode="donot_use_mm_for_euclid_dist")
    every, best, weights = torch.arange(len(z)), [], []
    for _ in range(count):
        weight, taken = worth.max(dim=1)
        worth = torch.where(apart[taken] < 0.08 * z[:, None], 0.4 * worth, worth)
        worth[every, taken] = 0.0
        best.append(taken)
        weights.append(weight)
    return torch.stack(best, dim=1), torch.stack(weights, dim=1)
