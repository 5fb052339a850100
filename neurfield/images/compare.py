"""What other ways of keeping a picture take: PNG without loss, JPEG at a given quality of reproduction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurfield.images.source import ImageSource

WHOLE = 24_000_000  # pixels up to which a picture is compared whole
_CHUNK = 2**20  # values
_TILES, _EDGE = 16, 1024  # of the sample of a larger one


@dataclass(frozen=True)
class Sample:
    """The same pixels of two pictures.

    Attributes:
        true, fitted: [h, w, channels], in the integers of the files.
        share: how many of all pixels they are, 0..1.
    """

    true: np.ndarray
    fitted: np.ndarray
    share: float


def sample_of(true: ImageSource, fitted: ImageSource, seed: int = 0) -> Sample:
    """All of a small picture; of one above 24 M pixels 16 tiles at random places, one above the other."""
    if true.pixels <= WHOLE:
        whole = (0, 0, true.width, true.height)
        return Sample(true.region(*whole), fitted.region(*whole), 1.0)
    random = np.random.default_rng(seed)
    w, h = min(_EDGE, true.width), min(_EDGE, true.height)
    places = [
        (int(random.integers(true.width - w + 1)), int(random.integers(true.height - h + 1)))
        for _ in range(_TILES)
    ]
    parts = [np.concatenate([image.region(x, y, w, h) for x, y in places]) for image in (true, fitted)]
    return Sample(parts[0], parts[1], _TILES * w * h / true.pixels)


def png_bytes(pixels: np.ndarray) -> int:
    """Bytes of a picture [h, w, 1 to 4] of 8 or 16 bits as PNG."""
    return len(_image(pixels).pngsave_buffer(compression=6))


@dataclass(frozen=True)
class Jpeg:
    """A JPEG of a picture: its quality (1 to 100), its size in bytes, how well it reproduces it in dB."""

    quality: int
    size: int
    psnr: float


def jpeg_as_good(true: np.ndarray, psnr: float) -> Jpeg | None:
    """The smallest JPEG (4:4:4) that reproduces a picture at least as well.

    Args:
        true: uint8 [h, w, 1 or 3].
        psnr: dB, at least.

    Returns:
        None if even quality 100 is worse.
    """
    low, high, best = 1, 100, None
    while low <= high:
        quality = (low + high) // 2
        candidate = _jpeg(true, quality)
        if candidate.psnr >= psnr:
            best, high = candidate, quality - 1
        else:
            low = quality + 1
    return best


def _jpeg(true: np.ndarray, quality: int) -> Jpeg:
    import pyvips

    content = _image(true).jpegsave_buffer(Q=quality, subsample_mode="off", optimize_coding=True)
    back = pyvips.Image.new_from_buffer(content, "").write_to_memory()
    return Jpeg(quality, len(content), psnr_of(np.frombuffer(back, np.uint8).reshape(true.shape), true, 255))


def psnr_of(a: np.ndarray, b: np.ndarray, peak: int) -> float:
    """Peak signal-to-noise ratio in dB of integer pictures of one shape; infinite if equal."""
    a, b, squared = a.reshape(-1), b.reshape(-1), 0
    for start in range(0, a.size, _CHUNK):  # exactly, in integers, and with little memory
        difference = a[start : start + _CHUNK].astype(np.int64) - b[start : start + _CHUNK]
        squared += int(difference @ difference)
    return math.inf if squared == 0 else 10.0 * math.log10(peak**2 * a.size / squared)


def to_8_bits(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16 [...] rounded to uint8."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _image(pixels: np.ndarray):  # type: ignore[no-untyped-def]
    import pyvips

    h, w, channels = pixels.shape
    form = "uchar" if pixels.dtype == np.uint8 else "ushort"
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels).data, w, h, channels, form)
    colors = {1: "b-w", 2: "b-w", 3: "srgb", 4: "srgb"} if form == "uchar" else {
        1: "grey16", 2: "grey16", 3: "rgb16", 4: "rgb16",
    }  # fmt: skip
    return image.copy(interpretation=colors[channels])
