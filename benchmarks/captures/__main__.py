"""Photos and videos as people bring them, from files to a mesh: `neurfield scene import`, `neurfield fit`.

    python -m benchmarks.captures [--part import sagrada box car] [--quick] [--pictures FOLDER]

import: 40 photos of 1600x1200 of the car below, the seconds that were told and those it took, and the poses
against the true ones. sagrada: four photos of a facade. box: a video of a box that is turned by hand before a
still camera. car: a car on a street as a phone takes it, walking around it once (rendered, because then the
truth is known): without masks, poses or a known length. Every eighth picture, of a few every fourth, is held
out of a fit. Photos, models and textures are fetched by name; what cannot be had is said and left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

import neurfield as nf
from benchmarks.captures import consistency, downloads, pictures, shots
from benchmarks.captures.commands import Fitted, Imported, fit_anew, import_anew
from benchmarks.captures.street import street
from benchmarks.common import run_script, say
from benchmarks.object_assets import Unavailable
from benchmarks.script import Table, arguments, report
from neurfield.scenes.builtin import data_root

PARTS = ("import", "sagrada", "box", "car")
SHOTS, SIZE = 40, (1600, 1200)
QUICK_SIZE = (640, 480)
HELD_OUT = 8  # every so-maniest picture; of fewer than twice as many every fourth
IMPORT_COLUMNS = (
    "capture", "pictures", "registered", "error px", "degrees off", "places off cm", "s", "CPU s", "peak GB",
    "told beforehand",
)  # fmt: skip
FIT_COLUMNS = (
    "capture", "import s", "fit s", "CPU s of both", "peak GB", "PSNR dB, held out", "of pictures",
    "points in the box %", "to the mesh, median %", "within 1 %", "loose pieces %", "trouble",
)  # fmt: skip
CAR_COLUMNS = (
    "file", "car, of the mesh's area %", "Chamfer %", "F@1%", "F@2%", "precision@1%", "recall@1%",
    "normals",
)  # fmt: skip
NOTES = (
    "Points: those of structure from motion; percent of the box's diagonal. Loose pieces: of the mesh's "
    "area, what does not hang together with its largest piece.",
    "The car alone is measured against the truth, laid onto it by the cameras, in percent of its diagonal: "
    "what lies below 1 % of that above the ground, or beyond its box, is cut off both meshes, and only what "
    "cameras saw counts.",
)


@dataclass
class Findings:
    """What the parts found so far."""

    imports: list[list[Any]] = field(default_factory=list)
    fits: list[list[Any]] = field(default_factory=list)
    car: list[list[Any]] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    drawn: list[Path] = field(default_factory=list)


def shots_of(size: tuple[int, int]) -> Path:
    """The folder of the car's photos of a size, taken on first use (some minutes).

    Raises:
        Unavailable: a package with the model or the textures cannot be had.
    """
    folder = data_root() / "captures" / f"car_{size[0]}"
    cameras = shots.walk(SHOTS, size)
    if not shots.are_whole(folder, cameras):
        there = street()
        say(f"car: taking {SHOTS} photos of {size[0]}x{size[1]} into {folder}")
        shots.write_shots(folder, there, cameras)
    return folder


def import_row(name: str, imported: Imported, poses: dict[str, float]) -> list[Any]:
    """A row of IMPORT_COLUMNS."""
    numbers, done = imported.numbers(), imported.done
    return [
        name, numbers.get("pictures"), numbers.get("registered"), numbers.get("error"), poses.get("degrees"),
        poses.get("cm"), done.seconds, done.busy, done.peak_gb, done.trouble or imported.told,
    ]  # fmt: skip


def fit_row(name: str, imported: Imported, fitted: Fitted | None, points: dict[str, Any]) -> list[Any]:
    """A row of FIT_COLUMNS."""
    one = imported.done
    if fitted is None:
        return [name, one.seconds, None, one.busy, one.peak_gb, *[None] * 6, one.trouble]
    two, images = fitted.done, fitted.metrics.get("images", {})
    return [
        name, one.seconds, two.seconds, one.busy + two.busy, max(one.peak_gb, two.peak_gb),
        images.get("psnr"), images.get("count"),
        *(points.get(key) for key in ("inside", "median", "near", "loose")),
        two.trouble or "none",
    ]  # fmt: skip


def measure(
    name: str, imported: Imported, out: Path, flags: list[str], draw: Path | None, findings: Findings
) -> Fitted | None:
    """Fit an imported scene, and compare its mesh with its points."""
    points: dict[str, Any] = {}
    if imported.scene is None:
        findings.fits.append(fit_row(name, imported, None, points))
        return None
    scene = nf.load_scene(imported.scene)
    every = HELD_OUT if len(scene) >= 2 * HELD_OUT else 4
    fitted = fit_anew(imported.scene, out, "--set", f"data.holdout_every={every}", *flags)
    mesh = fitted.mesh()
    if mesh is not None and len(mesh.faces):
        assert fitted.run is not None
        box = np.array(json.loads((fitted.run / "run.json").read_text())["box"])
        known = np.zeros((0, 3)) if scene.points is None else scene.points
        points = {**consistency.points_to_mesh(mesh, known, box), "loose": consistency.floaters(mesh)}
        if draw is not None:
            frames = np.unique(np.linspace(0, len(scene) - 1, 4).astype(int)).tolist()
            for shown in ("mesh.ply", "object.ply"):
                drawn = fitted.mesh(shown)
                if drawn is not None:
                    path = draw / f"{name} {shown.removesuffix('.ply')}.png"
                    findings.drawn.append(pictures.save_beside(path, scene, drawn, frames))
    findings.fits.append(fit_row(name, imported, fitted, points))
    findings.kept[name] = {"scene": imported.scene, "run": fitted.run, "points": points}
    say(str(findings.fits[-1]))
    return fitted


def run_found(
    name: str, found: Callable[[], Path], out: Path, flags: list[str], draw: Path | None, findings: Findings
) -> None:
    """Photos or a video that exist: import, fit."""
    imported = import_anew(found(), out / name)
    findings.imports.append(import_row(name, imported, {}))
    measure(name, imported, out / "runs", flags, draw, findings)


def run_car(
    parts: list[str],
    size: tuple[int, int],
    out: Path,
    flags: list[str],
    draw: Path | None,
    findings: Findings,
) -> None:
    """The car's photos: import, and the fit where that is asked for."""
    folder = shots_of(size)
    imported = import_anew(folder / "photos", out / "car")
    poses = {}
    if imported.scene is not None:
        poses = consistency.poses_against(folder / "truth.json", nf.load_scene(imported.scene))
    findings.imports.append(import_row(f"car, {size[0]}x{size[1]}", imported, poses))
    say(str(findings.imports[-1]))
    if "car" not in parts:
        return
    fitted = measure("car", imported, out / "runs", flags, draw, findings)
    truth = trimesh.load(folder / "truth.ply", force="mesh", process=False)
    for name in ("mesh.ply", "object.ply"):
        mesh = None if fitted is None else fitted.mesh(name)
        if mesh is None or imported.scene is None:
            say(f"car: no {name}")
            continue
        scene = nf.load_scene(imported.scene)
        numbers = consistency.against_truth(mesh, scene, folder / "truth.json", truth)
        keys = ("of_object", "chamfer", "f_1", "f_2", "precision", "recall", "normals")
        findings.car.append([name, *(numbers.get(key) for key in keys)])


def main() -> None:
    parser = arguments(__doc__, "captures")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--preset", default="default", help="of the fits")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="as in `neurfield fit`")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures")
    args = parser.parse_args()
    out = args.out.resolve().parent / "captures"
    flags = ["--preset", "quick" if args.quick else args.preset]
    flags += [word for pair in args.set for word in ("--set", pair)]
    findings = Findings()
    parts: list[tuple[str, Callable[[], None]]] = []
    for name, found in (("sagrada", downloads.sagrada), ("box", downloads.box)):
        if name in args.part:
            parts.append((name, lambda n=name, f=found: run_found(n, f, out, flags, args.pictures, findings)))  # type: ignore[misc]
    if {"import", "car"} & set(args.part):
        size = QUICK_SIZE if args.quick else SIZE
        parts.append(("car", lambda: run_car(args.part, size, out, flags, args.pictures, findings)))
    for name, run in parts:
        try:
            run()
        except Unavailable as reason:
            say(f"SKIPPED {name}: {reason}")
    tables = [
        Table("From files to poses (`neurfield scene import`)", IMPORT_COLUMNS, findings.imports),
        Table("From poses to a mesh (`neurfield fit`)", FIT_COLUMNS, findings.fits),
        Table("The car against the truth", CAR_COLUMNS, findings.car),
    ]
    for path in findings.drawn:
        say(f"drawn: {os.path.relpath(path)}")
    report(args.out, [table for table in tables if table.rows], NOTES, captures=findings.kept)


if __name__ == "__main__":
    run_script(main)
