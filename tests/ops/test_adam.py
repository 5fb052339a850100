"""Adam: torch's own where every entry counts, and untouched entries left alone where not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.adam import adam_step
from neurfield.ops.reference import adam as reference

SIZES = [0, 1, 15, 64, 131, 70_003]


def state(size: int) -> list[Tensor]:
    """A parameter, and both moments at the start."""
    parameter = torch.randn(size, generator=torch.Generator().manual_seed(0))
    return [parameter, torch.zeros(size), torch.zeros(size)]


def gradients(size: int, steps: int = 5) -> Tensor:
    """A gradient for each step, three quarters of each zero, in stretches and scattered."""
    generator = torch.Generator().manual_seed(1)
    gradient = torch.randn(steps, size, generator=generator)
    gradient[torch.rand(steps, size, generator=generator) < 0.5] = 0.0
    gradient[:, size // 4 : size // 2] = 0.0
    gradient[:, size // 2] = -0.0
    return gradient


@pytest.mark.parametrize("size", [1, 131, 70_003])
def test_is_torchs_adam(size: int) -> None:
    parameter, first, second = state(size)
    peer = torch.nn.Parameter(parameter.clone())
    optimizer = torch.optim.Adam([peer], lr=1e-2, betas=(0.9, 0.99), eps=1e-8)
    for step, gradient in enumerate(gradients(size), start=1):
        peer.grad = gradient.clone()
        optimizer.step()
        adam_step(parameter, gradient, first, second, step, 1e-2, (0.9, 0.99), 1e-8)
    torch.testing.assert_close(parameter, peer.detach(), atol=1e-6, rtol=1e-6)


@pytest.mark.skipif(native.module is None, reason="no native kernels here")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("skip_zero", [False, True])
def test_native_is_the_reference(size: int, skip_zero: bool) -> None:
    ours, theirs = state(size), state(size)
    for step, gradient in enumerate(gradients(size) if size else torch.zeros(2, 0), start=1):
        options = (step, 3e-3, 0.9, 0.99, 1e-15, skip_zero, False)
        adam_step(ours[0], gradient, *ours[1:], step, 3e-3, (0.9, 0.99), 1e-15, skip_zero)
        reference.adam_step(theirs[0], gradient, *theirs[1:], *options)
    for found, expected in zip(ours, theirs):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_skipped_entries_do_not_move(dtype: torch.dtype) -> None:
    parameter, first, second = (t.to(dtype) for t in state(1001))
    first += 0.1
    second += 0.1
    before = [t.clone() for t in (parameter, first, second)]
    gradient = gradients(1001)[0].to(dtype)
    untouched = gradient == 0
    adam_step(parameter, gradient, first, second, 7, 1e-2, skip_zero=True)
    for now, then in zip((parameter, first, second), before):
        assert torch.equal(now[untouched], then[untouched])
        assert (now[~untouched] != then[~untouched]).all()


@pytest.mark.parametrize("skip_zero", [False, True])
def test_clears_the_gradient_only_when_asked(skip_zero: bool) -> None:
    parameter, first, second = state(333)
    gradient = gradients(333)[0]
    kept = gradient.clone()
    adam_step(parameter, gradient, first, second, 1, 1e-2, skip_zero=skip_zero)
    assert torch.equal(gradient, kept)
    adam_step(parameter, gradient, first, second, 2, 1e-2, skip_zero=skip_zero, clear_gradient=True)
    assert not gradient.any()


def test_threads_do_not_change_a_bit() -> None:
    threads = torch.get_num_threads()

    def run(count: int) -> Tensor:
        torch.set_num_threads(count)
        parameter, first, second = state(200_003)
        for step, gradient in enumerate(gradients(200_003, 2), start=1):
            adam_step(parameter, gradient, first, second, step, 1e-2, skip_zero=True)
        return parameter

    try:
        assert torch.equal(run(1), run(2))
    finally:
        torch.set_num_threads(threads)


def test_says_what_is_wrong() -> None:
    parameter, first, second = state(10)
    with pytest.raises(ValueError, match=r"gradient must be \[10\]"):
        adam_step(parameter, torch.zeros(9), first, second, 1, 1e-2)
    with pytest.raises(ValueError, match="contiguous"):
        adam_step(parameter, torch.zeros(20)[::2], first, second, 1, 1e-2)
    with pytest.raises(ValueError, match="from 1"):
        adam_step(parameter, torch.zeros(10), first, second, 0, 1e-2)
