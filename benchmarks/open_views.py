"""Surfaces that have no inside, from posed, masked pictures: a waved sheet of cloth and a bowl, both open.

    python -m benchmarks.open_views [--methods neuraludf neudf neus] [--steps N] [--out FOLDER]

Makes the scene (nothing is downloaded), renders its pictures under the data folder's `objects/open`, fits
each method to them, and measures its mesh against the true one: Chamfer of what cameras see, the length of
its border over the true one, and the part of its area that is no part of the truth, such as a lid. Prints a
table, writes JSON.
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
from benchmarks import object_render
from benchmarks.bench_shapes import border_length
from benchmarks.common import machine_record, markdown_table, run_script, say, write_json
from benchmarks.object_assets import TexturedMesh
from neurfield.scenes import Scene
from neurfield.scenes.builtin import data_root

HEADERS = ("method", "fit s", "mesh s", "Chamfer %", "border / true", "off the truth %", "normals", "faces")
METHODS = ("neuraludf", "neudf", "neus")
OFF = 0.02  # of the diagonal: surface that is farther from the truth is no part of it
SHEET = np.array([0.4, 0.32])  # metres
RADIUS, OPENING = 0.2, 0.95  # of the ball that the bowl is a part of, metres; from straight down, radians
# Metres; somewhere, so that no code gets away with a centred scene.
CLOTH_AT, BOWL_AT = np.array([0.3, -0.05, 0.97]), np.array([0.32, -0.37, 1.02])


def sheet(columns: int = 64, rows: int = 52) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A waved sheet of cloth that leans: vertices [v, 3], faces [f, 3], texture coordinates [f, 3, 2]."""
    v, u = np.mgrid[0 : rows + 1, 0 : columns + 1]
    u, v = u.ravel() / columns, v.ravel() / rows
    x, y = (u - 0.5) * SHEET[0], (v - 0.5) * SHEET[1]
    z = 0.035 * np.sin(2.0 * np.pi * (1.3 * u + 0.3 * v)) + 0.02 * np.sin(2.0 * np.pi * (1.7 * v - 0.6 * u))
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    right, above, across = corner + 1, corner + columns + 1, corner + columns + 2
    faces = np.concatenate(
        [np.stack(three, 1) for three in ((corner, right, across), (corner, across, above))]
    )
    lean = trimesh.transformations.rotation_matrix(0.7, [1.0, 0.4, 0.0])[:3, :3]
    return np.stack([x, y, z], axis=1) @ lean.T, faces, np.stack([u, v], axis=1)[faces]


def bowl(sectors: int = 96, rings: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lowest part of a ball, open above, as `sheet`; its texture has no seam."""
    ring, sector = (index.ravel() for index in np.mgrid[0:rings, 0:sectors])
    angle, turn = (1.0 - ring / rings) * OPENING, sector * 2.0 * np.pi / sectors  # from straight down
    across = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    around = np.concatenate([np.sin(angle)[:, None] * across, -np.cos(angle)[:, None]], axis=1)
    here, beside = ring * sectors + sector, ring * sectors + (sector + 1) % sectors
    last = ring + 1 == rings
    below, below_beside = (np.where(last, rings * sectors, index + sectors) for index in (here, beside))
    faces = np.concatenate(
        [np.stack([here, below, beside], axis=1), np.stack([beside, below, below_beside], axis=1)[~last]]
    )
    uv = 0.5 + np.concatenate([0.5 * angle[:, None] / OPENING * across, [[0.0, 0.0]]])
    return RADIUS * np.concatenate([around, [[0.0, 0.0, -1.0]]]), faces, uv[faces]


def texture(size: int = 512, seed: int = 0) -> np.ndarray:
    """Blots of several sizes [size, 2 * size, 3], linear light: something to match wherever one looks."""
    random, total = np.random.default_rng(seed), np.zeros((size, 2 * size, 3))
    for cells, weight in ((4, 0.5), (10, 0.3), (28, 0.2)):
        noise = (255 * random.random((cells, 2 * cells, 3))).astype(np.uint8)
        total += weight * np.asarray(
            Image.fromarray(noise).resize((2 * size, size), Image.Resampling.BICUBIC)
        )
    shown = np.clip(0.5 + 2.2 * (total / 255.0 - 0.5), 0.06, 0.95)
    return (shown**2.2).astype(np.float32)


def open_mesh() -> TexturedMesh:
    """The sheet behind and above, the bowl before it: two pieces, each with one border."""
    (cloth, cloth_faces, cloth_uv), (half, half_faces, half_uv) = sheet(), bowl()
    vertices = np.concatenate([cloth + CLOTH_AT, half + BOWL_AT])
    faces = np.concatenate([cloth_faces, half_faces + len(cloth)])
    uv = np.concatenate([cloth_uv * [0.5, 1.0], half_uv * [0.5, 1.0] + [0.5, 0.0]])
    return TexturedMesh(trimesh.Trimesh(vertices, faces, process=False), uv, texture())


def make_views(views: int = 40, size: int = 160, folder: Path | None = None) -> Path:
    """The scene's folder, rendered on first use (some seconds).

    Args:
        views: pictures, from all around.
        size: of their sides, pixels.
        folder: where to; None: below the data folder.
    """
    folder = data_root() / "objects" / f"open_{views}_{size}" if folder is None else folder
    if not object_render.is_whole(folder):
        mesh = open_mesh()
        cameras = object_render.orbit_cameras(mesh.surface.bounds, n=views, size=size)
        object_render.write_views(folder, mesh, cameras)
    return folder


def score(mesh: trimesh.Trimesh, scene: Scene) -> dict[str, float]:
    """Numbers of a mesh against the true one; lengths as shares of the diagonal or of the true border."""
    truth = scene.ground_truth
    assert isinstance(truth, trimesh.Trimesh)
    diagonal = float(np.linalg.norm(truth.extents))
    near = OFF * diagonal
    seen = nf.evaluate_mesh(mesh, truth, cameras=scene.cameras, thresholds=[near], samples=50_000)
    whole = nf.evaluate_mesh(mesh, truth, thresholds=[near], samples=50_000)
    welded = trimesh.Trimesh(truth.vertices, truth.faces, process=True)
    return {
        "chamfer_percent": 100.0 * seen["chamfer_l1"] / diagonal,
        "border_ratio": border_length(mesh) / border_length(welded),
        "off_percent": 100.0 * (1.0 - whole[f"precision@{near:g}"]),
        "normal_consistency": seen["normal_consistency"],
        "faces": len(mesh.faces),
    }


def fit_row(scene: Scene, method: str, out: Path, **options: Any) -> dict[str, Any]:
    """A fit by a method, its mesh, and its numbers."""
    started = time.perf_counter()
    run = nf.fit(scene, method, out=str(out), **options)
    fitted = time.perf_counter()
    mesh = run.mesh()
    meshed = time.perf_counter()
    row = {"method": method, "fit_seconds": fitted - started, "mesh_seconds": meshed - fitted}
    return {**row, **score(mesh, scene), "run": str(run.folder), "mesh": mesh.metadata["extractor"]}


def cells(row: dict[str, Any]) -> list[Any]:
    """A row's numbers in the order of HEADERS."""
    names = ("chamfer_percent", "border_ratio", "off_percent", "normal_consistency", "faces")
    return [row[name] for name in ("method", "fit_seconds", "mesh_seconds", *names)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="fit open surfaces from masked views")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--preset", default="default")
    parser.add_argument("--steps", type=int, help="steps of a fit (default: the preset's)")
    parser.add_argument("--views", type=int, default=40)
    parser.add_argument("--size", type=int, default=160, help="of a picture's sides, pixels")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="as in `neurfield fit`")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where runs and open_views.json go")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    scene = nf.load_scene(make_views(args.views, args.size))
    options = {"preset": args.preset, "steps": args.steps, "overrides": tuple(args.set)}
    rows = [fit_row(scene, method, args.out, **options) for method in args.methods]
    print(markdown_table(HEADERS, [cells(row) for row in rows]))
    record = {"machine": machine_record(), "views": args.views, "size": args.size, **options, "rows": rows}
    say(f"written: {write_json(args.out / 'open_views.json', record)}")


if __name__ == "__main__":
    run_script(main)
