"""Glimpses of a fit between its steps: how far it is, and its surface in coarse cells, for whoever watches.

A glimpse changes nothing of the fit and takes a fiftieth of its time at most. Whatever goes wrong with it, or
with whom it is shown to, is told once and ends the watching, never the fit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from neurfield.errors import UserError
from neurfield.fitting.surface import FittedSurface
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene
from neurfield.surfaces.color import colors_and_normals
from neurfield.surfaces.extractors import extract_surface, is_unsigned

SHARE = 0.02  # of a fit's time that glimpses may take
SHORTEST = 2.0  # seconds between two of them
CELLS = 96  # along the box's longest side


@dataclass(frozen=True)
class Glimpse:
    """How far a fit is.

    Attributes:
        step: how many are done.
        steps: of the fit.
        seconds: that the fit took so far.
        psnr: of the pixels that the newest step fitted; None where a step fits none.
        vertices: float64 [v, 3], world; [0, 3] where there is no surface.
        faces: int64 [f, 3], normals into free space.
        normals: float32 [v, 3], units.
        colors: uint8 [v, 3]; None: the field has none.
    """

    step: int
    steps: int
    seconds: float
    psnr: float | None
    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    colors: np.ndarray | None


class Observer:
    """Shows glimpses of a fit while it goes on.

    Args:
        show: is given each glimpse, in the fit's own thread: it hands it on, and does not wait.
        tell: is given the line that says why nothing is shown any more.
        cells: of the glimpses' meshes, along the box's longest side.
        shortest: seconds between two glimpses at least; more where they take long.
    """

    def __init__(
        self,
        show: Callable[[Glimpse], None],
        tell: Callable[[str], None] = print,
        cells: int = CELLS,
        shortest: float = SHORTEST,
    ) -> None:
        self.show, self.tell, self.cells, self.shortest = show, tell, cells, shortest
        self.surface: FittedSurface | None = None
        self.scene: Scene | None = None
        self.steps = 0
        self._next = 0.0

    def begin(self, surface: FittedSurface, steps: int, scene: Scene | None = None) -> None:
        """Say what is fitted, once, before the first step.

        Args:
            surface: of the field that is fitted.
            steps: of the fit.
            scene: that it is fitted to, if it is one.
        """
        self.surface, self.steps, self.scene, self._next = surface, steps, scene, 0.0

    def after(self, step: int, seconds: float, figures: Callable[[], Mapping[str, float]]) -> None:
        """Show a glimpse if it is time for one; never raises.

        Args:
            step: how many are done.
            seconds: that they took.
            figures: gives the numbers of the newest one, for which a GPU is waited for.
        """
        started = time.perf_counter()
        if self.surface is None or (started < self._next and step < self.steps):
            return
        try:
            mesh = coarse_mesh(self.surface, self.cells)
            self.show(Glimpse(step, self.steps, seconds, figures().get("psnr"), *mesh))
        except Exception as error:  # whatever it is, the fit goes on
            self.surface = None
            try:
                self.tell(
                    f"nothing more is shown of this fit, which goes on ({type(error).__name__}: {error})"
                )
            except Exception:
                return
        ended = time.perf_counter()
        self._next = ended + max(self.shortest, (ended - started) / SHARE)


def coarse_mesh(
    surface: FittedSurface, cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Vertices, faces, normals and colours of a surface as its field is now, as of a `Glimpse`.

    Levels of the field's encoding that have not come in yet stay out.

    Args:
        surface: of a field that may be in the middle of a fit.
        cells: along the box's longest side.
    """
    frame = UnitFrame.around(surface.box)
    unit_box = np.array(frame.box_in_unit(surface.box)).reshape(2, 3)
    voxel = float(np.ptp(unit_box, axis=0).max()) / cells
    empty = np.zeros((0, 3))
    try:
        with torch.no_grad():
            made = extract_surface(surface.field, unit_box, voxel, device=surface.device)
    except UserError:  # no surface yet
        return empty, empty.astype(np.int64), empty.astype(np.float32), None
    if not len(made.faces):
        return empty, empty.astype(np.int64), empty.astype(np.float32), None
    outwards = None
    if is_unsigned(surface.field):
        corners = made.vertices[made.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        outwards = np.zeros_like(made.vertices)
        for corner in range(3):
            np.add.at(outwards, made.faces[:, corner], across)
    colors, normals = colors_and_normals(surface.field, surface.radiance, made.vertices, outwards=outwards)
    return frame.world_from_unit(made.vertices), made.faces, normals, colors
