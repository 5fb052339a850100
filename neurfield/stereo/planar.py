"""Plain regions take the plane that their rims lie on, and what no rim decides is marked.

A region without texture looks alike at every depth, so its own pixels cannot be matched. Where what surrounds
it, or marks in it, lies on a plane, the region most likely does too: a wall between its skirting and its
pictures (ACMP, APD-MVS and TAPA-MVS use the like). Such pixels are only kept where other frames agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

PLAIN = 0.3  # kappa below which a pixel cannot be placed by correlation
STEP = 2.0  # grey levels between neighbours of one region
SMALLEST = 150  # pixels of a region at half size
RIM = 3  # pixels around a region that are its rim
CLOSE = 0.01  # relative inverse depth within which a pixel is on a plane
ON_PLANE, AROUND = 0.3, 0.25  # share of the rim's matched pixels on a plane; of the outline that they span
OPEN = 0.4  # share of an outline along the picture's or mask's border from which a region may go on anywhere
FEWEST = 12  # matched pixels that give a plane
DRAWS, PLANES = 64, 3
CONSTANT, FLAT, BLACK = 1.5, 0.05, 8.0  # grey levels, kappa, grey level: a region that says nothing at all
DARK, DARK_WINDOW = 4.0, 5  # grey levels; pixels across what PatchMatch compares


@dataclass(frozen=True)
class Completed:
    """One map with its plain regions.

    Attributes:
        planes: float32 [h, w, 3] (w, a, b) of pixels that were filled; w = 0 elsewhere.
        undecided: bool [h, w], pixels of regions whose depth no picture can tell.
    """

    planes: Tensor
    undecided: Tensor


def complete_planes(
    grey: Tensor,
    texture: Tensor,
    planes: Tensor,
    inside: Tensor | None,
    *,
    object_alone: bool,
    seed: int,
) -> Completed:
    """Planes for the unmatched pixels of plain regions, where their rims decide them.

    Args:
        grey: uint8 [h, w].
        texture: kappa [h, w].
        planes: [h, w, 3], w = 0 where nothing was matched.
        inside: bool [h, w], the object; None: everything.
        object_alone: whether the background shows nothing, so that a region of one colour may be a hollow.
        seed: of the draws.
    """
    shown = np.ones(grey.shape, bool) if inside is None else inside.numpy()
    levels = grey.numpy().astype(np.float32)
    kappa, start = texture.numpy(), planes.numpy()
    labels, count = regions(levels, kappa, shown)
    filled = np.zeros(start.shape, np.float32)
    undecided = np.zeros(grey.shape, bool)
    # What is behind the picture's border is unknown, and so is what is behind a mask's.
    border = ndimage.binary_erosion(shown, border_value=0) ^ shown
    generator = np.random.default_rng(seed)
    for label, box in enumerate(ndimage.find_objects(labels, count), start=1):
        around = tuple(
            slice(max(0, side.start - RIM - 1), min(size, side.stop + RIM + 1))
            for side, size in zip(box, grey.shape)
        )
        region = labels[around] == label
        empty = region & (start[around][..., 0] <= 0)
        says_nothing = _says_nothing(levels[around][region], kappa[around][region], object_alone)
        if says_nothing:
            undecided[around] |= region
            continue
        if not empty.any():
            continue
        found = _region_planes(region, shown[around], border[around], start[around], generator)
        if found is None:
            undecided[around] |= empty
        else:
            filled[around][empty] = found[empty]
            undecided[around] |= empty & (found[..., 0] <= 0)
    if object_alone:  # a black pixel among black ones may lie at any depth, whatever some cost made of it
        dark = shown & (ndimage.maximum_filter(levels, DARK_WINDOW) <= DARK)
        filled[dark], undecided = 0.0, undecided | dark
    return Completed(torch.from_numpy(filled), torch.from_numpy(undecided))


def regions(grey: np.ndarray, texture: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected plain pixels, numbered from 1 in int32 [h, w] (0: none), and how many regions there are."""
    step = np.zeros(grey.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(grey, axis=axis)) >= STEP
        first, second = [slice(None)] * 2, [slice(None)] * 2
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        step[tuple(first)] |= jump
        step[tuple(second)] |= jump
    plain = shown & (texture < PLAIN)
    labels, count = ndimage.label(plain & ~step)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = sizes >= SMALLEST
    kept[0] = False
    number = np.cumsum(kept) * kept
    labels = number[labels].astype(np.int32)
    # Pixels beside a step belong to the region that they touch.
    return np.where((labels == 0) & plain, ndimage.grey_dilation(labels, 3), labels), int(kept.sum())


def _says_nothing(grey: np.ndarray, texture: np.ndarray, object_alone: bool) -> bool:
    """Whether a region has neither texture nor shading: black anywhere, of one colour on an object."""
    constant = float(grey.std()) < CONSTANT and float(texture.mean()) < FLAT
    return constant and (object_alone or float(grey.mean()) < BLACK)


def _region_planes(
    region: np.ndarray,
    shown: np.ndarray,
    border: np.ndarray,
    planes: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray | None:
    """Planes [h, w, 3] for the pixels of one region, w = 0 where none fits; None if its rim decides nothing.

    A plane is linear in inverse depth over the picture, so planes are fitted to (row, column, w).
    """
    outline = region & ~ndimage.binary_erosion(region, border_value=0)
    if (outline & ndimage.binary_dilation(border)).sum() > OPEN * outline.sum():
        return None
    rim = ndimage.binary_dilation(region, iterations=RIM) & ~region & shown
    matched = planes[..., 0] > 0
    support = (rim | region) & matched
    place = np.argwhere(support)
    if len(place) < FEWEST:
        return None
    value = planes[..., 0][support]
    on_rim = rim[support]
    left = np.ones(len(place), bool)
    middle = np.argwhere(region).mean(axis=0)
    fits: list[np.ndarray] = []
    owner = np.full(len(place), -1)
    for _ in range(PLANES):
        fit = _plane(place[left], value[left], generator)
        if fit is None:
            break
        close = left & (np.abs(_at(fit, place) - value) < CLOSE * value)
        of_rim = (close & on_rim).sum() / max(1, (left & on_rim).sum())
        enough = of_rim >= ON_PLANE or (close & ~on_rim).sum() >= 3 * FEWEST
        if close.sum() < FEWEST or not enough or _spanned(place[close] - middle) < AROUND:
            break
        owner[close] = len(fits)
        fits.append(fit)
        left &= ~close
        if left.sum() < FEWEST:
            break
    if not fits:
        return None
    # A pixel is on the plane of the nearest matched pixel that is on one.
    which = np.full(region.shape, -1)
    which[tuple(place.T)] = owner
    nearest: np.ndarray = ndimage.distance_transform_edt(
        which < 0, return_distances=False, return_indices=True
    )
    chosen = which[nearest[0], nearest[1]]
    result = np.zeros((*region.shape, 3), np.float32)
    for number in range(len(fits)):
        at = region & (chosen == number)
        inverse = _at(fits[number], np.argwhere(at))
        planes = np.empty((len(inverse), 3), np.float32)
        planes[:, 0], planes[:, 1:] = inverse, fits[number][1:]
        planes[inverse < 0.5 * value.min()] = 0.0  # a plane that runs off towards infinity
        result[at] = planes
    return result


def _plane(place: np.ndarray, value: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
    """The plane (w at the corner, per column, per row) that most lie on (RANSAC), refitted to these."""
    if len(place) < FEWEST:
        return None
    drawn = generator.integers(len(place), size=(DRAWS, 3))
    ones = np.ones((DRAWS, 3))
    system = np.stack([ones, place[drawn, 1], place[drawn, 0]], axis=2)
    sound = np.abs(np.linalg.det(system)) > 25.0  # pixels squared: three places that are not on a line
    if not sound.any():
        return None
    fits = np.linalg.solve(system[sound], value[drawn[sound]][..., None])[..., 0]
    every = np.stack([np.ones(len(place)), place[:, 1], place[:, 0]])
    close = np.abs(fits @ every - value) < CLOSE * value
    best = close[close.sum(axis=1).argmax()]
    for _ in range(2):
        if best.sum() < FEWEST:
            return None
        weight = 1.0 / value[best]
        fit, *_ = np.linalg.lstsq(every[:, best].T * weight[:, None], np.ones(int(best.sum())), rcond=None)
        best = np.abs(fit @ every - value) < CLOSE * value
    return fit


def _at(fit: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Inverse depth of a plane at rows and columns [k, 2]."""
    return fit[0] + fit[1] * place[:, 1] + fit[2] * place[:, 0]


def _spanned(offsets: np.ndarray) -> float:
    """The share of the directions around the middle in which there are some of the offsets [k, 2]."""
    angle = np.arctan2(offsets[:, 0], offsets[:, 1])
    return len(np.unique(((angle / (2 * np.pi) + 0.5) * 16).astype(int) % 16)) / 16
