"""object.ply: the thing without its ground, where a fit looked at one that stands on something."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import trimesh

from neurfield.inputs.outcome import Outcome
from neurfield.inputs.scene.results import OBJECT, write_object

BOX = np.array([[-1.0, -1, -0.5], [1, 1, 1]])


def cup_on_the_ground() -> trimesh.Trimesh:
    cup = trimesh.creation.cylinder(0.3, 0.6, sections=64)
    cup.apply_translation([0, 0, 0.32])
    ground = trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    return trimesh.util.concatenate([cup, ground.subdivide_to_size(0.1)])


def opened(folder: Path, **scene: Any) -> Any:
    facts = {"kind": "outside", "sources": {"image"}, "box": BOX, **scene}
    return SimpleNamespace(folder=folder, task=SimpleNamespace(scene=SimpleNamespace(**facts)))


def test_a_thing_on_the_ground_is_left_alone_too(tmp_path: Path) -> None:
    whole = cup_on_the_ground()
    outcome = Outcome({}, whole)
    write_object(opened(tmp_path), outcome)
    alone = trimesh.load(tmp_path / OBJECT, force="mesh", process=False)
    assert np.ptp(alone.vertices[:, 2]) == pytest.approx(0.6, abs=1e-3)
    assert np.abs(alone.vertices[:, :2]).max() < 0.31
    assert outcome.mesh is whole and not outcome.troubles


@pytest.mark.parametrize(
    "scene", [{"kind": "inside"}, {"sources": {"image", "mask"}}, {"box": 3 * BOX}, {"mesh": None}]
)
def test_where_there_is_no_ground_an_older_file_goes(tmp_path: Path, scene: dict[str, Any]) -> None:
    """A room; an object with an outline; ground that ends before the box does; no surface."""
    (tmp_path / OBJECT).write_bytes(b"of an earlier step")
    outcome = Outcome({}, cup_on_the_ground())
    if scene.pop("mesh", 1) is None:
        outcome.mesh = None
    write_object(opened(tmp_path, **scene), outcome)
    assert not (tmp_path / OBJECT).exists() and not outcome.troubles
