"""Two balls in a room: a fit tells them apart, and leaves a mesh of each and numbers of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.fitting.object_meshes import object_boxes
from neurfield.fitting.scene import SceneTask
from neurfield.inputs import Run, fit
from neurfield.moment import Moment
from neurfield.parts import load_config, read_config
from neurfield.pixels import used_sources
from neurfield.points import FusedDepth
from neurfield.scenes import load_scene
from neurfield.surfaces import extract_level_set
from tests.fitting.conftest import SMALL
from tests.fitting.two_spheres import BALLS, ROOM, write_two_balls

OPTIONS = (
    *SMALL, "data.prior_depth=false", "data.prior_normal=false", "data.stereo=false", "mesh.voxel=0.05",
    "points.fused_depth.alone=0.4", "points.fused_depth.until=0",
    "points.fused_depth.voxel=0.06", "points.fused_depth.places=512", "sampler.samples=2000",
    "polish.share=0",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_two_balls(tmp_path_factory.mktemp("balls") / "balls")


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished fit."""
    out = tmp_path_factory.mktemp("runs")
    words = [word for item in OPTIONS for word in ("--set", item)]
    assert (
        main(
            [
                "fit",
                "--scene",
                str(folder),
                "--method",
                "objectsdf++",
                "--steps",
                "120",
                "--out",
                str(out),
                *words,
            ]
        )
        == 0
    )
    return (out / "balls" / "latest").resolve()


def test_the_run_keeps_which_objects_there_are(run: Path) -> None:
    field = read_config(run / "config.yaml").needed("field")
    assert field.numbers["ids"] == [5, 9]
    assert json.loads((run / "run.json").read_text())["instances"] == {"5": "red ball", "9": "blue ball"}
    losses = json.loads((run / "log.jsonl").read_text().splitlines()[-1])["losses"]
    assert {"object_opacity", "object_places", "semantics", "eikonal", "smooth", "color"} <= set(losses)


def task_of(folder: Path, method: str, *more: str) -> SceneTask:
    config = load_config(method, overrides=[*OPTIONS, *more, "device=cpu"])
    return SceneTask(used_sources(load_scene(folder), config.data), config, torch.device("cpu"))


def test_places_are_those_of_the_nearest_surface(folder: Path) -> None:
    task = task_of(folder, "objectsdf")
    source = next(one for one in task.sources if isinstance(one, FusedDepth))
    places = source.places
    assert places is not None
    world = task.frame.world_from_unit(places.points.numpy())
    gaps = [np.abs(ROOM - np.linalg.norm(world, axis=1))]
    gaps += [np.abs(np.linalg.norm(world - centre, axis=1) - radius) for centre, radius in BALLS.values()]
    two = np.sort(gaps, axis=0)
    clear = two[1] - two[0] > 0.1
    assert clear.mean() > 0.8
    assert (places.object.numpy() == np.argmin(gaps, axis=0))[clear].mean() > 0.97
    assert np.bincount(places.object.numpy()).min() > 0.07 * len(world)  # of the surface it has a fortieth


def test_places_are_asked_when_the_first_surface_has_faded(folder: Path) -> None:
    task = task_of(folder, "objectsdf", "points.fused_depth.until=0.5")
    source = next(one for one in task.sources if isinstance(one, FusedDepth))
    early, late = (source.sets(*source.draw(Moment(9, p, 0.4))) for p in (0.1, 0.6))
    assert set(early) == {"fused_depth", "object_places", "free_space"} and set(late) == {"object_places"}
    assert late["object_places"].columns["object"].shape == (source.count_places,)
    losses = task.step(9, 0.6).losses
    assert {"object_places", "semantics", "color"} <= set(losses) and "fused_sdf" not in losses


def test_objects_leave_the_scene_as_it_would_be_without_them(folder: Path, tmp_path: Path) -> None:
    """To the bit: labels share nothing with the distance, and take none of its random numbers."""
    options = {"steps": 8, "quiet": True}
    odd = (*OPTIONS, "field.hidden=[33,31]", "field.feature_dim=13", "color.hidden=[29]")  # no whole vectors
    with_them = fit(folder, "objectsdf++", out=tmp_path / "a", overrides=list(odd), **options)  # type: ignore[arg-type]
    without = [one for one in odd if "places" not in one]
    alone = fit(folder, "priors", out=tmp_path / "b", overrides=without, **options)  # type: ignore[arg-type]
    found = with_them.field.state_dict()
    for name, value in alone.field.state_dict().items():
        assert torch.equal(found[name], value), name
    moved = with_them.field.labels.layers[-1].weight
    fresh = task_of(folder, "objectsdf++").field.labels.layers[-1].weight
    assert not torch.equal(moved, fresh)


def test_mesh_objects_writes_each_and_a_scene_of_named_nodes(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mesh", str(run), "--objects", "--output", str(tmp_path / "parts")]) == 0
    assert "3 files" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "parts").iterdir()}
    assert names == {"background.ply", "0005-red-ball.ply", "0009-blue-ball.ply", "scene.glb"}
    for name, (centre, radius) in zip(("0005-red-ball", "0009-blue-ball"), BALLS.values()):
        ball = trimesh.load(tmp_path / "parts" / f"{name}.ply")
        assert ball.visual.kind == "vertex"
        distance = np.abs(np.linalg.norm(ball.vertices - centre, axis=1) - radius)
        assert np.median(distance) < 0.05
    scene = trimesh.load(tmp_path / "parts" / "scene.glb")
    assert isinstance(scene, trimesh.Scene)
    assert set(scene.graph.nodes_geometry) == {"background", "5 red ball", "9 blue ball"}
    words = ["mesh", str(run), "--objects", "--faces", "200", "--holes", "20edges", "--memory", "64GB"]
    assert main([*words, "--output", str(tmp_path / "few")]) == 0
    for name in ("0005-red-ball", "0009-blue-ball"):
        assert 100 < len(trimesh.load(tmp_path / "few" / f"{name}.ply").faces) <= 220
    whole, ply = scene.geometry["5 red ball"], trimesh.load(tmp_path / "parts" / "0005-red-ball.ply")
    np.testing.assert_allclose(whole.bounds, ply.bounds, atol=1e-4)


def test_objects_in_python_are_those_of_the_folder_alone(run: Path) -> None:
    found = Run.load(run).objects(voxel=0.1)
    assert [one.label for one in found] == ["background", "5 red ball", "9 blue ball"]
    assert [one.id for one in found] == [None, 5, 9]
    field, box = Run.load(run).field, np.array([[-1.0] * 3, [1.0] * 3])
    boxes = object_boxes(field, box, 0.05, torch.device("cpu"))
    for index, inside in enumerate(boxes):  # nothing is lost by looking in a part of the box alone
        vertices, faces = extract_level_set(field.one(index).sdf, box, 0.05)
        assert inside is not None
        again, same = extract_level_set(field.one(index).sdf, inside, 0.05)
        assert len(faces) == len(same) and len(faces)
        np.testing.assert_allclose(vertices.min(axis=0), again.min(axis=0), atol=1e-4)


def test_eval_objects_measures_each(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(run), "--objects"]) == 0
    shown = capsys.readouterr().out
    assert "Each object" in shown and "red ball" in shown
    found = json.loads((run / "metrics.json").read_text())["objects"]
    assert found["count"] == 2 and set(found["each"]) == {"5 red ball", "9 blue ball"}
    mean = np.mean([one["f_score@0.05"] for one in found["each"].values()])
    assert found["f_score@0.05"] == pytest.approx(mean) and mean > 0.6
    assert found["whole_f_score@0.05"] > 0.5
    assert "5 red ball" in (run / "report.html").read_text()


def test_what_has_no_surface_is_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from neurfield.cli.mesh import write_objects
    from neurfield.fitting.surface import FittedSurface

    surface = FittedSurface.open(run)
    with torch.no_grad():
        surface.field.labels.layers[-1].bias[2] -= 100.0
    (tmp_path / "0009-blue-ball.ply").write_text("of an earlier call")
    write_objects(surface, tmp_path, None, voxel=0.1, color="none")
    assert "1 have no surface in the box: 9 blue ball" in capsys.readouterr().out
    assert not (tmp_path / "0009-blue-ball.ply").exists() and (tmp_path / "0005-red-ball.ply").is_file()


def test_a_resumed_fit_ends_as_one_that_was_not_stopped(folder: Path, tmp_path: Path) -> None:
    from neurfield.inputs import resume

    options = {"overrides": [*OPTIONS, "train.save_every=4"], "quiet": True}
    whole = fit(folder, "objectsdf", steps=8, out=tmp_path / "a", **options)  # type: ignore[arg-type]
    half = fit(folder, "objectsdf", steps=8, out=tmp_path / "b", **options)  # type: ignore[arg-type]
    for path in (half.folder / "checkpoints").glob("step-000008*"):
        path.unlink()
    again = resume(half.folder, quiet=True)
    for one, other in zip(whole.field.parameters(), again.field.parameters()):
        assert torch.equal(one, other)


def test_what_cannot_be_is_one_line(
    run: Path, folder: Path, sphere_scene: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"out": tmp_path / "runs", "quiet": True, "steps": 2}
    priors = ["data.prior_depth=false", "data.prior_normal=false"]
    with pytest.raises(UserError, match="wants segment, the scene has none"):
        fit(sphere_scene, "objectsdf", overrides=[*SMALL, *priors], **options)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"looks at the labels of objects.*losses\.semantics=off"):
        fit(folder, "neus", overrides=[*SMALL, "data.segment=true", "losses.semantics=1"], **options)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="depends on the slope"):
        fit(folder, "objectsdf++", overrides=[*OPTIONS, "passes.surface=neus"], **options)  # type: ignore[arg-type]
    for path in (folder / "segments").iterdir():
        assert path.suffix == ".png"
    assert not (tmp_path / "runs").exists()
    for words, said in (
        (["mesh", str(run), "--objects", "--component", "object"], "give all or largest"),
        (["mesh", str(run), "--objects", "--output", str(tmp_path / "a.ply")], "it is a folder"),
    ):
        assert main(words) == 2
        told = capsys.readouterr().err
        assert said in told and told.count("\n") == 1


def test_a_thousand_instances_are_told_and_the_largest_are_objects(tmp_path: Path) -> None:
    folder = write_two_balls(tmp_path / "many", frames=4)
    for i, path in enumerate(sorted((folder / "segments").iterdir())):
        ids = np.asarray(Image.open(path)).copy()
        ids[0, :30] = 100 + 30 * i + np.arange(30)  # an id a pixel
        Image.fromarray(ids.astype(np.uint16)).save(path)
    config = load_config("objectsdf", overrides=[*OPTIONS, "field.most=2", "device=cpu"])
    task = SceneTask(used_sources(load_scene(folder), config.data), config, torch.device("cpu"))
    assert task.field.ids == (5, 9) and config.needed("field").numbers["ids"] == [5, 9]
    (line,) = task.told
    assert "122 instances" in line and "120 others" in line
