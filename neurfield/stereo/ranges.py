"""How deep stereo looks: the stretch of inverse depth in which each reference and pixel is searched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.stereo_pictures import StereoPictures
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.box import nearest_to_axes, not_alone
from neurfield.scenes.frames import spread
from neurfield.stereo.geometry import pixel_rays, places, world_points
from neurfield.stereo.hull import Hull

# Depths that are tried before anything is known, in lengths over which a camera's neighbours spread.
SCALES = np.array([1 / 3, 2 / 3, 4 / 3, 8 / 3, 16 / 3])
NEIGHBOURS = 30
SAMPLES = 200  # points that a reference's sources are chosen by
FEWEST_POINTS = 50  # of a scene
NEARER, FARTHER = 1.5, 0.6  # times the inverse depth that points have, how far the search goes


@dataclass(frozen=True)
class Search:
    """Where stereo looks, for R references.

    Attributes:
        low, high: float32 [R], inverse depth.
        hull: cuts the search of each pixel, or None.
    """

    low: Tensor
    high: Tensor
    hull: Hull | None = None

    def planes(self, chosen: Tensor, count: int) -> Tensor:
        """Inverse depths [k, count] of the planes to sweep for some references, from far to near, evenly."""
        share = torch.linspace(0.0, 1.0, count)
        return self.low[chosen, None] + share * (self.high - self.low)[chosen, None]

    def intervals(
        self, pictures: StereoPictures, references: Tensor, chosen: Tensor, planes: Tensor
    ) -> tuple[Tensor, Tensor] | None:
        """The first and the last plane of each pixel, int16 [k, h, w], last < first where there is none.

        Args:
            pictures: of any size.
            references: int64 [R], pictures.
            chosen: int64 [k], of the references.
            planes: [k, D], of `planes`.

        Returns:
            None where every pixel is searched everywhere.
        """
        if pictures.inside is None:
            return None
        first, last = [], []
        count = planes.shape[1]
        for k, r in enumerate(references[chosen].tolist()):
            shown = pictures.inside[r]
            low, high = torch.zeros(shown.shape), torch.full(shown.shape, float(count - 1))
            if self.hull is not None:
                near, far = self.hull.depths(pictures, r)
                shown = shown & (far > 0)
                step = (planes[k, -1] - planes[k, 0]) / (count - 1)
                low = ((1.0 / far.clamp_min(1e-9) - planes[k, 0]) / step).floor().clamp(0, count - 1)
                high = ((1.0 / near.clamp_min(1e-9) - planes[k, 0]) / step).ceil().clamp(0, count - 1)
            first.append(torch.where(shown, low, torch.ones_like(low)).to(torch.int16))
            last.append(torch.where(shown, high, torch.zeros_like(high)).to(torch.int16))
        return torch.stack(first), torch.stack(last)

    def bounds(self, pictures: StereoPictures, references: Tensor, chosen: Tensor) -> Tensor:
        """The least and greatest inverse depth of each pixel, [k, h, w, 2]; greatest < least: nothing."""
        bounds = []
        for k, r in zip(chosen.tolist(), references[chosen].tolist()):
            shape = pictures.grey.shape[1:]
            low, high = self.low[k].expand(shape), self.high[k].expand(shape)
            if self.hull is not None:
                near, far = self.hull.depths(pictures, r)
                low = torch.where(far > 0, 1.0 / far.clamp_min(1e-9), low)
                high = torch.where(far > 0, 1.0 / near.clamp_min(1e-9), 0.0 * high)
            if pictures.inside is not None:
                high = torch.where(pictures.inside[r], high, 0.0 * high)
            bounds.append(torch.stack([low, high], dim=-1))
        return torch.stack(bounds)


def hull_points(pictures: StereoPictures, hull: Hull, references: np.ndarray) -> list[np.ndarray]:
    """For each reference points [m, 3], world, on the side of the hull that it sees."""
    seen = []
    for r in references.tolist():
        near, _ = hull.depths(pictures, r)
        valid = near > 0
        if pictures.inside is not None:
            valid &= pictures.inside[r]
        seen.append(world_points(pictures, r, near, thinned(valid)).numpy())
    return seen


def sensed_points(scene: Scene, pictures: StereoPictures, references: np.ndarray) -> list[np.ndarray] | None:
    """For each reference points [m, 3], world, that a depth sensor measured; None without a sensor."""
    if "sensor_depth" not in scene.sources:
        return None
    from neurfield.scenes.box import back_project

    return [back_project(scene, r, "sensor_depth", SAMPLES) for r in references.tolist()]


def searched_by(scene: Scene) -> np.ndarray | None:
    """Sparse points [k, 3] of a scene, world, that say how deep to look, without stray ones.

    None where a sensor says it better, or points are so few that much of what is seen may lie elsewhere.
    """
    if scene.points is None or "sensor_depth" in scene.sources:
        return None
    points = not_alone(scene.points)
    return points if len(points) >= FEWEST_POINTS else None


def visible_points(pictures: StereoPictures, points: np.ndarray, references: np.ndarray) -> list[np.ndarray]:
    """For each reference those of the points [k, 3], world, that fall on its picture, whatever hides them."""
    every = torch.from_numpy(np.asarray(points, np.float64))
    seen = []
    for r in references.tolist():
        column, _, _ = places(pictures, r, every)
        shown = np.flatnonzero((column >= 0).numpy())
        seen.append(points[shown[spread(len(shown), SAMPLES)]] if len(shown) else points[:0])
    return seen


def guessed_points(
    cameras: Cameras, pictures: StereoPictures, references: np.ndarray, outside: bool
) -> list[np.ndarray]:
    """For each reference points [m, 3], world, on its rays, where nothing is known of depth.

    Around an object they lie at the distance of the point that all cameras look at, and a third nearer and
    farther; in a room at several multiples of the length over which the nearest cameras spread.
    """
    target = nearest_to_axes(cameras) if outside else None
    points = []
    for r in references.tolist():
        if target is None:
            depths = SCALES * neighbourhood(cameras, r)
        else:
            distance = float((target - cameras.centers[r]) @ cameras.view_directions[r])
            depths = max(distance, 1e-6) * np.array([0.75, 1.0, 1.5])
        rays = pixel_rays(pictures, r)
        grid = (
            rays[thinned(torch.ones(rays.shape[:2], dtype=torch.bool), SAMPLES // len(depths))]
            .double()
            .numpy()
        )
        pose = cameras.world_from_cam[r]
        points.append(np.concatenate([z * grid @ pose[:3, :3].T + pose[:3, 3] for z in depths]))
    return points


def neighbourhood(cameras: Cameras, r: int) -> float:
    """The length over which the 30 cameras nearest to camera r spread, world."""
    apart = np.sort(np.linalg.norm(cameras.centers - cameras.centers[r], axis=1))
    return max(float(apart[: NEIGHBOURS + 1].max()), 1e-9)


def search_of_hull(pictures: StereoPictures, references: np.ndarray, hull: Hull) -> Search:
    """The search of what lies in the hull."""
    low, high = [], []
    for r in references.tolist():
        near, far = hull.depths(pictures, r)
        valid = far > 0
        low.append(1.0 / float(far[valid].max()) if valid.any() else 1.0)
        high.append(1.0 / float(near[valid].min()) if valid.any() else 2.0)
    return Search(torch.tensor(low), torch.tensor(high), hull)


def search_of_points(pictures: StereoPictures, references: np.ndarray, points: list[np.ndarray]) -> Search:
    """The search that holds the points [m, 3] of each reference, world, with some room."""
    low, high = [], []
    for r, seen in zip(references.tolist(), points):
        if len(seen):
            pose = pictures.cam_from_world[r].numpy()
            z = seen @ pose[2, :3] + pose[2, 3]
            z = z[z > 1e-9]
            far, near = np.percentile(1.0 / z, [0.5, 99.5]) if len(z) else (np.nan, np.nan)
        else:
            far, near = np.nan, np.nan
        low.append(FARTHER * far)
        high.append(NEARER * near)
    # A reference without points is searched where the others are.
    lows, highs = np.array(low), np.array(high)
    known = np.isfinite(lows)
    if known.any():
        lows[~known], highs[~known] = lows[known].min(), highs[known].max()
    return Search(torch.from_numpy(lows).float(), torch.from_numpy(highs).float())


def thinned(valid: Tensor, count: int = SAMPLES) -> Tensor:
    """About `count` of the valid pixels [h, w], evenly spread: bool [h, w]."""
    place = valid.flatten().nonzero()[:, 0]
    chosen = place[torch.from_numpy(spread(len(place), count))] if len(place) else place
    kept = torch.zeros(valid.numel(), dtype=torch.bool)
    kept[chosen] = True
    return kept.view(valid.shape)
