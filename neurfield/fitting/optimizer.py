"""Adam over groups of parameters, with the gradients kept allocated between steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurfield.ops.adam import adam_step


@dataclass(frozen=True)
class Group:
    """Named parameters that share a learning rate. `sparse`:
    entries whose gradient is exactly zero are not touched (hash tables)."""

    name: str
    parameters: list[nn.Parameter]
    learning_rate: float
    sparse: bool = False


class Adam:
    """Adam (Kingma and Ba 2015) with betas (0.9, 0.99) and eps 1e-15, as hash grids want it (Müller et al.
    2022, Sec. 4)."""

    def __init__(
        self, groups: list[Group], betas: tuple[float, float] = (0.9, 0.99), eps: float = 1e-15
    ) -> None:
        self.groups, self.betas, self.eps = groups, betas, eps
        self.moments: dict[str, tuple[Tensor, Tensor]] = {}
        for group in groups:
            for index, parameter in enumerate(group.parameters):
                parameter.grad = torch.zeros_like(parameter)
                self.moments[f"{group.name}.{index}"] = (
                    torch.zeros_like(parameter),
                    torch.zeros_like(parameter),
                )

    def step(self, step: int, factor: float) -> None:
        """Update all parameters (step counts from 1) at `factor` times their learning rates, and clear the
        gradients."""
        with torch.no_grad():
            for group in self.groups:
                for index, parameter in enumerate(group.parameters):
                    first, second = self.moments[f"{group.name}.{index}"]
                    assert parameter.grad is not None
                    adam_step(
                        parameter.data.view(-1), parameter.grad.view(-1), first.view(-1), second.view(-1),
                        step, group.learning_rate * factor, self.betas, self.eps,
                        skip_zero=group.sparse, clear_gradient=True,
                    )  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """The moments by name, for a checkpoint."""
        return {
            f"{name}.{k}": tensor
            for name, pair in self.moments.items()
            for k, tensor in zip(("first", "second"), pair)
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Take moments written by `state`."""
        for name, pair in self.moments.items():
            for key, tensor in zip(("first", "second"), pair):
                tensor.copy_(state[f"{name}.{key}"])
