"""Files of tensors, and a stopped training's numbers put back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from neurfield.errors import UserError
from neurfield.triplanes.checkpoint import load, named, part, put_back, save, state_of

WRONG = "not one of ours ({reason}): remove it"


def trained(steps: int, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for k in range(steps):
        optimizer.zero_grad()
        network(torch.full((2, 3), float(k + 1))).square().sum().backward()
        optimizer.step()


def test_what_was_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = nn.Linear(3, 2)
    stopped = nn.Linear(3, 2)
    stopped.load_state_dict(whole.state_dict())
    one, other = (torch.optim.Adam(network.parameters(), 0.1) for network in (whole, stopped))
    trained(2, whole, one)
    trained(2, stopped, other)
    save(tmp_path / "a", named("network", stopped.state_dict()) | state_of(other), {"step": 2})
    again = nn.Linear(3, 2)
    resumed = torch.optim.Adam(again.parameters(), 0.1)
    tensors, facts = load(tmp_path / "a", WRONG)
    again.load_state_dict(part(tensors, "network"))
    put_back(resumed, tensors)
    assert facts == {"step": 2}
    trained(3, whole, one)
    trained(3, again, resumed)
    assert torch.equal(whole.weight, again.weight) and torch.equal(whole.bias, again.bias)


def test_words_that_begin_alike_are_told_apart() -> None:
    tensors = named("kept", {"a": torch.zeros(1)}) | named("kept2", {"a": torch.ones(1)})
    assert list(part(tensors, "kept")) == ["a"] and float(part(tensors, "kept")["a"]) == 0.0


@pytest.mark.parametrize("content", [b"", b"not tensors", b"\x08" + 7 * b"\0" + b"{}"])
def test_a_file_of_something_else_gets_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UserError, match=r"a: not one of ours \(\w+\): remove it"):
        load(tmp_path / "a", WRONG)
