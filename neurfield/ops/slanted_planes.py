"""Slanted planes of pictures' pixels, refined until windows under them look alike in other pictures.

A plane is a linear function of inverse depth over the picture, 1/z(q) = w + a (u - u_p) + b (v - v_p) at the
pixel p that it belongs to, kept as (w, a, b) in 1/length of the world and pixels; w <= 0 is none.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import slanted_planes as reference_planes
from neurfield.ops.reference.slanted_window import window_costs, window_of
from neurfield.ops.stereo_pictures import StereoPictures

LEAST_RADIUS, MOST_RADIUS, MOST_SOURCES = 2, 6, 16


def _check_references(who: str, pictures: StereoPictures, reference: Tensor, sources: Tensor) -> None:
    """Raises ValueError unless these are int64 [R] and [R, S] and name pictures; -1 is no source."""
    if reference.dtype != torch.int64 or reference.ndim != 1:
        raise ValueError(f"{who}: reference must be int64 [R], got {reference.dtype} {list(reference.shape)}")
    if sources.dtype != torch.int64 or sources.ndim != 2 or len(sources) != len(reference):
        raise ValueError(
            f"{who}: sources must be int64 [{len(reference)}, S], got {sources.dtype} {list(sources.shape)}"
        )
    for name, index, least in (("reference", reference, 0), ("sources", sources, -1)):
        if index.numel() and not least <= int(index.min()) <= int(index.max()) < len(pictures):
            raise ValueError(f"{who}: {name} names a picture that is not among the {len(pictures)}")


def _check(
    who: str, pictures: StereoPictures, reference: Tensor, sources: Tensor, radius: int, **maps: Tensor | None
) -> None:
    _check_references(who, pictures, reference, sources)
    if not LEAST_RADIUS <= radius <= MOST_RADIUS:
        raise ValueError(f"{who}: radius must be {LEAST_RADIUS} to {MOST_RADIUS}, got {radius}")
    if sources.shape[1] > MOST_SOURCES:
        raise ValueError(f"{who}: at most {MOST_SOURCES} sources a picture, got {sources.shape[1]}")
    n, h, w = pictures.grey.shape
    shapes = {
        "planes": (len(reference), h, w, 3),
        "interval": (len(reference), h, w, 2),
        "depths": (n, h, w),
    }
    for name, map_ in maps.items():
        if map_ is not None and (not map_.is_floating_point() or tuple(map_.shape) != shapes[name]):
            raise ValueError(
                f"{who}: {name} must be float {list(shapes[name])}, got {map_.dtype} {list(map_.shape)}"
            )


def _native_arguments(
    pictures: StereoPictures, reference: Tensor, sources: Tensor, depths: Tensor | None
) -> tuple[Any, ...]:
    """What every kernel of this family takes first."""
    pairs = pictures.pair(reference[:, None], sources), pictures.pair(sources, reference[:, None])
    (a, b), (back_a, back_b) = ((a.contiguous(), b.contiguous()) for a, b in pairs)
    lens = pictures.lens.contiguous()
    depths = None if depths is None else depths.contiguous()
    which = reference.contiguous(), sources.contiguous()
    return (pictures.quads, pictures.gains, pictures.tolerance, lens, *which, a, b, back_a, back_b, depths)


@torch.no_grad()
def refine_planes(
    pictures: StereoPictures,
    reference: Tensor,
    sources: Tensor,
    planes: Tensor,
    *,
    passes: int = 2,
    seed: int = 0,
    radius: int = 4,
    shift: float = 1.0,
    turn: float = 15.0,
    far: bool = True,
    margin: float = 0.0,
    interval: Tensor | None = None,
    depths: Tensor | None = None,
    reach: float = 2.0,
) -> tuple[Tensor, Tensor]:
    """Red-black PatchMatch from the planes that pixels start with: planes [R, h, w, 3] and costs [R, h, w].

    Each pass tries, at every pixel, its plane, the best planes of eight regions around, the plane that it
    started with, one with the slopes of the depths around, and three random changes of the best; the last one
    ends with a parabola through costs a quarter of a pixel apart. Windows of taps two pixels apart, weighted
    by how near and how alike to the middle they are, cost what they cost in `plane_sweep`, in up to four
    sources a pixel, which are chosen by what all its candidates cost there (ACMH: Xu and Tao 2019, Sec. 3,
    without draws). Planes pay for missing their neighbours, and those without texture for moving by more than
    half a pixel from where they start, so plain surfaces stay. The numbers drawn follow from picture, pixel,
    pass and seed.

    Args:
        pictures: all of them.
        reference: int64 [R], the pictures to refine.
        sources: int64 [R, S], the pictures each is compared with, at most 16; -1 = none.
        planes: [R, h, w, 3], w = 0 where nothing is known: filled from around, or by draws from the interval.
        passes: over all pixels; none measures costs only.
        seed: of the random changes.
        radius: of the windows, 2 to 6 pixels.
        shift: the first pass changes inverse depth by up to so many pixels of the source that moves most;
            each later one by half as much as the one before.
        turn: and normals by up to about so many degrees.
        far: whether planes are taken over from up to 23 pixels away, or from up to 4.
        margin: by how much a new plane must cost less than a pixel's own.
        interval: [R, h, w, 2], the least and greatest inverse depth of each pixel, or None. A pixel where the
            least is greater stays without a plane.
        depths: [n, h, w], z-depth of all pictures, 0 = nothing: planes whose points those of the sources do
            not come back to cost 0.1 a pixel more (geometric consistency), or None.
        reach: the error of coming back, in pixels, beyond which it costs no more; what is unknown costs that.

    Returns:
        planes, w = 0 where there is none; costs, 0 (alike) to 1, 1 where there is no plane.

    Raises:
        ValueError: shapes disagree, a picture is named that is not there, or a number is out of its range.
    """
    who = "refine_planes"
    _check(who, pictures, reference, sources, radius, planes=planes, interval=interval, depths=depths)
    if passes < 0:
        raise ValueError(f"{who}: passes must be 0 or more, got {passes}")
    for name, value in (("shift", shift), ("margin", margin), ("reach", reach)):
        if not 0.0 <= value < math.inf:
            raise ValueError(f"{who}: {name} must be 0 or more, got {value}")
    if not 0.0 <= turn <= 60.0:
        raise ValueError(f"{who}: turn must be 0 to 60 degrees, got {turn}")
    tangent, seed = math.tan(math.radians(turn)), seed & 0xFFFFFFFF
    start = planes.contiguous()
    maps = [t for t in (start, interval, depths) if t is not None]
    kernels = native.kernels(pictures.quads, *maps, needs="stereo_refine_planes")
    if kernels is not None:
        refined, cost = torch.empty_like(start), torch.empty_like(start[..., 0])
        arguments = _native_arguments(pictures, reference, sources, depths)
        interval = None if interval is None else interval.contiguous()
        numbers = (passes, seed, radius, shift, tangent, far, margin, reach)
        kernels.stereo_refine_planes(*arguments, *numbers, start, interval, refined, cost)
        return refined, cost
    results = [
        reference_planes.refine_planes(
            pictures, int(r), [int(s) for s in own if s >= 0], start[k], passes, seed, radius, shift, tangent,
            far, margin, None if interval is None else interval[k], depths, reach,
        )
        for k, (r, own) in enumerate(zip(reference, sources))
    ]  # fmt: skip
    if not results:
        return torch.empty_like(start), torch.empty_like(start[..., 0])
    refined, cost = (torch.stack(parts) for parts in zip(*results))
    return refined, cost


@torch.no_grad()
def plane_costs(
    pictures: StereoPictures, reference: Tensor, sources: Tensor, planes: Tensor, *, radius: int = 4
) -> tuple[Tensor, Tensor]:
    """How alike the windows of all pixels look in each source under given planes, and their texture.

    Args:
        pictures: all of them.
        reference: int64 [R].
        sources: int64 [R, S], at most 16; -1 = none.
        planes: [R, h, w, 3], w = 0 where there is none.
        radius: of the windows, 2 to 6 pixels.

    Returns:
        costs [R, S, h, w], 0 (alike) to 1, 1 where there is no plane or source, 0.6 for windows that leave
        the source; texture [R, h, w], 0 to 1: how far the cost goes by correlation, 0 outside the mask.

    Raises:
        ValueError: shapes disagree, or a picture is named that is not there.
    """
    _check("plane_costs", pictures, reference, sources, radius, planes=planes)
    planes = planes.contiguous()
    R, h, w = planes.shape[:3]
    costs, texture = planes.new_ones(R, sources.shape[1], h, w), planes.new_zeros(R, h, w)
    kernels = native.kernels(pictures.quads, planes, needs="stereo_plane_costs")
    if kernels is not None:
        arguments = _native_arguments(pictures, reference, sources, None)
        kernels.stereo_plane_costs(*arguments, radius, planes, costs, texture)
        return costs, texture
    for k, (r, own) in enumerate(zip(reference, sources)):
        window = window_of(pictures, int(r), radius, planes.dtype)
        texture[k] = torch.where(window.active, window.texture, texture[k])
        known = window.active & (planes[k, ..., 0] > 0)
        for j, s in enumerate(own):
            if s >= 0:
                cost = window_costs(pictures, window, int(r), int(s), planes[k])
                costs[k, j] = torch.where(known, cost, costs[k, j])
    return costs, texture
