"""Seed and device of a fit: as given, else as overridden, else as usual."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.inputs import fit
from neurfield.scenes import load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene


@pytest.mark.parametrize(
    ("given", "overrides", "expected"),
    [({}, (), 0), ({}, ("seed=3",), 3), ({"seed": 5}, (), 5), ({"seed": 5}, ("seed=3",), 5)],
)
def test_an_override_of_the_seed_counts(
    tmp_path: Path, given: dict[str, int], overrides: tuple[str, ...], expected: int
) -> None:
    scene = load_scene(write_sphere_scene(tmp_path / "sphere", frames=4))
    overrides = (*SMALL, "points.fused_depth=off", "device=cpu", *overrides)
    run = fit(scene, "neus", steps=1, out=tmp_path, overrides=overrides, quiet=True, **given)  # type: ignore[arg-type]
    assert (run.config.seed, run.config.device) == (expected, "cpu")
