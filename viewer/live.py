"""What is shown of a fit that goes on: its newest surface, with the cameras and the box."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurfield.far import local_origin
from neurfield.fitting.observer import Glimpse
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.shown import Shown
from neurfield.viewer.content import Content, surrounded
from neurfield.viewer.layers import Layer, Triangles


def live_content(title: str, surface: FittedSurface, scene: Any) -> Content:
    """The content of a fit before its first glimpse: nothing but cameras and box.

    Args:
        title: of the fit.
        surface: of the field that is fitted.
        scene: that it is fitted to (`neurfield.scenes.Scene`), or None.
    """
    kind = "outside" if scene is None else scene.kind
    cameras = None if scene is None else scene.cameras
    shown = Shown(surface.box, kind, cameras, surface.up, scene, None, "" if scene is None else scene.unit)
    empty = Triangles(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32))
    return surrounded(title, [Layer("surface", lambda: empty, on=True)], shown, local_origin(surface.box))


def triangles_of_glimpse(glimpse: Glimpse, origin: np.ndarray) -> Triangles:
    """A glimpse's surface as it is shown around `origin` [3]."""
    return Triangles(
        (glimpse.vertices - origin).astype(np.float32), np.ascontiguousarray(glimpse.faces, np.int32),
        glimpse.normals, glimpse.colors,
    )  # fmt: skip


def words_of(glimpse: Glimpse) -> str:
    """How far a fit is, in a line."""
    parts = [f"step {glimpse.step:,} of {glimpse.steps:,}", f"{glimpse.seconds:.0f} s"]
    if glimpse.psnr is not None:
        parts.append(f"PSNR of fitted pixels {glimpse.psnr:.1f} dB")
    if not len(glimpse.faces):
        parts.append("no surface yet")
    return ", ".join(parts)
