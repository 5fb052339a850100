"""How alike patches look where a surface puts them in other pictures, with derivatives by the surface."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import patch_warp as specification
from neurfield.ops.stereo_pictures import StereoPictures

MOST_TAPS = 128


class WarpedPatches(NamedTuple):
    """N patches compared with where a surface puts them in S other pictures each.

    Attributes:
        cost: [N, S] of each, 0 (alike) to 1; 1, without gradient, where it is not valid.
        valid: bool [N, S], whether all of the patch lies in both pictures, off the background.
        texture: [N] of the patch itself, 0 (plain, or a ramp of grey) to 1.
    """

    cost: Tensor
    valid: Tensor
    texture: Tensor


@eager
def patch_warp(
    pictures: StereoPictures,
    reference: Tensor,
    uv: Tensor,
    depth: Tensor,
    normal: Tensor,
    sources: Tensor,
    *,
    radius: int = 5,
    spacing: int = 2,
    absolute: float = 1.0,
) -> WarpedPatches:
    """Compare patches across pictures; differentiable once, by depth and normal.

    The plane of a point carries the patch around it into another picture, which is read there, bilinear
    (Hartley and Zisserman 2004, Eq. 13.2). Where the patch has texture, what counts is one minus the
    correlation of the two (negative correlation counts as none). Where it is plain, so that correlation is
    noise, their absolute difference of up to 20 grey levels does. `texture` weighs one against the other: it
    is V / (V + 9) of the variance V of the patch about its best ramp, in grey levels squared. Taps weigh by
    distance and likeness to the middle.

    Args:
        pictures: with their cameras.
        reference: int64 [N], the picture of each patch.
        uv: [N, 2] its middle, in pixels, centres at +0.5.
        depth: [N] z-depth of the surface there, world lengths.
        normal: [N, 3] of the surface there, that camera's axes, either sign, any length.
        sources: int64 [N, S], the pictures to compare with; -1: none.
        radius: the patch reaches so many pixels to each side of its middle.
        spacing: of its taps, pixels.
        absolute: 0..1, weight of the absolute difference; 0 where exposure is not known to be the same.

    Raises:
        ValueError: shapes disagree, a picture is named that is not there, or a patch has more than 128 taps.

    Example:
        >>> from neurfield.ops.stereo_pictures import StereoPictures
        >>> grey = torch.randint(1, 256, (2, 32, 48), generator=torch.Generator().manual_seed(0))
        >>> lens = torch.tensor([[40.0, 40.0, 24.0, 16.0]]).repeat(2, 1)
        >>> pose = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
        >>> pictures = StereoPictures(grey[:1].repeat(2, 1, 1).to(torch.uint8), lens, pose)  # twice the same
        >>> found = patch_warp(
        ...     pictures, torch.tensor([0]), torch.tensor([[24.0, 16.0]]), torch.tensor([2.0]),
        ...     torch.tensor([[0.0, 0.0, -1.0]]), torch.tensor([[1]]),
        ... )
        >>> bool(found.valid), bool(found.cost < 1e-3)
        (True, True)
    """
    _check(pictures, reference, uv, depth, normal, sources, radius, spacing)
    planes = _planes_of(pictures.lens[reference], uv, depth, normal)
    how = radius, spacing, absolute
    return WarpedPatches(*_Warp.apply(planes, pictures, reference, uv, sources, how))


def _planes_of(lens: Tensor, uv: Tensor, depth: Tensor, normal: Tensor) -> Tensor:
    """Planes as linear functions of inverse depth [N, 3]: 1/z at a pixel, and its slopes by u and v.

    Args:
        lens: [N, 4] fx, fy, cx, cy of the pixels' cameras.
        uv: [N, 2] pixels.
        depth: [N] z-depth of the plane there.
        normal: [N, 3] in camera axes, either sign, any length.
    """
    ray = (uv - lens[:, 2:]) / lens[:, :2]
    facing = (normal[:, :2] * ray).sum(dim=1) + normal[:, 2]
    least = 1e-6 * normal.norm(dim=1).clamp_min(1e-20)  # a plane seen from its edge
    facing = torch.where(facing.abs() < least, least, facing)
    inverse = 1.0 / depth
    slopes = normal[:, :2] / lens[:, :2] * (inverse / facing)[:, None]
    return torch.cat([inverse[:, None], slopes], dim=1)


class _Warp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        planes: Tensor,
        pictures: StereoPictures,
        reference: Tensor,
        uv: Tensor,
        sources: Tensor,
        how: tuple[int, int, float],
    ) -> tuple[Tensor, Tensor, Tensor]:
        pair, homographies, shifts = _pairs(pictures, reference, sources)
        indices = reference.contiguous(), uv.contiguous(), planes.contiguous(), sources.contiguous(), pair
        tensors = (pictures.quads, pictures.gains, homographies, shifts, *indices)
        kernels = native.kernels(*tensors, needs="stereo_patch_warp")
        if kernels is None:
            cost, valid, texture, slope = _differentiated(pictures, homographies, shifts, indices, how)
        else:
            cost, texture = planes.new_empty(sources.shape), planes.new_empty(len(planes))
            slope, byte = planes.new_empty(*sources.shape, 3), torch.empty(sources.shape, dtype=torch.uint8)
            kernels.stereo_patch_warp(*tensors, *how, cost, slope, byte, texture)
            valid = byte.bool()
        ctx.save_for_backward(slope)
        ctx.mark_non_differentiable(valid, texture)
        return cost, valid, texture

    @staticmethod
    @eager
    def backward(ctx: Any, cost: Tensor, *_: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        (slope,) = ctx.saved_tensors
        return torch.einsum("ns,nsk->nk", cost, slope), None, None, None, None, None


def _pairs(pictures: StereoPictures, reference: Tensor, sources: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which of some pairs of pictures each comparison is of [N, S], -1: none; and how they are related."""
    n = len(pictures)
    keys, pair = torch.unique(reference[:, None] * n + sources.clamp_min(0), return_inverse=True)
    homographies, shifts = pictures.pair(torch.div(keys, n, rounding_mode="floor"), keys % n)
    pair = torch.where(sources < 0, torch.full_like(pair, -1), pair)
    return pair.contiguous(), homographies.contiguous(), shifts.contiguous()


def _differentiated(
    pictures: StereoPictures, homographies: Tensor, shifts: Tensor, indices: Any, how: tuple[int, int, float]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the reference gives, and the derivatives [N, S, 3] of its costs by the planes."""
    reference, uv, planes, sources, pair = indices
    grey = pictures.quads & 255
    with torch.enable_grad():
        each = planes.detach().repeat_interleave(sources.shape[1], dim=0).requires_grad_()
        one, middle = (t.repeat_interleave(sources.shape[1], dim=0) for t in (reference, uv))
        cost, valid, texture = specification.patch_warp(
            grey,
            pictures.gains,
            homographies,
            shifts,
            one,
            middle,
            each,
            sources.reshape(-1, 1),
            pair.reshape(-1, 1),
            *how,
        )
        (slope,) = torch.autograd.grad(cost.sum(), each)
    shape = sources.shape
    return cost.detach().view(shape), valid.view(shape), texture.view(shape)[:, 0], slope.view(*shape, 3)


def _check(
    pictures: StereoPictures,
    reference: Tensor,
    uv: Tensor,
    depth: Tensor,
    normal: Tensor,
    sources: Tensor,
    radius: int,
    spacing: int,
) -> None:
    """ValueError where an argument does not fit; names it."""
    count, n = len(reference), len(pictures)
    if radius < 1 or spacing < 1 or (2 * radius // spacing + 1) ** 2 > MOST_TAPS:
        raise ValueError(
            f"patch_warp: radius {radius} and spacing {spacing} must be at least 1, and make at most "
            f"{MOST_TAPS} taps"
        )
    if sources.ndim != 2 or not sources.shape[1]:
        raise ValueError(f"patch_warp: sources must be [N, S], S at least 1, got {list(sources.shape)}")
    for name, tensor, shape in (
        ("reference", reference, (count,)), ("uv", uv, (count, 2)), ("depth", depth, (count,)),
        ("normal", normal, (count, 3)), ("sources", sources, (count, sources.shape[1])),
    ):  # fmt: skip
        if tuple(tensor.shape) != shape:
            raise ValueError(f"patch_warp: {name} must be {list(shape)}, got {list(tensor.shape)}")
    if reference.device.type != "cpu":
        return  # nobody waits for a GPU to look
    for name, index, least in (("reference", reference, 0), ("sources", sources, -1)):
        if index.numel() and not least <= int(index.min()) <= int(index.max()) < n:
            raise ValueError(f"patch_warp: {name} names a picture that is not among the {n}")
