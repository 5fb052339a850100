"""What a user would pick instead: classical fusion of depth maps, and carving by masks.

`python -m benchmarks.peers --scene room0 --peer tsdf --voxel 0.01 --out mesh.ply` runs one of them in a
process of its own and prints its seconds as JSON, so that its memory can be measured too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import trimesh

from benchmarks.common import run_script
from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.optional import require
from neurfield.scenes import Scene, load_scene

FARTHEST = 20.0
HULL_BAND_VOXELS = 3.0


def tsdf_fusion(
    scene: Scene, voxel: float, kind: Literal["exact", "noisy"] = "exact", trunc: float | None = None
) -> tuple[trimesh.Trimesh, float]:
    """Open3D's TSDF fusion of a scene's depth maps: a coloured mesh in the world, and the seconds it took.

    voxel and trunc in metres; trunc is four voxels if not given. Reading the files is not counted.
    """

    def depth(i: int) -> np.ndarray:
        found = scene.depth(i, kind)
        if found is None:
            raise UserError(f"{scene.path}: frame {i} has no {kind} depth, fuse a scene that has it")
        return found

    return _fuse(scene, depth, voxel, 4 * voxel if trunc is None else trunc)


def tsdf_from_priors(scene: Scene, voxel: float, trunc: float) -> tuple[trimesh.Trimesh, float]:
    """Fusion of ambiguous prior depth, each map aligned by its TRUE scale and shift: an oracle no user has.

    These are the least squares fit to the exact depth of the same frame. As `tsdf_fusion` otherwise.
    """

    def depth(i: int) -> np.ndarray:
        prior, exact = scene.prior_depth(i), scene.depth(i)
        if prior is None or exact is None:
            raise UserError(f"{scene.path}: frame {i} lacks prior or exact depth, both are needed")
        return align_to(prior, exact)

    return _fuse(scene, depth, voxel, trunc)


def align_to(prior: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """`prior` [h,w] under the scale and shift that fit `exact` best (least squares), 0 where negative."""
    known = (exact > 0) & np.isfinite(prior)
    columns = np.stack([prior[known], np.ones(known.sum())], axis=1).astype(np.float64)
    scale, shift = np.linalg.lstsq(columns, exact[known].astype(np.float64), rcond=None)[0]
    aligned = np.nan_to_num(scale * prior + shift)
    return np.where(aligned > 0, aligned, 0).astype(np.float32)


def _fuse(
    scene: Scene, depth_of: Callable[[int], np.ndarray], voxel: float, trunc: float
) -> tuple[trimesh.Trimesh, float]:
    o3d = require("open3d", extra="viewer")
    cameras = scene.cameras
    if cameras.distortion is not None:
        raise UserError(f"{scene.path}: fusion takes pinhole cameras only, undistort the images first")
    volume = o3d.pipelines.integration.ScalableTSDFVolume(
        voxel_length=voxel, sdf_trunc=trunc, color_type=o3d.pipelines.integration.TSDFVolumeColorType.RGB8
    )
    seconds = 0.0
    for i in range(len(cameras)):
        colour, depth = np.ascontiguousarray(scene.image(i)), np.ascontiguousarray(depth_of(i))
        started = time.perf_counter()
        rgbd = o3d.geometry.RGBDImage.create_from_color_and_depth(
            o3d.geometry.Image(colour),
            o3d.geometry.Image(depth),
            depth_scale=1.0,
            depth_trunc=FARTHEST,
            convert_rgb_to_intensity=False,
        )
        # Open3D counts pixels from the centre of the first one, we count from its corner: half a pixel is
        # millimetres.
        intrinsics = o3d.camera.PinholeCameraIntrinsic(
            int(cameras.width[i]),
            int(cameras.height[i]),
            cameras.fx[i],
            cameras.fy[i],
            cameras.cx[i] - 0.5,
            cameras.cy[i] - 0.5,
        )
        volume.integrate(rgbd, intrinsics, np.linalg.inv(cameras.world_from_cam[i]))
        seconds += time.perf_counter() - started
    started = time.perf_counter()
    fused = volume.extract_triangle_mesh()
    seconds += time.perf_counter() - started
    colours = np.round(255 * np.asarray(fused.vertex_colors)).astype(np.uint8)
    mesh = trimesh.Trimesh(
        np.asarray(fused.vertices), np.asarray(fused.triangles), vertex_colors=colours, process=False
    )
    return mesh, seconds


def visual_hull(scene: Scene, voxel: float) -> tuple[trimesh.Trimesh, float]:
    """The largest shape that agrees with all masks (Laurentini 1994), and the seconds it took.

    A signed distance to each silhouette, in metres at the point's depth; the greatest over the views is
    meshed at 0 over the scene's box.
    """
    from scipy.ndimage import distance_transform_edt

    measure = require("skimage.measure", extra="dev")
    started = time.perf_counter()
    low, high = scene.box[0] - 2 * voxel, scene.box[1] + 2 * voxel
    counts = np.ceil((high - low) / voxel).astype(int) + 1
    axes = [low[a] + voxel * np.arange(counts[a]) for a in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    band = HULL_BAND_VOXELS * voxel
    value = np.full(len(points), -band)
    for i in range(len(scene.cameras)):
        mask = scene.mask(i)
        if mask is None:
            raise UserError(f"{scene.path}: frame {i} has no mask, a visual hull needs one in every frame")
        silhouette = distance_transform_edt(~mask) - distance_transform_edt(mask)
        near = np.flatnonzero(value < band)  # a point outside in one view is outside for good
        uv, z = scene.cameras.project(i, points[near])
        with np.errstate(invalid="ignore"):
            column, row = np.floor(uv[:, 0]), np.floor(uv[:, 1])
            seen = (z > 0) & (column >= 0) & (row >= 0) & (column < mask.shape[1]) & (row < mask.shape[0])
        near, uv, z = near[seen], uv[seen], z[seen]
        metres = _sample(silhouette, uv) * z / scene.cameras.fx[i]
        value[near] = np.maximum(value[near], np.clip(metres, -band, band))
    vertices, faces, _, _ = measure.marching_cubes(value.reshape(counts), 0.0, spacing=(voxel,) * 3)
    mesh = trimesh.Trimesh(vertices + low, faces, process=False)
    return mesh, time.perf_counter() - started


def _sample(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear values [k] of an image [h,w] at pixel coordinates [k,2], centres at +0.5."""
    from scipy.ndimage import map_coordinates

    return map_coordinates(image, [uv[:, 1] - 0.5, uv[:, 0] - 0.5], order=1, mode="nearest")


def main() -> None:
    """One peer in this process: writes its mesh, prints {"seconds": ...}."""
    parser = argparse.ArgumentParser(description="run one peer on a scene")
    parser.add_argument("--scene", default="room0")
    parser.add_argument("--peer", choices=["tsdf", "priors", "hull"], default="tsdf")
    parser.add_argument("--voxel", type=float, default=0.02, help="metres")
    parser.add_argument("--kind", choices=["exact", "noisy"], default="exact", help="depth that tsdf fuses")
    parser.add_argument("--trunc", type=float, help="metres (default: 4 voxels, for priors 0.3)")
    parser.add_argument("--out", type=Path, required=True, help="mesh file")
    args = parser.parse_args()
    scene = load_scene(args.scene)
    if args.peer == "tsdf":
        mesh, seconds = tsdf_fusion(scene, args.voxel, args.kind, args.trunc)
    elif args.peer == "priors":
        mesh, seconds = tsdf_from_priors(scene, args.voxel, args.trunc or 0.3)
    else:
        mesh, seconds = visual_hull(scene, args.voxel)
    with atomic_write(args.out) as temporary:
        mesh.export(temporary)
    print(json.dumps({"seconds": seconds, "faces": len(mesh.faces)}))


if __name__ == "__main__":
    run_script(main)
