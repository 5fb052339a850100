"""The data set on disk: whole or absent, the same every time, and true to the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from synthetic_room import ROUTE, room
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks import room_errors
from neurfield.errors import UserError
from neurfield.evaluation.nearest import NearestSurface
from neurfield.scenes import load_scene
from neurfield.scenes.synthesis import writer
from neurfield.scenes.synthesis.writer import DEPTH_SCALE, Plan, write_scene

PLAN = Plan(ROUTE, frames=3, width=90, height=50, focal=45.0, light_edge=0.3, shell_edge=0.2, mesh_edge=0.5)


def silent(stage: str, fraction: float) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "small"
    write_scene(room(), folder, PLAN, silent)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_files_are_there(folder: Path) -> None:
    expected = {"traj.txt", "cam_params.json", "mesh.ply", "instances.npz", "scene.json"}
    for i in range(3):
        expected |= {
            f"results/frame{i:06d}.jpg",
            f"results/depth{i:06d}.png",
            f"sensor_depth/depth{i:06d}.png",
        }
        expected |= {f"normals/{i:06d}.png", f"segments/{i:06d}.png"}
        for priors in ("priors", "priors_repeating"):
            expected |= {f"{priors}/{i:06d}_depth.npy", f"{priors}/{i:06d}_normal.npy"}
    assert set(files(folder)) == expected


def test_kinds_and_shapes_are_those_of_replica_and_monosdf(folder: Path) -> None:
    assert np.loadtxt(folder / "traj.txt").shape == (3, 16)
    camera = json.loads((folder / "cam_params.json").read_text())["camera"]
    assert camera == {"w": 90, "h": 50, "fx": 45.0, "fy": 45.0, "cx": 44.5, "cy": 24.5, "scale": 6553.5}
    depth = np.asarray(Image.open(folder / "results/depth000000.png"))
    assert depth.shape == (50, 90) and depth.dtype == np.uint16
    assert np.asarray(Image.open(folder / "segments/000000.png")).max() <= 5
    for priors in ("priors", "priors_repeating"):
        depth = np.load(folder / f"{priors}/000000_depth.npy")
        assert depth.shape == (50, 90) and depth.dtype == np.float16
        # 0 would mean that there is none
        assert depth.min() > 0 and depth.max() <= 1
        normal = np.load(folder / f"{priors}/000000_normal.npy").astype(np.float32)
        assert normal.shape == (3, 50, 90)
        assert normal.min() >= 0 and normal.max() <= 1
        assert np.allclose(np.linalg.norm(2 * normal - 1, axis=0), 1, atol=2e-3)


def test_the_reader_finds_every_source(folder: Path) -> None:
    scene = load_scene(folder)
    assert scene.kind == "inside"
    assert {"image", "depth", "sensor_depth", "prior_depth", "prior_normal", "segment"} <= set(scene.sources)
    assert scene.ground_truth is not None


def test_the_folder_of_repeating_priors_stands_for_the_room_with_these(folder: Path) -> None:
    usual, other = load_scene(folder), load_scene(folder / "priors_repeating")
    assert usual.name == "small" and other.name == "small-repeating"
    assert other.path == folder / "priors_repeating"
    assert other.sources == usual.sources and other.kind == "inside"
    assert np.array_equal(other.cameras.world_from_cam, usual.cameras.world_from_cam)
    assert np.array_equal(other.image(1), usual.image(1)) and np.array_equal(other.depth(1), usual.depth(1))
    assert np.array_equal(other.prior_depth(1), np.load(folder / "priors_repeating/000001_depth.npy"))
    assert np.array_equal(usual.prior_depth(1), np.load(folder / "priors/000001_depth.npy"))
    assert not np.array_equal(other.prior_normal(1), usual.prior_normal(1))


def test_a_built_in_name_asks_for_either_kind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURFIELD_DATA", str(folder.parent))
    room = {"small": (None, ""), "small-repeating": (None, "")}
    monkeypatch.setattr("neurfield.scenes.builtin.BUILTIN", room)
    assert load_scene("small").path == folder
    assert load_scene("small-repeating").path == folder / "priors_repeating"


def test_depth_reaches_the_mesh_through_the_reader(folder: Path) -> None:
    scene = load_scene(folder)
    mesh = trimesh.load(folder / "mesh.ply", process=False)
    distance_to = NearestSurface(mesh.triangles, mesh.triangles_center, np.arange(len(mesh.faces)))
    for i in range(3):
        depth = scene.depth(i)
        rows, columns = np.mgrid[2:50:7, 2:90:7].reshape(2, -1)
        uv = np.stack([columns + 0.5, rows + 0.5], axis=1)
        origins, directions, z_per_t = scene.cameras.rays(np.full(len(uv), i), uv)
        points = origins + (depth[rows, columns] / z_per_t)[:, None] * directions
        # Half a step of the depth files is 0.08 mm, longer along slanted rays.
        assert distance_to(points)[0].max() < 3e-4


def test_normals_point_to_the_camera_on_disk(folder: Path) -> None:
    for i in range(3):
        normal = np.asarray(Image.open(folder / f"normals/{i:06d}.png")) / 127.5 - 1
        assert np.allclose(np.linalg.norm(normal, axis=-1), 1, atol=0.02)
        u, v = np.meshgrid(np.arange(90) + 0.5 - 45, np.arange(50) + 0.5 - 25)
        assert ((normal * np.stack([u / 45, v / 45, np.ones_like(u)], axis=-1)).sum(axis=-1) < 0.02).all()


def test_sensor_depth_is_near_the_exact_or_absent(folder: Path) -> None:
    for i in range(3):
        exact, sensed = (
            np.asarray(Image.open(folder / f"{name}/depth{i:06d}.png")) / DEPTH_SCALE
            for name in ("results", "sensor_depth")
        )
        measured = sensed > 0
        assert 0.6 < measured.mean() < 0.98
        assert (
            np.abs(sensed - exact)[measured].max() < 0.15 and np.abs(sensed - exact)[measured].mean() > 5e-4
        )


def test_the_mesh_has_colours_and_an_instance_for_each_face(folder: Path) -> None:
    mesh = trimesh.load(folder / "mesh.ply", process=False)
    with np.load(folder / "instances.npz") as arrays:
        instance, names = arrays["face_instance"], arrays["names"]
    assert len(instance) == len(mesh.faces) and list(names) == list(room().instance_names)
    model = room()
    for i in range(6):
        assert np.isclose(mesh.area_faces[instance == i].sum(), model_area(model, i), rtol=1e-4)
    colors = mesh.visual.vertex_colors[:, :3].astype(int)
    ball = np.unique(mesh.faces[instance == 2])
    assert colors[ball][:, 0].mean() > colors[ball][:, 1].mean() + 30, "the ball is red"


def model_area(model, instance: int) -> float:
    return trimesh.Trimesh(model.vertices, model.faces[model.face_instance == instance], process=False).area


def test_scene_json_tells_what_was_made(folder: Path) -> None:
    summary = json.loads((folder / "scene.json").read_text())
    assert summary["schema"] == 1 and summary["plan"]["frames"] == 3 and summary["instances"] == 6
    measured = summary["measured"]
    for priors in ("priors", "priors_repeating"):
        assert measured[f"{priors}_normal_median_degrees"] < measured[f"{priors}_normal_mean_degrees"]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_files_do_not_depend_on_the_number_of_cores(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(writer, "_cores", lambda: workers)
    write_scene(room(), tmp_path / "small", PLAN, silent)
    assert files(tmp_path / "small") == files(folder)


def test_products_are_not_shared_out_among_threads_that_wait_for_each_other(tmp_path: Path) -> None:
    """How many threads BLAS works with decides last bits, and its waiting threads took most of the time."""

    def threads() -> set[int]:
        return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}

    during: list[set[int]] = []
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        write_scene(room(), tmp_path / "small", PLAN, lambda stage, fraction: during.append(threads()))
        assert threads() == before
    assert during and all(found <= {1} for found in during)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    said: list[tuple[str, float]] = []
    write_scene(room(), tmp_path / "small", PLAN, lambda stage, fraction: said.append((stage, fraction)))
    fractions = [fraction for _, fraction in said]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert len({stage for stage, _ in said}) >= 3


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(stage: str, fraction: float) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scene(room(), tmp_path / "small", PLAN, stop)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".small.999999999.partial" / "results").mkdir(parents=True)
    write_scene(room(), tmp_path / "small", PLAN, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_a_scene_that_is_made_again_replaces_the_old(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "old.txt").write_text("old")
    write_scene(room(), tmp_path / "small", PLAN, silent)
    assert not (tmp_path / "small" / "old.txt").exists() and (tmp_path / "small" / "traj.txt").exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="NEURFIELD_DATA") as caught:
        write_scene(room(), tmp_path / "file" / "small", PLAN, silent)
    assert "\n" not in str(caught.value)


def test_the_errors_told_of_rooms_are_those_of_the_files(folder: Path) -> None:
    measured = json.loads((folder / "scene.json").read_text())["measured"]
    # One of three frames, from rounded files, against the mean of all.
    for scene, priors in ((folder, "priors"), (folder / "priors_repeating", "priors_repeating")):
        facts = room_errors.priors(load_scene(scene), every=1)
        assert facts["depth error %"] / 100 == pytest.approx(
            measured[f"{priors}_depth_relative_error"], rel=0.2
        )
        assert facts["normals °"] == pytest.approx(measured[f"{priors}_normal_median_degrees"], rel=0.2)
    facts = room_errors.sensor(load_scene(folder), every=1)
    assert facts["mean error mm"] / 1000 == pytest.approx(measured["sensor_depth_mean_error_m"], rel=0.02)
    assert facts["deviation / sigma"] == pytest.approx(1, abs=0.05)
