"""Points whose depth the images themselves agree on, with known poses: what ambiguous priors are held to.

Where a picture has structure, a small patch of it is found again in other views along the ray of its pixel.
Depths over a wide range are tried at half the resolution, twice: around a first guess, and around what the
first points made of it; then once more, finely, at full resolution. A depth counts where some views agree on
it, where no other depth of the ray does, and where parallax is large enough to tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, normalize

from neurfield.fusion.over_frames import over_frames
from neurfield.fusion.point_views import Guess, promising, views_of
from neurfield.fusion.prior_views import PriorViews, to_be_looked_at
from neurfield.ops.patch_scores import NOWHERE, PatchViews, patch_scores
from neurfield.scenes import Scene

WIDTH = 640  # pixels, about, of the pictures that are compared; the search goes over half of it
COARSE_CELL, FINE_CELL = 24, 8  # pixels of the half picture: one point each
MANY = 128  # pictures, beyond which cells grow: all have as many points as these
LEAST_GRADIENT = 0.5  # grey levels a pixel (rms of a patch); below it is nothing
NOISE = 0.5  # grey levels that say nothing; what is noise beyond them does not correlate
AGREEING = 3  # of the views that a point is looked for in, so many must agree
COARSE_RANGE, COARSE_DEPTHS = 3.0, 96
FINE_RANGE, FINE_DEPTHS = 1.25, 32
LAST_DEPTHS = 13
LEAST_SCORE = 0.7  # correlation of the views that agree
COARSE_LEAD, FINE_LEAD = 0.1, 0.05  # how far it must be ahead of that at all other depths
UNEVEN = 0.15  # range of log depth of a prior within NEIGHBOURS of its small pixels; above it is an edge
NEIGHBOURS = 5
AT_ONCE = 1 << 15  # points, so that memory stays bounded
PEAK = 3  # depths on both sides of the best that belong to it


@dataclass(frozen=True)
class ImagePoints:
    """P pixels with their z-depth.

    Attributes:
        image: int64 [P].
        uv: [P, 2] in 0..1 of the picture.
        depth: [P], units of the poses.
    """

    image: Tensor
    uv: Tensor
    depth: Tensor

    def __len__(self) -> int:
        return len(self.image)

    @staticmethod
    def none() -> ImagePoints:
        """No points."""
        return ImagePoints(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2), torch.zeros(0))

    def select(self, chosen: Tensor) -> ImagePoints:
        """Some of the points, by index or mask."""
        return ImagePoints(self.image[chosen], self.uv[chosen], self.depth[chosen])

    def joined(self, others: ImagePoints) -> ImagePoints:
        """These points, and behind them some others."""
        parts = zip(*((p.image, p.uv, p.depth) for p in (self, others)))
        return ImagePoints(*(torch.cat(part) for part in parts))


class ImageSearch:
    """The pictures of a scene, ready to be searched.

    Attributes:
        views: its cameras and priors.
        full, half: the pictures at the size that is compared, and at half of it.
        size: [2] float, width and height of a whole picture in pixels of `full`.
        normals: [n, h, w, 3] prior normals in camera axes, or None.
    """

    def __init__(self, scene: Scene, views: PriorViews) -> None:
        self.views = views
        greys, self.size = _greys(scene, WIDTH)
        self.full = _patch_views(greys, views, self.size)
        self.half = _patch_views(avg_pool2d(greys[:, None], 2)[:, 0], views, 0.5 * self.size)
        self.normals = (
            _normals(scene, self.half.images.shape[1:]) if "prior_normal" in scene.sources else None
        )

    def coarse(self, guess: Guess) -> ImagePoints:
        """Few points an image, depth within a factor of three of a guess."""
        return self._search(COARSE_CELL, guess, COARSE_RANGE, COARSE_DEPTHS, COARSE_LEAD)

    def fine(self, guess: Guess) -> ImagePoints:
        """Many points an image, depth within a quarter of a guess."""
        return self._search(FINE_CELL, guess, FINE_RANGE, FINE_DEPTHS, FINE_LEAD, last=LAST_DEPTHS)

    def _search(
        self, cell: int, guess: Guess, around: float, depths: int, least_lead: float, last: int = 0
    ) -> ImagePoints:
        cell = round(cell * max(1.0, len(self.views) / MANY) ** 0.5)
        image, uv = _structured(self.half.images, 0.5 * self.size, cell, self._even(guess))
        among = promising(self.views, guess)
        parts = [
            self._search_part(*part, among, guess, around, depths, least_lead, last)
            for part in zip(image.split(AT_ONCE), uv.split(AT_ONCE))
        ]
        if not parts:
            return ImagePoints.none()
        return ImagePoints(
            torch.cat([p.image for p in parts]),
            torch.cat([p.uv for p in parts]),
            torch.cat([p.depth for p in parts]),
        )

    def _search_part(
        self,
        image: Tensor,
        uv: Tensor,
        among: Tensor,
        guess: Guess,
        around: float,
        depths: int,
        least_lead: float,
        last: int,
    ) -> ImagePoints:
        """The points of those of these pixels [P] whose depth is sure; `among`: see `views_of`."""
        z = guess(image, uv)
        normal = self._normal(image, uv)
        second, worth = views_of(self.views, image, uv, z, among)
        some = (worth > 0).sum(dim=1) >= AGREEING
        image, uv, z, normal, second, worth = (t[some] for t in (image, uv, z, normal, second, worth))
        factors = torch.linspace(1.0 / around, around, depths)
        tried = 1.0 / (factors / z[:, None])
        depth, score, lead = _best(self._scores(self.half, image, uv, normal, tried, second, worth), tried)
        sure = (score > LEAST_SCORE) & (lead > least_lead)
        image, uv, normal, second, worth, depth = (t[sure] for t in (image, uv, normal, second, worth, depth))
        if last:
            spacing = (around - 1.0 / around) / (depths - 1) / z[sure]  # of inverse depth
            tried = 1.0 / (1.0 / depth[:, None] + spacing[:, None] * torch.linspace(-1.0, 1.0, last))
            depth, score, _ = _best(self._scores(self.full, image, uv, normal, tried, second, worth), tried)
            sure = score > LEAST_SCORE
            image, uv, depth = image[sure], uv[sure], depth[sure]
        return ImagePoints(image, uv, depth)

    def _scores(
        self,
        pictures: PatchViews,
        image: Tensor,
        uv: Tensor,
        normal: Tensor,
        depth: Tensor,
        second: Tensor,
        worth: Tensor,
    ) -> Tensor:
        """The mean correlation [P, D] of the views that agree best, for each pixel and depth."""
        size = self.size if pictures is self.full else 0.5 * self.size
        scores = patch_scores(pictures, image, uv * size, normal, depth, second, noise=NOISE)
        told = (worth[:, :, None] > 0) & ~scores.isnan()
        scores = torch.where(told, scores, scores.new_tensor(NOWHERE))
        return scores.topk(AGREEING, dim=1).values.mean(dim=1)

    def _even(self, guess: Guess) -> Tensor:
        """Where no prior has an edge, [n, h, w] of 0 and 1.

        Priors blur their edges, so points there say nothing of them.
        """
        rows, columns = self.views.x.shape[1:]
        v, u = torch.meshgrid(
            (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
        )
        uv = torch.stack([u, v], dim=-1).reshape(-1, 2)
        even = []
        for i in range(len(self.views)):
            log_z = guess(torch.full((len(uv),), i), uv).log().view(1, 1, rows, columns)
            spread = _largest(log_z) + _largest(-log_z)
            even.append((spread < UNEVEN).float())
        return interpolate(torch.cat(even), size=self.half.images.shape[1:], mode="nearest")[:, 0]

    def _normal(self, image: Tensor, uv: Tensor) -> Tensor:
        """Unit normals [P, 3] in camera axes, towards the camera: the prior, else against the ray."""
        ray = -self.views.rays(image, uv)
        ray = normalize(ray, dim=1)
        if self.normals is None:
            return ray
        h, w = self.normals.shape[1:3]
        normal = self.normals[
            image, (uv[:, 1] * h).long().clamp(0, h - 1), (uv[:, 0] * w).long().clamp(0, w - 1)
        ]
        facing = (normal * ray).sum(dim=1, keepdim=True)
        return torch.where(facing > 0.2, normal, ray)


def _best(scores: Tensor, depth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The depth of the highest score along each ray, between two depths by a parabola.

    Args:
        scores, depth: [P, D].

    Returns:
        The depth [P], its score [P], and its lead [P] over depths that are not next to it. A peak at the end
        of the range is none and scores NOWHERE.
    """
    score, peak = scores.max(dim=1)
    places = torch.arange(depth.shape[1])
    apart = (places - peak[:, None]).abs() > PEAK
    others = torch.where(apart, scores, scores.new_tensor(NOWHERE)).amax(dim=1)
    inner = (peak > 0) & (peak < depth.shape[1] - 1)
    middle = peak.clamp(1, depth.shape[1] - 2)[:, None]
    left, centre, right = (scores.gather(1, middle + k)[:, 0] for k in (-1, 0, 1))
    bend = (left - 2.0 * centre + right).clamp_max(-1e-6)
    offset = (0.5 * (left - right) / bend).clamp(-0.5, 0.5)
    inverse = 1.0 / depth
    before, here, after = (inverse.gather(1, middle + k)[:, 0] for k in (-1, 0, 1))
    refined = 1.0 / (here + offset * 0.5 * (after - before))
    return refined, torch.where(inner, score, scores.new_tensor(NOWHERE)), score - others


def _largest(values: Tensor) -> Tensor:
    return max_pool2d(values, NEIGHBOURS, 1, NEIGHBOURS // 2)


def _structured(images: Tensor, size: Tensor, cell: int, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """The pixel of most structure in each square of `cell` pixels.

    Args:
        images: [n, h, w] grey levels.
        size: [2], width and height of a whole picture in pixels.
        allowed: [n, h, w], 0 where no pixel is taken.

    Returns:
        image, int64 [P], and uv [P, 2] in 0..1 of `size`.
    """
    grey = images[:, None]
    gradient = torch.zeros_like(grey)
    gradient[..., 1:-1] += (0.5 * (grey[..., 2:] - grey[..., :-2])).square()
    gradient[..., 1:-1, :] += (0.5 * (grey[..., 2:, :] - grey[..., :-2, :])).square()
    energy = avg_pool2d(gradient, 5, 1, 2).nan_to_num(0.0)  # nothing where a mask hides a part of it
    h, w = images.shape[1:]
    border = torch.zeros(h, w)
    border[5 : h - 5, 5 : w - 5] = 1.0
    most, index = max_pool2d(
        energy * border * allowed[:, None], cell, cell, ceil_mode=True, return_indices=True
    )
    most, index = most.flatten(1), index.flatten(1)
    image, place = (most > LEAST_GRADIENT**2).nonzero(as_tuple=True)
    pixel = index[image, place]
    columns_rows = torch.stack([pixel % w, torch.div(pixel, w, rounding_mode="floor")], dim=1)
    return image, (columns_rows + 0.5) / size


def _greys(scene: Scene, width: int) -> tuple[Tensor, Tensor]:
    """The pictures in grey, averaged down to about `width` pixels, with even sides.

    Returns:
        [n, h, w] in levels of 0..255, NaN where a mask says that the picture is not to be looked at; and the
        width and height [2] that whole pictures have at this scale, of which h and w may cut off a part of a
        pixel.
    """
    shrink = max(1, round(int(scene.cameras.width[0]) / width))

    def grey(i: int) -> Tensor:
        rgb = torch.from_numpy(np.array(scene.image(i), dtype=np.float32))
        grey = rgb @ torch.tensor([0.299, 0.587, 0.114])
        mask = to_be_looked_at(scene, i)
        if mask is not None:
            grey[torch.from_numpy(~mask)] = torch.nan
        grey = avg_pool2d(grey[None, None], shrink)[0, 0]
        return grey[: grey.shape[0] // 2 * 2, : grey.shape[1] // 2 * 2]

    greys = over_frames(grey, range(len(scene)))
    whole = torch.tensor([int(scene.cameras.width[0]), int(scene.cameras.height[0])]) / shrink
    return torch.stack(greys), whole


def _normals(scene: Scene, size: torch.Size) -> Tensor:
    """Prior normals [n, h, w, 3] in camera axes, about as large as `size`; 0 where unknown."""

    def smaller(i: int) -> Tensor:
        normal = scene.prior_normal(i)
        if normal is None:
            camera = scene.cameras
            normal = np.zeros((int(camera.height[i]), int(camera.width[i]), 3), np.float32)
        stride = max(1, normal.shape[0] // size[0])
        return torch.from_numpy(np.ascontiguousarray(normal[::stride, ::stride], dtype=np.float32))

    return torch.stack(over_frames(smaller, range(len(scene))))


def _patch_views(images: Tensor, views: PriorViews, size: Tensor) -> PatchViews:
    return PatchViews(images, views.lens * size.repeat(2), views.turns, views.centers)
