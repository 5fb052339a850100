"""Files of tensors and of what is known of them, and how a stopped training's numbers are put back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neurfield.errors import UserError
from neurfield.files import atomic_write


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and what is known of them, whole or not at all."""
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as temporary:
        save_file(whole, temporary, {"neurfield": json.dumps(facts)})


def load(path: Path, wrong: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote.

    Args:
        path: of the file.
        wrong: what to say of a file that is not whole, or none of these, with `{reason}` for why.

    Raises:
        UserError: the file is such a one.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})["neurfield"])
            return {name: file.get_tensor(name) for name in list(file.keys())}, facts
    except (OSError, SafetensorError, KeyError, ValueError) as reason:
        raise UserError(f"{path}: {wrong.format(reason=type(reason).__name__)}") from reason


def named(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with a word and a dot before their names."""
    return {f"{name}.{key}": tensor for key, tensor in tensors.items()}


def part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Those that `named` gave this word, without it."""
    return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}


def state_of(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Its numbers, under names that begin with "optimizer."."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{k}.{name}": value for k, values in state.items() for name, value in values.items()}


def put_back(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give it the numbers among tensors that `state_of` named."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in part(tensors, "optimizer").items():
        number, which = name.split(".", 1)
        state.setdefault(int(number), {})[which] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
