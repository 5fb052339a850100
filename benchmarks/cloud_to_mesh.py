"""From raw points to a mesh: ours beside Open3D's screened Poisson reconstruction of the same points.

    python -m benchmarks.cloud_to_mesh                 # a ball, a ring, a plate; clean and noisy
    python -m benchmarks.cloud_to_mesh --meshes DIR    # and what .off, .ply and .obj meshes lie in a folder

Points are drawn evenly from the true surface, with noise of a share of its diagonal. Open3D (depth 9) gets
our normals; nobody's seconds hold them, they are told beside. Accuracy is the mean distance of points on the
mesh to the true surface, in 1/10000 of the diagonal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh

from benchmarks.common import say
from benchmarks.script import Table, arguments, report, text_row
from neurfield.errors import UserError
from neurfield.evaluation.nearest import NearestSurface
from neurfield.optional import require
from neurfield.shapes import mesh_of_cloud, orient_normals

COLUMNS = (
    "shape", "noise", "mesh by", "right side", "normals, s", "mesh, s", "accuracy", "alike", "triangles",
    "closed",
)  # fmt: skip
NOISES = (0.0, 0.0025, 0.01)


def shapes(folder: Path | None) -> Iterator[tuple[str, trimesh.Trimesh]]:
    """Analytic shapes, finely meshed, then the meshes of a folder."""
    yield "ball", trimesh.creation.icosphere(5)
    yield "ring", trimesh.creation.torus(1.0, 0.35, major_sections=256, minor_sections=128)
    yield "plate", trimesh.creation.box((2.0, 2.0, 0.2))
    for path in sorted(folder.iterdir()) if folder is not None else ():
        if path.suffix.lower() in (".off", ".ply", ".obj"):
            mesh = trimesh.load(path, force="mesh")
            if isinstance(mesh, trimesh.Trimesh) and mesh.is_watertight:
                yield path.stem, mesh


def ours(points: np.ndarray, normals: np.ndarray) -> trimesh.Trimesh:
    """What `neurfield mesh` makes of points with normals."""
    return mesh_of_cloud(points, normals).mesh


def by_open3d(points: np.ndarray, normals: np.ndarray) -> trimesh.Trimesh:
    """Screened Poisson reconstruction at depth 9, the library's other defaults.

    Raises:
        UserError: Open3D is not installed.
    """
    open3d = require("open3d", extra="viewer")
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    cloud.normals = open3d.utility.Vector3dVector(normals)
    made, _ = open3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        cloud, depth=9, n_threads=torch.get_num_threads()
    )
    return trimesh.Trimesh(np.asarray(made.vertices), np.asarray(made.triangles), process=False)


def scores(mesh: trimesh.Trimesh, true: trimesh.Trimesh) -> tuple[float, float]:
    """Mean distance of the mesh to the true surface in 1/10000 of its diagonal, and mean |n . n| there."""
    points, face = trimesh.sample.sample_surface(mesh, 20_000, seed=1)
    anchors, anchor_face = trimesh.sample.sample_surface(true, 100_000, seed=3)
    surface = NearestSurface(np.asarray(true.triangles), np.asarray(anchors), anchor_face)
    distance, _, nearest = surface(np.asarray(points))
    alike = np.abs(np.einsum("ni,ni->n", mesh.face_normals[face], true.face_normals[nearest]))
    return 1e4 * float(distance.mean() / np.linalg.norm(true.extents)), float(alike.mean())


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "cloud_to_mesh")
    parser.add_argument("--meshes", type=Path, help="a folder of closed meshes")
    parser.add_argument("--points", type=int, default=100_000, help="how many are drawn")
    flags = parser.parse_args()
    rows: list[list[Any]] = []
    for name, true in shapes(flags.meshes):
        drawn, face = trimesh.sample.sample_surface(true, flags.points, seed=0)
        for noise in NOISES[:: 2 if flags.quick else 1]:
            deviation = noise * np.linalg.norm(true.extents)
            points = np.asarray(drawn) + np.random.default_rng(2).normal(size=drawn.shape) * deviation
            started = time.perf_counter()
            normals = orient_normals(points).normals
            oriented = time.perf_counter() - started
            right = float((np.einsum("ni,ni->n", normals, true.face_normals[face]) > 0.0).mean())
            for how, make in (("ours", ours), ("Open3D, depth 9", by_open3d)):
                started = time.perf_counter()
                try:
                    mesh = make(points, normals)
                except UserError as reason:
                    rows.append(text_row(COLUMNS, str(reason)))
                    continue
                seconds = time.perf_counter() - started
                accuracy, alike = scores(mesh, true)
                closed = bool(mesh.is_watertight)
                numbers = (right, oriented, seconds, accuracy, alike, len(mesh.faces), closed)
                rows.append([name, f"{noise:.2%}", how, *numbers])
                say(f"{name}, noise {noise:.2%}, {how}: {seconds:.1f} s, accuracy {accuracy:.2f}")
    report(flags.out, [Table(f"{flags.points:,} points to a mesh", COLUMNS, rows)])


if __name__ == "__main__":
    main()
