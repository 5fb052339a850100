"""Adam over groups of parameters, with the gradients kept allocated between steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.ops.adam import adam_step


@dataclass(frozen=True)
class Group:
    """Named parameters that share a learning rate.

    Attributes:
        name: by how they learn, such as "table" or "network".
        parameters: of one or several modules.
        learning_rate: at the first step after the warm-up.
        sparse: whether entries whose gradient is exactly zero are left alone (hash tables).
    """

    name: str
    parameters: list[nn.Parameter]
    learning_rate: float
    sparse: bool = False


def groups_of(
    learners: Sequence[Mapping[str, list[nn.Parameter]]], train: Any, prefix: str = ""
) -> list[Group]:
    """Parameters by how they learn, with the rates of a configuration.

    Args:
        learners: of each, its parameters by how they learn: "table" (sparse), "kernels" (sparse), "encoding",
            and whatever else, such as "network" and "width".
        train: the rates.
        prefix: of the groups' names.
    """
    rates = {
        "table": (train.lr_table, True), "encoding": (train.lr_table, False),
        "kernels": (getattr(train, "lr_kernels", train.lr_table), True),
    }  # fmt: skip
    merged: dict[str, list[nn.Parameter]] = {}
    for learner in learners:
        for name, parameters in learner.items():
            merged.setdefault(name, []).extend(parameters)
    return [
        Group(prefix + name, parameters, *rates.get(name, (train.lr_network, False)))
        for name, parameters in merged.items()
        if parameters
    ]


class Adam:
    """Adam (Kingma and Ba 2015) with the constants that hash grids want (Müller et al. 2022, Sec. 4).

    The parameters of a dense group and their gradients become views of one flat buffer each, so that a dozen
    small matrices cost one update. Sparse ones are large and stay where they are.

    Args:
        groups: of parameters.
        betas: of the first and the second moment.
        eps: added to the root of the second moment.
    """

    def __init__(
        self, groups: list[Group], betas: tuple[float, float] = (0.9, 0.99), eps: float = 1e-15
    ) -> None:
        self.groups, self.betas, self.eps = groups, betas, eps
        self._flat: dict[str, tuple[Group, _Flat]] = {}
        for group in groups:
            parts = [[p] for p in group.parameters] if group.sparse else [group.parameters]
            for index, parameters in enumerate(parts):
                self._flat[f"{group.name}.{index}"] = (group, _flatten(parameters))

    def step(self, step: int, factor: float, only: str = "") -> None:
        """Update parameters, and clear their gradients.

        Args:
            step: counts from 1.
            factor: of the groups' learning rates.
            only: how the names of groups begin that are updated; "": all.
        """
        for group, flat in self._flat.values():
            if not group.name.startswith(only):
                continue
            adam_step(
                flat.values, flat.gradient, flat.first, flat.second,
                step, group.learning_rate * factor, self.betas, self.eps,
                skip_zero=group.sparse, clear_gradient=True,
            )  # fmt: skip

    def clear(self) -> None:
        """Forget the gradients."""
        for _, flat in self._flat.values():
            flat.gradient.zero_()

    def state(self) -> dict[str, Tensor]:
        """The moments by name, for a checkpoint."""
        return {
            f"{name}.{key}": tensor
            for name, (_, flat) in self._flat.items()
            for key, tensor in (("first", flat.first), ("second", flat.second))
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Take moments written by `state`."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


@dataclass(frozen=True)
class _Flat:
    """Some parameters as one vector, its gradient and moments, [P] each."""

    values: Tensor
    gradient: Tensor
    first: Tensor
    second: Tensor


@torch.no_grad()
def _flatten(parameters: list[nn.Parameter]) -> _Flat:
    """Make the parameters and their gradients views of one vector each; one alone keeps its memory."""
    values = (
        parameters[0].data.view(-1)
        if len(parameters) == 1
        else torch.cat([p.data.reshape(-1) for p in parameters])
    )
    gradient = torch.zeros_like(values)
    start = 0
    for parameter in parameters:
        part = slice(start, start + parameter.numel())
        parameter.data = values[part].view_as(parameter)
        parameter.grad = gradient[part].view_as(parameter)
        start = part.stop
    return _Flat(values, gradient, torch.zeros_like(values), torch.zeros_like(values))
