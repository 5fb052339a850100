"""What is proposed after a fit is of that fit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neurfield.inputs.scene.input import SceneInput


def proposed(outcome: Any) -> list[str]:
    run: Any = SimpleNamespace(folder=Path("runs/a"))
    return [command for command, _ in SceneInput.next_commands(run, outcome)]


@pytest.mark.parametrize(
    ("voxel", "finer"), [(0.01, "0.005"), (0.383, "0.19"), (2e-6, "1e-06"), (1234.0, "6.2e+02")]
)
def test_a_finer_mesh_is_finer_than_the_one_there_is_whatever_the_unit(voxel: float, finer: str) -> None:
    outcome = SimpleNamespace(mesh=object(), metrics={"mesh": {"voxel": voxel}})
    assert proposed(outcome)[-1] == f"neurfield mesh runs/a --voxel {finer}"


def test_without_a_mesh_there_is_nothing_to_propose() -> None:
    assert proposed(SimpleNamespace(mesh=None, metrics={})) == []
