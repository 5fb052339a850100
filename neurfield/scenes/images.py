"""One file a frame, read when it is first asked for.

A reader of a format lists its files with `FileList` and one of the `read_*` functions below. Nothing is
opened before its first use, images stay uint8, and `ByteCache` keeps decoded arrays under a budget of bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from neurfield.errors import UserError

Read = Callable[[Path], np.ndarray]
_ORIENTATION = 0x0112  # EXIF's tag
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
_SIDEWAYS = (5, 6, 7, 8)  # orientations of pictures that are stored on their side
_BELOW_ZERO = -0.02  # of (n + 1) / 2: less is no rounding
_SHORT, _LONG = 0.1, 1.5  # lengths between which a vector is a normal; a corner of the cube has 1.73


class Resampling(Protocol):
    """How a frame's camera sees its file, where that is not as the file is (`neurfield.scenes.pinhole`)."""

    @property
    def file_size(self) -> tuple[int, int]:
        """Width and height of the file."""

    def __call__(self, array: np.ndarray, smooth: bool) -> np.ndarray:
        """The file's array [H,W] or [H,W,k] in the camera's pixels; `smooth`: its values may be mixed."""


@dataclass(frozen=True)
class FileList:
    """The files of one source.

    Attributes:
        paths: one file a frame, or None.
        read: decodes a file into an array; raises UserError if it cannot.
        views: how each frame's camera sees its file, one after the other; empty: as it is.
        made_by: what made the files, for people: a network, and when; "": not known.
    """

    paths: tuple[Path | None, ...]
    read: Read
    views: tuple[tuple[Resampling, ...], ...] = ()
    made_by: str = ""

    def __call__(self, i: int) -> np.ndarray | None:
        """The decoded array of frame i, None where there is no file; UserError if it cannot be read."""
        path = self.paths[i]
        return None if path is None else self.read(path)

    def select(self, indices: np.ndarray) -> FileList:
        """The list of these frames only, in that order."""
        chosen = [int(i) for i in indices]
        views = tuple(self.views[i] for i in chosen) if self.views else ()
        return replace(self, paths=tuple(self.paths[i] for i in chosen), views=views)

    def views_of(self, i: int) -> tuple[Resampling, ...]:
        """How the camera of frame i sees its file, in turn; nothing: as it is."""
        return self.views[i] if self.views else ()

    def through(self, views: Sequence[Resampling | None]) -> FileList:
        """The same files, seen through one more view a frame, None where a frame stays as it is."""
        chains = tuple((*self.views_of(i), *([] if v is None else [v])) for i, v in enumerate(views))
        return replace(self, views=chains)


def masks_or_alpha(images: Sequence[Path], masks: Sequence[Path | None]) -> FileList | None:
    """The masks of pictures: a file, else the picture's own alpha channel; None where no picture has either.

    Args:
        images: the pictures.
        masks: of each, a file or None.
    """
    alpha = {image for image, mask in zip(images, masks) if mask is None and has_alpha(image)}
    paths = tuple(image if image in alpha else mask for image, mask in zip(images, masks))

    def read(path: Path) -> np.ndarray:
        return read_alpha(path) if path in alpha else read_mask(path)

    return FileList(paths, read) if any(paths) else None


class ByteCache:
    """Arrays by key; the least recently used go first once their bytes pass the budget.

    Safe between threads.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._held: OrderedDict[tuple[str, int], np.ndarray] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int], make: Callable[[], np.ndarray | None]) -> np.ndarray | None:
        """The array under `key`, made by `make` if it is not held; read-only, because it is shared."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        array = make()
        # A memory map costs no memory of ours but holds a file open: it is mapped anew each time.
        if array is None or isinstance(array, np.memmap):
            return array
        array.flags.writeable = False
        with self._lock:
            if key not in self._held:
                self._held[key] = array
                self._bytes += array.nbytes
            while self._bytes > self.budget and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
        return array

    def pop(self, key: tuple[str, int]) -> np.ndarray | None:
        """The array under `key` if it is held; it is held no longer."""
        with self._lock:
            array = self._held.pop(key, None)
            if array is not None:
                self._bytes -= array.nbytes
            return array


def read_rgb(path: Path) -> np.ndarray:
    """Colour image, uint8 [H,W,3]; grey, palette and 16-bit images are converted, alpha is left out."""
    image = _decode(path)
    if image.mode.startswith("I") or image.mode == "F":
        # 16-bit grey: Pillow would clip it to 8 bits instead of scaling it.
        grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.array(image.convert("RGB"))


def read_alpha(path: Path) -> np.ndarray:
    """Mask bool [H,W] from an image's alpha channel: true where more than half opaque."""
    return np.asarray(_decode(path).convert("RGBA"))[:, :, 3] > 127


def read_mask(path: Path) -> np.ndarray:
    """Mask bool [H,W]: true where a mask image (0 and 1, or black and white) is white, or opaque."""
    image = _decode(path)
    if image.mode in ("RGBA", "LA", "PA"):
        return np.asarray(image.convert("RGBA"))[:, :, 3] > 127
    grey = np.asarray(image.convert("L") if image.mode in ("RGB", "P", "1") else image)
    white = next(level for level in (1, 255, 65535, 2**31) if grey.max(initial=0) <= level)
    return grey > white / 2


def read_dynamic_mask(path: Path) -> np.ndarray:
    """Mask bool [H,W] of instant-ngp's dynamic_mask_*.png, in which what is not black is left out."""
    colour = np.asarray(_decode(path).convert("RGB"))
    return np.asarray((colour == 0).all(axis=2))


@dataclass(frozen=True)
class DepthReader:
    """A reader of depth files (integer PNG, npy): float32 [H,W] z-depth in metres, 0 = missing.

    The largest value of an integer type is no measurement, whatever the sensor: 65535 of 16 bits.

    Attributes:
        metres_per_unit: of the files' numbers.
    """

    metres_per_unit: float

    def __call__(self, path: Path) -> np.ndarray:
        """The depth of a file; UserError if it cannot be read."""
        raw = _array_2d(path) if path.suffix.lower() == ".npy" else _levels(_decode(path))
        if raw.ndim != 2:
            raise UserError(
                f"{path}: shape {raw.shape}, expected one channel: give depth as a single-channel PNG or npy"
            )
        depth = raw.astype(np.float32) * np.float32(self.metres_per_unit)
        depth[~(np.isfinite(depth) & (depth > 0))] = 0.0
        if raw.dtype.kind in "iu":
            depth[raw == np.iinfo(raw.dtype).max] = 0.0
        return depth


def read_depth(metres_per_unit: float) -> DepthReader:
    """A reader of depth files whose numbers are of so many metres."""
    return DepthReader(metres_per_unit)


def read_prior_depth(path: Path) -> np.ndarray:
    """Depth of a monocular network, npy float32 [H,W], its scale and shift unknown; 0 where there is none.

    Of a file without NaN and infinity it is a map, which takes no memory of ours.
    """
    array = _array_2d(path)
    array = array if array.dtype == np.float32 else array.astype(np.float32)
    finite = np.isfinite(array)
    return array if finite.all() else np.where(finite, array, np.float32(0.0))


def read_prior_normal(path: Path) -> np.ndarray:
    """Normals of a monocular network: float32 [H,W,3], unit, camera axes, 0 where unknown.

    The file is npy, [3,H,W] or [H,W,3] in 0..1 with n = 2 v - 1 (MonoSDF and SDFStudio). What is far from
    unit length, such as a file of zeros, is unknown.

    Raises:
        UserError: the file cannot be read, has another shape, or holds n itself.
    """
    array = _open_npy(path)
    if array.ndim == 3 and array.shape[0] == 3:
        array = np.moveaxis(array, 0, 2)
    if array.ndim != 3 or array.shape[2] != 3:
        raise UserError(
            f"{path}: shape {array.shape}, expected [3,H,W]: write normals as MonoSDF does, (n + 1) / 2"
        )
    values = np.asarray(array, dtype=np.float32)
    if np.nanmin(values, initial=0.0) < _BELOW_ZERO:
        raise UserError(
            f"{path}: normals down to {np.nanmin(values):.2g}, expected 0 to 1: write (n + 1) / 2, as "
            "MonoSDF does"
        )
    normal = 2.0 * values - 1.0
    length = np.linalg.norm(normal, axis=2, keepdims=True)
    valid = np.isfinite(length) & (length > _SHORT) & (length < _LONG)
    return np.where(valid, normal / np.maximum(length, 1e-6), np.float32(0.0))


def read_segment(path: Path) -> np.ndarray:
    """Instance ids int32 [H,W] from a PNG of 8, 16 or 32-bit integers, or an npy of integers."""
    ids = _array_2d(path) if path.suffix.lower() == ".npy" else np.asarray(_decode(path))
    if ids.dtype.kind not in "iub":
        raise UserError(f"{path}: ids of type {ids.dtype}, expected integers: write them as such")
    if ids.ndim != 2:
        raise UserError(f"{path}: shape {ids.shape}, expected one channel: write ids as a single-channel PNG")
    return ids.astype(np.int32)


def read_levels(path: Path) -> np.ndarray:
    """The numbers of an image of integers as they are, [H,W] or [H,W,channels], in the file's own type."""
    return _levels(_decode(path))


def file_size(path: Path) -> tuple[int, int]:
    """Width and height of an image (upright, as EXIF says) or npy file, from its header.

    Raises:
        UserError: it is missing or neither.
    """
    if path.suffix.lower() == ".npy":
        shape = _open_npy(path).shape
        if len(shape) == 3 and shape[0] in (1, 3):
            return int(shape[2]), int(shape[1])
        if len(shape) not in (2, 3):
            raise UserError(f"{path}: shape {shape}, expected [H,W] or [3,H,W]: write one array a frame")
        return int(shape[1]), int(shape[0])
    with _open_image(path) as image:
        width, height = image.size
        return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def orientation(path: Path) -> int:
    """The EXIF orientation of an image file, 1 (upright) where it says nothing."""
    if path.suffix.lower() == ".npy":
        return 1
    with _open_image(path) as image:
        return _orientation(image)


def looks_like_picture(path: Path) -> bool:
    """Whether a file's name says that it is an image of a format that is read here."""
    return path.suffix.lower() in _PICTURES and path.is_file()


def has_alpha(path: Path) -> bool:
    """Whether an image file has an alpha channel, from its header alone."""
    with _open_image(path) as image:
        return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _open_image(path: Path) -> Image.Image:
    if not path.is_file():
        raise UserError(f"{path}: no such file: bring it back, or take its frame out of the scene")
    try:
        return Image.open(path)
    except (OSError, SyntaxError, Image.DecompressionBombError) as reason:
        if path.suffix.lower() not in Image.registered_extensions():
            suffix = path.suffix or "a file without suffix"
            raise UserError(
                f"{path}: {suffix} is not a format that is read here: write PNG, JPEG, TIFF or WebP, "
                "and depth as 16-bit PNG, TIFF or npy"
            ) from reason
        raise UserError(
            f"{path}: not a readable image ({_short(reason)}): write or copy it again"
        ) from reason


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, of formats that Pillow does not turn by itself (TIFF), from the header alone."""
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1  # Pillow would read a whole PNG to look for EXIF at its end
    return int(image.getexif().get(_ORIENTATION, 1))


def _levels(image: Image.Image) -> np.ndarray:
    """The numbers of an image, in the type that its file has: Pillow has 16-bit PNG as 32 bits, too."""
    array = np.asarray(image)
    if image.format == "PNG" and array.dtype == np.int32:
        return array.astype(np.uint16)
    return array


def _decode(path: Path) -> Image.Image:
    """The image of a file, turned upright as its EXIF orientation says."""
    with _open_image(path) as image:
        try:
            image.load()
        except (OSError, SyntaxError, ValueError) as reason:
            raise UserError(
                f"{path}: damaged or truncated ({_short(reason)}): write or copy it again"
            ) from reason
        if _orientation(image) == 1:
            return image
        format_of_file = image.format
        image = ImageOps.exif_transpose(image)
        image.format = format_of_file
        return image


def _open_npy(path: Path) -> np.ndarray:
    if not path.is_file():
        raise UserError(f"{path}: no such file: bring it back, or take its frame out of the scene")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as reason:
        if "object" in str(reason).lower():
            raise UserError(
                f"{path}: holds Python objects, which are never loaded: save the plain array [H,W] as npy"
            ) from reason
        raise UserError(
            f"{path}: not a readable npy file ({_short(reason)}): write or copy it again"
        ) from reason


def _array_2d(path: Path) -> np.ndarray:
    array = _open_npy(path)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
        array = array[0] if array.shape[0] == 1 else array[:, :, 0]
    if array.ndim != 2:
        raise UserError(f"{path}: shape {array.shape}, expected [H,W]: write one plane a frame")
    return array


def _short(reason: BaseException) -> str:
    lines = str(reason).splitlines()
    return lines[0][:120] if lines else type(reason).__name__
