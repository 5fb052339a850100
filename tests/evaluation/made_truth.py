"""Folders as DTU and Tanks and Temples publish them, of simple shapes, with the quirks of the real files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import trimesh
from scipy.io import savemat

CENTER = np.array([100.0, 120.0, 640.0])  # mm; DTU's objects are some 60 cm before the first camera
RADIUS = 10.0
BELOW = np.array([80, 90, 600], np.int16)
ABOVE = np.array([130, 150, 680], np.int16)
VOXEL = 2.0


def sphere_points(count: int, radius: float = 1.0) -> np.ndarray:
    """Points spread evenly over a sphere around zero, along a spiral."""
    z = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * np.arange(count)
    across = np.sqrt(1.0 - z**2)
    return radius * np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)


def ball(radius: float = RADIUS, center: np.ndarray = CENTER) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(5, radius).apply_translation(center)


def write_scan(path: Path, points: np.ndarray, ascii_text: bool = False) -> None:
    """A ply with normals, colours and an empty list of faces, as MeshLab writes a scanner's points."""
    form = "ascii" if ascii_text else "binary_little_endian"
    names = [*(f"property float {n}" for n in ("x", "y", "z", "nx", "ny", "nz"))]
    names += [f"property uchar {n}" for n in ("red", "green", "blue", "alpha")]
    head = ["ply", f"format {form} 1.0", "comment VCGLIB generated", f"element vertex {len(points)}", *names]
    head += ["element face 0", "property list uchar int vertex_indices", "end_header", ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    table = np.zeros(len(points), [("p", "<f4", 3), ("n", "<f4", 3), ("c", "u1", 4)])
    table["p"], table["n"], table["c"] = points, (0, 0, 1), 200
    if ascii_text:
        rows = "".join(
            " ".join(map(str, (*p.tolist(), *n.tolist(), *c.tolist()))) + "\n" for p, n, c in table
        )
        path.write_text("\n".join(head) + rows)
    else:
        path.write_bytes("\n".join(head).encode() + table.tobytes())


def write_dtu(
    folder: Path,
    points: np.ndarray,
    scan: int = 24,
    observed: np.ndarray | None = None,
    plane: tuple[float, ...] = (0.0, 0.0, -1.0, 1000.0),
    ascii_text: bool = False,
) -> Path:
    """A scan's files: whole numbers as Matlab keeps them, a plane that is a column, a mask of bytes."""
    write_scan(folder / "Points" / "stl" / f"stl{scan:03d}_total.ply", points, ascii_text)
    masks = folder / "ObsMask"
    masks.mkdir(parents=True, exist_ok=True)
    box = np.stack([BELOW, ABOVE])
    voxels = tuple(((ABOVE - BELOW) / VOXEL).astype(int) + 1)
    mask = np.ones(voxels, np.uint8) if observed is None else observed.astype(np.uint8)
    savemat(
        masks / f"ObsMask{scan}_10.mat",
        {"ObsMask": mask, "BB": box, "Res": np.array([[VOXEL]]), "Margin": 10},
    )
    savemat(masks / f"Plane{scan}.mat", {"P": np.array(plane)[:, None]})
    return folder


def write_log(path: Path, centers: np.ndarray, tabs: bool = False) -> None:
    """A trajectory: three numbers, then world_from_cam, of each camera."""
    between = "\t" if tabs else " "
    lines = []
    for i, center in enumerate(centers):
        pose = np.eye(4)
        pose[:3, 3] = center
        lines.append(between.join(map(str, (i, i, 0))))
        lines += [between.join(f"{value:.12f}" for value in row) for row in pose]
    path.write_text("\n".join(lines) + "\n\n")


def write_tanks(
    folder: Path,
    points: np.ndarray,
    centers: np.ndarray,
    laser_from_reference: np.ndarray,
    polygon: np.ndarray,
    stretch: tuple[float, float],
    scene: str = "Ignatius",
    axis: str = "Z",
) -> Path:
    """A training scene's files; centres in the reference's frame, polygon [n,3] and points in the laser's."""
    write_scan(folder / f"{scene}.ply", points)
    write_log(folder / f"{scene}_COLMAP_SfM.log", centers)
    np.savetxt(folder / f"{scene}_trans.txt", laser_from_reference)
    crop = {
        "axis_max": stretch[1], "axis_min": stretch[0], "bounding_polygon": polygon.tolist(),
        "class_name": "SelectionPolygonVolume", "orthogonal_axis": axis,
        "version_major": 1, "version_minor": 0,
    }  # fmt: skip
    (folder / f"{scene}.json").write_text(json.dumps(crop, indent="\t"))
    return folder
