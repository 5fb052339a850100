"""Photographs alone, measured: exact views, errors of maps, the pace of fits, tables and pictures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from benchmarks import object_render
from benchmarks.photos import fitted, ours, pictures, rooms
from benchmarks.photos.exact import DepthErrors, ExactView, exact_views
from benchmarks.photos.fitted import Fit, Pace
from neurfield.errors import UserError
from neurfield.scenes import load_scene
from neurfield.scenes.scene import Scene
from tests.benchmarks.test_object_views import BOX, coloured_box


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("photos") / "box"
    object_render.write_views(folder, coloured_box(), object_render.orbit_cameras(BOX, n=16, size=48))
    return load_scene(folder)


def test_exact_views_lie_on_the_surface_with_normals_towards_the_camera(scene: Scene) -> None:
    for i, view in zip((0, 7), exact_views(scene, np.array([0, 7]))):
        known = view.depth > 0
        assert 0.1 < known.mean() < 0.7 and not known[~scene.mask(i)].any()
        rows, columns = np.nonzero(known)
        uv = np.stack([columns + 0.5, rows + 0.5], axis=1)
        origins, directions, z_per_t = scene.cameras.rays(np.full(len(uv), i), uv)
        points = origins + directions * (view.depth[known] / z_per_t)[:, None]
        away = np.maximum(BOX[0] - points, points - BOX[1]).max(axis=1)  # below 0 inside the box
        assert np.abs(away).max() < 1e-5
        normal = view.normal[known] @ scene.cameras.world_from_cam[i, :3, :3].T
        assert np.allclose(np.abs(normal).max(axis=1), 1, atol=1e-5)
        assert (np.einsum("rk,rk->r", normal, directions) < 0).all()
        assert (view.normal[~known] == 0).all()


def test_errors_count_what_is_missing_wrong_and_invented() -> None:
    exact = ExactView(np.full((10, 10), 2.0, np.float32), np.tile([0.0, 0, -1], (10, 10, 1)))
    exact.depth[9] = 0  # nothing there
    depth = np.full((10, 10), 2.0, np.float32)
    depth[0] = 0  # missing
    depth[1] = 2.03  # 1.5 % off
    depth[2] = 2.2  # 10 % off
    normal = np.tile([0.0, np.sin(0.2), -np.cos(0.2)], (10, 10, 1))
    sure = np.zeros((10, 10), bool)
    sure[1:3] = True
    errors = DepthErrors()
    for _ in range(2):
        errors.add(depth, exact, normal, sure)
    found = errors.numbers()
    assert found["answered"] == pytest.approx(800 / 9) and found["invented"] == pytest.approx(100 / 9)
    assert found["within_1"] == pytest.approx(600 / 9) and found["within_2"] == pytest.approx(700 / 9)
    assert found["median"] == 0 and found["p90"] == pytest.approx(10, abs=9)
    assert found["normals"] == pytest.approx(np.degrees(0.2), abs=1e-3)
    assert found["sure"] == pytest.approx(25) and found["sure_within_2"] == pytest.approx(50)
    nothing = DepthErrors()
    nothing.add(np.zeros((10, 10)), exact, normal, sure)
    assert nothing.numbers()["answered"] == 0 and nothing.numbers()["median"] is None


def test_a_pace_leaves_the_first_half_out_and_steps_end_in_time(tmp_path: Path) -> None:
    seconds = [30.0 + (0.1 * k if k < 50 else 5.0 + 0.02 * (k - 50)) for k in range(1, 101)]
    log = [{"step": k + 1, "seconds": s} for k, s in enumerate(seconds)]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(entry) for entry in log))
    pace = fitted.pace_of({"run": str(tmp_path), "steps": 100, "whole": 38.0})
    assert pace.step == pytest.approx(0.02) and pace.start == pytest.approx(36.0)
    steps = pace.steps(120.0)
    assert steps % 10 == 0 and 0.95 * 120 - 1 < pace.start + steps * pace.step < 120
    assert Pace(200.0, 0.02).steps(120.0) == 10  # the start alone takes longer: a few steps, and it is seen


def run_with(monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Let fits answer so; what was asked for, steps and folder, comes back as they are made."""
    asked: list[tuple[int, str]] = []

    def run_fit(fit: Fit, steps: int, out: Path) -> dict[str, Any]:
        asked.append((steps, out.name))
        return {"steps": steps, **answers[min(len(asked), len(answers)) - 1]}

    monkeypatch.setattr(fitted, "run_fit", run_fit)
    return asked


def test_one_short_fit_gives_the_pace_of_all_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = run_with(monkeypatch, [{"run": "x", "whole": 20.0}])
    monkeypatch.setattr(fitted, "pace_of", lambda facts: Pace(10.0, 0.05))
    paces: dict[str, Pace] = {}
    fit = Fit("room0", (), "photos")
    for seconds in (60.0, 120.0):
        facts = fitted.fit_within(fit, seconds, tmp_path, paces, "images")
        assert facts["budget"] == seconds
    assert asked == [(fitted.PROBE_STEPS, "probe"), (960, "60s"), (2120, "120s")]


def test_a_fit_that_loses_its_surface_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_with(monkeypatch, [{"run": None, "mesh": None, "trouble": "no surface is left"}])
    facts = fitted.fit_within(Fit("room0", (), "photos"), 60.0, tmp_path, {}, "images")
    row = rooms.row_of("room0", "images alone", facts, rooms.measured(facts, None))
    assert len(row) == len(rooms.COLUMNS) and "no surface is left" in row[1]
    assert row[rooms.COLUMNS.index("F@5cm")] is None


def test_a_room_is_fitted_by_the_steps_of_two_presets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, int | None]] = []

    def run_fit(fit: Fit, steps: int | None, out: Path) -> dict[str, Any]:
        asked.append((fit.method, fit.preset, steps))
        return {"steps": 7, "mesh": None}

    monkeypatch.setattr(rooms, "run_fit", run_fit)
    monkeypatch.setattr(rooms, "with_truth", lambda name: argparse.Namespace(name=name))
    kinds = ["images", "priors"]
    table, _, kept = rooms.measure(["room9"], "photos", "default", [], tmp_path, False, kinds)
    fits = [("photos", "default"), ("photos", "best"), ("priors", "default"), ("priors", "best")]
    assert asked == [(*fit, None) for fit in fits]
    named = [dict(zip(table.columns, row)) for row in table.rows]
    shown = [(row["method, preset"], row["budget s"], row["steps"]) for row in named]
    budgets = (120.0, 300.0, 60.0, 300.0)
    assert shown == [(", ".join(fit), budget, 7) for fit, budget in zip(fits, budgets)]
    assert len(kept) == 4


def test_maps_of_another_run_are_not_used_uncounted(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "box"
    object_render.write_views(folder, coloured_box(), object_render.orbit_cameras(BOX, n=16, size=16))
    (folder / "stereo").mkdir()
    args = argparse.Namespace(scene=str(folder), hide=[], method="neus", preset="quick", steps=2, set=[])
    args.out = tmp_path / "runs"
    with pytest.raises(UserError, match="stereo: maps of another run"):
        fitted.fit_here(args)


@pytest.mark.slow
def test_a_fit_in_its_own_process_says_what_it_left(scene: Scene, tmp_path: Path) -> None:
    fit = Fit(str(scene.path), ("mask",), "neus", "quick", ("sampler.samples=256",))
    facts = fitted.run_fit(fit, 3, tmp_path)
    assert facts["steps"] == 3 and Path(facts["run"]).is_dir() and 0 < facts["start"] < facts["whole"]
    if facts["mesh"]:
        assert isinstance(fitted.mesh_of(facts), trimesh.Trimesh)
    lost = fitted.run_fit(Fit("no-such-scene", (), "neus"), 3, tmp_path)
    assert "status 2" in lost["trouble"] and fitted.mesh_of(lost) is None


def test_colours_are_in_order_and_grey_where_unknown() -> None:
    value = np.array([[0.0, 0.5, 1.0, 2.0, np.nan]])
    shown = pictures.coloured(value, 0.0, 1.0, np.isfinite(value))
    assert (shown[0, 4] == pictures.GROUND).all() and (shown[0, 2] == shown[0, 3]).all()
    assert shown[0, 0, 2] > shown[0, 0, 0] and shown[0, 2, 0] > shown[0, 2, 2]
    assert shown[0, 1, 1] > 200  # green in the middle


def test_grey_is_luma() -> None:
    picture = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    assert ours.grey_of(picture).tolist() == [[[76, 150, 29, 255]]]
