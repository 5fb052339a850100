"""Reader of NeuS, IDR and VolSDF, the layout in which DTU and BlendedMVS are handed around.

    scan24/cameras_sphere.npz        world_mat_0, scale_mat_0, ...; IDR's name is cameras.npz
    scan24/image/000000.png          the i-th by name has matrices i
    scan24/mask/000.png              white is the object

world_mat_i carries the world to pixels: intrinsics times cam_from_world, in OpenCV's axes, the middle of the
first pixel at (0, 0). scale_mat_i carries the unit sphere to the world. The world stays that of world_mat
(DTU's millimetres), and the box is the one around the sphere: meshes need no scale_mat to be compared.
"""

from __future__ import annotations

from pathlib import Path

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, has_alpha, read_alpha, read_mask, read_rgb
from neurfield.scenes.layouts.pictures import camera_sizes, has_cropped_pictures, pictures_in
from neurfield.scenes.layouts.projections import read_projections
from neurfield.scenes.scene import Scene

LOOKS_FOR = "NeuS, IDR or DTU (cameras_sphere.npz or cameras.npz, image/)"
_CAMERAS = ("cameras_sphere.npz", "cameras.npz")
_IMAGES, _MASKS = ("image", "images", "rgb"), ("mask", "masks")


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete, and not in MonoSDF's or SDFStudio's."""
    return any((path / name).is_file() for name in _CAMERAS) and not has_cropped_pictures(path)


def read(path: Path) -> Scene:
    """The scene of a folder in NeuS' layout; UserError names the file or matrix that is missing or wrong."""
    file = next(path / name for name in _CAMERAS if (path / name).is_file())
    images = next((found for name in _IMAGES if (found := pictures_in(path / name))), [])
    if not images:
        raise UserError(f"{path / _IMAGES[0]}: no pictures in it: copy them from the data set")
    poses, lens, box = read_projections(file, len(images))
    width, height = camera_sizes(images)
    cameras = Cameras(
        poses, lens[:, 0, 0], lens[:, 1, 1], lens[:, 0, 2] + 0.5, lens[:, 1, 2] + 0.5, width, height
    )
    files = {"image": FileList(tuple(images), read_rgb)}
    masks = _masks(path, images)
    if masks is not None:
        files["mask"] = masks
    return Scene(path.name, path, cameras, files, box=box)


def _masks(path: Path, images: list[Path]) -> FileList | None:
    """Masks of the same names as the pictures, else as many in the same order, else the alpha channel."""
    for folder in _MASKS:
        found = pictures_in(path / folder)
        by_name = {mask.stem: mask for mask in found}
        if any(image.stem in by_name for image in images):
            return FileList(tuple(by_name.get(image.stem) for image in images), read_mask)
        if len(found) == len(images):
            return FileList(tuple(found), read_mask)
        if found:
            raise UserError(
                f"{path / folder}: {len(found)} masks for {len(images)} pictures, of other names: give each "
                "the name of its picture"
            )
    return FileList(tuple(images), read_alpha) if has_alpha(images[0]) else None
