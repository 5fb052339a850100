"""What a run hands over: honest scores, and all that can be made where a part cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.inputs import Run, finish, fit
from neurfield.inputs.scene import opened, results
from neurfield.inputs.scene.scores import image_scores
from neurfield.scenes import Cameras, Scene, load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene

OPTIONS = [*SMALL, "mesh.voxel=0.05"]
NOWHERE = "data.box=[0.4,0.2,0.6,0.6,0.4,0.8]"  # a corner of the box that cameras see and the sphere does not


@pytest.fixture(scope="module")
def run(sphere_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs")
    return fit(sphere_scene, "neus", steps=15, out=out, overrides=OPTIONS, quiet=True)


@pytest.mark.parametrize("right_inside", [True, False])
def test_pictures_of_masked_scenes_are_compared_inside_the_mask(
    run: Run, sphere_scene: Scene, monkeypatch: pytest.MonkeyPatch, right_inside: bool
) -> None:
    def drawn(camera: int, scale: float) -> dict[str, np.ndarray]:
        """The true picture inside the mask, or outside, and black elsewhere."""
        true = np.where((sphere_scene.mask(camera) == right_inside)[..., None], sphere_scene.image(camera), 0)
        size = (round(48 * scale), round(48 * scale))
        rgb = np.asarray(Image.fromarray(true).resize(size, Image.Resampling.BOX))
        return {"rgb": rgb, "normal": np.zeros((*size, 3), np.float32), "depth": np.zeros(size)}

    monkeypatch.setattr(run, "render", drawn)
    scores = image_scores(run)
    assert scores["pixels"] == "inside the masks" and scores["frames"] == "fitted"
    if right_inside:
        assert scores["psnr"] == float("inf") and scores["ssim"] == pytest.approx(1.0)
    else:
        assert scores["psnr"] < 8.0 and scores["ssim"] < 0.3


def test_frames_without_an_outline_are_not_scored_where_others_have_one(
    sphere_scene: Scene, tmp_path: Path
) -> None:
    run = fit(sphere_scene, "neus", steps=2, out=tmp_path, overrides=OPTIONS, quiet=True)
    masks = run.used.files["mask"]
    some = tuple(path if i in (3, 7) else None for i, path in enumerate(masks.paths))
    run.used = run.used.with_frames(np.arange(12))
    run.used.files["mask"] = replace(masks, paths=some)
    scores = image_scores(run)
    assert scores["count"] == 2 and scores["pixels"] == "inside the masks"
    names = {path.stem for path in (run.folder / "previews").glob("frame-*.png")}
    assert names == {"frame-000003", "frame-000007"}


def test_every_camera_of_the_scene_culls(
    sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of frames that did not fit into memory, or were held out."""
    monkeypatch.setattr(opened, "thinned", lambda scene: scene.with_frames(np.arange(0, 12, 3)))
    overrides = [*OPTIONS, "data.holdout_every=2"]
    run = fit(sphere_scene, "neus", steps=2, out=tmp_path, overrides=overrides, quiet=True)
    asked: list[int] = []

    def noted(mesh: trimesh.Trimesh, truth: trimesh.Trimesh, cameras: Cameras) -> dict[str, float]:
        asked.append(len(cameras))
        return {}

    monkeypatch.setattr(results, "evaluate_mesh", noted)
    run.scene.__dict__["ground_truth"] = trimesh.creation.icosphere()
    try:
        finish(run)
    finally:
        del run.scene.__dict__["ground_truth"]
    assert len(run.task.scene) == 2 and asked == [12]


def test_a_field_without_a_surface_still_gets_numbers_and_pictures(run: Run, tmp_path: Path) -> None:
    scene = run.scene
    empty = fit(scene, "neus", steps=3, out=tmp_path, overrides=[*OPTIONS, NOWHERE], quiet=True)
    (empty.folder / "mesh.ply").write_text("of an earlier step")
    empty.task.field.layers[-1].bias.data[0] = 5.0
    outcome = finish(empty)
    assert list(outcome.troubles) == ["mesh"] and "no surface inside the box" in str(outcome.troubles["mesh"])
    assert not (empty.folder / "mesh.ply").exists() and outcome.mesh is None
    assert list((empty.folder / "previews").glob("frame-*.png"))
    known = json.loads((empty.folder / "metrics.json").read_text())
    assert known["fit"]["steps"] == 3 and "psnr" in known["images"] and "mesh" not in known
    assert "no surface" in known["troubles"]["mesh"]


def scene_with_truth(folder: Path, write: bytes | trimesh.PointCloud) -> Scene:
    write_sphere_scene(folder)
    path = folder / "ground_truth.ply"
    path.write_bytes(write) if isinstance(write, bytes) else write.export(path)
    return load_scene(folder)


def test_broken_truth_costs_the_geometry_alone(tmp_path: Path) -> None:
    scene = scene_with_truth(tmp_path / "ball", b"ply\nformat ascii 1.0\n")
    run = fit(scene, "neus", steps=15, out=tmp_path, overrides=OPTIONS, quiet=True)
    outcome = finish(run)
    assert list(outcome.troubles) == ["geometry"] and "ground_truth.ply" in str(outcome.troubles["geometry"])
    assert {"mesh", "images", "fit"} <= outcome.metrics.keys() and (run.folder / "mesh.ply").is_file()
    assert outcome.metrics["unit"] == run.scene.unit


def test_points_are_a_true_surface(tmp_path: Path, sphere_mesh: trimesh.Trimesh) -> None:
    scene = scene_with_truth(tmp_path / "ball", trimesh.PointCloud(sphere_mesh.vertices))
    run = fit(scene, "neus", steps=15, out=tmp_path, overrides=OPTIONS, quiet=True)
    geometry = finish(run).metrics["geometry"]
    assert geometry["chamfer_l1"] < 0.3 and "normal_consistency" not in geometry


def test_a_fault_of_ours_is_not_swallowed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> dict[str, object]:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(results, "image_scores", broken)
    outcome = finish(run)
    assert isinstance(outcome.troubles["images"], ZeroDivisionError) and "mesh" in outcome.metrics
