"""A shape opened for a fit: in which box, and the task that fits it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.fitting.shape import ShapeTask
from neurfield.inputs.shape.surface import ShapeSurface
from neurfield.parts import Config
from neurfield.shapes import Shape, UnitShape, mend, read_shape


class OpenedShape:
    """A mesh or a cloud, the configuration of its fit, and the task.

    Args:
        shape: in the unit coordinates of its box.
        config: of the fit.
        device: of field and steps.
        reading: seconds that reading it took.
    """

    has_truth = True

    def __init__(self, shape: UnitShape, config: Config, device: torch.device, reading: float = 0.0) -> None:
        self.shape, self.config = shape, config
        self.task = ShapeTask(shape, config, device)
        self.folder, self.name = Path(), shape.shape.name
        self.seconds_reading = reading

    @property
    def signed(self) -> bool:
        """Whether the fit asks which side of the surface is inside."""
        return any(getattr(source, "signed", False) for source in self.task.sources)

    def surface(self) -> ShapeSurface:
        """The field's surface, with the colours of the shape."""
        return ShapeSurface(self.folder, self.config, self.shape.box, self.task.field, self.shape)


def opened_of(source: Any) -> UnitShape:
    """What a user may give as a shape, read and mended.

    Args:
        source: a file's path, a `Shape`, or a `UnitShape`, which is read already.
    """
    if isinstance(source, UnitShape):
        return source
    return UnitShape(mend(source) if isinstance(source, Shape) else read_shape(source))


def again_of(folder: Path, facts: dict[str, Any], moved_to: Any = None) -> tuple[UnitShape, float]:
    """The shape of a run in its old place or the new one, and the seconds that reading it took.

    Raises:
        UserError: it is gone, or another one stands in its place.
    """
    path = Path(facts["shape"] if moved_to is None else moved_to)
    if moved_to is None and not path.exists() and (folder / path.name).is_file():
        path = folder / path.name  # kept by the run, whose folder was moved
    if moved_to is None and not path.exists():
        raise UserError(
            f"{folder}: the shape it was fitted to is no longer at {path}: "
            "say where it is now with --shape FILE"
        )
    before = time.perf_counter()
    shape = read_shape(path)
    now = [len(shape.vertices), len(shape.faces)]
    if now != facts["size"] and not shape.is_mesh:  # of a fit that kept outliers, or of an earlier version
        kept = read_shape(path, keep_outliers=True)
        if len(kept.vertices) == facts["size"][0]:
            return UnitShape(kept, np.array(facts["box"])), time.perf_counter() - before
    if now != facts["size"]:
        raise UserError(
            f"{path}: the shape is another than the run's ({now[0]} vertices and {now[1]} triangles, "
            f"were {facts['size'][0]} and {facts['size'][1]}): bring it back, or fit anew"
        )
    return UnitShape(shape, np.array(facts["box"])), time.perf_counter() - before


def kept_shape(shape: Shape, folder: Path) -> Shape:
    """A shape that no file holds, as shape.npz of a run's folder."""
    path = folder / "shape.npz"
    arrays = {"points": shape.vertices, "faces": shape.faces, "normals": shape.normals}
    arrays |= {"colors": shape.colors}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: a for name, a in arrays.items() if a is not None and len(a)})  # type: ignore[arg-type]
    return replace(shape, path=path)
