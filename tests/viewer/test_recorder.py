"""Walks that are recorded in a window, and work beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurfield.report.viewpoints import look_at
from neurfield.scenes.walk_file import read_walk
from neurfield.viewer.background import Background
from neurfield.viewer.recorder import Recorder
from tests.viewer.balls import UP, ball_content

UTM = np.array([552345.0, 5412345.0, 312.0])


def test_a_recorded_walk_is_in_the_world(tmp_path: Path) -> None:
    content = replace(ball_content(UTM), folder=tmp_path)
    recorder = Recorder(content)
    eyes = [np.array([3.0, 0, 0]), np.array([0.0, 3, 0]), np.array([-3.0, 0, 1])]
    middle = content.box.mean(axis=0)
    poses = [look_at(middle + eye, middle, UP).world_from_cam for eye in eyes]
    said = [recorder.add(pose, 40.0, (801, 600)) for pose in poses]
    assert "key 1" in said[0] and "neurfield render" in said[2] and "--walk" in said[2]
    walk = read_walk(tmp_path / "walk.json")
    assert len(walk) == 3 and walk.size == (800, 600) and walk.duration == pytest.approx(4.0)
    np.testing.assert_allclose(walk.world_from_cam[:, :3, 3], UTM + np.array(eyes), atol=1e-6)
    assert list(walk.fov) == pytest.approx([40.0] * 3)


def test_an_earlier_walk_stays(tmp_path: Path) -> None:
    content = replace(ball_content(), folder=tmp_path)
    (tmp_path / "walk.json").write_text("mine")
    Recorder(content).add(np.eye(4), 40.0, (80, 60))
    assert (tmp_path / "walk.json").read_text() == "mine" and (tmp_path / "walk-2.json").is_file()


def test_of_what_waits_only_the_newest_is_done() -> None:
    """A slider that is dragged asks for many slices, and one of them is drawn."""
    delivered: list[object] = []
    failed: list[Exception] = []

    def deliver(work: Callable[[], None]) -> None:
        work()

    background = Background(deliver, failed.append)
    gate = threading.Event()
    background.ask("first", lambda: gate.wait(10), delivered.append)
    for i in range(20):
        background.ask("slice", lambda i=i: i, delivered.append)  # type: ignore[misc]
    background.ask("wrong", lambda: 1 / 0, delivered.append)
    gate.set()
    until = time.monotonic() + 10
    while not background.idle and time.monotonic() < until:
        time.sleep(0.005)
    assert delivered == [True, 19] and isinstance(failed[0], ZeroDivisionError)
    background.end()
