"""Ambiguous depth maps made to agree: what each image's prior means in metres.

Two things tell, both with known poses. Points that several images show (`image_points`) give each image its
scale and shift, and hold its slow errors, wherever there is something to see. And a pixel of one image,
carried by its depth into another, should find its own depth there, plain walls included. The robust squares
of both are minimised over all images at once by Gauss-Newton. The errors that are left are each image's own,
and average out when the maps are fused.

The result is checked on what was kept out of it, a quarter of the points (or of the pairs where images show
too few points): a warp that does not help there is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.fusion.align_step import normal_equations, point_residuals
from neurfield.fusion.first_meaning import ENOUGH_POINTS, ends_at_box, ends_at_points, meet_again
from neurfield.fusion.image_points import Guess, ImagePoints, ImageSearch
from neurfield.fusion.prior_model import Meaning
from neurfield.fusion.prior_pairs import draw_pairs, overlap
from neurfield.fusion.prior_views import PriorViews
from neurfield.scenes import Scene

WIDTH_MIDDLE, WIDTH_LAST = 0.08, 0.025  # of the robust weight, in log depth, before and after the warp
LEAST_INLIERS = 0.25  # of an image's pixels; below it the image was not aligned and stays out
NEAREST = 0.02  # parts of the box's diagonal; nothing is nearer to a camera


@dataclass(frozen=True)
class _Rounds:
    """Rounds of Gauss-Newton.

    Attributes:
        ends: rounds that move the ends of depth alone.
        warp: rounds after these, that move the warp too.
        width: the robust width of the first round, in log depth.
        momentum: share of an update that is added to the next. Without points the common scale is a soft
            direction, in which plain Gauss-Newton creeps.
    """

    ends: int
    warp: int
    width: float
    momentum: float


BY_POINTS = _Rounds(ends=5, warp=9, width=0.15, momentum=0.0)
BY_PAIRS = _Rounds(ends=18, warp=24, width=0.3, momentum=0.85)


@dataclass(frozen=True)
class AlignedPriors:
    """What the priors of n images mean.

    Attributes:
        views: the images, priors and cameras.
        meaning: the parameters that were found.
        disagreement: median |log ratio| of depth between views.
        inliers: [n], share of an image's carried pixels that find their depth elsewhere.
        points: P points that several images show.
        checked: median |log ratio| on what was kept out, with scale and shift alone and with the warp too.
        warped: whether the warp was kept.
    """

    views: PriorViews
    meaning: Meaning
    disagreement: float
    inliers: Tensor
    points: ImagePoints
    checked: tuple[float, float]
    warped: bool

    def depth(self, i: int, prior: np.ndarray) -> Tensor:
        """z-depth [h, w] in metres of image i, from its prior [h, w] as read from its file; 0 where it is."""
        return self.log_depth(i, prior).exp_()

    def log_depth(self, i: int, prior: np.ndarray) -> Tensor:
        """Its logarithm."""
        values = torch.from_numpy(np.array(prior, dtype=np.float32))
        found = self.meaning.log_depth_of(i, (values - self.views.low[i]) / self.views.span[i])
        return torch.where(values != 0.0, found, torch.full_like(found, -torch.inf))

    def typical_depth(self) -> float:
        """The median depth of the aligned images' pixels, units of the poses."""
        views = self.views
        image = self.trusted()[:, None].expand(-1, len(views.uv))
        uv = views.uv.expand(*image.shape, 2)
        return float(self.meaning.depth(image, views.carried[self.trusted()], uv).median())

    def box(self) -> np.ndarray:
        """The box [2, 3], world, of what the aligned images show and of their cameras.

        Priors scatter: 0.5 % of the points beyond each wall are left out, and a twentieth of the typical
        depth is added.
        """
        views = self.views
        image = self.trusted()[:, None].expand(-1, views.uv.shape[0])
        uv = views.uv.expand(*image.shape, 2)
        z = self.meaning.depth(image, views.carried[self.trusted()], uv)
        points = (views.centers[image] + views.directions(image, uv) * z[..., None]).double()
        points = points[views.shows(image, uv)]
        low, high = np.percentile(points.numpy(), [0.5, 99.5], axis=0)
        margin = 0.05 * float(z.median())
        centers = views.centers.double().numpy()
        low, high = np.minimum(low, centers.min(axis=0)), np.maximum(high, centers.max(axis=0))
        return np.stack([low - margin, high + margin]) + views.origin

    def seen_points(self) -> tuple[np.ndarray, Tensor]:
        """World places [P, 3] of the points that several images show, and their z-depths [P]."""
        views, points = self.views, self.points
        local = (
            views.centers[points.image] + views.directions(points.image, points.uv) * points.depth[:, None]
        )
        return local.double().numpy() + views.origin, points.depth

    def trusted(self) -> Tensor:
        """The images, int64 [t], that agree with others; the rest was not aligned."""
        return (self.inliers >= LEAST_INLIERS).nonzero()[:, 0]

    def words(self) -> str:
        """How the priors were aligned and how sure that is, as the end of a sentence."""
        ends, warp = (f"{100.0 * error:.1f} %" for error in self.checked)
        how = "scale, shift and a slow warp each" if self.warped else "scale and shift each"
        if self.by_points():
            source = f"{len(self.points)} points that several images show"
            kept_out = f"points kept out differ by {warp if self.warped else ends}"
        else:
            source = "the overlap of the views alone, for the images show too few points"
            kept_out = f"pairs kept out differ by {warp if self.warped else ends}"
        if not np.isfinite(self.checked).all():
            return f"{how} by {source} (too few to check by)"
        instead = "" if self.warped else f"; a warp did not help: {warp}"
        return f"{how} by {source} ({kept_out}{instead})"

    def by_points(self) -> bool:
        """Whether the images' own points decided, not the overlap of the views."""
        return _enough_points(self.points, self.views)


@torch.no_grad()
def align_priors(
    scene: Scene, around: np.ndarray, seed: int = 0, known: ImagePoints | None = None
) -> AlignedPriors:
    """Align the prior depth of all frames of a scene with each other.

    Args:
        scene: pinhole cameras of one size. Frames without a prior are not aligned.
        around: [2, 3], world: a first guess of the box that the images see, right to a factor of two or so.
        seed: of the pairs that are drawn; the same seed gives the same bits.
        known: points whose depth was matched between the pictures. Where most images have enough of them,
            the pictures are not searched for others.

    Raises:
        UserError: a prior holds values that are no numbers.
    """
    views, generator = PriorViews.of(scene), torch.Generator().manual_seed(seed)
    box = torch.as_tensor(around - views.origin, dtype=torch.float32)
    near = NEAREST * float((box[1] - box[0]).norm())
    meaning = ends_at_box(views, box)
    points = ImagePoints.none() if known is None else _told(known, views)
    if _enough_points(points, views):
        meaning = ends_at_points(views, meaning, points, near)
    elif "image" in scene.sources and len(views) > 2:
        search = ImageSearch(scene, views)
        coarse = _told(search.coarse(_guess(views, meaning)), views)
        meaning = ends_at_points(views, meaning, coarse, near)
        points = points.joined(_told(search.fine(_guess(views, meaning)), views))
        meaning = ends_at_points(views, meaning, points, near)
    by_points = _enough_points(points, views)
    rounds = BY_POINTS if by_points else BY_PAIRS
    kept_out = _kept_out(points)
    used, apart = points.select(~kept_out), points.select(kept_out)

    def check(candidate: Meaning) -> float:
        if by_points:
            residual, _, smooth = point_residuals(views, candidate, apart)
            return float(residual[smooth].abs().median())
        return draw_pairs(views, candidate, partners * ~in_use, generator, near).disagreement()

    in_use = _pairs_in_use(len(views), everything=by_points)
    partners = overlap(views, meaning)
    speed = torch.zeros_like(meaning.values)
    total = rounds.ends + rounds.warp
    scaled, errors = meaning, [0.0, 0.0]
    for round_ in range(total):
        warped = round_ >= rounds.ends
        if round_ == rounds.ends // 2:
            meaning = meet_again(views, meaning, partners * in_use, generator, near)
            partners = overlap(views, meaning)
        if warped:
            width = _between(WIDTH_MIDDLE, WIDTH_LAST, (round_ - rounds.ends) / (rounds.warp - 1))
        else:
            width = _between(rounds.width, WIDTH_MIDDLE, round_ / (rounds.ends - 1))
        pairs = draw_pairs(views, meaning, partners * in_use, generator, near)
        update = normal_equations(views, meaning, pairs, used, width, warped).update()
        speed = rounds.momentum * speed + update
        speed[:, 2:] = update[:, 2:]
        meaning = Meaning(meaning.values + speed)
        if round_ == rounds.ends - 1:
            scaled, errors[0] = meaning, check(meaning)
    errors[1] = check(meaning)
    warped = errors[1] < errors[0]
    if not warped:
        meaning = scaled
    pairs = draw_pairs(views, meaning, partners, generator, near)
    width = WIDTH_LAST if warped else WIDTH_MIDDLE
    update = normal_equations(views, meaning, pairs, points, width, warped).update()
    meaning = Meaning(meaning.values + update)  # now with all points and pairs
    pairs = draw_pairs(views, meaning, partners, generator, near)
    agree = ((pairs.residual.abs() < 2.0 * WIDTH_MIDDLE) & pairs.valid).sum(dim=(1, 2))
    inliers = agree / pairs.valid.sum(dim=(1, 2)).clamp_min(1)
    return AlignedPriors(
        views, meaning, pairs.disagreement(), inliers, points, (errors[0], errors[1]), warped
    )  # fmt: skip


def _guess(views: PriorViews, meaning: Meaning) -> Guess:
    def depth(image: Tensor, uv: Tensor) -> Tensor:
        return meaning.depth(image, views.look_up(image, uv)[0], uv)

    return depth


def _told(points: ImagePoints, views: PriorViews) -> ImagePoints:
    """Those of the points that lie in images with a prior: where there is none, nothing is held to them."""
    return points if bool(views.told.all()) else points.select(views.told[points.image])


def _enough_points(points: ImagePoints, views: PriorViews) -> bool:
    """Whether most images with a prior have enough points."""
    enough = torch.bincount(points.image, minlength=len(views)) >= ENOUGH_POINTS
    return bool(enough[views.told].float().mean() > 0.5)


def _kept_out(points: ImagePoints) -> Tensor:
    """Which points [P] are only used to check, bool.

    Those in a quarter of the squares of a chessboard, other ones in each image.
    """
    column, row = (points.uv * torch.tensor([8.0, 6.0])).long().unbind(1)
    return (column + 2 * row + points.image) % 4 == 0


def _pairs_in_use(n: int, everything: bool) -> Tensor:
    """Which pairs of images [n, n] are not kept out: three quarters of them, or all."""
    i, j = torch.arange(n)[:, None], torch.arange(n)
    return torch.ones(n, n, dtype=torch.bool) if everything else (i + j) % 4 != 0


def _between(start: float, end: float, progress: float) -> float:
    return start * (end / start) ** progress
