"""Which files of a folder are photos, and what is said of the others."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.posing.exif import LensTags, lens_tags
from neurfield.posing.masks import FOLDERS, check_mask, masks_beside, masks_in_folders
from neurfield.scenes.images import file_size, has_alpha, looks_like_picture

VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".3gp")
_HEIC = (".heic", ".heif", ".hif")
_RAW = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf")
_EDGE = 1 << 16  # bytes at both ends of a file that tell whether it changed
_SMALLEST = 64  # pixels


@dataclass(frozen=True)
class Photo:
    """A photo as it lies in its folder.

    Attributes:
        path: of the file.
        name: by which it is known in the scene, without suffix.
        size: width and height, upright.
        tags: of its lens.
        digest: of its bytes.
        mask: a file that shows what to keep of it, or None.
        alpha: whether its own alpha channel does.
    """

    path: Path
    name: str
    size: tuple[int, int]
    tags: LensTags
    digest: str
    mask: Path | None = None
    alpha: bool = False


@dataclass(frozen=True)
class Inventory:
    """The photos of a folder in the order of their names, and why the other files are left out, by name."""

    photos: tuple[Photo, ...]
    skipped: tuple[tuple[str, str], ...]


def take_stock(folder: Path) -> Inventory:
    """Look at every file of a folder.

    Raises:
        UserError: there is no photo; some are HEIC, and the library for it is missing; a mask has another
            shape than its photo.
    """
    photos: list[Photo] = []
    skipped: list[tuple[str, str]] = []
    twins: dict[str, str] = {}
    entries = [entry for entry in sorted(folder.iterdir(), key=_as_counted) if not entry.name.startswith(".")]
    if any(entry.suffix.lower() in _HEIC for entry in entries):
        open_heic()
    files = [entry for entry in entries if entry.is_file()]
    beside = masks_beside([file for file in files if not _no_photo(file)])
    for path in (file for file in files if file not in beside.values()):
        why = _no_photo(path)
        if not why:
            try:
                size = file_size(path)
            except UserError as trouble:
                why = str(trouble).removeprefix(f"{path}: ")
            else:
                why = "too small to be a photo" if min(size) < _SMALLEST else ""
        digest = "" if why else digest_of(path)
        if digest in twins:
            why = f"the same file as {twins[digest]}"
        if why:
            skipped.append((path.name, why))
            continue
        twins[digest] = path.name
        photos.append(Photo(path, path.stem, size, _tags(path), digest))
    for name in _folders_of_photos(entries):
        skipped.append((name, "a folder of photos: import it by itself"))
    if not photos:
        raise UserError(f"{folder}: {_nothing(folder, entries, skipped)}")
    return Inventory(tuple(_masked(_named_apart(photos), folder, beside)), tuple(skipped))


def open_heic() -> None:
    """Let Pillow open HEIC.

    Raises:
        UserError: the library for it is missing.
    """
    require("pillow_heif", "photos").register_heif_opener()


def digest_of(path: Path) -> str:
    """A word that changes with a file: of its length, its beginning and its end."""
    length = path.stat().st_size
    digest = hashlib.sha256(str(length).encode())
    with path.open("rb") as file:
        digest.update(file.read(_EDGE))
        if length > _EDGE:
            file.seek(max(_EDGE, length - _EDGE), os.SEEK_SET)
            digest.update(file.read(_EDGE))
    return digest.hexdigest()[:16]


def _as_counted(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Orders names as people count: IMG_9 before IMG_10."""
    words = re.split(r"(\d+)", path.name.lower())
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words], path.name


def _no_photo(path: Path) -> str:
    """Why a file is no photo, by its name; nothing if it may be one."""
    suffix = path.suffix.lower()
    if suffix in _RAW:
        return "raw of a camera: export it as JPEG"
    if suffix in VIDEOS:
        return "a video: import it by itself"
    return "" if suffix in _HEIC or looks_like_picture(path) else "no photo"


def _tags(path: Path) -> LensTags:
    with Image.open(path) as image:
        return lens_tags(image)


def _named_apart(photos: list[Photo]) -> list[Photo]:
    """The same photos, those of one name (IMG_1.jpg, IMG_1.png) told apart by their suffix."""
    names = [photo.name.lower() for photo in photos]
    return [
        photo
        if names.count(photo.name.lower()) == 1
        else replace(photo, name=photo.path.name.replace(".", "_"))
        for photo in photos
    ]


def _masked(photos: list[Photo], folder: Path, beside: dict[Path, Path]) -> list[Photo]:
    """The same photos with their masks: from a folder of masks, else beside them, else their own alpha."""
    masks = masks_in_folders(folder, [photo.path for photo in photos]) or beside
    found = []
    for photo in photos:
        mask = masks.get(photo.path)
        if mask is not None:
            check_mask(mask, photo.path)
        found.append(replace(photo, mask=mask, alpha=mask is None and has_alpha(photo.path)))
    return found


def _folders_of_photos(entries: list[Path]) -> list[str]:
    """The folders among some entries that hold pictures, but those of masks."""
    return [
        entry.name
        for entry in entries
        if entry.is_dir()
        and entry.name not in FOLDERS
        and any(looks_like_picture(file) for file in entry.iterdir())
    ]


def _nothing(folder: Path, entries: list[Path], skipped: list[tuple[str, str]]) -> str:
    below = _folders_of_photos(entries)
    if below:
        return f"no photos in it, but in {', '.join(below[:4])}: give {folder / below[0]}"
    if skipped:
        return f"no photos in it ({skipped[0][0]}: {skipped[0][1]}): give a folder of JPEG, PNG, TIFF or HEIC"
    return "no photos in it: give a folder of JPEG, PNG, TIFF or HEIC"
