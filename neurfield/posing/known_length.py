"""The scale of a scene, from one length that somebody measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.posing.pictures import Picture
from neurfield.wording import suggest

FORM = (
    'write "PHOTO PHOTO METRES" (how far apart these two were taken), or '
    '"PHOTO X,Y X,Y PHOTO X,Y X,Y METRES" (two points, by their pixels in two photos, and their distance)'
)
_PIXEL = re.compile(r"(-?[\d.]+),(-?[\d.]+)")
_MOST_MISSED = 0.01  # of the picture's width: how far rays may pass each other


@dataclass(frozen=True)
class KnownLength:
    """What was said.

    Attributes:
        names: of two photos.
        pixels: [2,2,2], of each photo the two points; none: the length is that between the photos' places.
        metres: between the two.
        text: as it was said.
    """

    names: tuple[str, str]
    pixels: np.ndarray | None
    metres: float
    text: str


def parse_length(text: str) -> KnownLength:
    """What a user says.

    Raises:
        UserError: it has another form.
    """
    words = text.split()
    pixels = None
    if len(words) == 7:
        found = [_PIXEL.fullmatch(words[i]) for i in (1, 2, 4, 5)]
        if all(found):
            pixels = np.array([[float(m[1]), float(m[2])] for m in found if m]).reshape(2, 2, 2)
            words = [words[0], words[3], words[6]]
    try:
        metres = float(words[2]) if len(words) == 3 else float("nan")
    except ValueError:
        metres = float("nan")
    if not (np.isfinite(metres) and metres > 0):
        raise UserError(f"--known-length {text!r}: {FORM}")
    if words[0] == words[1]:
        raise UserError(f"--known-length {text!r}: names one photo twice: {FORM}")
    return KnownLength((words[0], words[1]), pixels, metres, text)


def photos_meant(length: KnownLength, names: Sequence[str]) -> tuple[int, int]:
    """Which two of these names, of photos without suffix, a length means.

    Raises:
        UserError: there is none of such a name.
    """
    known = {name.lower(): i for i, name in enumerate(names)}
    found = []
    for name in length.names:
        stem = name.lower() if name.lower() in known else name.lower().rpartition(".")[0]
        if stem not in known:
            raise UserError(
                f"--known-length: there is no photo {name!r}{suggest(name, names)}; give its file's name"
            )
        found.append(known[stem])
    return found[0], found[1]


def scale_of(length: KnownLength, pictures: Sequence[Picture], images: Mapping[str, Any]) -> float:
    """Metres a unit of a model.

    Args:
        length: that is known.
        pictures: of the scene.
        images: of the model, by their files, as pycolmap has them.

    Raises:
        UserError: a photo has no pose; the pixels are not of the same points; the places are one.
    """
    chosen = [pictures[i] for i in photos_meant(length, [one.name for one in pictures])]
    for one in chosen:
        if one.file not in images:
            raise UserError(f"--known-length: {one.name} has no pose: name another photo")
    views = [images[one.file] for one in chosen]
    if length.pixels is None:
        measured = float(np.linalg.norm(views[0].projection_center() - views[1].projection_center()))
    else:
        points = [_met(chosen, views, length.pixels[:, k]) for k in range(2)]
        measured = float(np.linalg.norm(points[0] - points[1]))
    if measured < 1e-9:
        raise UserError(f"--known-length {length.text!r}: the two places are one: name two that differ")
    return length.metres / measured


def point_of_rays(origins: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """The point [3] nearest to two rays, world.

    Args:
        origins: [2, 3].
        rays: [2, 3] unit directions.

    Raises:
        UserError: they run along one line.
    """
    across = np.eye(3) - rays[:, :, None] * rays[:, None]
    system = across.sum(axis=0)
    if np.linalg.cond(system) > 1e6:
        raise UserError("--known-length: the two photos look along one line: name two from different places")
    middle = origins.mean(axis=0)  # from which is counted: places may be far from zero
    return middle + np.linalg.solve(system, np.einsum("kij,kj->i", across, origins - middle))


def _met(pictures: Sequence[Picture], views: Sequence[Any], pixels: np.ndarray) -> np.ndarray:
    """The point nearest to the rays of two pixels [2,2] (of the photos, upright) in two pictures."""
    origins, directions = [], []
    for picture, view, pixel in zip(pictures, views, pixels):
        inside = (pixel >= 0).all() and (pixel <= picture.full_size).all()
        if not inside:
            raise UserError(
                f"--known-length: pixel {pixel[0]:g},{pixel[1]:g} is not in {picture.name}, which has "
                f"{picture.full_size[0]}x{picture.full_size[1]}"
            )
        scaled = pixel * np.array(picture.size) / np.array(picture.full_size)
        ray = np.append(np.asarray(view.camera.cam_from_img(scaled)).ravel()[:2], 1.0)
        directions.append(view.cam_from_world().rotation.matrix().T @ (ray / np.linalg.norm(ray)))
        origins.append(view.projection_center())
    point = point_of_rays(np.stack(origins), np.stack(directions))
    for picture, view, pixel in zip(pictures, views, pixels):
        seen = view.project_point(point)
        scaled = pixel * np.array(picture.size) / np.array(picture.full_size)
        missed = np.inf if seen is None else float(np.linalg.norm(seen - scaled)) / picture.size[0]
        if missed > _MOST_MISSED:
            raise UserError(
                f"--known-length: {pixel[0]:g},{pixel[1]:g} in {picture.name} is not the point given in the "
                "other photo (their rays pass each other): measure the pixels again, in the photos upright"
            )
    return point
