"""Fitting a field to a picture: what one step does."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from neurfield.encodings import GridEncoding, RadialBasis
from neurfield.fields import ImageField
from neurfield.files import atomic_write
from neurfield.fitting.image_encoding import make_encoding
from neurfield.fitting.image_pixels import StepPixels, step_pixels
from neurfield.fitting.optimizer import Group
from neurfield.fitting.step import FixedStep, StepReport
from neurfield.image_config import ImageConfig
from neurfield.images import ImageSource, PixelPool, pixel_pool
from neurfield.images.picture import as_rgb
from neurfield.images.pool import centres

CHUNK = 2**17  # points decoded at a time
PREVIEW = 480  # pixels of a preview's longest side


class ImageTask:
    """A field for one picture.

    Attributes:
        seconds_of_start: what making the field took (kernels are placed by the picture).
    """

    def __init__(
        self, source: ImageSource, config: ImageConfig, device: torch.device, fresh: bool = True
    ) -> None:
        """fresh: the picture is read, and the field starts from it; otherwise its state is about to be
        loaded."""
        self.source, self.config, self.device = source, config, device
        if fresh:
            _ = self.pool  # kernels are placed by the picture
        before = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            encoding = make_encoding(config.encoding, source, config.seed, fresh)
            sine = (config.network.sine[0], config.network.sine[1]) if config.network.sine else None
            self.field = ImageField(encoding, source.channels, tuple(config.network.hidden), sine).to(device)
        self.longest = max(source.width, source.height)
        self.seconds_of_start = time.perf_counter() - before

    @cached_property
    def pool(self) -> PixelPool:
        """Where pixels are drawn from; the picture is read when this is first asked for."""
        settings, train = self.config.image, self.config.train
        budget = settings.budget_mb * 2**20
        return pixel_pool(self.source, budget, settings.tile, train.pixels, train.steps, self.config.seed)

    @cached_property
    def drawn(self) -> StepPixels:
        """The steps' pixels on the task's device."""
        return step_pixels(self.pool, self.config.train.pixels, self.device)

    def prepare(self) -> None:
        """Read the picture, or the first tiles of it."""
        _ = self.drawn

    def groups(self) -> list[Group]:
        """Tables, whatever else the encoding learns, and the network."""
        train = self.config.train
        named = list(self.field.encoding.named_parameters())
        tables = [p for name, p in named if name.split(".")[-1] == "table"]
        others = [p for name, p in named if name.split(".")[-1] != "table" and p.requires_grad]
        groups = [
            Group("table", tables, train.lr_table, sparse=True),
            Group("kernels", others, train.lr_kernels, sparse=True),
            Group("network", list(self.field.layers.parameters()), train.lr_network),
        ]
        return [group for group in groups if group.parameters]

    def step(self, step: int, progress: float) -> StepReport:
        """Draw pixels, compare."""
        return self._compare(*self.drawn.inputs(step))

    def fixed(self, step: int, progress: float) -> FixedStep | None:
        """The same in two; None where the encoding asks the host for something."""
        if not all(capturable(part) for part in self.field.encoding.modules()):
            return None
        return FixedStep(self.drawn.inputs(step), self._compare)

    def _compare(self, *inputs: Tensor) -> StepReport:
        points, values = self.drawn.pixels(*inputs)
        error = torch.nn.functional.mse_loss(self.field.fitted(points), values)
        psnr = -10.0 * torch.log10(error.detach().clamp_min(1e-12))
        return StepReport({"color": error}, {"psnr": psnr, "pixels": float(len(points))})

    def state(self) -> dict[str, Tensor]:
        """The field."""
        return dict(self.field.state_dict())

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`."""
        self.field.load_state_dict(state)

    def decode(self, points: np.ndarray) -> np.ndarray:
        """Fitted values of points float32 [N, 2] as the picture's own integers, [N, channels]."""
        return decode(self.field, points, self.source, self.device)

    def preview(self, step: int, folder: Path) -> None:
        """true | fitted (every n-th pixel) as `step-NNNNNN.png`; only fitted where the picture is not
        held."""
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


def capturable(part: torch.nn.Module) -> bool:
    """Whether this part of a field can be recorded on a GPU: not radial kernels that learn, at which the host
    looks, nor grids of other libraries."""
    if isinstance(part, GridEncoding):
        return part.fuses
    return not isinstance(part, RadialBasis) or part.on_device


@torch.no_grad()
def decode(field: ImageField, points: np.ndarray, source: ImageSource, device: torch.device) -> np.ndarray:
    """A field's values at points float32 [N, 2], rounded to the picture's integers, [N, channels]."""
    values = np.empty((len(points), source.channels), source.dtype)
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        found = field(torch.from_numpy(points[part]).to(device))
        values[part] = (found.clamp(0.0, 1.0) * source.peak + 0.5).cpu().numpy().astype(source.dtype)
    return values


def decode_region(
    field: ImageField, source: ImageSource, device: torch.device, x: int, y: int, w: int, h: int
) -> np.ndarray:
    """A field's picture [h, w, channels] of a region, in the picture's own integers."""
    points = centres(x, y, w, h, max(source.width, source.height))
    return decode(field, points, source, device).reshape(h, w, source.channels)
