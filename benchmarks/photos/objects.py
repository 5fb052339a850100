"""Scanned objects from 64 pictures: with masks, and on a table in a room without; whether hollows open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

import neurfield as nf
from benchmarks import interior, object_table, object_views
from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from benchmarks.photos import ours
from benchmarks.photos.fitted import Fit, Pace, fit_within, mesh_of
from benchmarks.script import Table
from neurfield.errors import UserError
from neurfield.scenes.scene import Scene

BUDGET = 120.0
LEAST_INTERIOR = 0.05  # of the seen surface: below it an object has no interior to speak of
BLACK = 3  # grey levels: no more than these is black
COLUMNS = (
    "object", "pictures", "whole s", "of it before the first step", "steps", "Chamfer %", "F@1%", "F@0.5%",
    "normals", "inside found %", "of it not black", "black %", "undecided %", "of black %",
)  # fmt: skip
NOTE = (
    "Inside found: recall at 1 % of the diagonal of the seen surface above which less than half of the "
    "sky is open; not black: of it what is lighter than {black} grey levels in most pictures that see "
    "it. On a table the object alone is measured: what lies below 1 % of the diagonal above "
    "the table is cut off both meshes. Black: pixels of the object (by masks) of at most {black} grey "
    "levels; undecided: pixels of which stereo says that nothing can be told, of all and of the black "
    "ones."
)


def scores(mesh: trimesh.Trimesh | None, scene: Scene, on_table: bool) -> dict[str, float | None]:
    """Chamfer in percent of the diagonal, F-scores, normals and the recall of the interior of a mesh."""
    truth = scene.ground_truth
    assert isinstance(truth, trimesh.Trimesh)
    box = np.asarray(truth.bounds)
    diagonal = float(np.linalg.norm(box[1] - box[0]))
    inside, share = interior.interior_samples(truth, scene.cameras)
    found: dict[str, float | None] = {"inside": None, "inside_light": None}
    light = inside[interior.shown_grey(truth, scene, inside) > BLACK] if share > LEAST_INTERIOR else inside
    if mesh is not None and on_table:
        mesh, truth = object_table.cut_out(mesh, box), object_table.cut_out(truth, box)
    if mesh is None or not len(mesh.faces):
        return found
    near = (0.01 * diagonal, 0.005 * diagonal)
    try:
        numbers = nf.evaluate_mesh(mesh, truth, cameras=scene.cameras, thresholds=near)
    except UserError as reason:
        say(f"{scene.name}: {reason}")
        return found
    if share > LEAST_INTERIOR:
        found["inside"] = 100 * interior.interior_recall(mesh, inside, near[0])
        found["inside_light"] = 100 * interior.interior_recall(mesh, light, near[0])
    return found | {
        "chamfer": 100 * numbers["chamfer_l1"] / diagonal, "f_1": numbers[f"f_score@{near[0]:g}"],
        "f_half": numbers[f"f_score@{near[1]:g}"], "normals": numbers["normal_consistency"],
    }  # fmt: skip


def undecided(scene: Scene) -> tuple[float, float, float | None]:
    """Of an object's pixels in percent: black, left undecided by stereo, and undecided of the black ones.

    The scene has masks.
    """
    from neurfield.stereo import Flag

    maps, _, _ = ours.stereo_maps(scene)
    shown = black = open_ = both = 0
    for k, i in enumerate(maps.frames.tolist()):
        mask = scene.mask(i)
        assert mask is not None
        dark = mask & (ours.grey_of(scene.image(i))[0] <= BLACK)
        unknown = mask & (maps.frame(k).flags == Flag.UNDECIDED)
        shown, black, open_ = shown + mask.sum(), black + dark.sum(), open_ + unknown.sum()
        both += (dark & unknown).sum()
    shown = max(1, shown)
    return 100 * black / shown, 100 * open_ / shown, 100 * both / black if black else None


def measure(
    objects: list[str],
    method: str,
    preset: str,
    overrides: list[str],
    out: Path,
    quick: bool,
    chosen: list[str],
) -> tuple[Table, list[str], dict[str, Any]]:
    """The table, its notes, and the runs' facts by object and kind."""
    rows: list[list[Any]] = []
    kept: dict[str, Any] = {}
    paces: dict[str, Pace] = {}
    kinds: list[tuple[str, Callable[[str], Path], bool]] = []
    if "masks" in chosen:
        kinds.append(("masked", object_views.make_views, False))
    if "table" in chosen and not quick:
        kinds.append(("on a table, no masks", object_table.make_views, True))
    for name in objects:
        for title, make, on_table in kinds:
            try:
                scene = nf.load_scene(make(name))
            except Unavailable as reason:
                say(f"SKIPPED {name}: {reason}")
                continue
            fit = Fit(str(scene.path), (), method, preset, overrides)
            facts = fit_within(fit, BUDGET, out / name / title.split(",")[0].replace(" ", "_"), paces, title)
            found = scores(mesh_of(facts), scene, on_table)
            if facts.get("trouble"):
                title = f"{title}: {facts['trouble'][:80]}"
            times = [facts.get(key) for key in ("whole", "start", "steps")]
            numbers = [
                found.get(key) for key in ("chamfer", "f_1", "f_half", "normals", "inside", "inside_light")
            ]
            shares = [None, None, None] if on_table else list(undecided(scene))
            rows.append([name, title, *times, *numbers, *shares])
            kept[f"{name}, {title}"] = facts
            say(str(rows[-1]))
    title = f"Scanned objects from photographs within {BUDGET:g} s (method {method})"
    return Table(title, COLUMNS, rows), [NOTE.format(black=BLACK)], kept
