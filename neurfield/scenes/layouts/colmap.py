"""Reader of COLMAP's sparse models, with the pictures that they are of.

    sparse/0/cameras.bin, images.bin, points3D.bin       or .txt; or in sparse/, or in the folder itself
    images/NAME                                          names may have sub-folders
    images_2/, images_4/, images_8/                      the same pictures, smaller
    masks/NAME.png                                       black is left out

The world and its scale are the model's. Of several models the largest is read; the path of another reads that
one. The path of images_4 reads the model with these pictures: lenses are scaled by the files' true sizes, as
they are where images/ has another size than the model. Lenses with more than k1, k2, p1, p2, k3 are undone:
pictures are resampled to pinhole cameras as they are read. Points that three images see within two pixels
bound the scene.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, read_rgb
from neurfield.scenes.layouts.colmap_model import Model, image_count, model_suffix, read_model
from neurfield.scenes.layouts.pictures import Size, camera_size, masks_of, picture_named, without_missing
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import PinholeView, pinhole_view, resampled
from neurfield.scenes.scene import Scene
from neurfield.scenes.tracks import Tracks

LOOKS_FOR = "COLMAP (sparse/0 with cameras.bin or .txt, images/)"
_MODELS = ("sparse", "colmap/sparse", "colmap", "dense/sparse")
_PICTURES = ("images", "input", "image", "rgb", "color", "images_2", "images_4", "images_8")
_SMALLER = re.compile(r"images(_\d+)?")


def recognises(path: Path) -> bool:
    """Whether a folder is a COLMAP model, holds one, or has the pictures of the one beside it."""
    return path.is_dir() and bool(models_of(path) or _smaller(path))


def models_of(path: Path) -> list[Path]:
    """The models in a folder: itself, or all in one of the usual places."""
    for place in (path, *(path / name for name in _MODELS)):
        if model_suffix(place):
            return [place]
        if place.is_dir() and (place != path or path.name == "sparse"):
            numbered = [entry for entry in sorted(place.iterdir()) if entry.is_dir() and model_suffix(entry)]
            if numbered:
                return numbered
    return []


def read(path: Path) -> Scene:
    """The scene of a COLMAP model; UserError names the file that is missing or wrong."""
    models = models_of(path.parent if _smaller(path) else path)
    counts = [image_count(folder) for folder in models]
    folder = models[int(np.argmax(counts))]
    model = read_model(folder)
    pictures = path if _smaller(path) else _pictures(folder, path, model)
    found = [picture_named(pictures, name) for name in model.names]
    kept, notes = without_missing(
        found, folder / f"images{model_suffix(folder)}", str(pictures / model.names[0])
    )
    if len(models) > 1:
        each = ", ".join(f"{one.name} of {count}" for one, count in zip(models, counts))
        notes = (f"several models ({each} images): {folder.name} is read, another by its path", *notes)
    images = [image for image in found if image is not None]
    names = [model.names[i] for i in kept]
    lenses, sizes, scaled = fitted_lenses(
        [model.lenses[i] for i in kept], [model.sizes[i] for i in kept], images
    )
    if scaled and not _smaller(path):
        notes = (*notes, f"{pictures}: {scaled}, so lenses are scaled")
    files = {"image": FileList(tuple(images), read_rgb)}
    beside = pictures.parent
    masks = masks_of(images, names, [beside / "masks", beside / "mask", path / "masks"])
    if masks is not None:
        files["mask"] = masks
    flat, views = cameras_and_views(model.world_from_cam[kept], lenses, sizes, folder)
    root = beside if pictures.name in _PICTURES else pictures
    name = root.name if root == path else f"{root.name}-{path.name}"
    tracks = model.tracks.select(np.array(kept))
    factors = np.array(sizes) / np.array([model.sizes[i] for i in kept])
    tracks = Tracks(tracks.frame, tracks.point, tracks.pixel * factors[tracks.frame])
    scene = Scene(name, path, flat, files, points=model.points, tracks=tracks, notes=notes)
    return resampled(scene, views) if any(views) else scene


def _smaller(path: Path) -> bool:
    """Whether a folder is images/ or images_N/ beside a model."""
    return bool(_SMALLER.fullmatch(path.name)) and not models_of(path) and bool(models_of(path.parent))


def _pictures(folder: Path, path: Path, model: Model) -> Path:
    """The folder that the names of a model start from."""
    around = [path, folder, *list(folder.parents)[:3]]
    places = [place / name for place in around for name in _PICTURES] + around
    few = model.names[:: max(1, len(model.names) // 20)]
    found = next((p for p in places if any(picture_named(p, name) for name in few)), None)
    if found is None:
        raise UserError(
            f"{folder}: its pictures, such as {model.names[0]}, are in none of "
            f"{', '.join(str(path / name) for name in _PICTURES[:2])}: put them into {path / 'images'}"
        )
    return found


def fitted_lenses(
    lenses: list[Lens], sizes: list[Size], images: list[Path]
) -> tuple[list[Lens], list[Size], str]:
    """Lenses and sizes for the files' true sizes, and one size that differs, in words.

    Raises:
        UserError: a picture has another shape than its camera.
    """
    fitted, true, words = [], [], ""
    for lens, size, image in zip(lenses, sizes, images):
        file = camera_size(image, size)
        if file != size:
            words = words or f"pictures of {file[0]}x{file[1]} for cameras of {size[0]}x{size[1]}"
        fitted.append(lens.scaled(file[0] / size[0], file[1] / size[1]))
        true.append(file)
    return fitted, true, words


def cameras_and_views(
    poses: np.ndarray, lenses: list[Lens], sizes: list[Size], where: Path
) -> tuple[Cameras, list[PinholeView | None]]:
    """Cameras with the distortion that five numbers hold, and the views of those that these do not.

    Args:
        poses: world_from_cam [n,4,4].
        lenses, sizes: of each.
        where: the beginning of an error.
    """
    views: list[PinholeView | None] = []
    distortion = np.zeros((len(lenses), 5))
    for i, (lens, size) in enumerate(zip(lenses, sizes)):
        five = lens.five()
        views.append(pinhole_view(lens, size, size, str(where)) if five is None else None)
        distortion[i] = five or 0.0
    fx, fy, cx, cy = np.array([[lens.fx, lens.fy, lens.cx, lens.cy] for lens in lenses]).T
    width, height = np.array(sizes).T
    return Cameras(poses, fx, fy, cx, cy, width, height, distortion), views
