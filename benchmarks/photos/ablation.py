"""What each piece brings: stereo, fusion and fits without one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trimesh

import neurfield as nf
from benchmarks import object_assets, object_views
from benchmarks.common import say
from benchmarks.photos import carved, objects, ours, stereo
from benchmarks.photos.fitted import DEPTH, PRIORS, Fit, mesh_of, run_fit
from benchmarks.photos.stereo import Work
from benchmarks.photos.without import left_out
from benchmarks.script import Table
from neurfield.scenes.builtin import ROOMS
from neurfield.scenes.scene import Scene

COLUMNS = (
    "scene", "stereo without", "wall s", "CPU s", "answered %", "within 1 %", "within 2 %", "median %",
    "90 % below", "normals deg",
)  # fmt: skip
FIT_COLUMNS = ("scene", "fit without", "whole s", "steps", "F", "F, finer", "normals", "inside found %")
NOTE = (
    "Without a piece, all else as it is: what it brings is the difference to the first row (-). Without"
    " SGM: steps between planes cost nothing on its paths. Without the absolute term: pictures are told"
    " gains so far apart that brightness never agrees. Without votes: one view that looks through makes"
    " free. Without view first: colour may depend on the view from the start. F: at 5 cm and 1 cm in "
    "rooms, at 1 % and 0.5 % of the diagonal for objects."
)
STEREO = ("", "SGM", "absolute term", "PatchMatch", "geometric rounds", "full size", "planar completion")


@dataclass(frozen=True)
class FitWithout:
    """A piece left out of a fit: of stereo or fusion (`without.PIECES`), or by overrides of the preset."""

    piece: str = ""
    overrides: tuple[str, ...] = ()


FITS = {
    "-": FitWithout(),
    "votes": FitWithout("votes"),
    "absolute term": FitWithout("absolute term"),
    "SGM": FitWithout("SGM"),
    "PatchMatch": FitWithout("PatchMatch"),
    "planar completion": FitWithout("planar completion"),
    "warping": FitWithout(overrides=("losses.patch_warp=0",)),
    "view first": FitWithout(overrides=("color.view_from=0",)),
}


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
    for piece in STEREO:
        with left_out(piece):
            maps, wall, cpu = ours.stereo_maps(scene)
        shown = dict(
            zip(stereo.COLUMNS, stereo.row_of(Work(name, scene, {}), "ours", maps, wall, cpu, every))
        )
        rows.append([name, piece or "-", *(shown[column] for column in COLUMNS[2:])])
        say(str(rows[-1]))
    return rows


def fit_rows(name: str, method: str, preset: str, overrides: list[str], out: Path) -> list[list[Any]]:
    """One row for each piece that is left out of the fit."""
    rows = []
    scene = nf.load_scene(name) if name in ROOMS else scene_of(name)
    source, hide = (name, (*DEPTH, *PRIORS)) if name in ROOMS else (str(scene.path), ())
    for title, left in FITS.items():
        fit = Fit(source, hide, method, preset, (*overrides, *left.overrides), left.piece)
        facts = run_fit(fit, None, out / name / title.replace(" ", "_"))
        scored = fit_scores(name, scene, mesh_of(facts))
        title = title if facts.get("trouble") is None else f"{title}: {facts['trouble'][:60]}"
        rows.append([name, title, facts.get("whole"), facts.get("steps"), *scored])
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
    """The tables of stereo, of what fusion calls free, and of fits, and notes."""
    first: list[list[Any]] = []
    votes: list[list[Any]] = []
    fits: list[list[Any]] = []
    for name in names:
        try:
            scene = scene_of(name)
        except object_assets.Unavailable as reason:
            say(f"SKIPPED {name}: {reason}")
            continue
        first += stereo_rows(name, scene, every=8 if quick else 1)
        if name not in ROOMS:
            votes += carved.rows(name, scene)
        if not quick:
            fits += fit_rows(name, method, preset, overrides, out)
    tables = [Table("Stereo without one of its pieces", COLUMNS, first)]
    notes = [NOTE]
    if votes:
        tables.append(Table("What stereo's depth calls free", carved.COLUMNS, votes))
        notes.append(carved.NOTE)
    if fits:
        title = f"Fits without one of their pieces (method {method}, as many steps as preset {preset} says)"
        tables.append(Table(title, FIT_COLUMNS, fits))
    return tables, notes
