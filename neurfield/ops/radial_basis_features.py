"""From the activations of kernels to features, with all derivatives: the second step of radial bases."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import radial_basis as reference

__all__ = ["compose_features"]


@eager
def compose_features(
    activations: Tensor,
    neighbours: Tensor,
    features: Tensor,
    bias: Tensor | None = None,
    frequencies: Tensor | None = None,
    active_channels: int | None = None,
) -> Tensor:
    """bias_c + sum_k features[neighbours_k, c] * sin(frequencies_c * a_k); a_k itself without frequencies.

    Differentiable twice with respect to activations, features and bias. The gradient of the features does not
    depend on the number of threads; on a GPU its last bits vary, because its sums have no order there.

    Args:
        activations: a, [N, K].
        neighbours: int32 [N, K], rows of `features`.
        features: [M, F].
        bias: [F], or None for 0.
        frequencies: [F], or None.
        active_channels: channels from this one on are exact zeros; None for all.

    Returns:
        [N, F].
    """
    native.one_device(activations, neighbours, features, bias, frequencies)
    channels = features.shape[1]
    active = channels if active_channels is None else min(max(active_channels, 0), channels)
    if not native.serves(activations, features):
        return reference.compose(activations, neighbours, features, bias, frequencies, active)
    how = _Composition(neighbours.contiguous(), None if frequencies is None else frequencies.detach(), active)
    values = how.sum_kernels(0, activations, features, bias=bias)
    if torch.is_grad_enabled():
        values = _ByFeatures.apply(features, bias, activations, values, how)
        if activations.requires_grad:
            values = _ByActivations.apply(values, activations, features, how)
    return values


class _Composition:
    """Who is summed: the neighbours, the frequencies and the active channels; and the three native sums.

    T of order 0, 1 and 2 is sin(m a) and its derivatives by a.
    """

    def __init__(self, neighbours: Tensor, frequencies: Tensor | None, active: int) -> None:
        self.neighbours, self.frequencies, self.active = neighbours, frequencies, active

    def sum_kernels(
        self,
        order: int,
        activations: Tensor,
        features: Tensor,
        bias: Tensor | None = None,
        scales: Tensor | None = None,
    ) -> Tensor:
        """[N, F]: bias_c + sum_k scales_k features_kc T(m_c a_k)."""
        out = activations.new_empty(len(activations), features.shape[1])
        self._call("sum_kernels", activations, order, features, bias, scales, out)
        return out

    def sum_channels(self, order: int, activations: Tensor, features: Tensor, d_values: Tensor) -> Tensor:
        """[N, K]: sum_c d_c features_kc T(m_c a_k)."""
        out = torch.empty_like(activations, memory_format=torch.contiguous_format)
        self._call("sum_channels", activations, order, features, d_values, out)
        return out

    def scatter(
        self, order: int, activations: Tensor, d_values: Tensor, kernels: int, scales: Tensor | None = None
    ) -> Tensor:
        """[M, F]: sum over the points that see kernel k of scales_k d_c T(m_c a_k)."""
        out = activations.new_empty(kernels, d_values.shape[1])
        self._call("scatter", activations, order, d_values, scales, out)
        return out

    def _call(self, name: str, activations: Tensor, order: int, *tensors: Tensor | None) -> None:
        values = [None if t is None else t.detach().contiguous() for t in tensors]
        start = activations.detach().contiguous()
        kernel = getattr(native.kernels(start, self.neighbours), f"radial_basis_{name}")
        kernel(start, self.neighbours, self.frequencies, self.active, order, *values)


# As with the hash grid, derivatives by the table and along the points are nodes of their own: autograd runs a
# node whole or not at all, and a gradient along the points must not cost a scatter.


class _ByFeatures(torch.autograd.Function):
    """The values, as a function of features and bias."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        features: Tensor,
        bias: Tensor | None,
        activations: Tensor,
        values: Tensor,
        how: _Composition,
    ) -> Tensor:
        ctx.how, ctx.kernels = how, len(features)
        ctx.save_for_backward(activations)
        return values

    @staticmethod
    @eager
    def backward(ctx: Any, d_values: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (activations,) = ctx.saved_tensors
        d_features = d_bias = None
        if ctx.needs_input_grad[0]:
            d_features = _FeatureGradient.apply(d_values, activations, ctx.kernels, ctx.how)
        if ctx.needs_input_grad[1]:
            d_bias = d_values.sum(0)
            if ctx.how.active < len(d_bias):
                d_bias = d_bias * (torch.arange(len(d_bias), device=d_bias.device) < ctx.how.active)
        return d_features, d_bias, None, None, None


class _FeatureGradient(torch.autograd.Function):
    """The gradient of the features, as a function of that of the values and of the activations."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, d_values: Tensor, activations: Tensor, kernels: int, how: _Composition
    ) -> Tensor:
        ctx.how = how
        ctx.save_for_backward(d_values, activations)
        return how.scatter(0, activations, d_values, kernels)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_features: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_values, activations = ctx.saved_tensors
        to_values = to_activations = None
        if ctx.needs_input_grad[0]:
            to_values = ctx.how.sum_kernels(0, activations, by_features)
        if ctx.needs_input_grad[1]:
            to_activations = ctx.how.sum_channels(1, activations, by_features, d_values)
        return to_values, to_activations, None, None


class _ByActivations(torch.autograd.Function):
    """The same values, as a function of the activations."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, values: Tensor, activations: Tensor, features: Tensor, how: _Composition
    ) -> Tensor:
        ctx.how = how
        ctx.save_for_backward(activations, features)
        return values.view_as(values)

    @staticmethod
    @eager
    def backward(ctx: Any, d_values: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        activations, features = ctx.saved_tensors
        return d_values, _ActivationGradient.apply(d_values, activations, features, ctx.how), None, None


class _ActivationGradient(torch.autograd.Function):
    """The gradient of the activations, as a function of that of the values, activations and features."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, d_values: Tensor, activations: Tensor, features: Tensor, how: _Composition
    ) -> Tensor:
        ctx.how = how
        ctx.save_for_backward(d_values, activations, features)
        return how.sum_channels(1, activations, features, d_values)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_activations: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_values, activations, features = ctx.saved_tensors
        to_values = to_activations = to_features = None
        if ctx.needs_input_grad[0]:
            to_values = ctx.how.sum_kernels(1, activations, features, scales=by_activations)
        if ctx.needs_input_grad[1]:
            to_activations = by_activations * ctx.how.sum_channels(2, activations, features, d_values)
        if ctx.needs_input_grad[2]:
            to_features = ctx.how.scatter(1, activations, d_values, len(features), scales=by_activations)
        return to_values, to_activations, to_features, None
