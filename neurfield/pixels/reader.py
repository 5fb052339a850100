"""What a scene knows of the pixels that a step looks at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.pixels.columns import Pixels
from neurfield.pixels.flat_images import CPU, FlatImages
from neurfield.pixels.looking import Looking, Maps
from neurfield.pixels.patches import Patches
from neurfield.pixels.sources import SOURCES
from neurfield.pixels.uniform import Chosen
from neurfield.pixels.uploads import Ahead, pinned, uploaded
from neurfield.rays import UnitFrame, clipped, unit_lines
from neurfield.scenes import Scene

_LINES = ("origins", "directions", "z_per_t", "camera", "group")  # of a drawn batch, beside the sources
_PATCH = "patch"  # the column of the patches that pixels are in


class Chooser(Protocol):
    """Which pixels a step looks at; one that looks at the field for that is `Looking`, too."""

    def choose(self, step: int, rays: int) -> Chosen:
        """About `rays` pixels for a step; they follow from the arguments alone."""
        ...


class PixelReader:
    """Batches of the pixels that a part chooses, with all that the scene says there.

    The same step and number of rays give the same batch, on any device, so that a resumed fit goes on as if
    never stopped.

    Args:
        scene: with the sources that the fit looks at.
        chooser: which pixels a step looks at.
        frame: the unit coordinates.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the batches.
    """

    def __init__(
        self,
        scene: Scene,
        chooser: Chooser,
        frame: UnitFrame,
        unit_box: list[float],
        device: torch.device = CPU,
    ) -> None:
        """Nothing is read yet."""
        self.scene, self.chooser, self.frame, self.device = scene, chooser, frame, device
        self.patches: Patches | None = None  # of the pictures, where a fit asks in which of them pixels are
        self.unit_box, self._unit_box = unit_box, torch.tensor(unit_box, device=device)
        self._pin: Callable[[Tensor], Tensor] = pinned
        self._ahead = Ahead(self._draw_pinned)

    @cached_property
    def images(self) -> FlatImages:
        """Every pixel that may be drawn, read when first asked for."""
        return FlatImages(self.scene, np.arange(len(self.scene)), self.device)

    def batch(self, step: int, rays: int) -> Pixels:
        """About `rays` pixels for a step."""
        if self.device.type == "cpu":
            return self._pixels(*self._draw(step, rays))
        drawn, groups = self._ahead.get(step, rays)
        return self._pixels({name: uploaded(tensor, self.device) for name, tensor in drawn.items()}, groups)

    def look(self, moment: Moment, maps: Callable[[], Maps]) -> None:
        """Let a chooser that wants to see the field now; what was drawn ahead of that is not used."""
        if isinstance(self.chooser, Looking) and self.chooser.due(moment):
            self._ahead.drop()
            self.chooser.look(moment, maps())

    def state(self) -> dict[str, Tensor]:
        """What the chooser keeps of the field that it looked at."""
        return self.chooser.state() if isinstance(self.chooser, Looking) else {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`."""
        self._ahead.drop()
        if isinstance(self.chooser, Looking):
            self.chooser.load(state)

    def ahead(self, step: int, rays: int) -> None:
        """Let the host draw the batch that will be asked for next, while the GPU is busy with this one."""
        if self.device.type != "cpu":
            self._ahead.start(step, rays)

    def _draw(self, step: int, rays: int) -> tuple[dict[str, Tensor], int]:
        """The host's part: columns of a batch, and how many groups it has.

        Rays are not cut to the box yet; of the sources there are the numbers, or where they are to be found.
        """
        chosen = self.chooser.choose(step, rays)
        index = self.images.places(chosen.camera, chosen.row, chosen.column)
        columns = {"index": index} if self.images.resident else self.images.gather(index)
        centres = np.stack([chosen.column + 0.5, chosen.row + 0.5], axis=1)
        lines = unit_lines(*self.scene.cameras.rays(chosen.camera, centres), self.frame)
        indices = torch.from_numpy(chosen.camera), torch.from_numpy(chosen.group)
        if self.patches is not None:
            columns[_PATCH] = torch.from_numpy(self.patches.at(chosen.camera, chosen.row, chosen.column))
        return {**columns, **dict(zip(_LINES, (*lines, *indices)))}, chosen.groups

    def _draw_pinned(self, step: int, rays: int) -> tuple[dict[str, Tensor], int]:
        drawn, groups = self._draw(step, rays)
        return {name: self._pin(tensor) for name, tensor in drawn.items()}, groups

    def _pixels(self, drawn: dict[str, Tensor], groups: int) -> Pixels:
        """The device's part."""
        origins, directions, z_per_t, camera, group = (drawn.pop(name) for name in _LINES)
        patch = drawn.pop(_PATCH, None)
        rays = clipped(origins, directions, z_per_t, self._unit_box)
        gathered = self.images.gather(drawn["index"]) if self.images.resident else drawn
        values = FlatImages.decode(gathered)
        if "mask" in values and self.scene.mask_says == "valid":
            for name in values.keys() - {"mask", "image", "segment"}:
                values[name] = values[name] * values["mask"].view(-1, *[1] * (values[name].ndim - 1))
        columns = {SOURCES[name].column: column for name, column in values.items()}
        if "t_depth" in columns:
            exact = "depth" if "depth" in values else "sensor_depth"
            columns["t_depth"] = values[exact] / (self.frame.half * rays.z_per_t)
        if patch is not None:
            columns[_PATCH] = patch
        return Pixels(rays, camera, group, groups, columns)
