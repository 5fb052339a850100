"""Reader of scenes as MonoSDF prepares them, and ObjectSDF++ after it.

    scan1/000000_rgb.png               384x384, cut out of the middle of a picture and made smaller
    scan1/000000_depth.npy             depth of a monocular network, up to scale and shift
    scan1/000000_normal.npy            [3,H,W] in 0..1, (n + 1) / 2, OpenCV's camera axes, towards the camera
    scan1/000000_mask.npy              1 where the network's depth is to be believed (Replica)
    scan1/cameras.npz                  world_mat_i, scale_mat_i of the i-th picture by name
    scan1/segs/000000_segs.png         ids of things; instance_mapping.txt: id, class, thing (0: background)
    cull_GTmesh/room0.ply              beside the folder, the true surface of Replica's scan1, ...
    GTmesh_lowres/0050_00.obj          the same of ScanNet's

The middle of the first pixel is at (0, 0). ScanNet's matrices are of the pictures as they are, those of
Replica, Tanks and Temples and DTU of the pictures before they were cut: the principal point tells which. The
world is that of world_mat, metres for Replica and ScanNet; the box is the one around scale_mat's cube.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, read_prior_depth, read_prior_normal, read_rgb
from neurfield.scenes.layouts.pictures import Size, beside, camera_sizes, has_cropped_pictures
from neurfield.scenes.layouts.projections import read_projections
from neurfield.scenes.lenses import Lens
from neurfield.scenes.scene import Scene
from neurfield.scenes.segments import segments_beside

LOOKS_FOR = "MonoSDF or ObjectSDF++ (cameras.npz, 000000_rgb.png, 000000_depth.npy)"
REPLICA = (1200, 680)
# Sizes of pictures that MonoSDF's data sets were cut out of: Replica, Tanks and Temples, DTU.
_WHOLE: tuple[Size, ...] = (REPLICA, (960, 540), (1600, 1200))
_OFF_MIDDLE = 0.1  # of the size: a principal point farther off is of a picture of another size
# Which room scan1 and on are, and where its true surface lies beside the folder.
_ROOMS = ("room0", "room1", "room2", "office0", "office1", "office2", "office3", "office4")
_SCANS = ("0050_00", "0084_00", "0580_00", "0616_00")


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete, and not in SDFStudio's."""
    if not (path / "cameras.npz").is_file() or (path / "meta_data.json").is_file():
        return False
    return has_cropped_pictures(path)


def read(path: Path) -> Scene:
    """The scene of a prepared folder; UserError names the file or matrix that is missing or wrong."""
    images = sorted(path.glob("*_rgb.png"))
    names = [image.name.removesuffix("_rgb.png") for image in images]
    poses, matrices, box = read_projections(path / "cameras.npz", len(images))
    width, height = camera_sizes(images)
    lenses, whole = [], set()
    for matrix, size in zip(matrices, zip(width.tolist(), height.tolist())):
        lens, cut_from = _lens(path / "cameras.npz", matrix, size)
        lenses.append(lens)
        whole.add(cut_from)
    fx, fy, cx, cy = np.array([[lens.fx, lens.fy, lens.cx, lens.cy] for lens in lenses]).T
    files = {
        "image": FileList(tuple(images), read_rgb),
        "prior_depth": FileList(beside([path / f"{name}_depth.npy" for name in names]), read_believed_depth),
        "prior_normal": FileList(beside([path / f"{name}_normal.npy" for name in names]), read_prior_normal),
    }
    segments = segments_beside(path, images)
    if segments is not None:
        files["segment"] = segments
    return Scene(
        path.name,
        path,
        Cameras(poses, fx, fy, cx, cy, width, height),
        files,
        ground_truth_file=true_surface(path),
        box=box,
        # ScanNet's poses lie beside its pictures, for measuring.
        unit="m" if whole == {REPLICA} or (path / "pose").is_dir() else "",
    )


def read_believed_depth(path: Path) -> np.ndarray:
    """As `read_prior_depth`, with 0 where 000000_mask.npy beside the file, if there is one, is 0."""
    depth = read_prior_depth(path)
    file = path.with_name(path.name.replace("_depth.npy", "_mask.npy"))
    if not file.is_file():
        return depth
    mask = read_prior_depth(file)
    if mask.shape != depth.shape:
        raise UserError(f"{file}: shape {mask.shape}, its depth has {depth.shape}: copy both again")
    return np.where(mask > 0.5, depth, np.float32(0.0))


def true_surface(path: Path) -> Path | None:
    """What MonoSDF measures a scene of Replica or ScanNet against, where it lies beside the folder."""
    number = int(path.name[4:]) - 1 if path.name.startswith("scan") and path.name[4:].isdigit() else -1
    places = []
    for folder, scenes, suffix in (("cull_GTmesh", _ROOMS, "ply"), ("GTmesh_lowres", _SCANS, "obj")):
        name = scenes[number] if 0 <= number < len(scenes) else path.name.removeprefix("scene")
        places.append(path.parent / folder / f"{name}.{suffix}")
    return next((place for place in places if place.is_file()), None)


def _lens(file: Path, matrix: np.ndarray, size: Size) -> tuple[Lens, Size]:
    """The lens of a picture of this size, and the size of the one that its matrix [3,3] is of.

    Raises:
        UserError: it is of none that is known.
    """
    fx, fy, cx, cy = matrix[[0, 1, 0, 1], [0, 1, 2, 2]]
    lens = Lens("PINHOLE", float(fx), float(fy), float(cx) + 0.5, float(cy) + 0.5)
    for whole in (size, *(_WHOLE if size[0] == size[1] else ())):
        if max(abs(2 * lens.cx / whole[0] - 1.0), abs(2 * lens.cy / whole[1] - 1.0)) < _OFF_MIDDLE:
            # A square out of the middle; the whole picture where it is itself that size.
            side = whole if whole == size else (min(whole), min(whole))
            cut = replace(lens, cx=lens.cx - (whole[0] - side[0]) / 2, cy=lens.cy - (whole[1] - side[1]) / 2)
            return cut.scaled(size[0] / side[0], size[1] / side[1]), whole
    known = ", ".join(f"{w}x{h}" for w, h in _WHOLE)
    raise UserError(
        f"{file}: its principal point {cx:g}, {cy:g} is neither of pictures of {size[0]}x{size[1]}, as they "
        f"are, nor of those that MonoSDF cuts squares out of ({known}): write matrices of the cut pictures"
    )
