"""How alike a window looks where a slanted plane puts it in another picture, in plain torch.

A plane is a linear function of inverse depth over the picture: 1/z(q) = w + a (u - u_p) + b (v - v_p) at the
pixel p that it belongs to, kept as (w, a, b); w <= 0 is no plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.ops.reference.stereo_pictures import OUTSIDE, matching_cost, sampled, texture
from neurfield.ops.stereo_pictures import StereoPictures

STRIDE = 2  # pixels between the taps of a window
SPATIAL = 0.75  # deviation of the taps' weights, in radii
SIMILAR = 25.5  # and in grey levels (OpenMVS: 0.1 of white)
THINNEST = 0.02  # share of its area that a window must keep in the other picture
STEEPEST = 0.5  # share of its inverse depth that a plane may lose over the radius of a window


@dataclass(frozen=True)
class Window:
    """The windows around all pixels of a picture, of T taps each.

    Attributes:
        offsets: [T, 2], right and down, in pixels.
        radius: in pixels.
        active: bool [h, w]: the pixel belongs to the surface and has taps that do.
        values: [h, w, T], grey levels.
        weights: [h, w, T]; 0 outside the picture and outside the mask.
        texture: [h, w], 0 to 1 (`stereo_pictures.texture`).
    """

    offsets: Tensor
    radius: int
    active: Tensor
    values: Tensor
    weights: Tensor
    texture: Tensor


def centres(like: Tensor) -> tuple[Tensor, Tensor]:
    """(u [w], v [h, 1]) of the pixels of a map [h, w], of its type."""
    h, w = like.shape[:2]
    u = torch.arange(w, dtype=like.dtype, device=like.device) + 0.5
    return u, (torch.arange(h, dtype=like.dtype, device=like.device) + 0.5)[:, None]


def shifted(map_: Tensor, right: int, down: int, fill: float) -> Tensor:
    """The map [h, w, ...] read `right` and `down` of each pixel; `fill` beyond its border."""
    h, w = map_.shape[:2]
    out = torch.full_like(map_, fill)
    rows, columns = range(max(0, -down), min(h, h - down)), range(max(0, -right), min(w, w - right))
    if len(rows) and len(columns):
        target = (slice(rows.start, rows.stop), slice(columns.start, columns.stop))
        place = (
            slice(rows.start + down, rows.stop + down),
            slice(columns.start + right, columns.stop + right),
        )
        out[target] = map_[place]
    return out


def window_of(pictures: StereoPictures, picture: int, radius: int, dtype: torch.dtype) -> Window:
    """The windows of one picture."""
    grey = (pictures.quads[picture] & 255).to(dtype)  # 0 outside the mask
    steps = range(-radius, radius + 1, STRIDE)
    offsets = torch.tensor([(x, y) for y in steps for x in steps], dtype=dtype, device=grey.device)
    values = torch.stack([shifted(grey, int(x), int(y), 0.0) for x, y in offsets], dim=-1)
    far = offsets.square().sum(dim=-1) / (2.0 * (SPATIAL * radius) ** 2)
    weights = torch.exp(-far - (values - grey[..., None]).square() / (2.0 * SIMILAR**2)) * (values > 0)
    active = (grey > 0) & (weights.sum(dim=-1) > 0)
    kappa = texture(values, weights, *offsets.unbind(-1)).to(dtype)
    return Window(offsets, radius, active, values, weights, kappa)


def pair_of(pictures: StereoPictures, r: int, s: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """`StereoPictures.pair` of two pictures, in the type of a tensor."""
    return pictures.pair(torch.tensor(r), torch.tensor(s), like.dtype)


def project(
    pictures: StereoPictures, reference: int, source: int, planes: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where planes [h, w, 3] put their pixels in another picture.

    Returns:
        x, y in pixels; the depth there over the depth here; the slopes [h, w, 4] dx/du, dx/dv, dy/du, dy/dv.
    """
    turn, shift = pair_of(pictures, reference, source, planes)
    u, v = centres(planes[..., 0])
    w, a, b = planes.unbind(-1)
    x, y, z = (turn[i, 0] * u + (turn[i, 1] * v + turn[i, 2]) + shift[i] * w for i in range(3))
    inverse = 1.0 / torch.where(z > 0, z, torch.ones_like(z))
    x, y = x * inverse, y * inverse
    (xu, yu, zu), (xv, yv, zv) = ([turn[i, k] + shift[i] * t for i in range(3)] for k, t in ((0, a), (1, b)))
    slopes = torch.stack(
        [(xu - zu * x) * inverse, (xv - zv * x) * inverse, (yu - zu * y) * inverse, (yv - zv * y) * inverse],
        -1,
    )
    return x, y, z, slopes


def window_costs(
    pictures: StereoPictures, window: Window, reference: int, source: int, planes: Tensor
) -> Tensor:
    """[h, w], 0 (alike) to 1: the windows of `reference` against where planes [h, w, 3] put them.

    `stereo_pictures.matching_cost`; OUTSIDE for windows that leave the source, are seen from behind or shrink
    to less than THINNEST of their area there.
    """
    h, w = pictures.grey.shape[1:]
    x, y, z, slopes = project(pictures, reference, source, planes)
    xu, xv, yu, yv = slopes.unbind(-1)
    wide, tall = window.radius * (xu.abs() + xv.abs()), window.radius * (yu.abs() + yv.abs())
    usable = (z > 0) & (x - wide >= 0.5) & (x + wide <= w - 0.5) & (y - tall >= 0.5) & (y + tall <= h - 0.5)
    usable &= xu * yv - xv * yu >= THINNEST
    dx, dy = window.offsets.unbind(-1)
    us = x[..., None] + xu[..., None] * dx + xv[..., None] * dy
    vs = y[..., None] + yu[..., None] * dx + yv[..., None] * dy
    theirs, background, _ = sampled(pictures.quads, torch.tensor(source), us, vs)
    gain = float(pictures.gains[source] / pictures.gains[reference])
    cost = matching_cost(
        window.values, theirs, window.weights, background, gain, window.texture, pictures.tolerance
    )
    return torch.where(usable, cost, torch.full_like(cost, OUTSIDE))
