"""Masks that lie beside photos, where other programs leave them, and how they lie on their photo.

    masks/IMG_1.jpg.png, mask/...                 COLMAP; in the folder of photos or beside it
    masks/IMG_1.png                               nerfstudio and others
    IMG_1.jpg.mask.png, IMG_1.mask.png            RealityCapture
    IMG_1_mask.png                                Metashape
    IMG_1.jpg.png                                 beside the photo itself

White is kept, black is left out. Any format of pictures will do, and letters may be small or large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.scenes.images import file_size, looks_like_picture, orientation, read_mask
from neurfield.scenes.sizes import same_field

FOLDERS = ("masks", "mask")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def masks_beside(pictures: Sequence[Path]) -> dict[Path, Path]:
    """Which of the pictures of a folder are masks of which others: these are no photos themselves."""
    return _named(pictures, pictures, in_own_folder=False)


def masks_in_folders(folder: Path, photos: Sequence[Path]) -> dict[Path, Path]:
    """The masks of photos of a folder, by their photo, from the first of the usual folders with any."""
    for place in (*(folder / name for name in FOLDERS), *(folder.parent / name for name in FOLDERS)):
        if place.is_dir() and place != folder:
            found = _named(photos, [file for file in sorted(place.iterdir()) if looks_like_picture(file)])
            if found:
                return found
    return {}


def unused_folder(folder: Path) -> str:
    """The folder of masks among photos, of which none belongs to any, in words; nothing if there is none."""
    for place in (folder / name for name in FOLDERS):
        held = [file.name for file in sorted(place.iterdir())] if place.is_dir() else []
        if held:
            return (
                f"no masks are used: nothing in {place.name}/ (such as {held[0]}) is named as a photo "
                "(IMG_1.png or IMG_1.jpg.png for IMG_1.jpg)"
            )
    return ""


def check_mask(mask: Path, photo: Path) -> None:
    """See that a mask has its photo's shape.

    Raises:
        UserError: it has another, or cannot be opened.
    """
    _turn(mask, photo)


def read_photo_mask(mask: Path, photo: Path) -> np.ndarray:
    """The mask of a photo, bool [h,w], upright: turned along where it lies as the photo is stored.

    Raises:
        UserError: as `check_mask`, or it is damaged.
    """
    turn = _turn(mask, photo)
    kept = read_mask(mask)
    if turn == 1:
        return kept
    return np.asarray(Image.fromarray(kept.astype(np.uint8)).transpose(_UPRIGHT[turn])) > 0


def resized_mask(kept: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask [H,W] in other pixels, bool: kept where half of what a pixel shows is."""
    if kept.shape == size[::-1]:
        return kept
    grey = Image.fromarray(kept.astype(np.uint8) * 255)
    return np.asarray(grey.resize(size, Image.Resampling.BOX)) > 127


def _turn(mask: Path, photo: Path) -> int:
    """EXIF's orientation that a mask shares with its photo; 1 where it is upright, or turned by its own."""
    size, upright, turn = file_size(mask), file_size(photo), orientation(photo)
    stored = upright[::-1] if turn >= 5 else upright
    if orientation(mask) == 1 and same_field(size, stored):
        return turn
    if same_field(size, upright):
        return 1
    raise UserError(
        f"{mask}: the mask has {size[0]}x{size[1]} pixels, its photo {photo.name} {upright[0]}x{upright[1]}: "
        "write it for this photo, or take it away"
    )


def _named(photos: Iterable[Path], files: Sequence[Path], in_own_folder: bool = True) -> dict[Path, Path]:
    """Which of some files is the mask of which photo, by their names."""
    by_name = {file.stem.lower(): file for file in files}
    found = {}
    for photo in photos:
        name, stem = photo.name.lower(), photo.stem.lower()
        names = [name, f"{name}.mask", f"{stem}.mask", f"{stem}_mask", *([stem] if in_own_folder else [])]
        mask = next((by_name[one] for one in names if one in by_name), None)
        if mask is not None and mask != photo:
            found[photo] = mask
    return found
