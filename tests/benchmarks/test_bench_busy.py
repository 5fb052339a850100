"""What stands beside a fit does not outlive the measurement, and each kind of waiting reaches its process."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import bench_busy
from neurfield.scenes import load_scene
from tests.fitting.conftest import write_sphere_scene


def children() -> set[int]:
    """Processes that this one started and that still run."""
    mine = Path(f"/proc/self/task/{os.getpid()}/children")
    if not mine.exists():
        pytest.skip("no /proc here that tells")
    return {int(number) for number in mine.read_text().split()}


def test_busy_loops_end_with_what_they_are_beside() -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), bench_busy.busy(2):
        assert len(children() - before) == 2
        raise ZeroDivisionError
    assert children() <= before


def test_each_kind_takes_its_turn_beside_nothing_and_beside_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def step(settings: dict[str, str], options: list[str]) -> tuple[float, int]:
        asked.append((dict(settings), len(children())))
        return float(len(asked)), 2

    before = len(children())
    monkeypatch.setattr(bench_busy, "step_in_a_process", step)
    rows = bench_busy.measure(Namespace(scene="room0", repeats=1, rounds=2, loops=1))
    kinds = list(bench_busy.KINDS.values())
    assert [settings for settings, _ in asked] == 4 * kinds
    assert [count - before for _, count in asked] == [0] * 2 * len(kinds) + [1] * 2 * len(kinds)
    assert [row[0] for row in rows] == ["nothing"] * len(kinds) + ["1 busy loops"] * len(kinds)
    assert rows[0][3:] == [(1.0 + 4.0) / 2, 1.0, 4.0]


def test_the_step_is_one_of_images_alone(tmp_path: Path) -> None:
    scene = write_sphere_scene(tmp_path / "sphere")
    assert "sensor_depth" in load_scene(scene).sources
    task = bench_busy.task_of(scene)
    assert task.scene.sources == {"image", "mask"} and not task.moment(0, 0.0).warm
