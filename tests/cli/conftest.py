"""A run fitted by the command line itself, small enough to take seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.cli.main import main
from tests.fitting.conftest import SMALL, write_sphere_scene


@pytest.fixture(scope="session")
def ball_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sphere_scene(tmp_path_factory.mktemp("scenes") / "ball")


def fit_arguments(scene: Path, out: Path, *more: str) -> list[str]:
    """`neurfield fit` of a small field for few steps."""
    settings = [word for item in (*SMALL, "mesh.voxel=0.05") for word in ("--set", item)]
    return ["fit", "--scene", str(scene), "--out", str(out), "--steps", "15", *settings, *more]


@pytest.fixture(scope="session")
def ball_run(ball_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("runs")
    assert main(fit_arguments(ball_scene, out)) == 0
    return out / "ball" / "latest"
