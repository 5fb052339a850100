"""Pictures written by rows, so that they may be larger than memory."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from neurfield.files import atomic_write
from neurfield.images.source import ImageSource

LARGEST_PNG = 2**28  # pixels; PNG has no tiles, so that larger ones become BigTIFF, which can be looked into


def save_rows(bands: Iterable[np.ndarray], like: ImageSource, stem: Path) -> Path:
    """Write bands of rows, from top to bottom, as one file.

    The bands' raw bytes pass through a file beside it, which needs its room for a while.

    Args:
        bands: [rows, width, channels] each.
        like: the picture whose size, depth and profile the file gets.
        stem: the file without its suffix.

    Returns:
        `stem`.png, or `stem`.tif (BigTIFF in tiles) above 2^28 pixels.

    Raises:
        OSError: it cannot be written.
    """
    import pyvips

    raw = stem.with_name(f".{stem.name}.raw")
    try:
        with raw.open("wb") as out:
            for band in bands:
                out.write(np.ascontiguousarray(band).data)
        form = {8: "uchar", 16: "ushort"}[like.bits]
        image = pyvips.Image.rawload(str(raw), like.width, like.height, like.channels, format=form)
        image = image.copy(interpretation=_interpretation(like))
        if like.profile is not None:
            image = image.mutate(
                lambda it: it.set_type(pyvips.GValue.blob_type, "icc-profile-data", like.profile)
            )
        as_png = like.pixels <= LARGEST_PNG
        path = stem.with_name(stem.name + (".png" if as_png else ".tif"))
        with atomic_write(path) as temporary:
            if as_png:
                image.pngsave(str(temporary), compression=6)
            else:
                image.tiffsave(str(temporary), tile=True, tile_width=256, tile_height=256, bigtiff=True,
                               compression="deflate")  # fmt: skip
    except pyvips.Error as reason:
        text = " ".join(str(reason).split())
        code = errno.ENOSPC if "No space left" in text else errno.EIO
        raise OSError(code, f"cannot be written ({text})", str(stem)) from reason
    finally:
        raw.unlink(missing_ok=True)
    return path


def save_array(array: np.ndarray, like: ImageSource, stem: Path) -> Path:
    """Write a whole picture [h, w, channels]; see `save_rows`."""
    return save_rows([array], like, stem)


def _interpretation(like: ImageSource) -> str:
    if like.colors == 1:
        return "b-w" if like.bits == 8 else "grey16"
    return "srgb" if like.bits == 8 else "rgb16"
