"""A quick look at small pictures: where things are, how exposure changes, and which pictures go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops import StereoPictures, sweep_depth
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.cover import box_of_cameras, covering_frames
from neurfield.stereo.agreement import agreement, mapped_sources
from neurfield.stereo.boxed import box_limits, box_points
from neurfield.stereo.gains import Exposure, exposure
from neurfield.stereo.geometry import world_points
from neurfield.stereo.hull import visual_hull
from neurfield.stereo.pictures import ScenePictures
from neurfield.stereo.ranges import (
    SAMPLES,
    SCALES,
    Search,
    guessed_points,
    hull_points,
    neighbourhood,
    search_of_hull,
    search_of_points,
    sensed_points,
    visible_points,
)
from neurfield.stereo.settings import StereoSettings
from neurfield.stereo.views import ANGLE_OBJECT, ANGLE_ROOM, select_sources

SMALL = 160  # pixels of the longer side, at most
PLANES, SOURCES = 64, 6
PARTNERS = (
    12  # maps that a map is compared with, at least: they cost little, and see what is hidden from others
)
MANY, LEAST_NEWS = 160, 0.3  # frames, of which those with so much new get maps (`covering_frames`)
_TEXTURED, _ALIKE, _CLEAR = 0.5, 0.25, 1.05  # kappa, cost and peak ratio of pixels that are believed
_AGREE = 0.05  # relative
_FEW_SEEN = 20  # sparse points in a picture below which it is searched as others are
_FEW = 50  # points of all references below which nothing was found


@dataclass(frozen=True)
class Survey:
    """What is known before the real search.

    Attributes:
        references: int64 [R], the frames that get maps and have sources.
        sources: int64 [R, S], frames, the best first, -1 for none.
        partners: int64 [R, P], among frames that get maps themselves: what each map must agree with; more
            than sources.
        search: of the references.
        exposure: of all frames.
        sharp: the share of pixels with texture.
        alone: frames that would get maps and have no source.
    """

    references: np.ndarray
    sources: np.ndarray
    partners: np.ndarray
    search: Search
    exposure: Exposure
    sharp: float
    alone: int


def survey(
    scene: Scene, views: ScenePictures, settings: StereoSettings, points: np.ndarray | None = None
) -> Survey:
    """Look at all references at a quarter of the size or less.

    Args:
        scene: of the pictures.
        views: its pictures.
        settings: how many sources, and how many frames get maps.
        points: [k, 3] of the surface, world (a structure-from-motion's), or None.

    Raises:
        UserError: no two frames look at the same thing from different places.
    """
    pictures, cameras = views.pictures, views.cameras
    while max(pictures.grey.shape[1:]) > SMALL and min(pictures.grey.shape[1:]) > 32:
        pictures = pictures.halved()
    references = references_of(scene, cameras, settings)
    outside = scene.kind == "outside"
    best_angle = ANGLE_OBJECT if outside else ANGLE_ROOM
    outlined = pictures.inside is not None and "mask" in scene.sources and scene.mask_says == "object"
    hull = visual_hull(pictures, scene.box) if outlined else None
    box = None if outlined else scene.box_by_hand
    sensed = None if points is not None else sensed_points(scene, pictures, references)
    if hull is not None:
        first = hull_points(pictures, hull, references)
    elif sensed is not None:
        first = sensed
    elif box is not None:
        first = box_points(pictures, references, box)
    else:
        first = guessed_points(cameras, pictures, references, outside)
    told = first
    if hull is None and points is not None:
        visible = visible_points(pictures, points, references)
        # Few points tell neither which pictures go together nor how deep all that is seen may lie.
        told = [own if len(own) >= _FEW_SEEN else own[:0] for own in visible]
        first = [own if len(own) else guessed for own, guessed in zip(told, first)]
    sources = select_sources(cameras, references, first, count=SOURCES, best_angle=best_angle)
    every = references
    references, sources, first, alone = _with_sources(scene, references, sources, first)
    told = [own for r, own in zip(every, told) if r in references]
    # Around an object without masks there is a background, whose depth tells something too.
    limits = box_limits(pictures, references, box, beyond=outside)
    if hull is not None:
        search = search_of_hull(pictures, references, hull)
    elif any(map(len, told)) and (points is not None or sensed is not None):
        search = limits.cut(search_of_points(pictures, references, told))
    else:
        search = limits.whole(_wide_search(cameras, references, first, outside))
    seen, sharp = _look(pictures, references, sources, search)
    found = exposure(pictures, references, sources, seen)
    if sum(len(points) for points in seen) >= _FEW:
        every = torch.cat(seen).numpy()
        if hull is None:
            pooled = visible_points(pictures, every, references)
            search = limits.cut(search_of_points(pictures, references, pooled))
        # What a reference itself matched tells best what it sees; what others matched may be hidden there.
        own = [points.numpy() if len(points) >= 20 else other for points, other in zip(seen, first)]
        first = [_some(points) for points in own]
    again = select_sources(cameras, references, first, count=settings.sources, best_angle=best_angle)
    none = (again < 0).all(axis=1)
    again[none, : sources.shape[1]] = sources[none][:, : again.shape[1]]
    mapped = np.isin(np.arange(len(scene)), references)
    count = max(PARTNERS, settings.sources)
    partners = select_sources(
        cameras, references, first, count=count, best_angle=best_angle, candidates=mapped
    )
    partners[none, : again.shape[1]] = np.where(mapped[again[none]], again[none], -1)
    return Survey(references, again, partners, search, found, sharp, alone)


def references_of(scene: Scene, cameras: Cameras, settings: StereoSettings) -> np.ndarray:
    """The frames that are to get maps: int64 [R], in order.

    Of many, so many that they cover what all see: more maps of the same tell little, and each takes as long
    as another.
    """
    n = len(scene)
    if settings.every or n < MANY:
        return np.arange(0, n, settings.stride(n))
    box = box_of_cameras(cameras, scene.points) if scene.box_by_hand is None else scene.box_by_hand
    return covering_frames(cameras, box, n // 2, LEAST_NEWS)


def _with_sources(
    scene: Scene, references: np.ndarray, sources: np.ndarray, points: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], int]:
    """The references that have a source at all, and how many have none."""
    some = (sources >= 0).any(axis=1)
    if not some.any():
        raise UserError(
            f"{scene.path}: no two frames look at the same thing from places far enough apart, so nothing "
            "tells depth: add photos taken a step aside, and check the poses (`neurfield scene check`)"
        )
    kept = np.flatnonzero(some)
    return references[kept], sources[kept], [points[k] for k in kept.tolist()], int((~some).sum())


def _wide_search(cameras: Cameras, references: np.ndarray, points: list[np.ndarray], outside: bool) -> Search:
    """From where the nearest things may be to where parallax ends."""
    high = []
    for r, guessed in zip(references.tolist(), points):
        depth = (guessed - cameras.centers[r]) @ cameras.view_directions[r]
        nearest = 0.5 * float(depth.min()) if outside else SCALES[0] * neighbourhood(cameras, r)
        high.append(1.0 / nearest)
    near = torch.tensor(high, dtype=torch.float32)
    return Search(0.3 * near / PLANES, near)


def _look(
    pictures: StereoPictures, references: np.ndarray, sources: np.ndarray, search: Search
) -> tuple[list[Tensor], float]:
    """For each reference points [k, 3], world, that it and others agree on; the share of textured pixels."""
    rows, columns = torch.from_numpy(references), torch.from_numpy(sources)
    depth = torch.zeros(pictures.grey.shape)
    textured, shown = 0.0, 1e-9
    for chosen in torch.arange(len(rows)).split(8):
        planes = search.planes(chosen, PLANES)
        between = search.intervals(pictures, rows, chosen, planes)
        swept = sweep_depth(pictures, rows[chosen], columns[chosen], planes, *(between or (None, None)))
        good = (swept.texture > _TEXTURED) & (swept.cost < _ALIKE) & (swept.ratio > _CLEAR)
        good &= (swept.inverse_depth > planes[:, :1, None]) & (swept.inverse_depth < planes[:, -1:, None])
        depth[rows[chosen]] = torch.where(good, 1.0 / swept.inverse_depth.clamp_min(1e-12), torch.zeros(()))
        inside = torch.ones_like(good) if pictures.inside is None else pictures.inside[rows[chosen]]
        textured += float((swept.texture[inside] > _TEXTURED).sum())
        shown += float(inside.sum())
    others = mapped_sources(columns, rows, len(depth))
    count, _ = agreement(pictures, depth, others, relative=_AGREE, pixels=2.0)
    points = []
    for r in references.tolist():
        points.append(world_points(pictures, r, depth[r], (depth[r] > 0) & (count[r] >= 1)))
    return points, textured / shown


def _some(points: np.ndarray) -> np.ndarray:
    return points[np.linspace(0, len(points) - 1, min(len(points), SAMPLES)).astype(int)]
