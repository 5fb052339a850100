"""Benchmarks' protocols on a run's mesh: both with and without ICP, and what does not go together."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.protocols import measure_by, read_protocols
from neurfield.inputs.scene.trajectory import trajectory_of
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.images import FileList
from tests.evaluation.made_truth import CENTER, RADIUS, ball, sphere_points, write_dtu, write_log, write_tanks
from tests.evaluation.test_tanks_and_temples import CENTERS, POLYGON, ground, laser_from_reference, scanned


@pytest.fixture(scope="module")
def dtu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dtu(tmp_path_factory.mktemp("dtu"), sphere_points(20_000, RADIUS) + CENTER)


@pytest.fixture(scope="module")
def tanks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene")
    return write_tanks(path, scanned(), CENTERS, laser_from_reference(), POLYGON, (-0.5, 0.5))


def read_nothing(path: Path) -> np.ndarray:
    raise AssertionError(f"{path} is read")


def no_cameras(pictures: int) -> np.ndarray:
    raise UserError("no cameras to align")


def scene_of(centers: np.ndarray, names: list[str]) -> Scene:
    """A scene whose cameras stand in the reference's frame; nothing of its pictures is read."""
    poses = np.repeat(np.eye(4)[None], len(centers), axis=0)
    poses[:, :3, 3] = centers
    cameras = Cameras(poses, 50.0, 50.0, 50.0, 50.0, 100, 100)
    files = {"image": FileList(tuple(Path("images") / name for name in names), read_nothing)}
    return Scene("made", Path("made"), cameras, files)


def in_reference() -> Outcome:
    """The ground where the reference's cameras would put it."""
    mesh = ground()
    mesh.apply_transform(np.linalg.inv(laser_from_reference()))
    return Outcome({"schema": 1}, mesh)


def test_numbers_of_dtu_with_and_without_icp_and_a_matrix(dtu: Path, tmp_path: Path) -> None:
    matrix = np.diag([1000.0, 1000.0, 1000.0, 1.0])
    np.savetxt(tmp_path / "mm.txt", matrix)
    outcome = Outcome({"dtu": "of another mesh"}, ball(RADIUS + 1).apply_scale(0.001))
    measure_by(read_protocols(str(dtu), 24, None, str(tmp_path / "mm.txt")), outcome, no_cameras)
    assert not outcome.troubles
    without, with_icp = outcome.metrics["dtu"], outcome.metrics["dtu_with_icp"]
    assert without["icp"] == "none" and without["overall_mm"] == pytest.approx(1.0, abs=0.02)
    assert with_icp["icp"].startswith("within 10, 2.5, 0.5 mm") and with_icp["overall_mm"] < 0.2


def test_a_mesh_that_cannot_be_measured_gives_one_trouble_and_no_old_number(dtu: Path) -> None:
    outcome = Outcome(
        {"dtu": "of another mesh", "dtu_with_icp": "of another mesh"}, ball().apply_scale(0.001)
    )
    measure_by(read_protocols(str(dtu), 24, None, None), outcome, no_cameras)
    assert list(outcome.troubles) == ["dtu"] and not outcome.metrics
    outcome = Outcome({"dtu": "of another mesh"})
    measure_by([], outcome, no_cameras)
    assert not outcome.troubles and not outcome.metrics


@pytest.mark.parametrize("padded", [True, False])
def test_a_scenes_cameras_align_its_mesh_in_the_order_of_their_names(tanks: Path, padded: bool) -> None:
    names = [f"{i + 1:06d}.jpg" if padded else f"img{i}.png" for i in range(len(CENTERS))]
    shuffled = np.random.default_rng(0).permutation(len(CENTERS))
    outcome = in_reference()
    scene = scene_of(CENTERS[shuffled], [names[i] for i in shuffled])
    measure_by(read_protocols(None, None, str(tanks), None), outcome, partial(trajectory_of, scene))
    without, with_icp = outcome.metrics["tanks_and_temples"], outcome.metrics["tanks_and_temples_with_icp"]
    assert without["icp"] == "none" and with_icp["icp"].startswith("within 80")
    for numbers in (without, with_icp):
        assert numbers["f_score@0.003"] > 0.99
        assert numbers["aligned_by"] == "cameras" and numbers["cameras_agree"] == 1.0


def test_some_of_the_pictures_are_placed_by_their_numbers(tanks: Path) -> None:
    some = np.array([20, 2, 7, 11, 15, 5, 23])
    outcome, protocols = in_reference(), read_protocols(None, None, str(tanks), None)
    measure_by(
        protocols,
        outcome,
        partial(trajectory_of, scene_of(CENTERS[some], [f"{i + 1:06d}.jpg" for i in some])),
    )
    assert outcome.metrics["tanks_and_temples"]["f_score@0.003"] > 0.99
    outcome, protocols = in_reference(), read_protocols(None, None, str(tanks), None)
    measure_by(
        protocols,
        outcome,
        partial(trajectory_of, scene_of(CENTERS[some], [f"{i}.jpg" for i in range(len(some))])),
    )
    assert "7 cameras, the reference has 24" in str(outcome.troubles["tanks_and_temples"])


def test_a_log_or_a_matrix_instead_of_the_scenes_cameras(tanks: Path, tmp_path: Path) -> None:
    write_log(tmp_path / "own.log", CENTERS)
    np.savetxt(tmp_path / "own.txt", laser_from_reference())
    for name, by in (("own.log", "cameras"), ("own.txt", "a matrix")):
        outcome = in_reference()
        measure_by(read_protocols(None, None, str(tanks), str(tmp_path / name)), outcome, no_cameras)
        assert outcome.metrics["tanks_and_temples"]["f_score@0.003"] > 0.99
        assert outcome.metrics["tanks_and_temples"]["aligned_by"] == by
    outcome = in_reference()
    measure_by(read_protocols(None, None, str(tanks), None), outcome, no_cameras)
    assert "no cameras to align" in str(outcome.troubles["tanks_and_temples"])


def test_what_does_not_go_together(dtu: Path, tanks: Path, tmp_path: Path) -> None:
    write_log(tmp_path / "own.log", CENTERS)
    log = str(tmp_path / "own.log")
    for asked, says in (
        ((str(dtu), None, None, None), "--dtu FOLDER and --scan N go together"),
        ((None, 24, None, None), "--dtu FOLDER and --scan N go together"),
        ((None, None, None, log), "--align goes with"),
        ((str(dtu), 24, str(tanks), log), "--align goes with"),
        ((str(dtu), 24, None, log), "no trajectories"),
    ):
        with pytest.raises(UserError, match=says):
            read_protocols(*asked)
    assert read_protocols(None, None, None, None) == []
