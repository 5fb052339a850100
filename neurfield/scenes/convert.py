"""Any scene as a folder with a transforms.json, which many programs read, this one among them.

    transforms.json                  poses, lenses, the box where one was given, and what lies where:
    images/000000.jpg                the pictures' own bytes, or PNG of those that are resampled or turned
    masks/000000.png                 white is kept; images/dynamic_mask_000000.png where masks are no outline
    depth/000000.png                 16 bits, in the unit of its files; npy where they are of other numbers
    exact_depth/000000.png           likewise, where there is exact depth; other programs are shown either
    priors/000000_depth.npy, 000000_normal.npy
    segments/000000.png              16 bits; npy where ids need more
    sparse_pc.ply                    points of structure from motion
    sparse_tracks.npz                where frames see them
    ground_truth.ply

Frames keep their order and the world its place. Maps of stereo are not carried.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from neurfield.errors import UserError
from neurfield.far import shift_file
from neurfield.files import atomic_write
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import has_alpha, orientation
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL
from neurfield.scenes.scene import Scene
from neurfield.scenes.sparse_points import write_points, write_tracks
from neurfield.scenes.transforms_json import PRIOR_ORIGINS

POINTS_FILE, TRACKS_FILE = "sparse_pc.ply", "sparse_tracks.npz"
NOT_CARRIED = ("reflectance", "shading", "stereo_depth", "stereo_normal", "stereo_confidence")
# Of each kind of depth: the folder, the key of a frame, the key of the unit.
_FOLDERS = {"depth": "exact_depth", "sensor_depth": "depth"}
_KEYS = {"depth": "exact_depth_path", "sensor_depth": "depth_file_path"}
_UNITS = {"depth": "exact_depth_unit", "sensor_depth": "depth_unit_scale_factor"}
_COPIED = (".jpg", ".jpeg", ".png")
_LEVELS = 65534  # of 16 bits: 0 and 65535 stand for nothing
_IDS = 65535  # that 16 bits hold

Progress = Callable[[str, float], None]


def write_transforms(scene: Scene, folder: Path, progress: Progress = lambda words, part: None) -> None:
    """Write a scene as a folder with a transforms.json: all of it, or nothing.

    Args:
        scene: of any layout.
        folder: new, or empty.
        progress: is told what is written, and which part of all is.

    Raises:
        UserError: there is something in the folder; a frame has no picture, or a file cannot be read.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder} exists: give a new folder, or move it away")
    with atomic_write(folder) as unfinished:
        unfinished.mkdir()
        data = camera_record(scene.cameras)
        units = {source: _depth_unit(scene, source) for source in _FOLDERS if source in scene.sources}
        for source, unit in units.items():
            data[_UNITS[source]] = unit or 1.0
        if list(units) == ["depth"]:
            data[_UNITS["sensor_depth"]] = data[_UNITS["depth"]]
        for i, frame in enumerate(data["frames"]):
            progress("pictures, masks and depth", i / len(scene))
            frame["file_path"] = _picture(scene, i, unfinished)
            frame.update(_beside(scene, i, unfinished, units))
        if scene.points is not None:
            write_points(unfinished / POINTS_FILE, scene.points)
            data["ply_file_path"] = POINTS_FILE
        if scene.tracks is not None:
            write_tracks(unfinished / TRACKS_FILE, scene.tracks, [one["file_path"] for one in data["frames"]])
            data["tracks_file_path"] = TRACKS_FILE
        if scene.box_by_hand is not None:
            data["aabb"] = scene.box_by_hand.tolist()
        if scene.up_by_hand is not None:
            data["up"] = scene.up_by_hand.tolist()
        data["unit"] = scene.unit
        for source, key in PRIOR_ORIGINS.items():
            if source in scene.sources and scene.files[source].made_by:
                data[key] = scene.files[source].made_by
        _ground_truth(scene, unfinished)
        (unfinished / "transforms.json").write_text(json.dumps(data, indent=1))
        progress("done", 1.0)


def camera_record(cameras: Cameras) -> dict[str, Any]:
    """The file without its paths: what all cameras share stands once, the rest in each frame."""
    columns = {"fl_x": cameras.fx, "fl_y": cameras.fy, "cx": cameras.cx, "cy": cameras.cy}
    columns.update({"w": cameras.width, "h": cameras.height})
    if cameras.distortion is not None:
        columns.update(zip(("k1", "k2", "p1", "p2", "k3"), cameras.distortion.T))
    shared = {key: column[0].item() for key, column in columns.items() if (column == column[0]).all()}
    frames = [
        {
            "file_path": "",
            "transform_matrix": (pose @ OPENCV_FROM_OPENGL).tolist(),
            **{key: column[i].item() for key, column in columns.items() if key not in shared},
        }
        for i, pose in enumerate(cameras.world_from_cam)
    ]
    return {"camera_model": "OPENCV", **shared, "frames": frames}


def _picture(scene: Scene, i: int, folder: Path) -> str:
    """Write the picture of frame i; its path from the folder."""
    listed = scene.files.get("image")
    path = listed.paths[i] if listed is not None else None
    if listed is None or path is None:
        raise UserError(f"{scene.path}: frame {i} has no picture, and transforms.json needs one a frame")
    as_it_is = path.suffix.lower() in _COPIED and not listed.views_of(i)
    # Programs differ in what they do with turned pictures, and alpha would be taken for a mask.
    as_it_is = as_it_is and orientation(path) == 1 and not has_alpha(path)
    name = f"images/{i:06d}{path.suffix.lower() if as_it_is else '.png'}"
    target = _made(folder / name)
    if as_it_is:
        shutil.copyfile(path, target)
    else:
        Image.fromarray(scene.image(i)).save(target)
    return name


def _beside(scene: Scene, i: int, folder: Path, units: dict[str, float]) -> dict[str, str]:
    """Write the mask, depth, priors and segments of frame i; their keys, with their paths from the folder."""
    names: dict[str, str] = {}
    mask = _taken(scene, "mask", i)
    if mask is not None and scene.mask_says_by_hand == "valid":
        # Found by its name, as instant-ngp does: what is white in it is left out.
        Image.fromarray(np.where(mask, 0, 255).astype(np.uint8)).save(
            folder / f"images/dynamic_mask_{i:06d}.png"
        )
    elif mask is not None:
        names["mask_path"] = f"masks/{i:06d}.png"
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(_made(folder / names["mask_path"]))
    for source, unit in units.items():
        depth = _taken(scene, source, i)
        if depth is None:
            continue
        names[_KEYS[source]] = f"{_FOLDERS[source]}/{i:06d}.{'png' if unit else 'npy'}"
        target = _made(folder / names[_KEYS[source]])
        if unit:
            Image.fromarray(_levels_of(depth, unit)).save(target)
        else:
            np.save(target, depth)
    if list(units) == ["depth"] and "exact_depth_path" in names:
        names["depth_file_path"] = names["exact_depth_path"]  # which other programs look for
    prior_depth, prior_normal = (_taken(scene, source, i) for source in ("prior_depth", "prior_normal"))
    if prior_depth is not None:
        names["mono_depth_path"] = f"priors/{i:06d}_depth.npy"
        np.save(_made(folder / names["mono_depth_path"]), prior_depth)
    if prior_normal is not None:
        names["mono_normal_path"] = f"priors/{i:06d}_normal.npy"
        written = np.moveaxis((prior_normal + 1.0) / 2.0, 2, 0).astype(np.float32)
        np.save(_made(folder / names["mono_normal_path"]), written)
    segment = _taken(scene, "segment", i)
    if segment is not None:
        fits = segment.min(initial=0) >= 0 and segment.max(initial=0) <= _IDS
        names["segment_path"] = f"segments/{i:06d}.{'png' if fits else 'npy'}"
        target = _made(folder / names["segment_path"])
        if fits:
            Image.fromarray(segment.astype(np.uint16)).save(target)
        else:
            np.save(target, segment)
    return names


def _taken(scene: Scene, source: str, i: int) -> np.ndarray | None:
    """The array of frame i, no longer held by the scene's cache; None where there is none."""
    return scene.take(source, i) if source in scene.sources else None


def _depth_unit(scene: Scene, source: str) -> float:
    """The unit in which 16 bits hold all depth of a source to the bit; 0 where none does.

    A fit is not the same for depth that is a little different, so that it is the unit of its files or none.
    """
    unit = float(getattr(scene.files[source].read, "metres_per_unit", 0.0))
    for i in range(len(scene)):
        depth = _taken(scene, source, i) if unit else None
        if depth is not None and not np.array_equal(_levels_of(depth, unit) * np.float32(unit), depth):
            return 0.0
    return unit


def _levels_of(depth: np.ndarray, unit: float) -> np.ndarray:
    """Depth in whole units, uint16."""
    return np.rint(depth / unit).clip(0, _LEVELS).astype(np.uint16)


def _ground_truth(scene: Scene, folder: Path) -> None:
    """The true surface as ground_truth.ply, in the file's own bytes where it is a ply."""
    file = scene.ground_truth_file
    if file is None:
        return
    target = folder / "ground_truth.ply"
    if file.suffix.lower() == ".ply":
        shutil.copyfile(file, target)
        if shift_file(file).is_file():
            shutil.copyfile(shift_file(file), shift_file(target))
        return
    truth = scene.ground_truth
    assert truth is not None
    if isinstance(truth, trimesh.Trimesh):
        truth.export(target)
    else:
        write_points(target, truth.vertices)


def _made(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path
