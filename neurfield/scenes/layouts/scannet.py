"""Reader of ScanNet's scans, taken apart by its SensReader (reader.py with its four --export flags).

    color/0.jpg                        1296 x 968, or made smaller (SensReader's image_size)
    depth/0.png                        millimetres, 640 x 480
    pose/0.txt                         world_from_cam, OpenCV's axes, metres; inf = lost
    intrinsic/intrinsic_color.txt      4x4, of pictures of the full size; also beside pose/
    intrinsic/intrinsic_depth.txt
    instance-filt/0.png, or instance/  ids of things, 0: nobody annotated it; unzipped from the data set's
    label-filt/0.png, or label/        ids of classes, where there are none of things; both also in segs/
    *_vh_clean_2.ply, *_vh_clean.ply   the data set's own mesh, the true surface as far as it is known

The frames' cameras are those of the colour pictures; depth, which ScanNet registered to them, is resampled
from its own lens. The middle of the first pixel is at (0, 0): ScanNet's usual depth camera has cx 319.5 for a
width of 640. The world stays the scan's: the axis alignment of ScanNet's text file is not applied.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, file_size, read_depth, read_rgb, read_segment
from neurfield.scenes.layouts.pictures import (
    has_cropped_pictures,
    picture_named,
    pictures_in,
    without_missing,
)
from neurfield.scenes.layouts.rotations import checked_poses, read_matrix
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import PinholeView
from neurfield.scenes.scene import Scene

LOOKS_FOR = "ScanNet (color/0.jpg, depth/0.png, pose/0.txt, intrinsic/intrinsic_color.txt)"
_COLOUR, _DEPTH = (1296, 968), (640, 480)
_OFF_MIDDLE = 0.1  # of the size: a principal point farther off is of a picture of another size
_THINGS, _CLASSES = ("instance-filt", "instance"), ("label-filt", "label")
_MESHES = ("*_vh_clean_2.ply", "*_vh_clean.ply")
Size = tuple[int, int]


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete."""
    # MonoSDF keeps poses and matrices of its scenes of ScanNet, too.
    prepared = has_cropped_pictures(path)
    return (path / "pose").is_dir() and _intrinsic(path, "color") is not None and not prepared


def read(path: Path) -> Scene:
    """The scene of an exported scan; UserError names the file that is missing or wrong."""
    listed = _pose_files(path)
    matrices = [read_matrix(file) for file in listed]
    tracked = [k for k, matrix in enumerate(matrices) if np.isfinite(matrix).all()]
    if not tracked:
        raise UserError(f"{path}: all of its {len(listed)} poses hold nan or inf: take another scan")
    notes: list[str] = []
    if len(tracked) < len(listed):
        lost = len(listed) - len(tracked)
        notes.append(f"the poses of {lost} of {len(listed)} frames were lost (nan, inf); they are left out")
    names = [f"{listed[k].stem}.jpg" for k in tracked]
    found = [picture_named(path / "color", name) for name in names]
    kept, gone = without_missing(found, path / "pose", str(path / "color" / names[0]))
    frames = [tracked[k] for k in kept]
    images = [image for image in found if image is not None]
    poses = checked_poses(np.stack([matrices[k] for k in frames]), [str(listed[k]) for k in frames])
    cameras = _cameras(path, poses, images)
    files = {"image": FileList(tuple(images), read_rgb)}
    maps = [picture_named(path / "depth", f"{listed[k].stem}.png") for k in frames]
    if any(maps):
        views = [
            None if file is None else _view(path, "depth", file, cameras, i) for i, file in enumerate(maps)
        ]
        files["sensor_depth"] = FileList(tuple(maps), read_depth(1e-3)).through(views)
    segments, said = _segments(path, [listed[k].stem for k in frames], cameras)
    if segments is not None:
        files["segment"] = segments
    notes += [*gone, *said, *_extrinsics(path)]
    return Scene(path.name, path, cameras, files, ground_truth_file=true_surface(path), notes=notes, unit="m")


def true_surface(path: Path) -> Path | None:
    """The data set's own mesh of a scan."""
    return next((file for pattern in _MESHES for file in sorted(path.glob(pattern))), None)


def scan_cameras(path: Path, every: int) -> Cameras:
    """The colour cameras of every so-maniest pose of a scan, whether their pictures are there or not.

    Poses that were lost count, and are left out. Pictures are of the data set's own size, whatever the
    matrix was made for.

    Args:
        path: a scan, or MonoSDF's folder of one, which has pose/ and intrinsic/ as well.
        every: from the first on.

    Raises:
        UserError: a file is missing or wrong, or no pose is left.
    """
    file = _intrinsic(path, "color")
    if file is None:
        raise UserError(f"{path}: no intrinsic/intrinsic_color.txt: give a scan taken apart by SensReader")
    listed = _pose_files(path)[::every]
    matrices = [read_matrix(one) for one in listed]
    kept = [k for k, matrix in enumerate(matrices) if np.isfinite(matrix).all()]
    if not kept:
        raise UserError(f"{path / 'pose'}: all of its poses hold nan or inf: take another scan")
    poses = checked_poses(np.stack([matrices[k] for k in kept]), [str(listed[k]) for k in kept])
    pictures = pictures_in(path / "color")
    size = file_size(pictures[0]) if pictures else _COLOUR
    lens = _lens(file, _COLOUR, size)
    numbers = (lens.fx, lens.fy, lens.cx, lens.cy, *_COLOUR)
    fx, fy, cx, cy, width, height = (np.full(len(poses), value) for value in numbers)
    return Cameras(poses, fx, fy, cx, cy, width, height)


def _pose_files(path: Path) -> list[Path]:
    """The files of poses, by number."""
    listed = sorted((path / "pose").glob("*.txt"), key=lambda file: (len(file.stem), file.stem))
    if not listed:
        raise UserError(f"{path / 'pose'}: no poses in it: export them with SensReader (--export_poses)")
    return listed


def _intrinsic(path: Path, of: str) -> Path | None:
    """The file of a camera's matrix."""
    places = (path / "intrinsic", path)
    return next((p / f"intrinsic_{of}.txt" for p in places if (p / f"intrinsic_{of}.txt").is_file()), None)


def _lens(file: Path, size: Size, whole: Size) -> Lens:
    """The lens of pictures of a size, from a matrix that may be of the data set's own size.

    Raises:
        UserError: it is of neither.
    """
    matrix = read_matrix(file)
    fx, fy, cx, cy = matrix[[0, 1, 0, 1], [0, 1, 2, 2]]
    if not np.isfinite(matrix[:2, :3]).all() or min(fx, fy) <= 0:
        raise UserError(f"{file}: its focal lengths are {fx:g} and {fy:g}: copy it again")
    for width, height in (size, whole):
        if max(abs(2 * cx / width - 1.0), abs(2 * cy / height - 1.0)) < _OFF_MIDDLE:
            lens = Lens("PINHOLE", float(fx), float(fy), float(cx) + 0.5, float(cy) + 0.5)
            return lens.scaled(size[0] / width, size[1] / height)
    raise UserError(
        f"{file}: its principal point {cx:g}, {cy:g} is neither of pictures of {size[0]}x{size[1]}, as they "
        f"are, nor of {whole[0]}x{whole[1]}: scale the matrix with the pictures"
    )


def _cameras(path: Path, poses: np.ndarray, images: list[Path]) -> Cameras:
    sizes = [file_size(image) for image in images]
    file = _intrinsic(path, "color")
    assert file is not None
    each = {size: _lens(file, size, _COLOUR) for size in sorted(set(sizes))}
    lenses = [each[size] for size in sizes]
    fx, fy, cx, cy = np.array([[lens.fx, lens.fy, lens.cx, lens.cy] for lens in lenses]).T
    width, height = np.array(sizes).T
    return Cameras(poses, fx, fy, cx, cy, width, height)


def _view(path: Path, of: str, map_: Path, cameras: Cameras, i: int) -> PinholeView:
    """How the colour camera of frame i sees a map of its own, or of the depth camera's."""
    file, size = _intrinsic(path, of), file_size(map_)
    if file is None:
        raise UserError(
            f"{path}: no intrinsic_depth.txt, which says how depth/ was seen: export it with SensReader "
            "(--export_intrinsics)"
        )
    fx, fy, cx, cy = (float(v[i]) for v in (cameras.fx, cameras.fy, cameras.cx, cameras.cy))
    whole = _DEPTH if of == "depth" else _COLOUR
    return PinholeView(
        _lens(file, size, whole), size, fx, fy, cx, cy, (int(cameras.width[i]), int(cameras.height[i]))
    )


def _segments(path: Path, names: list[str], cameras: Cameras) -> tuple[FileList | None, list[str]]:
    """Ids of things, else of classes, of the frames of these names, and what is to be said of them."""
    for folder in _THINGS + _CLASSES:
        for place in (path / folder, path / "segs" / folder):
            maps = [picture_named(place, f"{name}.png") for name in names] if place.is_dir() else []
            if not any(maps):
                continue
            # Annotations are of pictures of the full size, whatever size these have.
            sizes = list(zip(cameras.width.tolist(), cameras.height.tolist()))
            views = [
                None
                if file is None or file_size(file) == sizes[i]
                else _view(path, "color", file, cameras, i)
                for i, file in enumerate(maps)
            ]
            said = [f"{folder}/ are classes: all things of a class are one"] if folder in _CLASSES else []
            return FileList(tuple(maps), read_segment).through(views), said
    return None, []


def _extrinsics(path: Path) -> list[str]:
    """What is to be said where the two cameras stand apart."""
    for of in ("color", "depth"):
        file = next((p for p in path.glob(f"**/extrinsic_{of}.txt")), None)
        if file is not None and not np.allclose(read_matrix(file), np.eye(4), atol=1e-3):
            return [
                f"{file.name} is not the identity: it is left alone, and poses are taken for both cameras'"
            ]
    return []
