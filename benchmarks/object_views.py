"""The main job on something nobody here made: scanned objects, seen in 64 posed, masked pictures each.

    python -m benchmarks.object_views [--objects ketchup popcorn ...] [--steps N] [--out FOLDER]

Fetches the scans (never committed: they belong to others), renders the pictures, writes `transforms.json` and
the exact mesh under the data folder's `objects/<name>/`, fits a field to images and masks alone, and measures
its mesh against the exact one. The visual hull of the same masks stands beside, which shows what the images
add. Prints a table, writes JSON. Where the package cannot be had, says so and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

import neurfield as nf
from benchmarks import object_assets, object_render
from benchmarks.common import machine_record, markdown_table, run_script, say, write_json
from benchmarks.peers import visual_hull
from neurfield.errors import UserError
from neurfield.scenes import Scene
from neurfield.scenes.builtin import data_root
from neurfield.scenes.cameras import Cameras

HEADERS = (
    "object", "method", "fit s", "mesh s", "Chamfer mm", "Chamfer %", "F@1%", "F@0.5%", "normals", "faces",
)  # fmt: skip
SOURCES = {"image", "mask"}
HULL_CELLS = 200  # along the diagonal


def make_views(name: str) -> Path:
    """The scene folder of an object, rendered on first use (11 s on one core).

    Raises:
        Unavailable: the package with the scan cannot be downloaded.
    """
    folder = data_root() / "objects" / name
    if object_render.is_whole(folder):
        return folder
    mesh = object_assets.load(name)
    cameras = cameras_of(mesh.surface.bounds)
    say(f"{name}: rendering {len(cameras)} views into {folder}")
    object_render.write_views(folder, mesh, cameras)
    return folder


def cameras_of(box: np.ndarray) -> Cameras:
    """The 64 cameras of 400 x 400 pixels around a box [2,3]."""
    return object_render.orbit_cameras(box, n=64, size=400)


def contact_sheet(scene: Scene, columns: int = 8, size: int = 200) -> Image.Image:
    """All pictures of a scene on grey, in one."""
    rows = -(-len(scene) // columns)
    sheet = Image.new("RGB", (columns * size, rows * size), (90, 90, 90))
    for i in range(len(scene)):
        mask = scene.mask(i)
        shape = None if mask is None else Image.fromarray(mask).resize((size, size))
        place = (i % columns * size, i // columns * size)
        sheet.paste(Image.fromarray(scene.image(i)).resize((size, size)), place, shape)
    return sheet


def exact_mesh(scene: Scene) -> trimesh.Trimesh:
    """The scan itself.

    Raises:
        UserError: the scene has no ground truth.
    """
    if scene.ground_truth is None:
        raise UserError(f"{scene.path} has no ground_truth.ply: delete the folder, it is made again")
    return scene.ground_truth


def score(mesh: trimesh.Trimesh, scene: Scene) -> dict[str, Any]:
    """Numbers of a mesh against the exact one: Chamfer in mm and in % of the box diagonal, F at 1 and 0.5 %.

    Surface that no camera sees (inside a closed object) does not count.
    """
    truth = exact_mesh(scene)
    diagonal = float(np.linalg.norm(truth.extents))
    near = [0.01 * diagonal, 0.005 * diagonal]
    measured = nf.evaluate_mesh(mesh, truth, cameras=scene.cameras, thresholds=near)
    return {
        "chamfer_mm": 1000 * measured["chamfer_l1"],
        "chamfer_percent": 100 * measured["chamfer_l1"] / diagonal,
        "f_1_percent": measured[f"f_score@{near[0]:g}"],
        "f_half_percent": measured[f"f_score@{near[1]:g}"],
        "normal_consistency": measured["normal_consistency"],
        "faces": len(mesh.faces),
    }


def fit_object(scene: Scene, args: argparse.Namespace) -> dict[str, Any]:
    """One row of the table: `neurfield fit` on images and masks, then the mesh."""
    started = time.perf_counter()
    options = {"method": args.method, "preset": args.preset, "steps": args.steps, "out": str(args.out)}
    run = nf.fit(scene, **options, overrides=tuple(args.set))
    fitted = time.perf_counter()
    mesh = run.mesh()
    meshed = time.perf_counter()
    row = {"method": args.method, "fit_seconds": fitted - started, "mesh_seconds": meshed - fitted}
    return {**row, **score(mesh, scene), "run": str(run.folder)}


def hull_of(scene: Scene) -> dict[str, Any]:
    """One row of the table: the visual hull of the same masks."""
    voxel = float(np.linalg.norm(exact_mesh(scene).extents)) / HULL_CELLS
    mesh, seconds = visual_hull(scene, voxel)
    return {"method": "visual hull", "fit_seconds": 0.0, "mesh_seconds": seconds, **score(mesh, scene)}


def cells(row: dict[str, Any]) -> list[Any]:
    """A row's numbers in the order of HEADERS."""
    keys = ("object", "method", "fit_seconds", "mesh_seconds", "chamfer_mm", "chamfer_percent", "f_1_percent")
    return [row[key] for key in (*keys, "f_half_percent", "normal_consistency", "faces")]


def arguments() -> argparse.Namespace:
    names = list(object_assets.SOURCES)
    parser = argparse.ArgumentParser(description="fit scanned objects from 64 masked views")
    parser.add_argument("--objects", nargs="+", choices=names, default=names)
    parser.add_argument("--method", default="neus")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--steps", type=int, help="steps of the fit (default: the preset's)")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="as in `neurfield fit`")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where runs and object_views.json go")
    parser.add_argument("--views-only", action="store_true", help="render, fit nothing")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    rows: list[dict[str, Any]] = []
    for name in args.objects:
        try:
            scene = nf.load_scene(make_views(name))
        except object_assets.Unavailable as reason:
            say(f"SKIPPED {name}: {reason}")
            continue
        if scene.sources != SOURCES:
            raise SystemExit(f"{scene.path} has {sorted(scene.sources)}, images and masks were expected")
        sheet = args.out / "object_views" / f"{name}.jpg"
        sheet.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(scene).save(sheet, quality=90)
        say(f"{name}: {scene.path}, contact sheet {sheet}")
        if not args.views_only:
            rows += [{"object": name, **fit_object(scene, args)}, {"object": name, **hull_of(scene)}]
    if not rows:
        say("nothing was measured" if not args.views_only else "views are written")
        return
    print(markdown_table(HEADERS, [cells(row) for row in rows]))
    settings = {"method": args.method, "preset": args.preset, "steps": args.steps, "set": args.set}
    record = {"machine": machine_record(), **settings, "rows": rows}
    say(f"written: {write_json(args.out / 'object_views.json', record)}")


if __name__ == "__main__":
    run_script(main)
