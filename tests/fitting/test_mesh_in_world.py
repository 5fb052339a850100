"""A mesh is where the scene is, as large, and cut as finely as was asked, all in the scene's own unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.fitting import Run, fit
from neurfield.fitting.object_meshes import known_wishes
from neurfield.surfaces import extract_level_set
from tests.fitting.conftest import SMALL
from tests.fitting.round_scenes import CENTRE, RoundScene


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A fit that has hardly begun: its surface is the sphere that it started from."""
    folder: Path = tmp_path_factory.mktemp("run")
    scene = RoundScene(inside=False).scene("mask", folder=folder / "scene")
    options = (*SMALL, "field.radius=0.5", "train.lr_table=1e-9", "train.lr_network=1e-9", "device=cpu")
    return fit(scene, "neus", steps=1, out=folder, overrides=options, quiet=True)


def test_it_is_where_the_scene_is_and_as_large(run: Run) -> None:
    vertices = np.asarray(run.mesh(voxel=0.1, color="none").vertices)
    np.testing.assert_allclose(0.5 * (vertices.min(axis=0) + vertices.max(axis=0)), CENTRE, atol=0.1)
    radius = np.linalg.norm(vertices - CENTRE, axis=1)
    assert np.median(radius) == pytest.approx(0.5 * 2.2, rel=0.03)  # half of the box's longest half side


@pytest.mark.parametrize("voxel", [0.1, 0.23])
def test_it_is_cut_as_finely_as_was_asked(run: Run, voxel: float) -> None:
    edges = run.mesh(voxel=voxel, color="none").edges_unique_length
    assert (
        0.9 * voxel < edges.max() <= 3.0**0.5 * voxel
    )  # from wall to wall of a cube, along its diagonal at most
    by_count = run.mesh(resolution=round(4.4 / voxel), color="none").edges_unique_length
    assert by_count.max() == pytest.approx(edges.max(), rel=0.2)


def test_who_waits_is_told_of_all_that_takes_long(run: Run) -> None:
    told: list[tuple[str, float]] = []
    run.mesh(voxel=0.1, faces=500, tell=lambda *what: told.append(what))
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages[0] == "looking for the surface" and stages[-1] == "counting its edges"
    assert {"marching cubes", "colours and normals", "making fewer triangles"} < set(stages)
    assert len(told) < 100 and all(0.0 <= share <= 1.0 for _, share in told)


def test_a_part_from_outside_is_told_nothing_that_it_does_not_name() -> None:
    class Part:
        def extract(self, field, unit_box, voxel, device):  # type: ignore[no-untyped-def]
            return extract_level_set(field.sdf, unit_box, voxel, device=device)

    assert known_wishes(Part(), None, lambda stage, share: None) == {}
    assert known_wishes(Part(), "1GB") == {"memory": 1e9}  # a wish is not left out in silence
