"""Fitting a field to a picture: what one step does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from neurfield.encodings import Encoding
from neurfield.errors import UserError
from neurfield.fields import ImageField
from neurfield.files import atomic_write
from neurfield.fitting.task import Task
from neurfield.images import ImageSource
from neurfield.images.picture import as_rgb
from neurfield.images.pool import centres
from neurfield.losses.weighted import WeightedLoss
from neurfield.parts import Config, awake, looked_at, of_use
from neurfield.points import Picture

CHUNK = 2**17  # points decoded at a time
PREVIEW = 480  # pixels of a preview's longest side


class ImageTask(Task):
    """The parts of a method, put together for one picture.

    Attributes:
        seconds_of_start: what making the field took (kernels are placed by the picture).
    """

    def __init__(self, source: ImageSource, config: Config, device: torch.device, fresh: bool = True) -> None:
        """Make all parts.

        Args:
            source: the picture.
            config: of the fit.
            device: of field and steps.
            fresh: the picture is read, and the field starts from it; otherwise its state is about to be
                loaded.

        Raises:
            UserError: a part asks for what a picture or the method does not have, with the way out.
        """
        self.source, self.config = source, config
        offers: dict[str, Callable[[], Any]] = {
            "picture": lambda: source, "channels": lambda: source.channels, "fresh": lambda: fresh,
            "train": lambda: config.train, "device": lambda: device, "seed": lambda: config.seed,
        }  # fmt: skip
        needed = looked_at(config.many("losses").values())
        sources = of_use((part.make_of(offers) for part in config.many("points").values()), needed)
        offered = {name for one in sources for name in one.offers}
        losses = {k: WeightedLoss.of(v) for k, v in awake(config.many("losses"), offered, "picture").items()}
        if not losses:
            raise UserError(f"{source.name}: none of the method's losses finds what it looks at in a picture")
        self.pixels = [one for one in sources if isinstance(one, Picture)]
        if fresh:
            self.read()  # kernels are placed by the picture
        before = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            encoding = _of_plane(config.needed("encoding").make_of(offers))
            of_field = {**offers, "encoding": lambda: encoding}
            field = config.needed("field").make_of(of_field).to(device)
        self.longest = max(source.width, source.height)
        self.seconds_of_start = time.perf_counter() - before
        super().__init__(field, None, sources, None, losses, config.train, config.seed, device)

    def read(self) -> None:
        """Read the picture, or the first tiles of it."""
        for pixels in self.pixels:
            _ = pixels.pool

    def decode(self, points: np.ndarray) -> np.ndarray:
        """Fitted values of points float32 [N, 2] as the picture's own integers, [N, channels]."""
        return decode(self.field, points, self.source, self.device)

    def preview(self, step: int, folder: Path) -> None:
        """Write true | fitted (every n-th pixel) as `step-NNNNNN.png`.

        Of a picture that is not held, only the fitted one.
        """
        source = self.source
        every = -(-self.longest // PREVIEW)
        x, y = np.arange(every // 2, source.width, every), np.arange(every // 2, source.height, every)
        x, y = (x, y) if len(x) and len(y) else (np.array([0]), np.array([0]))
        row, column = (grid.reshape(-1) for grid in np.meshgrid(y, x, indexing="ij"))
        points = np.stack([column + 0.5, row + 0.5], axis=1) / self.longest
        fitted = self.decode(points.astype(np.float32)).reshape(len(y), len(x), -1)
        shown = [as_rgb(fitted)]
        if source.held:
            shown.insert(0, as_rgb(source.hold()[y[:, None], x[None, :]]))
        with atomic_write(folder / f"step-{step:06d}.png") as temporary:
            Image.fromarray(np.concatenate(shown, axis=1)).save(temporary)


def _of_plane(encoding: Any) -> Encoding:
    """What the part of the slot `encoding` returned; UserError where it is no encoding of a plane."""
    if isinstance(encoding, Encoding) and getattr(encoding, "dimensions", None) == 2:
        return encoding
    what = type(encoding).__name__
    if isinstance(encoding, Encoding):
        what += f" of {getattr(encoding, 'dimensions', 'no')} dimensions"
    raise UserError(f"'encoding' returned a {what}: a picture needs an Encoding of 2 dimensions")


@torch.no_grad()
def decode(field: ImageField, points: np.ndarray, source: ImageSource, device: torch.device) -> np.ndarray:
    """A field's values at points float32 [N, 2], rounded to the picture's integers, [N, channels]."""
    values = np.empty((len(points), source.channels), source.dtype)
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        colors = field(torch.from_numpy(points[part]).to(device))
        values[part] = (colors.clamp(0.0, 1.0) * source.peak + 0.5).cpu().numpy().astype(source.dtype)
    return values


def decode_region(
    field: ImageField, source: ImageSource, device: torch.device, x: int, y: int, w: int, h: int
) -> np.ndarray:
    """A field's picture [h, w, channels] of a region, in the picture's own integers."""
    points = centres(x, y, w, h, max(source.width, source.height))
    return decode(field, points, source, device).reshape(h, w, source.channels)
