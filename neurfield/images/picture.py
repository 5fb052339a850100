"""Pictures for people: any channels and bits as 8-bit RGB, and true, fitted and error side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from neurfield.images.source import ImageSource

_LABEL = 18  # pixels in height
_GAP = 6
AMPLIFIED = 10  # times, errors as shown


@dataclass(frozen=True)
class Panel:
    """One row of a sheet.

    Attributes:
        title: what is said of it.
        true, fitted: uint8 [h, w, 3].
        error: [h, w] in 0..1.
    """

    title: str
    true: np.ndarray
    fitted: np.ndarray
    error: np.ndarray


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16 [h, w, 1 to 4] as uint8 [h, w, 3], what is transparent over white."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    channels = pixels.shape[2]
    colors = pixels[:, :, : channels - (channels in (2, 4))]
    rgb = np.repeat(colors, 3, axis=2) if colors.shape[2] == 1 else colors
    if channels in (2, 4):
        opaque = pixels[:, :, -1:].astype(np.float32) / 255.0
        rgb = (rgb * opaque + 255.0 * (1.0 - opaque) + 0.5).astype(np.uint8)
    return np.ascontiguousarray(rgb)


def shrunk(image: ImageSource, longest: int) -> np.ndarray:
    """A picture [h, w, channels] in its own integers, averaged over blocks.

    No side has more than `longest` pixels.
    """
    block = math.ceil(max(image.width, image.height) / longest)
    starts = np.arange(0, image.width, block)
    counts = np.diff(np.append(starts, image.width))[:, None]
    rows = []
    for y in range(0, image.height, block):
        band = image.region(0, y, image.width, min(block, image.height - y)).mean(axis=0, dtype=np.float64)
        rows.append(np.add.reduceat(band, starts, axis=0) / counts)
    return (np.stack(rows) + 0.5).astype(image.dtype)


def side_by_side(panels: list[Panel]) -> Image.Image:
    """true | fitted | error, one row a panel, labelled; the error is amplified."""
    cells = [
        [
            (f"{panel.title}: true", panel.true),
            ("fitted", panel.fitted),
            (f"error x{AMPLIFIED}", _error_picture(panel.error)),
        ]
        for panel in panels
    ]
    widths = [max(max(row[k][1].shape[1] for row in cells), 120) for k in range(3)]
    heights = [row[0][1].shape[0] + _LABEL for row in cells]
    sheet = Image.new("RGB", (sum(widths) + 4 * _GAP, sum(heights) + (len(cells) + 1) * _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    y = _GAP
    for row, height in zip(cells, heights):
        x = _GAP
        for (label, picture), width in zip(row, widths):
            pen.text((x, y), label, fill="black")
            sheet.paste(Image.fromarray(picture), (x, y + _LABEL))
            x += width + _GAP
        y += height + _GAP
    return sheet


def _error_picture(error: np.ndarray) -> np.ndarray:
    grey = np.clip(AMPLIFIED * error * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
