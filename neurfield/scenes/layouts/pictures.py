"""Pictures that readers look for: by name in a folder, with or without their extension, of whatever size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import (
    FileList,
    file_size,
    looks_like_picture,
    masks_or_alpha,
    orientation,
)
from neurfield.scenes.lenses import Lens
from neurfield.scenes.sizes import check_size, same_field

Size = tuple[int, int]  # width, height
_EXTENSIONS = (".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG", ".webp", ".tif", ".tiff")
_SIDEWAYS = (5, 6, 7, 8)


def picture_named(folder: Path, name: str) -> Path | None:
    """The picture of a name in a folder, or of the same name with another extension or none; None if none."""
    path = folder / name.replace("\\", "/")
    if path.is_file():
        return path
    others = [path.with_suffix(extension) for extension in _EXTENSIONS]
    others += [path.with_name(path.name + extension) for extension in _EXTENSIONS]
    return next((other for other in others if other.is_file()), None)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, by name; what is none is left alone."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if looks_like_picture(entry))


def has_cropped_pictures(folder: Path) -> bool:
    """Whether a folder has 000000_rgb.png and on, as MonoSDF and SDFStudio prepare any data set."""
    return folder.is_dir() and any(folder.glob("*_rgb.png"))


def camera_sizes(images: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Widths and heights [n] of pictures, for layouts that give no size of their cameras."""
    width, height = np.array([file_size(image) for image in images], dtype=np.int64).reshape(-1, 2).T
    return width, height


def camera_size(path: Path, camera: Size) -> Size:
    """The size of a picture whose camera was given for another one, as its camera counts its pixels.

    That is the file's as EXIF turns it, or, where the camera's shape says so, as it is stored.

    Raises:
        UserError: the two differ in shape: the camera is of other pictures.
    """
    size = file_size(path)
    if size == camera or same_field(size, camera):
        return size
    if orientation(path) in _SIDEWAYS and same_field(size[::-1], camera):
        return size[::-1]
    check_size("image", path, size, camera)
    return size


def cameras_of_lenses(
    poses: np.ndarray, lenses: Sequence[Lens], sizes: Sequence[Size], images: Sequence[Path]
) -> Cameras:
    """Cameras of lenses that five numbers hold, scaled to the pictures' true sizes.

    Args:
        poses: world_from_cam [n,4,4].
        lenses: of each.
        sizes: width and height of the pictures that each was given for.
        images: the pictures [n].

    Raises:
        UserError: a picture has another shape.
    """
    true = [camera_size(image, size) for image, size in zip(images, sizes)]
    scaled = [
        lens.scaled(width / size[0], height / size[1])
        for lens, size, (width, height) in zip(lenses, sizes, true)
    ]
    fx, fy, cx, cy = np.array([[lens.fx, lens.fy, lens.cx, lens.cy] for lens in scaled]).T
    width, height = np.array(true, dtype=np.int64).T
    return Cameras(
        poses, fx, fy, cx, cy, width, height, np.array([lens.five() or [0.0] * 5 for lens in scaled])
    )


def cameras_of_lens(poses: np.ndarray, lens: Lens, size: Size, images: Sequence[Path]) -> Cameras:
    """The same where all have one lens."""
    return cameras_of_lenses(poses, [lens] * len(images), [size] * len(images), images)


def masks_of(images: Sequence[Path], names: Sequence[str], folders: Sequence[Path]) -> FileList | None:
    """The masks of pictures: NAME.png or NAME with another extension in a folder, else their alpha channel.

    Args:
        images: the pictures.
        names: of each, from the folder of pictures, with its extension.
        folders: where masks may be; the first that holds any is taken.
    """
    for folder in folders:
        paths = tuple(_mask(folder, name) for name in names) if folder.is_dir() else ()
        if any(paths):
            return masks_or_alpha(images, paths)
    return masks_or_alpha(images, [None] * len(images))


def beside(paths: Sequence[Path]) -> tuple[Path | None, ...]:
    """The paths that are files, None for the others."""
    return tuple(path if path.is_file() else None for path in paths)


def without_missing(
    images: Sequence[Path | None], where: Path, first: str
) -> tuple[list[int], tuple[str, ...]]:
    """The frames whose pictures are there, and what is to be said of the others.

    Args:
        images: the pictures, None where there is none.
        where: the file that names them.
        first: the name of the first.

    Raises:
        UserError: none is there.
    """
    kept = [i for i, image in enumerate(images) if image is not None]
    lost = len(images) - len(kept)
    if not kept:
        raise UserError(
            f"{where}: none of its {len(images)} pictures is there, such as {first}: bring them back"
        )
    if not lost:
        return kept, ()
    return kept, (f"{where.name}: {lost} of {len(images)} pictures are not there and are left out",)


def _mask(folder: Path, name: str) -> Path | None:
    whole = folder / f"{name}.png"
    return whole if whole.is_file() else picture_named(folder, name)
