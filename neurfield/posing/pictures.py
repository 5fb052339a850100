"""Photos as the pictures of a scene: upright, of a size that can be worked with, each sharp or not."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.posing.inventory import Photo
from neurfield.posing.masks import read_photo_mask, resized_mask
from neurfield.posing.sharpness import sharpness
from neurfield.posing.workplace import Workplace, read_json, write_json
from neurfield.scenes.frames import spread
from neurfield.scenes.images import has_alpha, orientation, read_alpha, read_mask, read_rgb
from neurfield.scenes.mask_polarity import MOST_LOOKED_AT, look_inverted

Progress = Callable[[str, float], None]
QUALITY = 95
_AS_THEY_ARE = (".jpg", ".jpeg", ".png")
_EXACT = (".png", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Picture:
    """A picture of the scene.

    Attributes:
        name: of its photo, without suffix.
        file: its name in the folder of pictures.
        size: width and height.
        full_size: those of its photo.
        focal: pixels of the picture; None where it is not known.
        lens: in words, or nothing; pictures of one size and one lens share a camera.
        sharpness: as `neurfield.posing.sharpness`.
        masked: whether there is a mask of it, as `mask_of` names it.
    """

    name: str
    file: str
    size: tuple[int, int]
    full_size: tuple[int, int]
    focal: float | None
    lens: str
    sharpness: float
    masked: bool = False


def reduced(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height of a picture that is made smaller until no side is longer than `longest`."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def bake(photos: Sequence[Photo], longest: int, place: Workplace, progress: Progress) -> Listing:
    """Write each photo upright and reduced, unless it is there; damaged ones are left out.

    Photos that are in an earlier list keep their files; those that were added get the numbers after them.

    Args:
        photos: to be written.
        longest: side of a picture, pixels.
        place: to write to.
        progress: is told which part is done.

    Raises:
        UserError: a mask is damaged.
    """
    place.pictures.mkdir(exist_ok=True)
    pictures, damaged = [], []
    earlier = _read_list(place.earlier_listing)
    known = {} if earlier is None else {one.name: one for one in earlier.pictures}
    number = max((int(Path(one.file).stem) + 1 for one in known.values()), default=0)
    for i, photo in enumerate(photos):
        progress("pictures", i / len(photos))
        if photo.name in known:
            pictures.append(known[photo.name])
            continue
        number += 1
        try:
            pictures.append(_baked(photo, number - 1, longest, place))
        except UserError as trouble:
            if str(trouble).startswith(f"{photo.mask}: "):
                raise  # without it what was to be left out would be fitted
            damaged.append(f"left out: {photo.path.name} ({str(trouble).removeprefix(f'{photo.path}: ')})")
    return Listing(tuple(sorted(pictures, key=lambda one: one.file)), False, tuple(damaged))


@dataclass(frozen=True)
class Listing:
    """What a finished stage left.

    Attributes:
        pictures: in the order of their files.
        ordered: whether neighbours in this order show the same, as in a video.
        lines: what is to be said of what was left out.
    """

    pictures: tuple[Picture, ...]
    ordered: bool
    lines: tuple[str, ...]


def write_listing(place: Workplace, listing: Listing) -> None:
    """Write the list, which says that all pictures are there."""
    write_json(place.listing, dataclasses.asdict(listing))
    place.earlier_listing.unlink(missing_ok=True)


def read_listing(place: Workplace) -> Listing | None:
    """The list of a finished stage; None if it is not finished."""
    return _read_list(place.listing)


def _read_list(path: Path) -> Listing | None:
    record = read_json(path)
    if record is None:
        return None
    pictures = []
    for one in record["pictures"]:
        sizes = {key: tuple(one[key]) for key in ("size", "full_size")}
        pictures.append(Picture(**{**one, **sizes}))
    return Listing(tuple(pictures), record["ordered"], tuple(record["lines"]))


def mask_of(place: Workplace, file: str) -> Path:
    """The mask of a picture, by the name that COLMAP looks for."""
    return place.masks / f"{file}.png"


def mask_doubts(pictures: Sequence[Picture], place: Workplace) -> list[str]:
    """What speaks against the masks of pictures, for people."""
    masked = [one.file for one in pictures if one.masked]
    some = [masked[i] for i in spread(len(masked), MOST_LOOKED_AT)]
    if not look_inverted(read_mask(mask_of(place, file)) for file in some):
        return []
    return [
        "masks leave out the middle of nearly all photos and keep the border, as if black were the object: "
        "if it is, invert them (white is kept)"
    ]


def save(path: Path, picture: np.ndarray | Image.Image) -> None:
    """Write a picture whole, or not at all."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    with atomic_write(path) as temporary:
        image.save(temporary, quality=QUALITY, subsampling=0)


def _baked(photo: Photo, i: int, longest: int, place: Workplace) -> Picture:
    size = reduced(photo.size, longest)
    kept = size == photo.size and photo.path.suffix.lower() in _AS_THEY_ARE
    kept = kept and orientation(photo.path) == 1 and not has_alpha(photo.path)
    exact = photo.path.suffix.lower() in _EXACT
    path = place.pictures / f"{i:06d}{'.png' if exact else '.jpg'}"
    if not path.exists():
        picture = read_rgb(photo.path)  # also of one that is copied: damaged ones are found here
        _bake_mask(
            photo, size, mask_of(place, path.name)
        )  # before its picture, which says that both are done
        if kept and not _is_grey_or_deep(photo.path):
            with atomic_write(path) as temporary:
                shutil.copyfile(photo.path, temporary)
        else:
            image = Image.fromarray(picture)
            save(path, image if image.size == size else image.resize(size, Image.Resampling.LANCZOS))
    focal = photo.tags.pixels
    return Picture(
        photo.name, path.name, size, photo.size,
        None if focal is None else focal * size[0] / photo.size[0],
        photo.tags.words, sharpness(read_rgb(path)), mask_of(place, path.name).exists(),
    )  # fmt: skip


def _bake_mask(photo: Photo, size: tuple[int, int], path: Path) -> None:
    """Write the mask of a photo, where it has one that leaves anything out."""
    if photo.mask is None and not photo.alpha:
        return
    kept = read_alpha(photo.path) if photo.mask is None else read_photo_mask(photo.mask, photo.path)
    if photo.alpha and kept.all():
        return
    save(path, resized_mask(kept, size).astype(np.uint8) * 255)


def _is_grey_or_deep(path: Path) -> bool:
    with Image.open(path) as image:
        return image.mode != "RGB"
