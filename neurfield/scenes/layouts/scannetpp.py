"""Reader of ScanNet++'s DSLR pictures.

    ID/dslr/resized_images/DSC00001.JPG            through a fisheye lens; else resized_undistorted_images/
    ID/dslr/resized_anon_masks/DSC00001.png        black: nobody is to know it; resized_undistorted_masks/
    ID/dslr/nerfstudio/transforms.json             the lens; frames, of which some are bad, and test_frames;
                                                   else transforms_undistorted.json
    ID/dslr/colmap/cameras.txt, images.txt, points3D.txt
    ID/scans/mesh_aligned_0.05.ply                 the laser's mesh, the true surface

ID or ID/dslr is the scene. The world is the mesh's, metres, in which COLMAP's poses are; nerfstudio's, taken
where there is no COLMAP model, have x and y exchanged and z negated. Pictures are resampled to pinhole
cameras as they are read. Test frames and those marked as bad are left out. Segments are known of the mesh
alone, not of pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import FileList, read_mask, read_rgb
from neurfield.scenes.layouts.colmap import cameras_and_views, fitted_lenses
from neurfield.scenes.layouts.colmap_model import Model, model_suffix, read_model
from neurfield.scenes.layouts.phones import read_record
from neurfield.scenes.layouts.pictures import Size, picture_named, without_missing
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL, checked_poses
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import resampled
from neurfield.scenes.scene import Scene
from neurfield.scenes.tracks import Tracks

LOOKS_FOR = "ScanNet++ (dslr/resized_images, dslr/nerfstudio/transforms.json or dslr/colmap)"
# Folders of pictures and masks, and the file of their lens: as they are, and as ScanNet++'s tools undistort.
_KINDS = (
    ("resized_images", "resized_anon_masks", "transforms.json"),
    ("resized_undistorted_images", "resized_undistorted_masks", "transforms_undistorted.json"),
)
_MESH = "scans/mesh_aligned_0.05.ply"
# nerfstudio's world from COLMAP's, as its converter of that time had it; its own inverse.
_NERFSTUDIO = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])
_LENSES = {"OPENCV_FISHEYE": ("k1", "k2", "k3", "k4"), "PINHOLE": (), "OPENCV": ("k1", "k2", "p1", "p2")}


@dataclass(frozen=True)
class _Listed:
    """Frames as a transforms.json or a COLMAP model lists them.

    Attributes:
        names: of the pictures.
        poses: world_from_cam [n,4,4], OpenCV axes, the mesh's world.
        lenses, sizes: of each.
        notes: what is to be said.
    """

    names: list[str]
    poses: np.ndarray
    lenses: list[Lens]
    sizes: list[Size]
    notes: tuple[str, ...] = ()


def recognises(path: Path) -> bool:
    """Whether a folder is a scene of ScanNet++ or its dslr/, however incomplete."""
    dslr = _dslr(path)
    return any((dslr / images).is_dir() for images, _, _ in _KINDS)


def read(path: Path) -> Scene:
    """The scene of a folder of ScanNet++; UserError names the file that is missing or wrong."""
    dslr = _dslr(path)
    images, masks, index = next(kind for kind in _KINDS if (dslr / kind[0]).is_dir())
    file, folder = dslr / "nerfstudio" / index, dslr / "colmap"
    model = read_model(folder) if model_suffix(folder) else None
    if file.is_file():
        listed = _of_index(file, model)
    elif model is not None and images == _KINDS[0][0]:
        listed = _Listed(list(model.names), model.world_from_cam, list(model.lenses), list(model.sizes))
    else:
        raise UserError(f"{file}: no such file, which says how the pictures were seen: copy it there")
    found = [picture_named(dslr / images, name) for name in listed.names]
    kept, notes = without_missing(found, dslr / images, str(dslr / images / listed.names[0]))
    pictures = [picture for picture in found if picture is not None]
    lenses, sizes, scaled = fitted_lenses(
        [listed.lenses[i] for i in kept], [listed.sizes[i] for i in kept], pictures
    )
    if scaled:
        notes = (*notes, f"{dslr / images}: {scaled}, so lenses are scaled")
    cameras, views = cameras_and_views(listed.poses[kept], lenses, sizes, file)
    files = {"image": FileList(tuple(pictures), read_rgb)}
    outlines = tuple(picture_named(dslr / masks, f"{picture.stem}.png") for picture in pictures)
    if any(outlines):
        files["mask"] = FileList(outlines, read_mask)
    mesh = dslr.parent / _MESH
    scene = Scene(
        dslr.parent.name,
        path,
        cameras,
        files,
        ground_truth_file=mesh if mesh.is_file() else None,
        mask_says="valid",
        points=None if model is None else model.points,
        # Where they are seen is known of the pictures as they were taken alone.
        tracks=None if model is None or images != _KINDS[0][0] else _tracks(model, pictures, sizes),
        unit="m",
        notes=(*listed.notes, *notes),
    )
    return resampled(scene, views) if any(views) else scene


def _dslr(path: Path) -> Path:
    return path if path.name == "dslr" else path / "dslr"


def _of_index(file: Path, model: Model | None) -> _Listed:
    """The frames to be fitted of a transforms.json, with the poses of a COLMAP model where there is one."""
    data = read_record(file)
    frames = data.get("frames")
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise UserError(f"{file}: no frames in it: copy it from the data set")
    good = [frame for frame in frames if not frame.get("is_bad")]
    if not good:
        raise UserError(f"{file}: no frames in it that are not marked as bad: copy it from the data set")
    notes = []
    if len(good) < len(frames):
        notes.append(f"{len(frames) - len(good)} of {len(frames)} frames are marked as bad and left out")
    tests = data.get("test_frames") or []
    if tests:
        notes.append(f"{len(tests)} test frames are left out")
    good.sort(key=lambda frame: str(frame.get("file_path")))
    names = [str(frame.get("file_path")) for frame in good]
    if model is None:
        poses = np.stack([_pose(f"{file}: frame {name}", frame) for name, frame in zip(names, good)])
    else:
        row = {name: i for i, name in enumerate(model.names)}
        lost = next((name for name in names if name not in row), None)
        if lost is not None:
            raise UserError(f"{file.parent.parent / 'colmap'}: no pose of {lost}, which {file.name} names")
        poses = model.world_from_cam[[row[name] for name in names]]
    lens, size = _lens(file, data)
    return _Listed(names, poses, [lens] * len(names), [size] * len(names), tuple(notes))


def _pose(where: str, frame: dict[str, Any]) -> np.ndarray:
    """world_from_cam in OpenCV axes, in the mesh's world."""
    try:
        matrix = np.array(frame["transform_matrix"], dtype=np.float64).reshape(4, 4)
    except (KeyError, TypeError, ValueError) as reason:
        raise UserError(f"{where}: transform_matrix is missing or not 4x4 numbers: copy it again") from reason
    return checked_poses((_NERFSTUDIO @ matrix @ OPENCV_FROM_OPENGL)[None], [where])[0]


def _lens(file: Path, data: dict[str, Any]) -> tuple[Lens, Size]:
    """The one lens of all frames, and the size of their pictures."""
    model = str(data.get("camera_model", "")).upper()
    if model not in _LENSES:
        raise UserError(f"{file}: camera_model {model or 'missing'}: expected {' or '.join(_LENSES)}")
    try:
        fx, fy, cx, cy, width, height = (float(data[key]) for key in ("fl_x", "fl_y", "cx", "cy", "w", "h"))
        numbers = tuple(float(data.get(key) or 0.0) for key in _LENSES[model])
    except (KeyError, TypeError, ValueError) as reason:
        raise UserError(f"{file}: {reason} is missing or no number: copy it from the data set") from reason
    return Lens(model, fx, fy, cx, cy, numbers), (int(width), int(height))


def _tracks(model: Model, pictures: list[Path], sizes: list[Size]) -> Tracks:
    """Where the pictures see the model's points."""
    row = {Path(name).stem: i for i, name in enumerate(model.names)}
    rows = np.array([row[picture.stem] for picture in pictures])
    factors = np.array(sizes) / np.array([model.sizes[i] for i in rows])
    tracks = model.tracks.select(rows)
    return Tracks(tracks.frame, tracks.point, tracks.pixel * factors[tracks.frame])
