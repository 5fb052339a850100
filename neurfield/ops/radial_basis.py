"""Radial bases: features of points from the kernels around them, twice differentiable.

NeuRBF (Chen et al., ICCV 2023). In two steps, because what lies between is small: the activations of a
point's K nearest kernels (`kernel_activations`), [N, K], and the features composed from them
(`compose_features`), [N, F]. Both run natively for float32, on the CPU and on a GPU, and by the torch
reference elsewhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.kernel_lookup import MAX_NEIGHBOURS, KernelLookup
from neurfield.ops.points import check_points
from neurfield.ops.radial_basis_features import compose_features
from neurfield.ops.reference import radial_basis as reference

__all__ = ["KERNELS", "MAX_NEIGHBOURS", "compose_features", "kernel_activations", "radial_basis_encode"]

KERNELS = ("inverse_quadratic", "gaussian", "inverse_multiquadric", "markov", "tent")


@eager
def radial_basis_encode(
    points: Tensor,
    centres: Tensor,
    shapes: Tensor,
    features: Tensor,
    bias: Tensor | None = None,
    frequencies: Tensor | None = None,
    neighbours: int = 4,
    kernel: str = "inverse_quadratic",
    normalise: bool = True,
    support: Tensor | None = None,
    active_channels: int | None = None,
    lookup: KernelLookup | None = None,
) -> Tensor:
    """f_c = bias_c + sum over the K nearest kernels k of features[k, c] * sin(frequencies_c * a_k).

    a_k is the response phi_k of kernel k, divided by the sum over the K kernels if `normalise`. Responses,
    for D = x - centres[k], u = U D and q = |u|^2:

    - "inverse_quadratic": 1 / (1 + q)
    - "gaussian": exp(-q / 2)
    - "inverse_multiquadric": 1 / sqrt(1 + q)
    - "markov": exp(-sqrt q)
    - "tent": the product of max(0, 1 - |u_i|)

    Differentiable twice with respect to points, features and bias, centres and shapes.

    Args:
        points: [N, d], d = 2 to 4.
        centres: [M, d].
        shapes: [M, d (d + 1) / 2], the upper triangle of U row after row; U^T U is the inverse covariance,
            so it cannot become indefinite, whatever is learnt.
        features: [M, F].
        bias: [F], or None for 0.
        frequencies: [F], radians; None for f_c = bias_c + sum of features[k, c] * a_k.
        neighbours: K, 1 to 8; nearest is by Euclidean distance to the centres.
        kernel: the response, by its name above.
        normalise: as published the sum counts as constant in gradients; with `support` it does not.
        support: radii [M] for blended support, as `encodings.kernel_support.support_radii` finds them: each
            response is multiplied by (1 - |D|^2 / radius^2)^3, 0 beyond the radius. Without it features jump
            where the set of the K nearest changes.
        active_channels: channels from this one on are exact zeros; None for all.
        lookup: of these centres; None builds one for this call.

    Returns:
        [N, F].

    Raises:
        ValueError: a shape, the kernel or the number of neighbours is wrong, or a point is not finite (not
            looked at on a GPU).

    Example:
        >>> centres = torch.tensor([[0.25, 0.5], [0.75, 0.5]])
        >>> shapes = torch.tensor([[4.0, 0.0, 4.0], [4.0, 0.0, 4.0]])  # round, 1/4 wide
        >>> features = torch.tensor([[1.0], [2.0]])
        >>> radial_basis_encode(torch.tensor([[0.5, 0.5]]), centres, shapes, features, neighbours=2)
        tensor([[1.5000]])
    """
    check(points, centres, shapes, features, bias, frequencies, neighbours, kernel, support)
    native.one_device(points, centres, shapes, features, bias, frequencies, support)
    lookup = KernelLookup(centres) if lookup is None else lookup
    near = lookup.nearest(points, neighbours)
    activations = kernel_activations(points, centres, shapes, near, kernel, normalise, support)
    return compose_features(activations, near, features, bias, frequencies, active_channels)


@eager
def kernel_activations(
    points: Tensor,
    centres: Tensor,
    shapes: Tensor,
    neighbours: Tensor,
    kernel: str = "inverse_quadratic",
    normalise: bool = True,
    support: Tensor | None = None,
) -> Tensor:
    """Activations [N, K] of the kernels `neighbours` int32 [N, K] at points [N, d]; differentiable twice.

    Learnt centres and shapes go through the reference, whose work is small beside that of the features. On a
    GPU nobody checks that the neighbours are kernels: they must be what a lookup found.
    """
    native.one_device(points, centres, shapes, neighbours, support)
    learnt = torch.is_grad_enabled() and (centres.requires_grad or shapes.requires_grad)
    if learnt or not native.serves(points, centres, shapes):
        return reference.activations(points, centres, shapes, support, neighbours, kernel, normalise)
    fixed = _Fixed(centres.detach(), shapes.detach(), neighbours, kernel, normalise, support)
    if not (points.requires_grad and torch.is_grad_enabled()):
        return fixed.activate(points, jacobian=None)
    return _Activations.apply(points, fixed)


class _Fixed:
    """The kernels of a call and how they respond, none of which takes a gradient."""

    def __init__(
        self,
        centres: Tensor,
        shapes: Tensor,
        neighbours: Tensor,
        kernel: str,
        normalise: bool,
        support: Tensor | None,
    ) -> None:
        inverse_squares = None if support is None else support.detach().square().reciprocal().contiguous()
        floor = reference.SUM_FLOOR if support is None else reference.BLENDED_SUM_FLOOR
        self.tensors = (centres.contiguous(), shapes.contiguous(), inverse_squares, neighbours.contiguous())
        self.how = (KERNELS.index(kernel), normalise, floor)

    def activate(self, points: Tensor, jacobian: Tensor | None) -> Tensor:
        values = points.new_empty(self.tensors[3].shape)
        self._call("activate", points, values, jacobian)
        return values

    def bend(self, points: Tensor, weights: Tensor, along: Tensor) -> Tensor:
        out = torch.empty_like(points, memory_format=torch.contiguous_format)
        self._call("bend", points, weights.detach().contiguous(), along.detach().contiguous(), out)
        return out

    def _call(self, name: str, points: Tensor, *tensors: Tensor | None) -> None:
        kernel = getattr(native.kernels(points, self.tensors[0]), f"radial_basis_{name}")
        kernel(points.detach().contiguous(), *self.tensors, *self.how, *tensors)


class _Activations(torch.autograd.Function):
    """Activations as a function of the points."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, fixed: _Fixed) -> Tensor:  # type: ignore[override]
        jacobian = points.new_empty(*fixed.tensors[3].shape, points.shape[1])
        values = fixed.activate(points, jacobian)
        ctx.fixed = fixed
        ctx.save_for_backward(points, jacobian)
        return values

    @staticmethod
    @eager
    def backward(ctx: Any, d_activations: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        points, jacobian = ctx.saved_tensors
        return _PointGradient.apply(d_activations, points, jacobian, ctx.fixed), None


class _PointGradient(torch.autograd.Function):
    """The gradient of the points, as a function of that of the activations and of the points."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, d_activations: Tensor, points: Tensor, jacobian: Tensor, fixed: _Fixed
    ) -> Tensor:
        ctx.fixed = fixed
        ctx.save_for_backward(d_activations, points, jacobian)
        return torch.einsum("nk,nkd->nd", d_activations, jacobian)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_points: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_activations, points, jacobian = ctx.saved_tensors
        to_activations = to_points = None
        if ctx.needs_input_grad[0]:
            to_activations = torch.einsum("nd,nkd->nk", by_points, jacobian)
        if ctx.needs_input_grad[1]:
            to_points = ctx.fixed.bend(points, d_activations, by_points)
        return to_activations, to_points, None, None


def check(
    points: Tensor,
    centres: Tensor,
    shapes: Tensor,
    features: Tensor,
    bias: Tensor | None,
    frequencies: Tensor | None,
    neighbours: int,
    kernel: str,
    support: Tensor | None,
) -> None:
    """Raises ValueError, naming the argument, if a shape, the kernel or the number of neighbours is wrong."""
    if kernel not in KERNELS:
        raise ValueError(f"radial_basis_encode: kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
    if points.ndim != 2 or not 2 <= points.shape[1] <= 4:
        raise ValueError(f"radial_basis_encode: points must be [N, 2 to 4], got {list(points.shape)}")
    check_points("radial_basis_encode", points, points.shape[1])
    d, m, channels = points.shape[1], len(centres), features.shape[-1]
    wanted: dict[str, tuple[Tensor | None, tuple[int, ...]]] = {
        "centres": (centres, (m, d)),
        "shapes": (shapes, (m, d * (d + 1) // 2)),
        "features": (features, (m, channels)),
        "bias": (bias, (channels,)),
        "frequencies": (frequencies, (channels,)),
        "support": (support, (m,)),
    }
    for name, (tensor, shape) in wanted.items():
        if tensor is not None and tensor.shape != shape:
            raise ValueError(
                f"radial_basis_encode: {name} must be {list(shape)} for {m} kernels in {d}-D, "
                f"got {list(tensor.shape)}"
            )
    if not 1 <= neighbours <= min(MAX_NEIGHBOURS, m):
        most = min(MAX_NEIGHBOURS, m)
        raise ValueError(
            f"radial_basis_encode: neighbours must be 1 to {most} for {m} kernels, got {neighbours}"
        )
