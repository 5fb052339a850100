"""A scene at UTM coordinates is the scene at the origin, moved: fit, mesh, pictures, numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurfield.evaluation import evaluate_mesh
from neurfield.fitting import Run, fit
from neurfield.fusion.prior_views import PriorViews
from neurfield.scenes import Scene, check_scene, load_scene
from neurfield.scenes.images import FileList
from tests.fitting.conftest import RADIUS, SMALL, write_sphere_scene

UTM = np.array([552345.3, 5412345.7, 312.1])


def moved(folder: Path, by: np.ndarray) -> Scene:
    """The sphere's scene with all of its poses moved."""
    path = write_sphere_scene(folder) / "transforms.json"
    data = json.loads(path.read_text())
    for frame in data["frames"]:
        for axis in range(3):
            frame["transform_matrix"][axis][3] += float(by[axis])
    path.write_text(json.dumps(data))
    return load_scene(folder)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The same short fit near and far, from the fused depth to rays."""
    folder = tmp_path_factory.mktemp("far")
    runs = []
    for name, by in (("near", np.zeros(3)), ("utm", UTM)):
        scene = moved(folder / name, by)
        runs.append(fit(scene, steps=24, out=folder / "runs", overrides=SMALL, quiet=True, device="cpu"))
    return runs[0], runs[1]


def test_the_mesh_is_the_same_to_a_millimetre(both: tuple[Run, Run]) -> None:
    near, far = (run.mesh(voxel=0.04) for run in both)
    assert np.abs((near.bounds + UTM) - far.bounds).max() < 1e-3
    assert len(np.unique(far.vertices[:, 1])) > 100
    numbers = evaluate_mesh(far, near.apply_translation(UTM), both[1].scene.cameras, samples=5000)
    assert numbers["accuracy"] < 1e-3 and numbers["completeness"] < 1e-3


def test_the_pictures_are_the_same(both: tuple[Run, Run]) -> None:
    near, far = (run.render(3, scale=0.5) for run in both)
    assert near["depth"].any()
    assert np.mean(np.abs(near["rgb"].astype(int) - far["rgb"].astype(int)) <= 2) > 0.99
    hit = (near["depth"] > 0) & (far["depth"] > 0)
    assert np.median(np.abs(near["depth"] - far["depth"])[hit]) < 1e-3


def test_the_kind_the_box_and_the_check_are_the_same(both: tuple[Run, Run]) -> None:
    near, far = (run.scene for run in both)
    assert near.kind == far.kind
    np.testing.assert_allclose(far.box - UTM, near.box, atol=1e-3)
    assert [f.level for f in check_scene(far)] == [f.level for f in check_scene(near)]
    alone = [scene.without("mask", "sensor_depth") for scene in (near, far)]
    np.testing.assert_allclose(alone[1].box - UTM, alone[0].box, atol=1e-6)


def test_priors_are_aligned_from_the_same_places(both: tuple[Run, Run], tmp_path: Path) -> None:
    path = tmp_path / "prior.npy"
    np.save(path, np.random.default_rng(0).random((48, 48)).astype(np.float32))
    views = []
    for run in both:
        files = {**run.scene.files, "prior_depth": FileList((path,) * len(run.scene), np.load)}
        views.append(PriorViews.of(Scene("priors", path, run.scene.cameras, files, box=run.scene.box)))
    between = [view.centers - view.centers[:1] for view in views]
    np.testing.assert_allclose(between[1], between[0], atol=1e-6)
    for view, run in zip(views, both):
        np.testing.assert_allclose(view.centers.numpy() + view.origin, run.scene.cameras.centers, atol=1e-6)


def test_a_saved_mesh_is_measured_and_read_back_in_its_place(both: tuple[Run, Run], tmp_path: Path) -> None:
    from neurfield.report.mesh_file import read_mesh
    from neurfield.surfaces import save_mesh

    mesh = both[1].mesh(voxel=0.05)
    for suffix in ("ply", "obj", "glb", "stl"):
        back = read_mesh(save_mesh(mesh, tmp_path / f"mesh.{suffix}"))
        np.testing.assert_allclose(back.bounds, mesh.bounds, atol=1e-6)
        assert np.ptp(back.vertices, axis=0).max() == pytest.approx(2 * RADIUS, rel=0.5)
