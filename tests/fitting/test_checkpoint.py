"""Checkpoints: the newest whole one is restored, and what is wrong with one is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fitting.checkpoint import restore_newest, save_checkpoint

CPU = torch.device("cpu")


def test_the_newest_is_handed_out_by_name(tmp_path: Path) -> None:
    for step in (2, 10):
        tensors = {"task/a": torch.full((3,), float(step)), "adam/a.first": torch.zeros(3)}
        save_checkpoint(tmp_path, step, tensors, {"seconds": 1.5})
    (tmp_path / "step-000010.json").rename(tmp_path / "step-000010.json.cut")  # not whole
    states: dict[str, dict[str, Tensor]] = {}
    loaders = {name: lambda state, name=name: states.update({name: state}) for name in ("task", "adam")}
    record = restore_newest(tmp_path, CPU, loaders)
    assert (record["step"], record["seconds"]) == (2, 1.5)
    assert states["task"].keys() == {"a"} and states["adam"].keys() == {"a.first"}
    assert torch.equal(states["task"]["a"], torch.full((3,), 2.0))


def test_without_a_checkpoint_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing was saved in this run yet: fit anew"):
        restore_newest(tmp_path / "checkpoints", CPU, {})


def test_a_state_that_does_not_fit_is_told_with_the_file(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 1, {"task/a": torch.zeros(1)}, {})

    def load(state: dict[str, Tensor]) -> None:
        _ = state["b"]

    with pytest.raises(UserError, match="does not fit") as error:
        restore_newest(tmp_path, CPU, {"task": load})
    assert str(path) in str(error.value) and "\n" not in str(error.value)
