"""What each piece brings: stereo without one of its stages, and fits without one of the preset's parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trimesh

import neurfield as nf
from benchmarks import object_assets, object_views
from benchmarks.common import say
from benchmarks.photos import objects, ours, stereo
from benchmarks.photos.fitted import DEPTH, PRIORS, Fit, Pace, fit_within, mesh_of
from benchmarks.photos.stereo import Work
from benchmarks.script import Table
from neurfield.scenes.builtin import ROOMS
from neurfield.scenes.scene import Scene

COLUMNS = (
    "scene", "stereo", "wall s", "CPU s", "answered %", "within 1 %", "within 2 %", "median %",
    "90 % below", "normals deg",
)  # fmt: skip
FIT_COLUMNS = ("scene", "fit", "whole s", "steps", "F", "F, finer", "normals", "inside found %")
NOTE = (
    "Without a piece, all else as it is: what it brings is the difference to the first row. Without "
    "SGM: steps between planes cost nothing on its paths, so each pixel takes its own best plane. Fits:"
    " F at 5 cm and 1 cm in rooms, at 1 % and 0.5 % of the diagonal for objects, {budget:g} s each."
)
BUDGET = 120.0


@dataclass(frozen=True)
class Without:
    """A piece left out: the settings of stereo that leave it out, and whether it is the paths of SGM."""

    title: str
    settings: dict[str, Any] = field(default_factory=dict)
    paths: bool = True


STEREO = (
    Without("all"),
    Without("without SGM", paths=False),
    Without("without PatchMatch", {"passes": 0, "geometric": 0, "refine": False}),
    Without("without geometric rounds", {"geometric": 0}),
    Without("without refinement at full size", {"refine": False}),
    Without("without planar completion", {"planar": False}),
)
# Overrides of the preset that leave a part out; the first row is the preset as it is.
FITS: dict[str, tuple[str, ...]] = {
    "all": (),
    "without warping": ("losses.patch_warp=0",),
    "with view-dependent colour from the start": ("color.view_from=0",),
}


@contextmanager
def no_paths() -> Iterator[None]:
    """Stereo's search without semi-global aggregation: jumps between planes are free."""
    from neurfield.ops import sweep_depth
    from neurfield.stereo import stages

    free = partial(sweep_depth, next_step=0, jump=0, flat_jump=0)
    try:
        stages.sweep_depth = free
        yield
    finally:
        stages.sweep_depth = sweep_depth


def scene_of(name: str) -> Scene:
    """A room without what was measured in it, or an object's masked pictures.

    Raises:
        Unavailable: the object's scan cannot be downloaded.
    """
    if name in ROOMS:
        scene = nf.load_scene(name)
        return scene.without(*(source for source in (*DEPTH, *PRIORS) if source in scene.sources))
    return nf.load_scene(object_views.make_views(name))


def stereo_rows(name: str, scene: Scene, every: int) -> list[list[Any]]:
    """One row for each piece that is left out of stereo."""
    rows = []
    for without in STEREO:
        if without.paths:
            maps, wall, cpu = ours.stereo_maps(scene, **without.settings)
        else:
            with no_paths():
                maps, wall, cpu = ours.stereo_maps(scene, **without.settings)
        row = stereo.row_of(Work(name, scene, without.settings), "ours", maps, wall, cpu, every)
        shown = dict(zip(stereo.COLUMNS, row))
        rows.append([name, without.title, *(shown[column] for column in COLUMNS[2:])])
        say(str(rows[-1]))
    return rows


def fit_rows(name: str, method: str, preset: str, overrides: list[str], out: Path) -> list[list[Any]]:
    """One row for each part that is left out of the fit."""
    rows = []
    paces: dict[str, Pace] = {}
    scene = nf.load_scene(name) if name in ROOMS else scene_of(name)
    for title, left_out in FITS.items():
        fit = Fit(
            name if name in ROOMS else str(scene.path),
            (*DEPTH, *PRIORS) if name in ROOMS else (),
            method, preset, (*overrides, *left_out),
        )  # fmt: skip
        facts = fit_within(fit, BUDGET, out / name / title.replace(" ", "_"), paces, title)
        mesh = mesh_of(facts)
        rows.append([name, title, facts.get("whole"), facts.get("steps"), *fit_scores(name, scene, mesh)])
        say(str(rows[-1]))
    return rows


def fit_scores(name: str, scene: Scene, mesh: trimesh.Trimesh | None) -> list[float | None]:
    """F, the finer F, normals and the interior's recall in percent of a fit's mesh."""
    if mesh is None:
        return [None] * 4
    if name in ROOMS:
        numbers = nf.evaluate_mesh(mesh, scene.ground_truth, cameras=scene.cameras)
        found = [numbers[key] for key in ("f_score@0.05", "f_score@0.01", "normal_consistency")]
        return [*found, None]
    scored = objects.scores(mesh, scene, on_table=False)
    return [scored.get(key) for key in ("f_1", "f_half", "normals", "inside")]


def measure(
    names: list[str], method: str, preset: str, overrides: list[str], out: Path, quick: bool
) -> tuple[list[Table], list[str]]:
    """Both tables, and a note."""
    first, second = [], []
    for name in names:
        try:
            scene = scene_of(name)
        except object_assets.Unavailable as reason:
            say(f"SKIPPED {name}: {reason}")
            continue
        first += stereo_rows(name, scene, every=8 if quick else 1)
        if not quick:
            second += fit_rows(name, method, preset, overrides, out)
    tables = [Table("Stereo without one of its pieces", COLUMNS, first)]
    if second:
        tables.append(Table(f"Fits without one of the parts (method {method})", FIT_COLUMNS, second))
    return tables, [NOTE.format(budget=BUDGET)]
