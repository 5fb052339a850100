"""Reader of transforms.json as nerfstudio and instant-ngp write it.

Poses are world_from_cam in OpenGL's camera axes (x right, y up, z backwards). Two columns are negated to make
them OpenCV's, and nothing else is done: the world of the file is the world of the scene, neither centred nor
scaled nor turned. Pixel coordinates already count the centre of the first pixel as (0.5, 0.5).

Keys for one frame or for all (a frame's own value wins):

    w, h, fl_x, fl_y, cx, cy                             pixels
    camera_angle_x, camera_angle_y / x_fov, y_fov        radians / degrees
    k1, k2, p1, p2, k3                                   distortion

Keys of a frame:

    file_path                                            with or without extension
    transform_matrix
    mask_path
    depth_file_path, depth_path                          nerfstudio, instant-ngp
    mono_depth_path, mono_normal_path                    SDFStudio
    exact_depth_path, segment_path                       `neurfield scene convert`
    reflectance_path, shading_path                       ours: colour pictures of an intrinsic decomposition

and for all, points on the surface (nerfstudio's, of structure from motion), which way is up (instant-ngp's),
and what `neurfield scene convert` and `import` have to say:

    ply_file_path
    tracks_file_path        ours: where frames see these points (`neurfield.scenes.sparse_points`)
    up
    exact_depth_unit
    unit                    ours: of lengths, "m" for metres; depth in metres says it, too
    mono_depth_from, mono_normal_from    ours: which networks made them, and when, for people
    import: notes, unit

Masks that no frame names are found by their picture's name, such as masks/IMG_1.png beside the file. The
alpha channel of a frame without a mask is one, and so are instant-ngp's dynamic_mask_*.png beside the images,
which show what to leave out. ground_truth.ply beside the file, in the same world, is the true surface.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras, pose_trouble
from neurfield.scenes.images import (
    FileList,
    Read,
    file_size,
    masks_or_alpha,
    read_depth,
    read_dynamic_mask,
    read_mask,
    read_prior_depth,
    read_prior_normal,
    read_rgb,
    read_segment,
)
from neurfield.scenes.layouts.pictures import masks_of
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL
from neurfield.scenes.scene import MaskSays, Scene
from neurfield.scenes.sparse_points import read_points, read_tracks
from neurfield.scenes.tracks import Tracks

LOOKS_FOR = "nerfstudio or instant-ngp (transforms.json, or transforms_train.json)"
_NAMES = ("transforms.json", "transforms_train.json")
_MASKS = ("masks", "mask")  # folders beside the file
_EXTENSIONS = (".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG")
_PERSPECTIVE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE")
PRIOR_ORIGINS = {"prior_depth": "mono_depth_from", "prior_normal": "mono_normal_from"}
# Lenses and shutters that straight rays from one point with five distortion numbers cannot stand for.
_REFUSED = (
    "is_fisheye",
    "latlong",
    "equirectangular",
    "orthographic",
    "ftheta_p0",
    "rolling_shutter",
    "k4",
    "k5",
    "k6",
)


def recognises(path: Path) -> bool:
    """Whether a folder holds a transforms.json, or a file is one."""
    file = _file(path)
    return file is not None and (path.is_dir() or _has_frames(file))


def read(path: Path) -> Scene:
    """The scene of a transforms.json or its folder; UserError names the frame, key or file that is wrong."""
    file = _file(path)
    if file is None:
        raise UserError(f"{path}: no {' or '.join(_NAMES)}: give the folder that holds it, or the file")
    data = _load(file)
    frames = data["frames"]
    for i, frame in enumerate(frames):
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise UserError(f"{file}: frame {i} has no file_path: name its image")
    frames = sorted(frames, key=lambda frame: frame["file_path"])
    images = [_image_file(file, frame["file_path"]) for frame in frames]
    files = {"image": FileList(tuple(images), read_rgb)}
    files.update(_other_sources(file, data, frames, images))
    cameras = _cameras(file, data, frames, images)
    folder = file.parent
    # A file that the folder alone would not lead to stays the path, so that the path always leads back to it.
    is_default = _file(folder) == file
    name, where = (folder.name, folder) if is_default else (f"{folder.name}-{file.stem}", file)
    points, notes = _points(file, data)
    tracks, lost = _tracks(file, data, frames, points)
    says: MaskSays | None = "valid" if "mask" in files and files["mask"].read is read_dynamic_mask else None
    return Scene(
        name,
        where,
        cameras,
        files,
        ground_truth_file=_ground_truth(folder),
        box=_aabb(file, data),
        mask_says=says,
        points=points,
        tracks=tracks,
        up=_up(file, data),
        unit=_unit(data, files),
        notes=(*_notes(data), *notes, *lost, *_notes_on_masks(file, files, frames)),
    )


def _file(path: Path) -> Path | None:
    """The JSON file that a path means."""
    if path.is_dir():
        return next((path / name for name in _NAMES if (path / name).is_file()), None)
    return path if path.is_file() and path.suffix.lower() == ".json" else None


def _has_frames(file: Path) -> bool:
    """Whether some JSON file is one of these; a file that does not parse is, if its name says so."""
    try:
        data = json.loads(file.read_text())
    except (ValueError, OSError):
        return file.name.startswith("transforms")
    frames = data.get("frames") if isinstance(data, dict) else None
    if not isinstance(frames, list):
        return frames is not None
    # Other programs' JSON has frames as well (SDFStudio's meta_data.json).
    ours = {"file_path", "transform_matrix"}
    return not frames or any(isinstance(frame, dict) and frame.keys() & ours for frame in frames)


def _load(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text())
    except (ValueError, OSError) as reason:
        raise UserError(f"{file}: not readable JSON ({reason}): write it again") from reason
    if not isinstance(data, dict) or not isinstance(data.get("frames"), list) or not data["frames"]:
        raise UserError(
            f"{file}: no frames in it: it needs a list 'frames' with file_path and transform_matrix"
        )
    return data


def _cameras(file: Path, data: dict[str, Any], frames: list[dict[str, Any]], images: list[Path]) -> Cameras:
    poses, intrinsics, distortion = [], [], []
    for frame, image in zip(frames, images):
        where = f"{file}: frame {frame['file_path']}"
        values = {**{k: v for k, v in data.items() if k != "frames"}, **frame}
        _refuse_other_lenses(where, values)
        poses.append(_pose(where, frame))
        intrinsics.append(_intrinsics(where, values, image))
        distortion.append([_number(where, values, key, 0.0) for key in ("k1", "k2", "p1", "p2", "k3")])
    fx, fy, cx, cy, width, height = np.array(intrinsics).T
    return Cameras(np.stack(poses), fx, fy, cx, cy, width, height, np.array(distortion))


def _pose(where: str, frame: dict[str, Any]) -> np.ndarray:
    """world_from_cam in OpenCV axes; instant-ngp also writes only the first three rows."""
    try:
        matrix = np.array(frame["transform_matrix"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as reason:
        raise UserError(
            f"{where}: transform_matrix is missing or not numbers: write a 4x4 matrix"
        ) from reason
    if matrix.shape == (3, 4):
        matrix = np.vstack([matrix, [0.0, 0.0, 0.0, 1.0]])
    if matrix.shape != (4, 4):
        raise UserError(
            f"{where}: transform_matrix has shape {matrix.shape}, expected 4x4: write the whole matrix"
        )
    trouble = pose_trouble(matrix)
    if trouble:
        raise UserError(f"{where}: transform_matrix {trouble}: correct it, or take the frame out")
    return matrix @ OPENCV_FROM_OPENGL


def _intrinsics(
    where: str, values: dict[str, Any], image: Path
) -> tuple[float, float, float, float, int, int]:
    """fx, fy, cx, cy, width, height; sizes that the file does not give are the image's."""
    width, height = _number(where, values, "w"), _number(where, values, "h")
    if width is None or height is None:
        size = file_size(image)
        width, height = width or size[0], height or size[1]
    fx = _focal(where, values, "x", width)
    fy = _focal(where, values, "y", height)
    if fx is None and fy is None:
        raise UserError(f"{where}: no focal length: give fl_x in pixels, or camera_angle_x in radians")
    cx = _number(where, values, "cx", width / 2)
    cy = _number(where, values, "cy", height / 2)
    # One focal length stands for both: pixels are square unless the file says otherwise.
    return fx or fy, fy or fx, cx, cy, int(width), int(height)  # type: ignore[return-value]


def _focal(where: str, values: dict[str, Any], axis: str, size: float) -> float | None:
    focal = _number(where, values, f"fl_{axis}")
    angle = _number(where, values, f"camera_angle_{axis}")
    degrees = _number(where, values, f"{axis}_fov")
    if focal is None and angle is None and degrees is not None:
        angle = math.radians(degrees)
    if focal is None and angle is not None and 0 < angle < math.pi:
        focal = 0.5 * size / math.tan(0.5 * angle)
    if focal is not None and not focal > 0:
        raise UserError(f"{where}: fl_{axis} is {focal}: give a positive focal length in pixels")
    return focal


def _refuse_other_lenses(where: str, values: dict[str, Any]) -> None:
    model = values.get("camera_model") or "OPENCV"
    if str(model).upper() not in _PERSPECTIVE:
        raise UserError(
            f"{where}: camera_model {model} is not supported: undistort the images to PINHOLE or OPENCV first"
        )
    for key in _REFUSED:
        if np.any(np.asarray(values.get(key, 0), dtype=object)):
            raise UserError(
                f"{where}: {key} is not supported: undistort the images to a pinhole camera first"
            )


def _other_sources(
    file: Path, data: dict[str, Any], frames: list[dict[str, Any]], images: list[Path]
) -> dict[str, FileList]:
    """Masks, depth, priors and segments that the frames name; frames without one have None."""

    def listed(key: str, reader: Read, made_by: str = "") -> FileList:
        named = [frame.get(key) for frame in frames]
        return FileList(tuple(_path(file, name) if name else None for name in named), reader, made_by=made_by)

    made_by = {source: str(data.get(key) or "") for source, key in PRIOR_ORIGINS.items()}

    sources = {
        "mask": listed("mask_path", read_mask),
        "prior_depth": listed("mono_depth_path", read_prior_depth, made_by["prior_depth"]),
        "prior_normal": listed("mono_normal_path", read_prior_normal, made_by["prior_normal"]),
        "reflectance": listed("reflectance_path", read_rgb),
        "shading": listed("shading_path", read_rgb),
        "segment": listed("segment_path", read_segment),
    }
    dynamic = dynamic_masks(images)
    if any(sources["mask"].paths) and any(dynamic):
        raise UserError(
            f"{file}: frames name a mask_path, and {next(filter(None, dynamic))} lies beside the images: "
            "keep one of the two"
        )
    if any(dynamic):
        sources["mask"] = FileList(tuple(dynamic), read_dynamic_mask)
    elif any(sources["mask"].paths):
        sources["mask"] = masks_or_alpha(images, sources["mask"].paths) or sources["mask"]
    else:
        folders = [file.parent / name for name in _MASKS]
        sources["mask"] = masks_of(images, [one.name for one in images], folders) or sources["mask"]
    # Depth that came with photographs was measured or estimated; only that of our own key is exact. As in
    # nerfstudio the factor applies to npy files too.
    unit = _number(str(file), data, "depth_unit_scale_factor", 1e-3)
    sources["sensor_depth"] = listed("depth_file_path", read_depth(unit))
    sources["depth"] = listed(
        "exact_depth_path", read_depth(_number(str(file), data, "exact_depth_unit", 1.0))
    )
    if sources["depth"].paths == sources["sensor_depth"].paths:  # shown to other programs
        sources["sensor_depth"] = listed("", read_depth(unit))
    ngp_unit = _number(str(file), data, "integer_depth_scale", 0.0)
    if not any(sources["sensor_depth"].paths) and ngp_unit > 0:
        sources["sensor_depth"] = listed("depth_path", read_depth(ngp_unit))
    return sources


def _notes_on_masks(file: Path, files: dict[str, FileList], frames: list[dict[str, Any]]) -> tuple[str, ...]:
    """What is to be said of a folder of masks beside the file, which names none of them."""
    folder = next((file.parent / name for name in _MASKS if (file.parent / name).is_dir()), None)
    if folder is None or any(frame.get("mask_path") for frame in frames):
        return ()
    paths = files["mask"].paths if "mask" in files else ()
    used = sum(path is not None and path.parent == folder for path in paths)
    if used:
        return (f"{used} of {len(frames)} frames have a mask in {folder.name}/, by its name: white is kept",)
    held = next((one.name for one in sorted(folder.iterdir()) if one.is_file()), None)
    if held is None:
        return ()
    return (
        f"no mask of {folder.name}/ is used: none (such as {held}) is named as a picture "
        "(IMG_1.png or IMG_1.jpg.png for IMG_1.jpg)",
    )


def dynamic_masks(images: list[Path]) -> list[Path | None]:
    """instant-ngp's masks of what moves, one a picture, where there are any."""
    beside = [image.with_name(f"dynamic_mask_{image.stem}.png") for image in images]
    return [path if path.is_file() else None for path in beside]


def _image_file(file: Path, name: str) -> Path:
    """The image that file_path means; instant-ngp and Blender leave the extension out."""
    path = _path(file, name)
    candidates = (path, *(path.with_name(path.name + extension) for extension in _EXTENSIONS))
    image = next((candidate for candidate in candidates if candidate.is_file()), None)
    if image is None:
        raise UserError(
            f"{path}: no such image, which {file.name} names: copy it there, or take its frame out"
        )
    return image


def _path(file: Path, name: str) -> Path:
    return file.parent / str(name).replace("\\", "/")


def _number(where: str, values: dict[str, Any], key: str, default: Any = None) -> Any:
    """A finite number under `key`, or the default."""
    value = values.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UserError(f"{where}: {key} is {value!r}: write a finite number")
    return float(value)


def _aabb(file: Path, data: dict[str, Any]) -> np.ndarray | None:
    """instant-ngp's explicit box, in the file's coordinates; its aabb_scale is not, and is left alone."""
    if "aabb" not in data:
        return None
    try:
        box = np.array(data["aabb"], dtype=np.float64)
    except (TypeError, ValueError) as reason:
        raise UserError(
            f"{file}: aabb is not numbers: write [[xmin, ymin, zmin], [xmax, ymax, zmax]]"
        ) from reason
    return box


def _up(file: Path, data: dict[str, Any]) -> np.ndarray | None:
    """The direction under `up`, in the file's world."""
    if data.get("up") is None:
        return None
    try:
        up = np.array(data["up"], dtype=np.float64)
    except (TypeError, ValueError):
        up = np.empty(0)
    if up.shape != (3,) or not np.isfinite(up).all() or not up.any():
        raise UserError(f"{file}: up is {data['up']!r}: write three numbers, such as [0, 0, 1]")
    return up


def _unit(data: dict[str, Any], files: dict[str, FileList]) -> str:
    """What lengths are in: as the file or an import says, metres where there is depth; "": nothing tells."""
    left = data.get("import")
    if isinstance(left, dict):
        return "m" if left.get("unit") == "metre" else ""
    measured = any(files["sensor_depth"].paths) if "sensor_depth" in files else False
    return str(data.get("unit", "m" if measured else ""))


def _notes(data: dict[str, Any]) -> tuple[str, ...]:
    """What an import left for people to read."""
    left = data.get("import")
    notes = left.get("notes") if isinstance(left, dict) else None
    return tuple(str(note) for note in notes) if isinstance(notes, list) else ()


def _points(file: Path, data: dict[str, Any]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The points that the file names, and what is to be said where they are not there."""
    name = data.get("ply_file_path")
    if not isinstance(name, str) or not name:
        return None, ()
    path = _path(file, name)
    if not path.is_file():
        return None, (f"{path}: no such file, which {file.name} names as its points: done without",)
    return read_points(path), ()


def _tracks(
    file: Path, data: dict[str, Any], frames: list[dict[str, Any]], points: np.ndarray | None
) -> tuple[Tracks | None, tuple[str, ...]]:
    """Where the frames see the points, and what is to be said where that is not there."""
    name = data.get("tracks_file_path")
    if not isinstance(name, str) or not name or points is None:
        return None, ()
    path = _path(file, name)
    if not path.is_file():
        return None, (f"{path}: no such file, which {file.name} names as its tracks: done without",)
    return read_tracks(path, [frame["file_path"] for frame in frames], len(points)), ()


def _ground_truth(folder: Path) -> Path | None:
    path = folder / "ground_truth.ply"
    return path if path.is_file() else None
