"""What a view can be asked: the field's values, slices, other level sets, what a click meets; no window."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from neurfield.errors import UserError
from neurfield.fitting.folder import read_facts
from neurfield.scenes.synthesis.raycast import RayCaster
from neurfield.viewer.content import Content
from neurfield.viewer.layers import Layer, Pictures, Triangles, ordered, summed_normals, unit
from neurfield.viewer.palettes import Scale, in_lengths, round_up
from neurfield.viewer.slices import drawn_slice, plane_points

if TYPE_CHECKING:  # what is asked of a field loads torch, which nobody waits for before it is asked
    import torch

    from neurfield.fitting.surface import FittedSurface

AXES = "xyz"
_AT_ONCE = 1 << 18  # points that the field is asked for
_COARSE = 96  # cells along the longest side while a level is dragged
_FINE = 256  # at rest
_THROUGH = 16  # faces that turn away in front of the one that a click means
_PAST = 1e-4  # of the box's diagonal, behind a face that is looked through


@dataclass(frozen=True)
class Hit:
    """What a click meets.

    Attributes:
        point: [3] float64, as shown.
        world: [3] float64, the same in the world.
        normal: [3] unit, of the surface there.
        value: the field's, world lengths; None where no field can be asked.
        error: distance to the true surface, world lengths; None where there is none.
    """

    point: np.ndarray
    world: np.ndarray
    normal: np.ndarray
    value: float | None = None
    error: float | None = None

    def words(self, length_unit: str) -> str:
        """All of it in a line."""
        x, y, z = self.world
        parts = [f"({x:.4g}, {y:.4g}, {z:.4g})"]
        if self.value is not None:
            parts.append(f"field {in_lengths(self.value, length_unit)}")
        if self.error is not None:
            parts.append(f"truth {in_lengths(self.error, length_unit)} away")
        return "   ".join(parts)


class Session:
    """Questions to one content; all places are as shown (world = shown + content.origin).

    Threads may ask at once. The run is opened when its field is first asked.

    Args:
        content: what is shown; `self.content` is the same with a layer "slice", where there is a field.
        fitted: the field to be asked, where it is not that of the content's run (a fit that still goes on).
    """

    def __init__(self, content: Content, fitted: FittedSurface | None = None) -> None:
        self._fitted, self._lock = fitted, threading.RLock()
        self._caster: RayCaster | None = None
        if (fitted is not None or content.folder is not None) and content.layer("slice") is None:
            content = replace(content, layers=ordered([*content.layers, Layer("slice", self._middle)]))
        self.content = content

    def _middle(self) -> Pictures:
        """The slice across the way up, through the middle."""
        axis = int(np.abs(self.content.up).argmax())
        return self.slice(axis, float(self.field_box[:, axis].mean()), 512)

    @property
    def has_field(self) -> bool:
        """Whether there is a field to be asked."""
        return self._fitted is not None or self.content.folder is not None

    @property
    def fitted(self) -> FittedSurface:
        """The field and its box.

        Raises:
            UserError: there is none, or no checkpoint was written yet.
        """
        with self._lock:
            if self._fitted is None:
                if self.content.folder is None:
                    raise UserError(f"{self.content.title}: there is no field to ask: view a run's folder")
                from neurfield.inputs.run import open_surface

                self._fitted = open_surface(self.content.folder)
                self._fitted.field.active_levels = self._fitted.field.encoding.levels
            return self._fitted

    @property
    def unsigned(self) -> bool:
        """Whether the field's values have no sign."""
        from neurfield.surfaces.extractors import is_unsigned

        return is_unsigned(self.fitted.field)

    @property
    def is_open(self) -> bool:
        """Whether the field is there, so that asking it loads nothing."""
        return self._fitted is not None

    @cached_property
    def field_box(self) -> np.ndarray:
        """The box [2, 3] that the field is known in, as shown; of a run it is told without opening the field.

        Raises:
            UserError: there is no field.
        """
        known = None
        if self._fitted is None and self.content.folder is not None:
            known = read_facts(self.content.folder).get("box")
        box = self.fitted.box if known is None else np.asarray(known, float).reshape(2, 3)
        return np.asarray(box - self.content.origin)

    @property
    def coarse_voxel(self) -> float:
        """Edge of cells that are quickly extracted, world lengths: for a level that is being dragged."""
        return self._longest / _COARSE

    @property
    def fine_voxel(self) -> float:
        """Edge of cells to be looked at, world lengths: for a level at rest."""
        return self._longest / _FINE

    @property
    def most_level(self) -> float:
        """How far from zero levels are of use, world lengths: a round share of the box's longest side."""
        return round_up(0.02 * self._longest)

    @property
    def _longest(self) -> float:
        return float(np.ptp(self.field_box, axis=0).max())

    def value_at(self, points: np.ndarray) -> np.ndarray:
        """The field's values [k] at points [k, 3], world lengths, negative inside; NaN beyond its box."""
        import torch

        from neurfield.rays import UnitFrame

        surface = self.fitted
        places = np.asarray(points, np.float64).reshape(-1, 3) + self.content.origin
        known = ((places >= surface.box[0]) & (places <= surface.box[1])).all(axis=1)
        values = np.full(len(places), np.nan)
        frame = UnitFrame.around(surface.box)
        units = torch.from_numpy(frame.unit_from_world(places[known])).float().to(surface.device)
        with self._lock, torch.no_grad():
            parts = [surface.field.sdf(part).reshape(-1).cpu().numpy() for part in units.split(_AT_ONCE)]
        values[known] = np.concatenate(parts) * frame.half if parts else []
        return values

    def slice(self, axis: int, offset: float, resolution: int = 256) -> Pictures:
        """The field on a plane: one picture in the box, with its scale.

        The surface is a dark line, every step of the scale's tenth a thin one.

        Args:
            axis: 0, 1, 2: x, y, z stays.
            offset: where, as shown; beyond the box it is brought to its side.
            resolution: pixels along the longer side.

        Raises:
            UserError: there is no field.
        """
        places, quad = plane_points(self.field_box, axis, offset, resolution)
        values = self.value_at(places.reshape(-1, 3)).reshape(places.shape[:2])
        most = 5.0 * self.most_level
        low = 0.0 if self.unsigned else -most
        scale = Scale(low, most, self.content.unit, "the field", two_sided=not self.unsigned)
        return Pictures(quad[None].astype(np.float32), (drawn_slice(values, scale),), scale)

    def surface(self, level: float = 0.0, voxel: float | None = None) -> Triangles:
        """The places where the field has a value, as triangles with its colours.

        Args:
            level: the value, world lengths; negative inside.
            voxel: edge of the cells, world lengths; None: `fine_voxel`.

        Raises:
            UserError: there is no field, or no such place in its box.
        """
        from neurfield.rays import UnitFrame
        from neurfield.surfaces import extract_surface
        from neurfield.surfaces.color import colors_and_normals

        fitted = self.fitted
        frame = UnitFrame.around(fitted.box)
        box = np.asarray(frame.box_in_unit(fitted.box)).reshape(2, 3)
        cell = (self.fine_voxel if voxel is None else voxel) / frame.half
        with self._lock:
            made = extract_surface(
                _AtLevel(fitted.field, level / frame.half), box, cell, "auto", fitted.device
            )
            if not len(made.faces):
                reached = in_lengths(level, self.content.unit)
                raise UserError(f"the field has no place with the value {reached} in its box")
            colors, normals = colors_and_normals(fitted.field, fitted.radiance, made.vertices)
        vertices = (frame.world_from_unit(made.vertices) - self.content.origin).astype(np.float32)
        faces = np.ascontiguousarray(made.faces, np.int32)
        if self.unsigned or not normals.any():
            normals = summed_normals(vertices, faces)
        return Triangles(vertices, faces, unit(normals), colors)

    def pick(self, origin: np.ndarray, direction: np.ndarray) -> Hit | None:
        """What a ray meets of the surface; a room's faces that turn away are looked through.

        Args:
            origin: [3], as shown.
            direction: [3], of any length.

        Raises:
            UserError: the run's field or the truth cannot be read.
        """
        shown = self.content.surface
        if shown is None or not len(shown.faces):
            return None
        with self._lock:
            if self._caster is None:
                self._caster = RayCaster(shown.vertices, shown.faces)
        start, ahead = np.asarray(origin, float), np.asarray(direction, float)
        ahead = ahead / np.linalg.norm(ahead)
        step = _PAST * float(np.linalg.norm(np.ptp(self.content.box, axis=0)))
        for _ in range(_THROUGH):
            found = self._caster.first_hits(start, ahead[None])
            if found.face[0] < 0:
                return None
            corners = shown.vertices[shown.faces[found.face[0]]].astype(float)
            across = np.cross(corners[1] - corners[0], corners[2] - corners[0])
            point = start + ahead * float(found.distance[0])
            if across @ ahead < 0 or self.content.kind != "inside":
                return self._hit(point, across if across @ ahead < 0 else -across)
            start = point + step * ahead
        return None

    def _hit(self, point: np.ndarray, across: np.ndarray) -> Hit:
        value = float(self.value_at(point[None])[0]) if self.has_field else None
        nearest = self.content.nearest
        error = None if nearest is None else float(nearest(point[None])[0])
        normal = across / max(float(np.linalg.norm(across)), 1e-30)
        known = None if value is None or np.isnan(value) else value
        return Hit(point, point + self.content.origin, normal, known, error)

    def distance(self, first: np.ndarray, second: np.ndarray) -> tuple[float, str]:
        """How far two places [3] are from each other, world lengths, and that in words."""
        length = float(np.linalg.norm(np.asarray(second, float) - np.asarray(first, float)))
        return length, in_lengths(length, self.content.unit)


class _AtLevel:
    """A field whose surface is where another has a value, in the unit coordinates of both."""

    def __init__(self, field: Any, level: float) -> None:
        self._field, self._level = field, level
        # Around a surface without a sign, levels above 0 are closed: there values have a sign again.
        self.sign = getattr(field, "sign", "signed") if level == 0.0 else "signed"
        self.sided = getattr(field, "sided", False)

    def sdf(self, points: torch.Tensor) -> torch.Tensor:
        return self._field.sdf(points) - self._level

    def query(self, points: torch.Tensor, gradient: bool = False) -> Any:
        assert self._level == 0.0, "only fields without a sign are asked for gradients, at 0"
        return self._field.query(points, gradient=gradient)
