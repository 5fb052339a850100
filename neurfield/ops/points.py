"""What every operation on points refuses."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops.eager import eager
from neurfield.ops.native import refuse_transforms


@eager
def check_points(who: str, points: Tensor, dimensions: int, dtype: torch.dtype | None = None) -> None:
    """Raise ValueError unless points are [N, dimensions], finite, of a floating type (`dtype` where given).

    On other devices than the CPU finiteness is not looked at: it would make the device wait.
    """
    refuse_transforms()
    if points.ndim != 2 or points.shape[1] != dimensions:
        raise ValueError(f"{who}: points must be [N, {dimensions}], got {list(points.shape)}")
    if not points.is_floating_point() or (dtype is not None and points.dtype != dtype):
        wanted = "torch.float32 or torch.float64" if dtype is None else str(dtype)
        cure = torch.float32 if dtype is None else dtype
        raise ValueError(f"{who}: points must be {wanted}, got {points.dtype}: convert them, .to({cure})")
    # A sum is finite unless a summand is not, or they are so large that nothing is to be made of them anyway.
    if points.device.type == "cpu" and points.numel() and not torch.isfinite(points.detach().sum()):
        bad = (~torch.isfinite(points.detach())).any(dim=1).nonzero()
        if len(bad):
            index = int(bad[0])
            values = ", ".join(f"{value:g}" for value in points[index].tolist())
            raise ValueError(f"{who}: points[{index}] is not finite: ({values})")


def check_device(who: str, points: Tensor, parameter: Tensor) -> None:
    """Raise ValueError unless points lie where the parameters do."""
    if points.device != parameter.device:
        raise ValueError(
            f"{who}: points are on {points.device}, the parameters on {parameter.device}: "
            "move either with .to(device)"
        )


@eager
def flat_points(who: str, points: Tensor, dimensions: int, parameter: Tensor) -> Tensor:
    """Points [..., dimensions] as [N, dimensions], for a module with such a parameter.

    Raises:
        ValueError: they are no tensor of that shape, lie elsewhere than the parameter, are of another type,
            or not finite.
    """
    if not isinstance(points, Tensor) or points.ndim == 0 or points.shape[-1] != dimensions:
        got = list(points.shape) if isinstance(points, Tensor) else f"a {type(points).__name__}"
        raise ValueError(f"{who}: points of shape [..., {dimensions}] expected, got {got}")
    check_device(who, points, parameter)
    flat = points.reshape(-1, dimensions)
    check_points(who, flat, dimensions, parameter.dtype)
    return flat
