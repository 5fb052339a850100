"""An image as regions of pixels, read when asked for, as the file has them: 1 to 4 channels of 8 or 16 bits.

Read by libvips (through pyvips): tiled files of any size cost only the tiles that a region touches. Grey
stays one channel, transparency stays a channel, palettes are expanded, and a camera's turned picture is
turned upright.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from neurfield.errors import UserError

if TYPE_CHECKING:
    import pyvips

_TYPES: dict[int, type[np.generic]] = {8: np.uint8, 16: np.uint16}
_NOT_RGB = {"cmyk": "CMYK", "lab": "Lab", "labs": "Lab", "xyz": "XYZ", "scrgb": "linear light"}


@dataclass
class ImageSource:
    """A picture whose pixels are read when they are asked for, by any number of threads.

    Attributes:
        name: for people.
        path: its file, None for an array.
        width, height: in pixels, upright.
        channels: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha.
        bits: 8 or 16 a channel.
        notes: what a person should know of how it was read.
        profile: its ICC profile.
    """

    name: str
    path: Path | None
    width: int
    height: int
    channels: int
    bits: int
    notes: tuple[str, ...] = ()
    profile: bytes | None = None
    _array: np.ndarray | None = None
    _region: Any = field(default=None, repr=False)
    _reading: Lock = field(default_factory=Lock, repr=False, compare=False)  # libvips: one region, one thread

    @property
    def pixels(self) -> int:
        """How many."""
        return self.width * self.height

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded pixels."""
        return self.pixels * self.channels * self.bits // 8

    @property
    def peak(self) -> int:
        """The value of white: 255 or 65535."""
        return 2**self.bits - 1

    @property
    def dtype(self) -> np.dtype:
        """Of its values: uint8 or uint16."""
        return np.dtype(_TYPES[self.bits])

    @property
    def colors(self) -> int:
        """Channels without alpha."""
        return self.channels - (self.channels in (2, 4))

    def region(self, x: int, y: int, w: int, h: int) -> np.ndarray:
        """The pixels [h, w, channels], uint8 or uint16, from column x and row y on.

        Raises:
            ValueError: the region leaves the picture.
            UserError: the file cannot be read there.
        """
        if not (x >= 0 and y >= 0 and 1 <= w <= self.width - x and 1 <= h <= self.height - y):
            raise ValueError(
                f"ImageSource: region {(x, y, w, h)} leaves the {self.width}x{self.height} picture"
            )
        if self._array is not None:
            return self._array[y : y + h, x : x + w]
        import pyvips

        with self._reading:
            try:
                if self._region is None:
                    self._region = pyvips.Region.new(_upright(_open(self.path, "random")))
                content = self._region.fetch(x, y, w, h)
            except pyvips.Error as reason:
                self._region = None
                raise _damaged(self.path, reason) from reason
        return np.frombuffer(content, self.dtype).reshape(h, w, self.channels)

    def hold(self) -> np.ndarray:
        """All pixels [height, width, channels], which stay decoded from now on.

        Raises:
            UserError: the file cannot be read.
        """
        if self._array is None:
            import pyvips

            try:
                image = _open(self.path, "sequential" if not _turned(self.path) else "random")
                content = _upright(image).write_to_memory()
            except pyvips.Error as reason:
                raise _damaged(self.path, reason) from reason
            self._array = np.frombuffer(content, self.dtype).reshape(self.height, self.width, self.channels)
            with self._reading:
                self._region = None
        return self._array

    @property
    def held(self) -> bool:
        """Whether all pixels are in memory."""
        return self._array is not None


def open_image(image: str | Path | np.ndarray | ImageSource) -> ImageSource:
    """A picture by its header, or an array uint8 or uint16 [h, w] or [h, w, 1 to 4]; no pixel is read yet.

    Raises:
        UserError: missing, empty, not an image, or of colours that are not fitted (CMYK, floats, ...).
    """
    if isinstance(image, ImageSource):
        return image
    return _of_array(image) if isinstance(image, np.ndarray) else _of_file(Path(image))


def _of_array(array: np.ndarray) -> ImageSource:
    if array.dtype not in (np.uint8, np.uint16):
        raise UserError(
            f"image array: dtype {array.dtype}, expected uint8 or uint16: scale to 0..255 or 0..65535"
        )
    shaped = array[:, :, None] if array.ndim == 2 else array
    if shaped.ndim != 3 or not 1 <= shaped.shape[2] <= 4 or 0 in shaped.shape:
        raise UserError(
            f"image array: shape {list(array.shape)}, expected [h, w] or [h, w, 1 to 4] with pixels in it"
        )
    height, width, channels = shaped.shape
    shaped = np.ascontiguousarray(shaped)
    return ImageSource("array", None, width, height, channels, 8 * shaped.itemsize, _array=shaped)


def _of_file(path: Path) -> ImageSource:
    import pyvips

    if not path.exists():
        raise UserError(f"{path}: no such file: give an image (PNG, JPEG, TIFF, WebP, ...)")
    if path.is_dir():
        raise UserError(f"{path}: a folder: give one image file")
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty: write or copy it again")
        image = _open(path, "sequential")
    except (pyvips.Error, OSError) as reason:
        raise UserError(
            f"{path}: not a readable image ({_short(reason)}): give a PNG, JPEG, TIFF or WebP"
        ) from reason
    bits = {"uchar": 8, "ushort": 16}.get(image.format)
    if bits is None:
        raise UserError(
            f"{path}: pixels are of type '{image.format}', 8 or 16 bits a channel are fitted: "
            "convert it to 16-bit PNG or TIFF"
        )
    if image.interpretation in _NOT_RGB:
        raise UserError(
            f"{path}: colours are {_NOT_RGB[image.interpretation]}, grey and RGB are fitted: "
            "convert it to RGB"
        )
    if image.bands > 4:
        raise UserError(f"{path}: {image.bands} channels, 1 to 4 are fitted: split it")
    fields = image.get_fields()
    notes = []
    if "n-pages" in fields and image.get("n-pages") > 1:
        notes.append(f"the first of {image.get('n-pages')} pages")
    if "palette" in fields:
        notes.append("its palette is expanded")
    turned = _turned(path)
    if turned:
        notes.append("turned upright as its camera says")
    profile = image.get("icc-profile-data") if "icc-profile-data" in fields else None
    width, height = (image.height, image.width) if turned in (5, 6, 7, 8) else (image.width, image.height)
    return ImageSource(path.stem, path, width, height, image.bands, bits, tuple(notes), profile)


def _open(path: Path | None, access: str) -> pyvips.Image:
    """The image of a file, to be read from top to bottom ("sequential") or anywhere ("random")."""
    import pyvips

    # By a source, because a path given directly may hold options: "photo[page=2].tif".
    source = pyvips.Source.new_from_file(str(path))
    return pyvips.Image.new_from_source(source, "", access=access, fail_on="truncated")


def _turned(path: Path | None) -> int:
    """The orientation that a camera wrote, 2 to 8, or 0 for an upright picture."""
    image = _open(path, "sequential")
    way = image.get("orientation") if "orientation" in image.get_fields() else 1
    return way if 2 <= way <= 8 else 0


def _upright(image: pyvips.Image) -> pyvips.Image:
    way = image.get("orientation") if "orientation" in image.get_fields() else 1
    return image.autorot() if 2 <= way <= 8 else image


def _damaged(path: Path | None, reason: Exception) -> UserError:
    return UserError(f"{path}: damaged or truncated ({_short(reason)}): write or copy it again")


def _short(reason: BaseException) -> str:
    """The library's last word, which is the most particular."""
    lines = [line.strip() for line in str(reason).splitlines() if line.strip()]
    return lines[-1][:120] if lines else type(reason).__name__
