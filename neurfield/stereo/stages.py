"""The stages of stereo, over all references a few at a time: search, refinement, agreement, full size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.ops import StereoPictures, fit_planes, refine_planes, sweep_depth, upsample_planes
from neurfield.stereo.agreement import agreement
from neurfield.stereo.comparison import Comparison
from neurfield.stereo.planar import complete_planes
from neurfield.stereo.ranges import Search
from neurfield.stereo.settings import StereoSettings
from neurfield.stereo.unfinished import Results, Unfinished

Progress = Callable[[str, float], None]
BATCH = 4  # references of one native call, after which progress is told and Ctrl-C heard
TURNED, FINE_TURN, FINE_SHIFT, FINE_MARGIN = 15.0, 2.0, 0.5, 0.02
REACH = 1.5  # pixels of reprojection beyond which a map that disagrees costs no more, at half size
# Agreement: sources, and what one of several must be that agrees alone.
VIEWS = 2
ALONE_COST, ALONE_ANGLE = 0.15, 8.0


@dataclass(frozen=True)
class Problem:
    """What stages work on.

    Attributes:
        pictures: of the size that is searched.
        references: int64 [R].
        sources: int64 [R, S].
        mapped: int64 [n, S], for every frame those with maps that its own map must agree with.
        search: of the references.
        settings: numbers.
        comparison: how pictures are compared.
        planes: of the first search.
        object_alone: whether only an object is shown, and its background is left out.
        halved: whether that size is half of the pictures'.
    """

    pictures: StereoPictures
    references: Tensor
    sources: Tensor
    mapped: Tensor
    search: Search
    settings: StereoSettings
    comparison: Comparison
    planes: int
    object_alone: bool
    halved: bool

    @property
    def pixels(self) -> float:
        """Of reprojection, with which maps of the size that is searched agree."""
        return self.comparison.pixels * (0.5 if self.halved else 1.0)

    @property
    def held(self) -> Tensor:
        """int64 [R, S], what the maps of the references are held to: frames with maps, else their sources."""
        partners = self.mapped[self.references][:, : self.sources.shape[1]]
        return torch.where((partners >= 0).any(dim=1, keepdim=True), partners, self.sources)

    def batches(self, missing: list[int]) -> Iterator[Tensor]:
        """Numbers of references, a few at a time."""
        return iter(torch.tensor(missing, dtype=torch.int64).split(BATCH))


def searched(problem: Problem, kept: Unfinished, progress: Progress) -> list[Results]:
    """For each reference "planes" [h, w, 3], "cost", "ratio" and "texture" [h, w] of the search alone."""

    def work(chosen: Tensor) -> list[Results]:
        pictures, settings, search = problem.pictures, problem.settings, problem.search
        rows, columns = problem.references[chosen], problem.sources[chosen]
        levels = search.planes(chosen, problem.planes)
        between = search.intervals(pictures, problem.references, chosen, levels)
        swept = sweep_depth(
            pictures, rows, columns, levels, *(between or (None, None)), **problem.comparison.sweep
        )
        planes, cost = fit_planes(swept.inverse_depth), swept.cost
        if settings.passes:
            bounds = search.bounds(pictures, problem.references, chosen)
            planes, cost = refine_planes(
                pictures, rows, columns, planes, passes=settings.passes, seed=settings.seed, turn=TURNED,
                interval=bounds, **problem.comparison.patches,
            )  # fmt: skip
        names = {"planes": planes, "cost": cost, "ratio": swept.ratio, "texture": swept.texture}
        return [{name: tensor[k].clone() for name, tensor in names.items()} for k in range(len(chosen))]

    return _each(problem, kept, "search", progress, work)


def held_together(problem: Problem, found: list[Results], progress: Progress) -> list[Results]:
    """The same after rounds in which each map is held to those of its sources."""
    rounds = max(problem.settings.geometric, problem.comparison.rounds) if problem.settings.geometric else 0
    for number in range(rounds):
        depths = depth_of_all(problem, found)
        better: list[Results] = []
        for chosen in problem.batches(list(range(len(found)))):
            progress("holding maps to each other", (number + len(better) / len(found)) / rounds)
            start = torch.stack([found[k]["planes"] for k in chosen.tolist()])
            bounds = problem.search.bounds(problem.pictures, problem.references, chosen)
            planes, cost = refine_planes(
                problem.pictures, problem.references[chosen], problem.held[chosen], start, passes=1,
                seed=problem.settings.seed + 1 + number, shift=0.5, turn=TURNED / 2, interval=bounds,
                depths=depths, reach=REACH, **problem.comparison.patches,
            )  # fmt: skip
            better += [
                {**found[k], "planes": planes[j], "cost": cost[j]} for j, k in enumerate(chosen.tolist())
            ]
        found = better
    return found


def agreed(problem: Problem, found: list[Results], progress: Progress) -> list[Results]:
    """The same without what no others agree with; plain regions filled: "planar", "undecided" [h, w]."""
    progress("comparing maps", 0.0)
    depths = depth_of_all(problem, found)
    comparison = problem.comparison
    count, angle = agreement(
        problem.pictures, depths, problem.mapped, relative=comparison.relative, pixels=problem.pixels
    )
    kept = []
    for k, (r, results) in enumerate(zip(problem.references.tolist(), found)):
        good = trusted(problem, k, count[r], angle[r], results["cost"])
        planes = torch.where(good[..., None], results["planes"], torch.zeros(()))
        none = torch.zeros_like(good)
        kept.append({**results, "planes": planes, "planar": none, "undecided": none})
    return _completed(problem, kept, progress) if problem.settings.planar else kept


def trusted(problem: Problem, k: int, count: Tensor, angle: Tensor, cost: Tensor) -> Tensor:
    """Which pixels of the k-th reference enough others agree with: bool [h, w]."""
    alone = (count == 1) & (cost < ALONE_COST) & (angle > ALONE_ANGLE)
    return (count >= enough(problem, k)) | alone


def enough(problem: Problem, k: int) -> int:
    """How many others must agree with the k-th reference: two, or one where there is but one."""
    return max(1, min(VIEWS, int((problem.mapped[problem.references[k]] >= 0).sum())))


def _completed(problem: Problem, found: list[Results], progress: Progress) -> list[Results]:
    """Planar regions filled, and kept where two other views agree."""
    filled = []
    for k, (r, results) in enumerate(zip(problem.references.tolist(), found)):
        progress("filling plain regions", k / len(found))
        done = complete_planes(
            problem.pictures.grey[r], results["texture"], results["planes"],
            None if problem.pictures.inside is None else problem.pictures.inside[r],
            object_alone=problem.object_alone, seed=problem.settings.seed + r,
        )  # fmt: skip
        planar = (done.planes[..., 0] > 0) & (results["planes"][..., 0] <= 0)
        planes = torch.where(planar[..., None], done.planes, results["planes"])
        planes = torch.where((done.undecided & ~planar)[..., None], torch.zeros(()), planes)
        filled.append({**results, "planes": planes, "planar": planar, "undecided": done.undecided & ~planar})
    depths = depth_of_all(problem, filled)
    comparison = problem.comparison
    count, _ = agreement(
        problem.pictures, depths, problem.mapped, relative=comparison.planar_relative,
        pixels=2.0 * problem.pixels,
    )  # fmt: skip
    verified = []
    for k, (r, results) in enumerate(zip(problem.references.tolist(), filled)):
        lost = results["planar"] & (count[r] < enough(problem, k))
        planes = torch.where(lost[..., None], torch.zeros(()), results["planes"])
        undecided = results["undecided"] | lost
        verified.append(
            {**results, "planes": planes, "planar": results["planar"] & ~lost, "undecided": undecided}
        )
    return verified


def refined(
    problem: Problem, full: StereoPictures, found: list[Results], kept: Unfinished, progress: Progress
) -> list[Results]:
    """The same at full size: "planes" and "cost" refined once more, the rest doubled."""

    def work(chosen: Tensor) -> list[Results]:
        start = torch.stack([_finer_planes(problem, full, k, found[k]["planes"]) for k in chosen.tolist()])
        bounds = problem.search.bounds(full, problem.references, chosen)
        # Only what has a plane is refined, and nothing grows into what has none.
        bounds[..., 1] = torch.where(start[..., 0] > 0, bounds[..., 1], torch.full((), -1.0))
        planes, cost = refine_planes(
            full, problem.references[chosen], problem.sources[chosen], start, passes=1,
            seed=problem.settings.seed + 101, shift=FINE_SHIFT, turn=FINE_TURN,
            far=False, margin=FINE_MARGIN, interval=bounds, **problem.comparison.patches,
        )  # fmt: skip
        return [{"planes": planes[j].clone(), "cost": cost[j].clone()} for j in range(len(chosen))]

    fine = _each(problem, kept, "fine", progress, work)
    return [{**rest, **own} for rest, own in zip(doubled(problem, full, found), fine)]


def doubled(problem: Problem, full: StereoPictures, found: list[Results]) -> list[Results]:
    """The same at full size, without another look at the pictures."""
    height, width = full.grey.shape[1:]
    finer = []
    for k, results in enumerate(found):
        row = (torch.arange(height) // 2).clamp_max(results["cost"].shape[0] - 1)
        column = (torch.arange(width) // 2).clamp_max(results["cost"].shape[1] - 1)
        rest = {name: map_[row[:, None], column] for name, map_ in results.items() if name != "planes"}
        finer.append({"planes": _finer_planes(problem, full, k, results["planes"]), **rest})
    return finer


def _finer_planes(problem: Problem, full: StereoPictures, k: int, planes: Tensor) -> Tensor:
    """Planes [h, w, 3] of the k-th reference for the pixels of the full picture, none in the background."""
    r = int(problem.references[k])
    grey = problem.pictures.grey[r : r + 1]
    finer = upsample_planes(planes[None], grey, full.grey[r : r + 1])[0]
    return finer if full.inside is None else torch.where(full.inside[r][..., None], finer, torch.zeros(()))


def depth_of_all(problem: Problem, found: list[Results]) -> Tensor:
    """z-depth [n, h, w] of every frame, 0 where there is none."""
    shape = found[0]["planes"].shape[:2]
    depths = torch.zeros(len(problem.mapped), *shape)
    for r, results in zip(problem.references.tolist(), found):
        inverse = results["planes"][..., 0]
        depths[r] = torch.where(inverse > 0, 1.0 / inverse.clamp_min(1e-12), torch.zeros(()))
    return depths


_WORDS = {"search": "searching depth", "fine": "refining at full size"}


def _each(
    problem: Problem,
    kept: Unfinished,
    stage: str,
    progress: Progress,
    work: Callable[[Tensor], list[Results]],
) -> list[Results]:
    """The results of a stage for every reference, those that were kept and those that are made now."""
    frames = problem.references.tolist()
    found = [kept.get(stage, r) for r in frames]
    missing = [k for k, results in enumerate(found) if results is None]
    done = len(frames) - len(missing)
    for chosen in problem.batches(missing):
        progress(_WORDS[stage], done / len(frames))
        for k, results in zip(chosen.tolist(), work(chosen)):
            kept.put(stage, frames[k], results)
            found[k] = results
            done += 1
    kept.drop(stage)
    return [results for results in found if results is not None]
