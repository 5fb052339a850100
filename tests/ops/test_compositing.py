"""Compositing: native against reference, derivatives against differences, and what holds for any opacity."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurfield import ops
from neurfield.ops import native
from neurfield.ops.reference import compositing as reference

needs_native = pytest.mark.skipif(native.module is None, reason="native kernels are not built")


def packing(counts: list[int]) -> Tensor:
    counts_ = torch.tensor(counts, dtype=torch.int64)
    return torch.stack([counts_.cumsum(0) - counts_, counts_], dim=1)


def random_alpha(n: int, generator: torch.Generator) -> Tensor:
    """Opacities with exact zeros and ones among them."""
    alpha = torch.rand(n, generator=generator, dtype=torch.float64)
    alpha[torch.rand(n, generator=generator) < 0.15] = 0.0
    alpha[torch.rand(n, generator=generator) < 0.15] = 1.0
    return alpha


def central_difference(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-6) -> Tensor:
    gradient = torch.empty_like(at)
    for i in range(at.numel()):
        offset = torch.zeros_like(at).view(-1)
        offset[i] = step
        offset = offset.view(at.shape)
        gradient.view(-1)[i] = (function(at + offset) - function(at - offset)) / (2 * step)
    return gradient


COUNTS = [[3, 0, 5, 1, 0], [0, 0], [], [1], [130] * 3 + [0] + [7] * 200]


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("channels", [1, 3, 7])
def test_composite_and_its_gradients_agree_with_the_reference(counts: list[int], channels: int) -> None:
    generator = torch.Generator().manual_seed(1)
    info = packing(counts)
    n = sum(counts)
    alpha = random_alpha(n, generator)
    values = torch.randn(n, channels, generator=generator, dtype=torch.float64)
    probes = [
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in [(len(counts), channels), (len(counts),), (n,)]
    ]

    def run(dtype: torch.dtype) -> list[Tensor]:
        inputs = [alpha.to(dtype).requires_grad_(), values.to(dtype).requires_grad_()]
        outputs = ops.composite(*inputs, info)
        loss = sum((o * p.to(dtype)).sum() for o, p in zip(outputs, probes))
        return [*outputs, *torch.autograd.grad(loss, inputs)]

    for fast, exact in zip(run(torch.float32), run(torch.float64)):
        assert fast.shape == exact.shape
        torch.testing.assert_close(fast.double(), exact, rtol=1e-4, atol=2e-5)


def test_gradients_are_the_finite_differences_even_at_opacity_one_and_zero() -> None:
    generator = torch.Generator().manual_seed(2)
    info = packing([4, 0, 6, 1])
    alpha = random_alpha(11, generator)
    alpha[1], alpha[5], alpha[6] = 1.0, 1.0, 0.0
    values = torch.randn(11, 2, generator=generator, dtype=torch.float64)
    probes = [torch.randn(s, generator=generator, dtype=torch.float64) for s in [(4, 2), (4,), (11,)]]

    def loss(a: Tensor, v: Tensor) -> Tensor:
        return sum((o * p).sum() for o, p in zip(reference.composite(a, v, info), probes))

    inputs = [alpha.float().requires_grad_(), values.float().requires_grad_()]
    native_loss = sum((o * p).sum() for o, p in zip(ops.composite(*inputs, info), probes))
    by_alpha, by_values = torch.autograd.grad(native_loss, inputs)
    torch.testing.assert_close(
        by_alpha.double(), central_difference(lambda a: loss(a, values), alpha), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        by_values.double(), central_difference(lambda v: loss(alpha, v), values), rtol=1e-4, atol=1e-5
    )


def test_weights_and_transmittance_gradients_are_the_finite_differences() -> None:
    generator = torch.Generator().manual_seed(3)
    info = packing([5, 0, 3])
    alpha = random_alpha(8, generator)
    alpha[1] = 1.0
    p, q = torch.randn(2, 8, generator=generator, dtype=torch.float64)

    def loss(a: Tensor) -> Tensor:
        weights, transmittance = reference.weights_and_transmittance(a, info)
        return (weights * p + transmittance * q).sum()

    a = alpha.float().requires_grad_()
    weights = ops.render_weights_from_alpha(a, packed_info=info)
    transmittance = ops.render_transmittance_from_alpha(a, packed_info=info)
    (gradient,) = torch.autograd.grad((weights * p + transmittance * q).sum(), a)
    torch.testing.assert_close(gradient.double(), central_difference(loss, alpha), rtol=1e-4, atol=1e-5)


def test_reference_has_second_derivatives() -> None:
    info = packing([3, 0, 2])
    alpha = torch.tensor([0.2, 0.9, 0.5, 0.3, 0.7], dtype=torch.float64, requires_grad=True)
    values = torch.randn(
        5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True
    )
    assert torch.autograd.gradgradcheck(lambda a, v: reference.composite(a, v, info), (alpha, values))


def test_density_and_its_opacities_give_the_same_weights() -> None:
    t_starts = torch.linspace(0, 1, 12)
    t_ends = t_starts + 0.08
    sigmas = torch.rand(12, generator=torch.Generator().manual_seed(4)) * 30
    rays = torch.tensor([0] * 5 + [2] * 7)
    weights, transmittance, alphas = ops.render_weights_from_density(t_starts, t_ends, sigmas, rays, 3)
    optical = torch.zeros(12)
    for i in range(12):
        before = (rays == rays[i]) & (torch.arange(12) < i)
        optical[i] = (sigmas * (t_ends - t_starts))[before].sum()
    torch.testing.assert_close(transmittance, torch.exp(-optical), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(weights, torch.exp(-optical) * alphas, rtol=1e-4, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(counts=st.lists(st.integers(0, 9), max_size=8), seed=st.integers(0, 1000))
def test_weights_are_a_partition_of_at_most_one(counts: list[int], seed: int) -> None:
    info = packing(counts)
    alpha = random_alpha(sum(counts), torch.Generator().manual_seed(seed)).float()
    weights = ops.render_weights_from_alpha(alpha, packed_info=info)
    rays = ops.unpack_info(info)
    opacity = ops.accumulate_along_rays(weights, None, rays, len(counts))[:, 0]
    assert (weights >= 0).all() and (opacity <= 1 + 1e-6).all()
    opaque = torch.zeros(len(counts)).index_add(0, rays, (alpha == 1).float()) > 0
    torch.testing.assert_close(opacity[opaque], torch.ones(int(opaque.sum())), rtol=0, atol=1e-6)
    assert torch.equal(ops.pack_info(rays, len(counts)), info)


def test_accumulate_without_values_is_the_opacity_and_with_them_the_sum() -> None:
    generator = torch.Generator().manual_seed(5)
    weights = torch.rand(9, generator=generator, requires_grad=True)
    values = torch.randn(9, 4, generator=generator, requires_grad=True)
    rays = torch.tensor([0, 0, 0, 2, 2, 3, 3, 3, 3])
    summed = ops.accumulate_along_rays(weights, values, rays, 5)
    expected = torch.zeros(5, 4).index_add(0, rays, weights[:, None] * values)
    torch.testing.assert_close(summed, expected)
    probe = torch.randn(5, 4, generator=generator)
    got = torch.autograd.grad((summed * probe).sum(), [weights, values])
    wanted = torch.autograd.grad((expected * probe).sum(), [weights, values])
    for a, b in zip(got, wanted):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(
        ops.accumulate_along_rays(weights, None, rays, 5)[:, 0], torch.zeros(5).index_add(0, rays, weights)
    )


def test_strided_inputs_and_gradients_are_taken() -> None:
    generator = torch.Generator().manual_seed(6)
    info = packing([4, 3])
    alpha = torch.rand(7, 2, generator=generator)[:, 0]
    values = torch.rand(3, 7, generator=generator).T
    leaf = alpha.clone().requires_grad_()
    accumulated, _, _ = ops.composite(leaf, values, info)
    torch.testing.assert_close(accumulated, ops.composite(alpha, values.contiguous(), info)[0])
    accumulated.sum().backward()  # its gradient is an expanded scalar
    assert leaf.grad is not None and torch.isfinite(leaf.grad).all()


def test_unused_outputs_need_no_gradient() -> None:
    alpha = torch.rand(5, generator=torch.Generator().manual_seed(7)).requires_grad_()
    _, opacity, _ = ops.composite(alpha, torch.ones(5, 2), packing([5]))
    (gradient,) = torch.autograd.grad(opacity.sum(), alpha)
    before_last = torch.autograd.functional.jacobian(lambda a: 1 - (1 - a).prod(), alpha.detach())
    torch.testing.assert_close(gradient, before_last)


@needs_native
def test_native_gradients_are_of_first_order_and_say_so() -> None:
    alpha = torch.rand(4).requires_grad_()
    weights = ops.render_weights_from_alpha(alpha, packed_info=packing([4]))
    (first,) = torch.autograd.grad(weights.square().sum(), alpha, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize(
    ("rays", "n_rays"),
    [([1, 0], 2), ([0, 2], 2), ([-1, 0], 2), ([0], 0)],
    ids=["descends", "beyond", "negative", "no rays"],
)
def test_ray_indices_that_are_not_packed_are_refused(rays: list[int], n_rays: int) -> None:
    for function in (ops.pack_info, reference.pack_info):
        with pytest.raises(ValueError, match="must ascend"):
            function(torch.tensor(rays), n_rays)


@needs_native
@pytest.mark.parametrize("info", [[[0, 2], [3, 1]], [[0, 2], [2, 1]], [[0, 5], [5, -1]], [[2, 2], [0, 2]]])
def test_packed_info_that_does_not_tile_the_samples_is_refused(info: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="packed_info"):
        ops.composite(torch.rand(4), torch.rand(4, 1), torch.tensor(info))


def test_contradictory_arguments_are_refused() -> None:
    alpha, rays = torch.rand(3), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match="not both"):
        ops.render_weights_from_alpha(alpha, rays, 1, packed_info=packing([3]))
    with pytest.raises(ValueError, match="either packed_info"):
        ops.render_weights_from_alpha(alpha, rays)
    with pytest.raises(ValueError, match="does not match"):
        ops.render_weights_from_alpha(alpha, rays[:2], 1)
    with pytest.raises(ValueError, match="values"):
        ops.composite(alpha, torch.rand(2, 1), packing([3]))
