"""One step of Adam over a flat parameter, in place and in one pass."""

from __future__ import annotations

from torch import Tensor

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import adam as reference


@eager
def adam_step(
    parameter: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    step: int,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.99),
    eps: float = 1e-15,
    skip_zero: bool = False,
    clear_gradient: bool = False,
) -> None:
    """Update `parameter` and its moments by Adam (Kingma and Ba 2015), eps where `torch.optim.Adam` has it.

    With `skip_zero`, entries whose gradient is exactly zero keep value and moments, as in tiny-cuda-nn's
    grids: most of a hash table is untouched by a batch, and such stretches cost one read of the gradient. The
    bias correction counts all steps, also those that skipped an entry.

    Args:
        parameter, gradient, first, second: [P] float32, contiguous; the last two start as zeros.
        step: of this update, from 1.
        clear_gradient: leave zeros in `gradient`, in the same pass.

    Raises:
        ValueError: a shape or layout is wrong, or step is less than 1.

    Example:
        >>> parameter, first, second = torch.ones(3), torch.zeros(3), torch.zeros(3)
        >>> adam_step(parameter, torch.tensor([2.0, 0.0, -2.0]), first, second, step=1, learning_rate=0.1)
        >>> parameter
        tensor([0.9000, 1.0000, 1.1000])
    """
    tensors = {"parameter": parameter, "gradient": gradient, "first": first, "second": second}
    for name, tensor in tensors.items():
        if tensor.shape != (parameter.numel(),):
            raise ValueError(f"adam_step: {name} must be [{parameter.numel()}], got {list(tensor.shape)}")
        if not tensor.is_contiguous():
            raise ValueError(f"adam_step: {name} is written in place, it must be contiguous")
    if step < 1:
        raise ValueError(f"adam_step: step counts from 1, got {step}")
    p, g, m, v = (tensor.detach() for tensor in tensors.values())
    options = (step, learning_rate, betas[0], betas[1], eps, skip_zero, clear_gradient)
    kernels = native.kernels(p, g, m, v)
    if kernels is not None:
        kernels.adam_step(p, g, m, v, *options)
    else:
        reference.adam_step(p, g, m, v, *options)
