"""Depth by sweeping planes through pictures, and by semi-global matching of what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import plane_sweep as reference_kernels
from neurfield.ops.stereo_pictures import StereoPictures

MOST_RADIUS = 5
MOST_SOURCES = 64
MOST_STEP = 3000  # of a path: eight sums of it fit int16


@dataclass(frozen=True)
class SweptDepth:
    """What `sweep_depth` finds of R reference pictures, float32 [R, h, w] each.

    Attributes:
        inverse_depth: 1/z in 1/metre, 0 where no plane was looked at.
        cost: of the best plane, 0 (the best sources look alike) to 1.
        ratio: the least sum over paths of planes more than two away, over the best one's: 1 is undecided. At
            most 8, which is also the ratio where no such plane was looked at.
        texture: kappa, how far the window was compared by correlation: 0 is plain or a ramp, 1 is textured.
    """

    inverse_depth: Tensor
    cost: Tensor
    ratio: Tensor
    texture: Tensor


def _checked(
    who: str,
    pictures: StereoPictures,
    reference: Tensor,
    sources: Tensor,
    inverse_depth: Tensor,
    interval: tuple[Tensor | None, Tensor | None],
    radius: int,
) -> list[Any]:
    """The arguments of a kernel, contiguous, or a ValueError that names one."""
    n, h, w = pictures.grey.shape
    count = len(reference)
    if not 1 <= radius <= MOST_RADIUS:
        raise ValueError(f"{who}: radius must be 1 to {MOST_RADIUS}, got {radius}")
    if sources.shape[-1] > MOST_SOURCES:
        raise ValueError(f"{who}: sources may be at most {MOST_SOURCES} a picture, got {sources.shape[-1]}")
    for name, tensor, dtype, shape in (
        ("reference", reference, torch.int64, (count,)),
        ("sources", sources, torch.int64, (count, sources.shape[-1])),
        ("inverse_depth", inverse_depth, torch.float32, (count, inverse_depth.shape[-1])),
        ("first", interval[0], torch.int16, (count, h, w)), ("last", interval[1], torch.int16, (count, h, w)),
    ):  # fmt: skip
        if tensor is not None and (tensor.dtype != dtype or tuple(tensor.shape) != shape):
            got = f"{tensor.dtype} {list(tensor.shape)}"
            raise ValueError(f"{who}: {name} must be {dtype} {list(shape)}, got {got}")
    if count and not 0 <= int(reference.min()) <= int(reference.max()) < n:
        raise ValueError(f"{who}: reference names a picture that is not among the {n}")
    if sources.numel() and int(sources.max()) >= n:
        raise ValueError(f"{who}: sources names a picture that is not among the {n}")
    if inverse_depth.shape[-1] < 1 or not bool(inverse_depth.isfinite().all()):
        raise ValueError(f"{who}: inverse_depth must hold at least one plane, all of them finite")
    steps = inverse_depth.diff(dim=-1)
    if not bool(((steps > 0).all(dim=-1) | (steps < 0).all(dim=-1)).all()):
        raise ValueError(f"{who}: inverse_depth must rise, or fall, from plane to plane")
    A, b = pictures.pair(reference[:, None], sources)
    tensors = [reference, sources, A, b, inverse_depth, *interval]
    given = [None if t is None else t.contiguous() for t in tensors]
    return [pictures.quads, pictures.gains, pictures.tolerance, *given, radius]


def _jumps(who: str, next_step: int, jump: int, flat_jump: int, grey_sigma: float) -> Tensor:
    """int16 [256]: what a jump costs on a path, by the difference of grey."""
    if min(next_step, jump, flat_jump) < 0 or max(next_step, jump + flat_jump) > MOST_STEP:
        raise ValueError(f"{who}: next_step, and jump + flat_jump, must be 0 to {MOST_STEP}")
    if not grey_sigma > 0:
        raise ValueError(f"{who}: grey_sigma must be above 0, got {grey_sigma}")
    step = torch.arange(256, dtype=torch.float64)
    return (jump + flat_jump * torch.exp(-step.square() / (2 * grey_sigma**2))).round().to(torch.int16)


@torch.no_grad()
def plane_sweep(
    pictures: StereoPictures,
    reference: Tensor,
    sources: Tensor,
    inverse_depth: Tensor,
    first: Tensor | None = None,
    last: Tensor | None = None,
    *,
    radius: int = 2,
) -> Tensor:
    """What planes of one inverse depth cost at each pixel: uint8 [R, h, w, D], 0 (alike) to 64.

    The square window around a pixel, as far as it lies in the picture and inside, is carried into each source
    by the plane. There it costs kappa (1 - rho) / 2 + (1 - kappa) A: rho is the normalised cross-correlation,
    A the mean absolute difference beyond the pictures' tolerance, in 20 grey levels, at most 1 each, and
    kappa the window's variance V about its best ramp as V / (V + 3^2): what is plain, or shaded smoothly, is
    compared by its brightness. The part of a window that falls on a source's background costs 1, the part
    that leaves the source 0.6. The cost is the mean over the best two of the sources, or over the better half
    where these are fewer. 255 stands where nothing was looked at: outside, beyond `first` and `last`, or
    where there is no source.

    Args:
        reference: int64 [R], the pictures to find depth for.
        sources: int64 [R, S], the pictures to compare each with; -1 = none.
        inverse_depth: float32 [R, D] of the planes, 1/metre along the reference's axis; rising or falling.
        first: int16 [R, h, w], the first plane to look at; None for the first of all.
        last: int16 [R, h, w], the last one, included.
        radius: the window has (2 radius + 1)^2 pixels; 1 to 5.

    Raises:
        ValueError: a shape or a type does not fit, or a picture is named that is not there.
    """
    arguments = _checked("plane_sweep", pictures, reference, sources, inverse_depth, (first, last), radius)
    kernels = native.kernels(pictures.lens, inverse_depth, needs="stereo_plane_sweep")
    if kernels is None:
        return reference_kernels.plane_sweep(*arguments)
    cost = inverse_depth.new_empty(
        (len(reference), *pictures.grey.shape[1:], inverse_depth.shape[1]), dtype=torch.uint8
    )
    kernels.stereo_plane_sweep(*arguments, cost)
    return cost


@torch.no_grad()
def path_costs(
    cost: Tensor,
    grey: Tensor,
    *,
    next_step: int = 2,
    jump: int = 8,
    flat_jump: int = 40,
    grey_sigma: float = 12.0,
) -> Tensor:
    """Costs summed along the eight paths to each pixel: uint16 [R, h, w, D] (Hirschmueller 2008, Eq. 13).

    A step to the next plane on a path costs `next_step`, a longer one jump + flat_jump exp(-dI^2 / (2
    grey_sigma^2)), with dI the difference of grey between the two pixels. Planes that were not looked at cost
    64; a pixel of which none was ends the paths, and its sums are 0.

    Args:
        cost: uint8 [R, h, w, D] of `plane_sweep`: 0 to 64, 255 = not looked at.
        grey: uint8 [R, h, w], the reference pictures.

    Raises:
        ValueError: a shape or a type does not fit, or the steps are too dear for the sums.
    """
    jumps = _jumps("path_costs", next_step, jump, flat_jump, grey_sigma)
    if cost.dtype != torch.uint8 or cost.ndim != 4:
        raise ValueError(f"path_costs: cost must be uint8 [R, h, w, D], got {cost.dtype} {list(cost.shape)}")
    if grey.dtype != torch.uint8 or grey.shape != cost.shape[:3]:
        raise ValueError(
            f"path_costs: grey must be uint8 {list(cost.shape[:3])}, got {grey.dtype} {list(grey.shape)}"
        )
    cost, grey = cost.contiguous(), grey.contiguous()
    kernels = native.kernels(cost, needs="stereo_path_costs")
    if kernels is None or cost.numel() == 0:
        return reference_kernels.path_costs(cost, grey, next_step, jumps.to(cost.device)).to(torch.uint16)
    sums = torch.empty(cost.shape, dtype=torch.int16)
    kernels.stereo_path_costs(cost, grey, next_step, jumps, sums)
    return sums.view(torch.uint16)


@torch.no_grad()
def sweep_depth(
    pictures: StereoPictures,
    reference: Tensor,
    sources: Tensor,
    inverse_depth: Tensor,
    first: Tensor | None = None,
    last: Tensor | None = None,
    *,
    radius: int = 2,
    next_step: int = 2,
    jump: int = 8,
    flat_jump: int = 40,
    grey_sigma: float = 12.0,
) -> SweptDepth:
    """The plane whose costs along all paths are least, at each pixel: `plane_sweep`, then `path_costs`.

    Between planes it is the lowest point of the parabola through the best sum and its neighbours, in planes.
    Memory: about 3 D + 16 S bytes a pixel, once a thread.

    Args: as of `plane_sweep` and `path_costs`.

    Raises:
        ValueError: as `plane_sweep` and `path_costs`.
    """
    arguments = _checked("sweep_depth", pictures, reference, sources, inverse_depth, (first, last), radius)
    jumps = _jumps("sweep_depth", next_step, jump, flat_jump, grey_sigma)
    kernels = native.kernels(pictures.lens, inverse_depth, needs="stereo_sweep_depth")
    if kernels is None:
        cost = reference_kernels.plane_sweep(*arguments)
        sums = reference_kernels.path_costs(cost, pictures.grey[reference], next_step, jumps.to(cost.device))
        found = reference_kernels.chosen(cost, sums, inverse_depth)
        kappa = [reference_kernels.textures(pictures.quads[r], radius) for r in reference.tolist()]
        return SweptDepth(*found, torch.stack(kappa) if kappa else torch.zeros_like(found[0]))
    maps = [torch.empty(len(reference), *pictures.grey.shape[1:]) for _ in range(4)]
    kernels.stereo_sweep_depth(*arguments, pictures.grey.contiguous(), next_step, jumps, *maps)
    return SweptDepth(*maps)
