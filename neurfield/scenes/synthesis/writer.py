"""Makes a built-in scene: a modelled room becomes a data set on disk, in Replica's layout.

As Replica has them: results/frame%06d.jpg and depth%06d.png, traj.txt, cam_params.json. Beside them:
sensor_depth/, normals/, segments/, priors/, priors_repeating/, mesh.ply, instances.npz and scene.json
(docs/rooms.md).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree
from threadpoolctl import threadpool_limits

from neurfield.errors import UserError
from neurfield.scenes.room.design import Walk
from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.room.model import RoomModel, build_room
from neurfield.scenes.synthesis.camera_walk import free_places, walk
from neurfield.scenes.synthesis.coverage import covered_part
from neurfield.scenes.synthesis.error_fields import ErrorFields, RepeatingFields, fresh_fields
from neurfield.scenes.synthesis.lighting import bake_light
from neurfield.scenes.synthesis.prior_depth import make_prior_depth, relative_error
from neurfield.scenes.synthesis.prior_normal import angle_error, make_prior_normal
from neurfield.scenes.synthesis.prior_sets import PRIOR_SETS, PriorSet
from neurfield.scenes.synthesis.sensor import measure
from neurfield.scenes.synthesis.shading import Frame, Pinhole, Renderer, choose_exposure, to_display
from neurfield.scenes.synthesis.surface import FineSurface, prepare_surface
from neurfield.scenes.synthesis.thin import Thin, thin_parts

SCHEMA = 1
# Raised when the same seed gives other files than before.
VERSION = 2
# Replica's unit of depth: the 16-bit files count in 1 / DEPTH_SCALE metres.
DEPTH_SCALE = 6553.5
_FOLDERS = ("results", "sensor_depth", "normals", "segments", *(priors.folder for priors in PRIOR_SETS))
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Plan:
    """How to make a scene of a room.

    Attributes:
        walk, median_light, seed: see `Design`.
        frames, width, height, focal: so many pictures, their size and focal length in pixels.
        light_edge, shell_edge: longest edges, metres, of the surface that carries the light, and of the room
            itself (walls, floor, ceiling) in it.
        mesh_edge: longest edge, metres, in mesh.ply.
    """

    walk: Walk
    frames: int
    width: int = 600
    height: int = 340
    focal: float = 300.0
    light_edge: float = 0.075
    shell_edge: float = 0.03
    mesh_edge: float = 0.25
    median_light: float = 0.62
    seed: int = 0

    @property
    def camera(self) -> Pinhole:
        """Intrinsics; the principal point is the middle of the picture, 0.5 more than Replica's files say."""
        return Pinhole(self.width, self.height, self.focal, self.width / 2, self.height / 2)


def make_room(name: str, folder: Path, progress: Progress) -> None:
    """Write a built-in room to `folder`; progress(stage, fraction) is called as it goes on."""
    design = DESIGNS[name]
    plan = Plan(design.walk, design.walk.frames, median_light=design.median_light, seed=design.seed)
    progress("modelling the room", 0.0)
    write_scene(build_room(name), Path(folder), plan, progress)


def write_scene(model: RoomModel, folder: Path, plan: Plan, progress: Progress) -> None:
    """Render a room along a walk through it and write all files; the folder appears whole, or not at all.

    The files depend on the model and the plan only, not on the number of processor cores.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    _sweep(folder)
    try:
        for name in _FOLDERS:
            (partial / name).mkdir(parents=True)
        # BLAS shares out even small products, and its threads wait for each other by spinning: beside the
        # threads below that costs more than it saves; and how they are shared out decides the last bits.
        with threadpool_limits(1, user_api="blas"):
            _write_all(model, partial, plan, progress)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    except OSError as reason:
        raise UserError(
            f"{folder} cannot be written ({reason}): free 500 MB there, or set NEURFIELD_DATA"
        ) from reason
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed while they made this folder left behind."""
    for partial in folder.parent.glob(f".{folder.name}.*.partial"):
        try:
            os.kill(int(partial.name.split(".")[-2]), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(partial, ignore_errors=True)
        except PermissionError:
            continue


def _write_all(model: RoomModel, folder: Path, plan: Plan, progress: Progress) -> None:
    poses = walk(model.bounds, model.keep_out, plan.walk, plan.frames, plan.seed)
    # Threads, not processes: ray casting, array arithmetic and encoding all let go of the interpreter's lock.
    executor = ThreadPoolExecutor(_cores())
    try:
        coarse = executor.submit(prepare_surface, model, plan.mesh_edge)
        surface = prepare_surface(model, plan.light_edge, plan.shell_edge)
        progress("gathering light", 0.05)
        light = bake_light(surface, model.lights, executor, seed=plan.seed)
        exposure = choose_exposure(
            surface, light, poses[::8], Pinhole(60, 34, 30.0, 30.0, 17.0), plan.median_light
        )
        renderer = Renderer(surface, light, exposure)
        repeating = RepeatingFields(len(model.instance_names), plan.seed)
        progress("rendering frames", 0.3)
        _write_cameras(folder, poses, plan.camera)
        # What is done once runs beside the frames.
        mesh = executor.submit(_write_mesh, folder, model, coarse.result(), surface, renderer)
        places = free_places(model.bounds, model.keep_out, 500, np.random.default_rng(plan.seed))
        covered = executor.submit(covered_part, surface, poses, plan.camera, places)
        errors = []
        makers = executor.map(
            lambda i: _write_frame(folder, i, renderer, repeating, poses[i], plan), range(plan.frames)
        )
        for done, of_frame in enumerate(makers):
            errors.append(of_frame)
            progress("rendering frames", 0.3 + 0.68 * (done + 1) / plan.frames)
        progress("writing the mesh", 0.99)
        mesh.result()
        covered_share = covered.result()
    finally:
        # After an interruption the frames still in the queue are not waited for.
        executor.shutdown(cancel_futures=True)
    summary = {
        "schema": SCHEMA,
        "version": VERSION,
        "kind": "inside",
        "up": [0, 0, 1],
        "plan": asdict(plan),
        "exposure": exposure,
        "triangles": len(model.faces),
        "instances": len(model.instance_names),
        "measured": {
            "surface_seen_by_3_frames": covered_share,
            **{name: float(np.mean([of_frame[name] for of_frame in errors])) for name in errors[0]},
        },
    }
    (folder / "scene.json").write_text(json.dumps(summary, indent=1) + "\n")
    progress("done", 1.0)


def _write_frame(
    folder: Path, i: int, renderer: Renderer, repeating: RepeatingFields, pose: np.ndarray, plan: Plan
) -> dict[str, float]:
    """Render and write one frame, and return the measured size of the errors that were put in."""
    seeds = np.random.SeedSequence((plan.seed, i)).spawn(1 + len(PRIOR_SETS))
    sensor_rng, *prior_rngs = (np.random.default_rng(seed) for seed in seeds)
    frame = renderer.frame(pose, plan.camera)
    directions = plan.camera.directions((0.5, 0.5)).reshape(plan.height, plan.width, 3)
    luminance = frame.rgb.mean(axis=2) / 255
    sensed = measure(frame.depth, frame.normal, luminance, sensor_rng)
    Image.fromarray(frame.rgb).save(folder / f"results/frame{i:06d}.jpg", quality=95)
    _save_png(folder / f"results/depth{i:06d}.png", _as_uint16(frame.depth * DEPTH_SCALE))
    _save_png(folder / f"sensor_depth/depth{i:06d}.png", _as_uint16(sensed * DEPTH_SCALE))
    _save_png(folder / f"normals/{i:06d}.png", np.rint((frame.normal + 1) * 127.5).astype(np.uint8))
    _save_png(folder / f"segments/{i:06d}.png", np.maximum(frame.segment, 0).astype(np.uint16))
    measured = sensed > 0
    off = np.abs(sensed - frame.depth)[measured]
    errors = {
        "sensor_depth_missing": 1 - float(measured.mean()),
        "sensor_depth_mean_error_m": float(off.mean()) if len(off) else 0.0,
    }
    narrow = thin_parts(frame.depth)
    for priors, rng in zip(PRIOR_SETS, prior_rngs):
        if priors.repeats:
            offsets = (frame.depth[..., None] * directions) @ pose[:3, :3].T.astype(np.float32)
            fields = repeating.of_view(offsets, pose[:3, 3], pose[:3, :3], luminance, frame.segment, rng)
        else:
            fields = fresh_fields(frame.segment, rng)
        errors |= _write_priors(folder / priors.folder, i, frame, narrow, directions, fields, priors, rng)
    return errors


def _write_priors(
    folder: Path,
    i: int,
    frame: Frame,
    narrow: Thin,
    directions: np.ndarray,
    fields: ErrorFields,
    priors: PriorSet,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Make and write the priors of one frame, and return how wrong they are.

    As MonoSDF writes them but in half precision: its unit is 0.05 % of the depth, a hundredth of the error.
    """
    depth = make_prior_depth(frame.depth, narrow, fields, priors, rng)
    normal = make_prior_normal(
        frame.normal, frame.depth, narrow, frame.segment, directions, fields, priors, rng
    )
    np.save(folder / f"{i:06d}_depth.npy", depth.astype(np.float16))
    channels_first = np.moveaxis(0.5 * (normal + 1), -1, 0)
    np.save(folder / f"{i:06d}_normal.npy", np.ascontiguousarray(channels_first, np.float16))
    angles = angle_error(normal, frame.normal)[frame.depth > 0]
    return {
        f"{priors.folder}_depth_relative_error": relative_error(depth, frame.depth),
        f"{priors.folder}_normal_median_degrees": float(np.median(angles)),
        f"{priors.folder}_normal_mean_degrees": float(angles.mean()),
    }


def _write_cameras(folder: Path, poses: np.ndarray, camera: Pinhole) -> None:
    """traj.txt and cam_params.json as Replica has them: intrinsics for pixel centres at whole numbers."""
    np.savetxt(folder / "traj.txt", poses.reshape(len(poses), 16), fmt="%.9f")
    params = {
        "w": camera.width,
        "h": camera.height,
        "fx": camera.focal,
        "fy": camera.focal,
        "cx": camera.cx - 0.5,
        "cy": camera.cy - 0.5,
        "scale": DEPTH_SCALE,
    }
    (folder / "cam_params.json").write_text(json.dumps({"camera": params}) + "\n")


def _write_mesh(
    folder: Path, model: RoomModel, mesh: FineSurface, lit: FineSurface, renderer: Renderer
) -> None:
    """mesh.ply with the colours that the light gives it, and the instance of each of its faces."""
    import trimesh

    fronts = int(mesh.corner.max()) + 1
    vertex = np.empty(fronts, np.int64)
    vertex[mesh.corner] = mesh.faces
    # The coarse mesh takes its colours from the nearest light points of the fine one on the same side of the
    # same thing.
    distance, near = cKDTree(lit.point_positions).query(mesh.point_positions[:fronts], k=8)
    alike = np.einsum("kni,ki->kn", lit.point_normals[near], mesh.point_normals[:fronts])
    foreign = lit.point_instance[near] != mesh.point_instance[:fronts, None]
    best = np.argmin(distance + 0.05 * (1 - alike) + 1.0 * foreign, axis=1)
    colors = to_display(renderer.glow[near[np.arange(fronts), best]])
    whole = trimesh.Trimesh(mesh.vertices[vertex], mesh.corner, vertex_colors=colors, process=False)
    whole.export(folder / "mesh.ply")
    names = np.array(model.instance_names)
    np.savez_compressed(folder / "instances.npz", face_instance=mesh.instance.astype(np.int32), names=names)


def _cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _as_uint16(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 65535).astype(np.uint16)


def _save_png(path: Path, array: np.ndarray) -> None:
    """A picture of 8 or 16 bits; quick rather than small."""
    Image.fromarray(array).save(path, compress_level=1)
