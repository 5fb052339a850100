"""Priors that are wrong are found by the data, and said by name: before a fit, and by `scene check`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_scenes import FLIP, HEIGHT, WIDTH, room_cameras, write_replica

from neurfield.errors import UserError
from neurfield.scenes import Finding, Scene, load_scene
from neurfield.scenes.check_priors import prior_findings

OPENGL = FLIP[:3, :3]


@pytest.fixture(scope="module")
def priors_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bare room with nothing but pictures and priors."""
    folder = write_replica(tmp_path_factory.mktemp("scenes") / "room")
    shutil.rmtree(folder / "sensor_depth")
    for path in (folder / "results").glob("depth*.png"):
        path.unlink()
    return folder


@pytest.fixture
def room(priors_alone: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(priors_alone, tmp_path / "room"))


def rewrite(folder: Path, kind: str, change: Callable[[int, np.ndarray], np.ndarray], stop: int = 20) -> None:
    """Change the files of a kind of the first frames; normals as vectors [H,W,3]."""
    for i in range(stop):
        path = folder / f"priors/{i:06d}_{kind}.npy"
        array = np.load(path)
        if kind == "normal":
            array = np.moveaxis(2.0 * array - 1.0, 0, 2)
        array = change(i, array)
        if kind == "normal":
            array = np.moveaxis((array + 1.0) / 2.0, 2, 0)
        np.save(path, array.astype(np.float32))


def found(folder: Path, source: str) -> list[Finding]:
    return [finding for finding in prior_findings(load_scene(folder)) if finding.where == source]


def the_error(folder: Path, source: str) -> str:
    findings = prior_findings(load_scene(folder))
    (error,) = [finding for finding in findings if finding.level == "error"]
    assert error.where == source and error.todo and "\n" not in str(error)
    return str(error)


def test_right_priors_are_in_order(room: Path) -> None:
    findings = prior_findings(load_scene(room))
    assert [(f.level, f.where) for f in findings] == [("ok", "prior_depth"), ("ok", "prior_normal")]
    assert "grows with depth" in findings[0].what and "lean as the prior depth" in findings[1].what


AXES: list[tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = [
    ("turned round", lambda n, pose: -n),
    ("OpenGL's (y up, z backwards)", lambda n, pose: n @ OPENGL),
    ("OpenGL's, and they look away", lambda n, pose: -n @ OPENGL),
    ("the world's axes", lambda n, pose: n @ pose[:3, :3].T),
    ("the world's axes, and look away", lambda n, pose: -n @ pose[:3, :3].T),
    ("x and y axes look left and up", lambda n, pose: n * [-1, -1, 1]),
]


@pytest.mark.parametrize(("says", "change"), AXES, ids=[says for says, _ in AXES])
@pytest.mark.parametrize("depth", [True, False], ids=["with depth", "alone"])
def test_normals_in_other_axes_are_named(
    room: Path, says: str, change: Callable[[np.ndarray, np.ndarray], np.ndarray], depth: bool
) -> None:
    poses = room_cameras().world_from_cam
    rewrite(room, "normal", lambda i, n: change(n, poses[i]))
    if not depth:
        for path in (room / "priors").glob("*_depth.npy"):
            path.unlink()
    assert says in the_error(room, "prior_normal")


def disparity(folder: Path) -> None:
    rewrite(folder, "depth", lambda i, p: 0.2 + 0.7 / ((p - 0.1) / 0.3))


def without_normals(folder: Path) -> None:
    for path in (folder / "priors").glob("*_normal.npy"):
        path.unlink()


@pytest.mark.parametrize("normals", [True, False])
def test_disparity_is_told_from_depth(room: Path, normals: bool) -> None:
    disparity(room)
    if not normals:
        without_normals(room)
    error = the_error(room, "prior_depth")
    assert "disparity, no depth" in error and "how far the box" in error
    assert not normals or [f.level for f in found(room, "prior_normal")] == ["ok"]


def around_an_object(folder: Path) -> Scene:
    """As if nothing but the normals could tell: seen from outside, no box of walls says how far they are."""
    scene = load_scene(folder)
    return Scene("outside", scene.path, scene.cameras, scene.files, kind="outside")


def test_where_nothing_else_tells_normals_do(room: Path) -> None:
    assert {f.level for f in prior_findings(around_an_object(room))} == {"ok"}
    disparity(room)
    (error,) = [f for f in prior_findings(around_an_object(room)) if f.level == "error"]
    assert error.where == "prior_depth" and "by the normals' lean" in error.what
    without_normals(room)
    (left,) = prior_findings(around_an_object(room))
    assert left.level == "ok" and "nothing tells" in left.what


def test_normals_that_lean_against_depth_are_doubted(room: Path) -> None:
    """They look at the camera as much as before, but to the other side of the ray."""
    cameras = room_cameras()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    ray = np.stack(
        [(columns - WIDTH / 2) / cameras.fx[0], (rows - HEIGHT / 2) / cameras.fy[0], np.ones_like(rows)], 2
    )
    ray /= np.linalg.norm(ray, axis=2, keepdims=True)
    rewrite(room, "normal", lambda i, n: 2.0 * (n * ray).sum(axis=2, keepdims=True) * ray - n)
    (finding,) = found(room, "prior_normal")
    assert finding.level == "warn" and "do not lean as the prior depth does" in finding.what


def test_depth_of_other_pictures_is_doubted(room: Path) -> None:
    paths = [room / f"priors/{i:06d}_depth.npy" for i in range(20)]
    random = np.random.default_rng(0)
    for path in paths:
        np.save(path, random.random((HEIGHT, WIDTH)).astype(np.float32))
    without_normals(room)
    (finding,) = found(room, "prior_depth")
    assert finding.level == "warn" and "hardly grows" in finding.what


def test_values_that_are_no_numbers_take_no_part_and_are_counted(room: Path) -> None:
    path = room / "priors/000013_depth.npy"
    depth = np.load(path)
    depth[3, 4:6] = np.nan, np.inf
    np.save(path, depth)
    before = [f.what for f in found(room, "prior_depth")]
    assert any(what.startswith("2 pixels") and "take no part" in what for what in before)
    assert not np.array(load_scene(room).prior_depth(13))[3, 4:6].any()


def test_normals_that_are_no_numbers_or_zeros_are_unknown(room: Path) -> None:
    path = room / "priors/000000_normal.npy"
    stored = np.load(path)
    before = load_scene(room).prior_normal(0)
    stored[:, 5, 5], stored[:, 5, 6] = np.nan, 0.0
    np.save(path, stored)
    normal = np.array(load_scene(room).prior_normal(0))
    assert not normal[5, 5:7].any()
    normal[5, 5:7] = before[5, 5:7]
    np.testing.assert_array_equal(normal, before)


@pytest.mark.parametrize("source", ["depth", "normal"])
def test_empty_maps_are_told_and_hopeless_if_all_are(room: Path, source: str) -> None:
    nothing = -np.ones(3) if source == "normal" else 0.0  # zeros in the files
    rewrite(room, source, lambda i, array: np.zeros_like(array) + nothing, stop=2)
    told = [f for f in found(room, f"prior_{source}") if f.level == "warn"]
    assert len(told) == 1 and "frames 0, 1 are" in told[0].what and "left out" in told[0].what
    rewrite(room, source, lambda i, array: np.zeros_like(array) + nothing)
    assert "all that were looked at" in the_error(room, f"prior_{source}")


def test_missing_ones_are_counted(room: Path) -> None:
    for i in (3, 7):
        (room / f"priors/{i:06d}_depth.npy").unlink()
    (told,) = [f for f in found(room, "prior_depth") if f.level == "warn"]
    assert "2 of 20 frames have none" in told.what


def test_a_crop_of_the_picture_is_refused_with_the_way_on(room: Path) -> None:
    np.save(room / "priors/000004_depth.npy", np.ones((HEIGHT, HEIGHT), np.float32))
    with pytest.raises(UserError, match=r"000004_depth\.npy.*48x48.*64x48.*whole picture.*scene priors"):
        load_scene(room)


def test_smaller_ones_take_the_nearest_and_are_in_order(room: Path) -> None:
    rewrite(room, "depth", lambda i, p: p[::2, ::2])
    rewrite(room, "normal", lambda i, n: n[1::2, 1::2])
    assert {f.level for f in prior_findings(load_scene(room))} == {"ok"}
