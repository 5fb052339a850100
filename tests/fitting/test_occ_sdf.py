"""Occ-SDF in a small room of priors: both passes learn by them, and a run's folder is enough for the rest."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import trimesh

from neurfield.cli.main import main
from neurfield.fields import LatentRadiance
from neurfield.inputs import Run, fit
from tests.fitting.round_scenes import RoundScene
from tests.fitting.test_priors_fit import OVERRIDES, ROOMS

OF_OCCUPANCY = "prior_depth_occupancy", "prior_normal_occupancy"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("room")
    scene = RoundScene(ROOMS["long"]).scene("prior_depth", "prior_normal", folder=folder / "scene")
    overrides = [*OVERRIDES, "data.stereo=false", "train.log_every=10", "color.latent=20"]
    made = fit(scene, "occ-sdf", steps=60, out=folder, overrides=overrides, quiet=True)
    shutil.rmtree(folder / "scene")
    return made


def test_both_passes_learn_by_the_priors_and_by_both_colours(run: Run) -> None:
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    losses = [line["losses"] for line in lines if "prior_depth" in line.get("losses", {})]
    assert {*OF_OCCUPANCY, "color", "direct_color", "prior_normal"} <= set(losses[-1])
    for name in OF_OCCUPANCY:
        assert 0.0 < losses[-1][name] < losses[0][name]
    field = run.task.field
    assert field.heads == {"occupancy": 1}
    rows = field.layers[-1].weight.detach()
    assert rows[field.row_of("occupancy")].abs().max() > 1e-3  # what it is apart from the distance
    assert list(run.task.rays.passes) == ["surface", "occupancy"]


def test_a_run_is_opened_drawn_and_meshed_without_its_scene(run: Run) -> None:
    assert main(["mesh", str(run.folder), "--voxel", "0.1"]) == 0
    mesh = trimesh.load(run.folder / "mesh.ply", process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    error = np.median(RoundScene(ROOMS["long"]).error(np.asarray(mesh.vertices)))
    assert error < 0.15
    colors = np.asarray(mesh.visual.vertex_colors)[:, :3]
    assert colors.std(axis=0).min() > 1.0  # as the decoder has them, not black
    drawn = run.render(3, scale=0.25)
    assert isinstance(run.task.color, LatentRadiance)
    assert (drawn["depth"] > 0.0).mean() > 0.9 and drawn["rgb"].std() > 1.0
