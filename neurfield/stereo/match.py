"""From a scene to its stereo maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neurfield.ops import StereoPictures, depth_and_normal
from neurfield.scenes import Scene
from neurfield.stereo.agreement import agreement, mapped_sources
from neurfield.stereo.comparison import comparison_of
from neurfield.stereo.confidence import confidence, deviation
from neurfield.stereo.fingerprint import fingerprint
from neurfield.stereo.inputs import check_input
from neurfield.stereo.maps import Flag, StereoMaps
from neurfield.stereo.pictures import ScenePictures, scene_pictures
from neurfield.stereo.ranges import searched_by
from neurfield.stereo.settings import StereoSettings
from neurfield.stereo.stages import (
    Problem,
    Progress,
    agreed,
    doubled,
    enough,
    held_together,
    refined,
    searched,
    trusted,
)
from neurfield.stereo.survey import Survey, survey
from neurfield.stereo.unfinished import Results, Unfinished

_FILLED = 0.25  # share of a picture that a thing fills which cameras look at from all around, unmasked
_BLURRED = 0.03  # share of textured pixels below which pictures are told to be blurred


def match(
    scene: Scene,
    settings: StereoSettings | None = None,
    *,
    points: np.ndarray | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> StereoMaps:
    """Depth, normals and confidence of a scene's frames, from pictures, cameras and masks alone.

    Sources are chosen by angle, overlap and scale; depth is searched on planes at half size with semi-global
    aggregation, refined by slanted-plane PatchMatch, held to the maps of other frames, filled in plain
    regions, and refined at full size; with two frames all is done at full size. What fewer than two others
    (of two frames: the other one) agree with is left out. Neither exact depth nor priors are looked at; a
    depth sensor's depth says how far to search.

    Args:
        scene: at least two frames with pictures.
        settings: None: the default preset.
        points: [k, 3] on the surface, world, which say how far to search. None: the scene's, as structure
            from motion leaves them, where no sensor says it.
        folder: keeps what was done, so that an interrupted run goes on from there; None: nothing is kept.
        progress: called with what is being done, and the part of it that is done.

    Raises:
        UserError: the scene has one frame, no two frames look at the same thing from different places, or
            masks are inverted or leave nothing.
    """
    settings = settings or StereoSettings()
    say = progress or (lambda words, part: None)
    check_input(scene)
    points = searched_by(scene) if points is None else points
    say("reading pictures", 0.0)
    views = scene_pictures(scene, settings.longest)
    kept = Unfinished(folder, fingerprint(scene, settings, points) if folder else "")
    say("looking for pictures that go together", 0.0)
    known = survey(scene, views, settings, points)
    views = views.with_gain(known.exposure.gain)
    rows, columns = torch.from_numpy(known.references), torch.from_numpy(known.sources)
    comparison = comparison_of(columns)
    views = views.with_tolerance(comparison.tolerance)
    full = views.pictures
    around = scene.kind == "outside"
    halved = not comparison.full_size and shown(full, around) >= settings.halved_from**2
    coarse = full.halved() if halved else full
    problem = Problem(
        coarse, rows, columns, mapped_sources(torch.from_numpy(known.partners), rows, len(scene)),
        known.search, settings, comparison,
        planes=comparison.planes(coarse, rows, columns, known.search, settings.planes),
        object_alone="mask" in scene.sources and scene.mask_says == "object", halved=halved,
    )  # fmt: skip
    found = searched(problem, kept, say)
    found = held_together(problem, found, say)
    found = agreed(problem, found, say)
    if halved:
        if settings.refine:
            found = refined(problem, full, found, kept, say)
        else:
            found = doubled(problem, full, found)
    say("weighing what was found", 0.0)
    maps = _maps(views, problem, found, known)
    kept.remove()
    return maps


def shown(pictures: StereoPictures, around: bool) -> float:
    """How many pixels a picture shows of what is wanted.

    Args:
        pictures: of an object with masks only what is inside them counts.
        around: whether cameras look at a thing from outside: without masks it fills a part of a picture.
    """
    if pictures.inside is not None:
        return int(pictures.inside.sum()) / len(pictures.grey)
    return (_FILLED if around else 1.0) * pictures.grey[0].numel()


def _maps(views: ScenePictures, problem: Problem, found: list[Results], known: Survey) -> StereoMaps:
    """Depth that others agree with at full size, its confidence, and what became of every pixel."""
    pictures = views.pictures
    depths = torch.zeros(pictures.grey.shape)
    for r, results in zip(problem.references.tolist(), found):
        inverse = results["planes"][..., 0]
        depths[r] = torch.where(inverse > 0, 1.0 / inverse.clamp_min(1e-12), torch.zeros(()))
    comparison, pixels = problem.comparison, problem.comparison.pixels
    count, angle = agreement(pictures, depths, problem.mapped, relative=comparison.relative, pixels=pixels)
    loose, _ = agreement(
        pictures, depths, problem.mapped, relative=comparison.planar_relative, pixels=2.0 * pixels
    )
    columns: dict[str, list[Tensor]] = {"depth": [], "normal": [], "sigma": [], "flags": []}
    for k, (r, results) in enumerate(zip(problem.references.tolist(), found)):
        planar = results["planar"]
        good = trusted(problem, k, count[r], angle[r], results["cost"])
        good = torch.where(planar, loose[r] >= enough(problem, k), good) & (depths[r] > 0)
        depth = torch.where(good, depths[r], torch.zeros(()))
        columns["depth"].append(depth)
        planes = torch.where(good[..., None], results["planes"], torch.zeros(()))
        columns["normal"].append(depth_and_normal(planes[None], pictures.lens[r : r + 1])[1][0])
        columns["sigma"].append(
            deviation(pictures, r, depth, results["cost"], count[r].clamp_min(1), angle[r])
        )
        columns["flags"].append(
            _flags(
                good, planar, results["undecided"], None if pictures.inside is None else pictures.inside[r]
            )
        )
    depth, normal, sigma, flags = (
        torch.stack(columns[name]) for name in ("depth", "normal", "sigma", "flags")
    )
    matched = sigma[(flags == Flag.MATCHED) & sigma.isfinite()]
    typical = float(matched.median()) if len(matched) else 1.0
    sure = [
        confidence(pictures, r, normal[k], sigma[k], typical, found[k]["ratio"], flags[k] == Flag.PLANAR)
        for k, r in enumerate(problem.references.tolist())
    ]
    maps = StereoMaps(known.references, depth, normal, torch.stack(sure), flags, known.sources, views, ())
    return replace(
        maps, words=tuple(_words(maps, known, problem.comparison.little)), left=known.exposure.left
    )


def _flags(good: Tensor, planar: Tensor, undecided: Tensor, inside: Tensor | None) -> Tensor:
    """`Flag` of each pixel, uint8 [h, w]."""
    flags = torch.full(good.shape, int(Flag.NONE), dtype=torch.uint8)
    flags[undecided] = int(Flag.UNDECIDED)
    flags[good] = int(Flag.MATCHED)
    flags[good & planar] = int(Flag.PLANAR)
    if inside is not None:
        flags[~inside] = int(Flag.BACKGROUND)
    return flags


def _words(maps: StereoMaps, known: Survey, little: float) -> list[str]:
    """What is unusual about the pictures, for people."""
    words = []
    if known.alone:
        words.append(
            f"{known.alone} frames have no map: no other looks at the same thing from far enough apart"
        )
    exposure = known.exposure.words()
    if exposure:
        words.append(exposure)
    matched = maps.share(Flag.MATCHED)
    if known.sharp < _BLURRED:
        words.append(
            f"only {100 * known.sharp:.1f} % of the pixels have texture: the pictures are blurred, or nearly "
            "all is plain"
        )
    if matched < little:
        words.append(
            f"only {100 * matched:.0f} % of the pixels could be matched: check the poses (`neurfield scene "
            "check`), and that pictures are sharp and of a scene that did not move"
        )
    return words
