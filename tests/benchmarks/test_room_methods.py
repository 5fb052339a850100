"""Room methods within equal times: what is fitted, how long, what is thin or dark, and the tables."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from benchmarks.common import Measured
from benchmarks.photos.fitted import Pace
from benchmarks.room_methods import fits, pace, table
from benchmarks.room_methods.methods import Fit, room_methods, takes_priors
from benchmarks.room_methods.pace import Paces
from benchmarks.room_methods.parts import NAMES, THRESHOLDS, Parts
from benchmarks.room_methods.shades import lowest, shades_of_picture, shades_of_points
from benchmarks.room_methods.thin import thin_of
from benchmarks.script import Table
from neurfield.errors import UserError
from neurfield.evaluation.culling import Visibility
from neurfield.parts import load_config, methods
from neurfield.scenes import Cameras
from neurfield.scenes.builtin import BUILTIN
from tests.fitting.conftest import SMALL, write_sphere_scene

MACHINE = {"cpu": "a", "threads": 2, "time": "2026-01-01T00:00:00Z", "commit": "abc"}


def test_every_surface_method_is_measured_but_those_of_photographs_alone_and_of_open_things() -> None:
    assert set(methods("surface")) - set(room_methods()) == {"photos", "neuraludf", "neudf"}
    assert {"neus", "volsdf", "monosdf", "priors", "s3im"} <= set(room_methods())
    assert takes_priors(load_config("photos", overrides=["data.prior_depth=true"]))


@pytest.mark.parametrize("method", room_methods())
def test_all_methods_are_given_the_same(method: str) -> None:
    for budget, preset in ((60.0, "quick"), (90.0, "default"), (300.0, "best")):
        fit = Fit("room1", "repeating", method, budget)
        assert fit.preset == preset and fit.scene == "room1-repeating" and fit.scene in BUILTIN
        data = load_config(method, fit.preset, fit.settings).data
        assert (data.sensor_depth, data.prior_depth, data.prior_normal) == ("off", True, True)
        assert data.holdout_every == 8


def test_fits_are_of_a_kind_when_only_room_seconds_and_priors_differ() -> None:
    kind = Fit("room0", "independent", "neus", 60.0).kind()
    assert Fit("room0", "repeating", "neus", 90.0).kind() == kind
    assert Fit("room1", "independent", "neus", 300.0).kind() == kind  # its preset best has only more steps
    assert Fit("room0", "independent", "volsdf", 60.0).kind() != kind
    assert Fit("room0", "independent", "neus", 60.0, ("sampler.samples=64",)).kind() != kind
    slow, fast = (Fit("room0", "independent", "priors", budget).kind() for budget in (60.0, 300.0))
    assert slow != fast  # matched more finely


def test_a_pace_is_mended_by_fits_that_ended() -> None:
    paces = Paces()
    paces.begin("x", Pace(20.0, 0.04))
    assert paces.steps("x", 60.0) == Pace(20.0, 0.04).steps(60.0) == 950
    paces.add("x", 950, 68.0)  # slower than it seemed: so it began later
    assert paces.steps("x", 60.0) == Pace(30.0, 0.04).steps(60.0)
    paces.add("x", 700, 58.0)  # of about as many steps: tells nothing of their rate
    assert paces.steps("x", 60.0) == Pace(30.0, 0.04).steps(60.0)
    assert paces.steps("x", 300.0) == Pace(30.0, 0.04).steps(300.0)
    paces.add("x", 4000, 350.0)  # a much longer one tells the rate: 0.0925
    rate = (350.0 - 68.0) / (4000 - 950)
    assert paces.steps("x", 300.0) == Pace(350.0 - 4000 * rate, rate).steps(300.0)
    assert not pace.missed(58.0, 60.0) and pace.missed(63.0, 60.0) and pace.missed(50.0, 60.0)


def test_paces_are_kept_for_the_same_commit_and_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "commit", lambda: "one")
    paces = Paces.kept(tmp_path / "paces.json", 2)
    paces.begin("x", Pace(1.0, 2.0))
    paces.add("x", 3, 4.0)
    again = Paces.kept(tmp_path / "paces.json", 2)
    assert again.first == {"x": Pace(1.0, 2.0)} and again.ended == {"x": [(3, 4.0)]}
    assert not Paces.kept(tmp_path / "paces.json", 1).first
    monkeypatch.setattr(pace, "commit", lambda: "two")
    assert not Paces.kept(tmp_path / "paces.json", 2).first


def answering(monkeypatch: pytest.MonkeyPatch, start: float, step: float) -> list[int]:
    """Let fits take so long, of which the short one knows half the start; their steps come back."""
    asked: list[int] = []

    def run_fit(fit: Fit, steps: int, out: Path, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
        asked.append(steps)
        return {"run": "x", "mesh": "x", "steps": steps, "seconds": start + step * steps}

    monkeypatch.setattr(fits, "run_fit", run_fit)
    monkeypatch.setattr(fits, "pace_of", lambda facts: Pace(0.5 * start, step))
    return asked


def test_a_fit_that_missed_its_budget_is_made_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answering(monkeypatch, 20.0, 0.1)
    paces = Paces()
    facts = fits.fit_within(Fit("room0", "independent", "neus", 60.0), tmp_path, paces)
    assert facts["tries"] == 2 and 57.0 < facts["seconds"] < 60.0
    assert asked[0] == pace.PROBE_STEPS and asked[1:] == [480, 380]
    again = fits.fit_within(Fit("room0", "repeating", "neus", 60.0), tmp_path, paces)
    assert again["tries"] == 1 and len(asked) == 4  # no short fit, and right at once
    assert fits.fit_within(Fit("room0", "independent", "neus", 5.0), tmp_path, paces, steps=7)["steps"] == 7


def test_a_fit_without_a_surface_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"run": None, "mesh": None, "steps": 0, "seconds": 3.0, "trouble": "status 2"}
    monkeypatch.setattr(fits, "run_fit", lambda *args: dict(lost))
    facts = fits.fit_within(Fit("room0", "independent", "neus", 60.0), tmp_path, Paces())
    row = table.row_of(facts, told("neus"), {})
    for made in table.tables_of([row]):
        (line,) = made.rows
        assert len(line) == len(made.columns) and "short fit did not end" in line[2]
        assert all(value is None for value in line[8:])


def test_objects_of_methods_that_tell_some_apart_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    metrics = {"objects": {"f_score@0.05": 0.81}}

    def run_measured(command: list[str]) -> Measured:
        asked.append(command[1:])
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        return Measured(len(asked) - 1, 1.0, 1.0, "")

    monkeypatch.setattr(fits, "run_measured", run_measured)
    fit, facts = Fit("room0", "independent", "neus", 60.0), {"run": str(tmp_path), "mesh": "x", "metrics": {}}
    assert fits.with_objects(fit, facts) == facts and not asked
    monkeypatch.setattr(Fit, "tells_objects", property(lambda self: True))
    assert table.row_of(fits.with_objects(fit, facts), told("neus"), {})["objects"] == 0.81
    assert asked == [["-m", "neurfield", "eval", str(tmp_path), "--objects"]]
    assert fits.with_objects(fit, facts) == facts  # it failed: the row stays
    assert fits.with_objects(fit, {**facts, "mesh": None}) == {**facts, "mesh": None} and len(asked) == 2


def test_seconds_end_when_the_mesh_is_there(tmp_path: Path) -> None:
    log = [{"step": 1, "seconds_to_first_step": 11.0}, {"step": 60}]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(line) for line in log))
    without = fits.facts_of(tmp_path, 1000.0, 99.0)
    assert without["mesh"] is None and without["seconds"] == 99.0
    (tmp_path / "mesh.ply").write_text("ply")
    os.utime(tmp_path / "mesh.ply", (1055.5, 1055.5))
    facts = fits.facts_of(tmp_path, 1000.0, 99.0)
    assert (facts["seconds"], facts["start"], facts["steps"]) == (55.5, 11.0, 60)


def test_thin_is_what_is_long_and_narrow_and_stands_free() -> None:
    shapes = {
        "leg": ("chair 1", (0.04, 0.04, 0.4), True),
        "seat": ("chair 1", (0.4, 0.4, 0.03), False),
        "knob": ("chair 1", (0.04, 0.04, 0.04), False),
        "slat": ("blind", (1.5, 0.05, 0.004), True),
        "page": ("books 1", (0.25, 0.03, 0.01), False),
        "screen": ("tablet", (0.25, 0.03, 0.01), False),
        "leaf": ("tall plant", (0.2, 0.1, 0.005), True),
        "pot": ("tall plant", (0.3, 0.3, 0.3), False),
    }
    names = list(dict.fromkeys(name for name, _, _ in shapes.values()))
    turn = trimesh.transformations.rotation_matrix(0.7, [1.0, 2.0, 0.5])
    boxes, instance, expected = [], [], []
    for i, (name, extents, thin) in enumerate(shapes.values()):
        box = trimesh.creation.box(extents)
        box.apply_transform(turn)
        box.apply_translation([i, 0, 0])
        boxes.append(box)
        instance += [names.index(name)] * len(box.faces)
        expected += [thin] * len(box.faces)
    joined = trimesh.util.concatenate(boxes)
    soup = joined.triangles.reshape(-1, 3), np.arange(3 * len(joined.faces)).reshape(-1, 3)
    for vertices, faces in ((joined.vertices, joined.faces), soup):  # welded or not
        found = thin_of(np.asarray(vertices), np.asarray(faces), np.array(instance), names)
        assert found.tolist() == expected


class Wall:
    """A wall of 4 x 2 m, two metres before two cameras: left black, right white with grey stripes."""

    def __init__(self) -> None:
        pose = np.tile(np.eye(4), (2, 1, 1))
        pose[1, 2, 3] = 1.0  # nearer: sees the middle alone
        numbers = {"fx": 100.0, "fy": 100.0, "cx": 100.0, "cy": 50.0}
        lens = {name: np.full(2, value) for name, value in numbers.items()}
        self.cameras = Cameras(width=np.full(2, 200), height=np.full(2, 100), world_from_cam=pose, **lens)
        corners = np.array([[-2, -1, 2], [2, -1, 2], [2, 1, 2], [-2, 1, 2]], float)
        self.mesh = trimesh.Trimesh(corners, [[0, 2, 1], [0, 3, 2]])

    def __len__(self) -> int:
        return 2

    def image(self, i: int) -> np.ndarray:
        picture = np.zeros((100, 200, 3), np.uint8)
        picture[:, 100:] = 255
        picture[:, 100::2] = 155
        return picture


def test_dark_points_are_those_that_pictures_show_dark() -> None:
    wall = Wall()
    points = np.array([[-1.5, 0, 2], [-0.5, 0, 2], [0.5, 0, 2], [1.5, 0.3, 2], [0, 0, 9.0]])
    shades = shades_of_points(wall, points, Visibility(wall.mesh, wall.cameras))  # type: ignore[arg-type]
    assert shades.luminance[:2].tolist() == [0, 0] and np.isnan(shades.luminance[4])
    assert shades.luminance[2:4].min() > 0.55 and shades.luminance[2:4].max() <= 1
    assert shades.contrast[:2].max() == 0 and shades.contrast[2:4] == pytest.approx(50 / 255, rel=0.1)
    assert shades.dark().tolist() == [True, True, False, False, False]
    assert shades.low_contrast().tolist() == [True, True, False, False, False]
    assert shades.bright().sum() == 1 and not shades.bright()[:2].any()


def test_luminance_is_weighed_and_the_lowest_tenth_is_a_tenth() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    luminance, _ = shades_of_picture(colours)
    assert luminance[0] == pytest.approx([0.2126, 0.7152, 0.0722])
    values = np.random.default_rng(0).permutation(1000).astype(float)
    values[::2] = np.nan
    assert lowest(values).sum() == 50 and not lowest(np.full(3, np.nan)).any()


def test_recall_is_told_of_each_part() -> None:
    wall = Wall()
    points = np.array([[-1.0, 0, 1.99], [-1, 0.2, 2.03], [1, 0, 2.2], [1, 0.2, 2.0]])
    which = {name: np.zeros(4, bool) for name in NAMES}
    which["thin"][:2], which["dark"][2:] = True, True
    found = Parts(points, which).recall(wall.mesh, wall)  # type: ignore[arg-type]
    assert found["thin@0.05"] == 1.0 and found["thin@0.01"] == 0.0
    assert found["dark@0.05"] == 0.5 and found["low contrast@0.01"] is None
    assert set(found) == {f"{name}@{threshold:g}" for name in NAMES for threshold in THRESHOLDS}


def told(method: str, **more: Any) -> dict[str, Any]:
    head = {"scene": "room0", "priors": "independent", "method": method, "preset": "default"}
    return {**head, "budget": 60.0, "commit": "abc", **more}


def row(method: str, f: float, **more: Any) -> table.Row:
    geometry = {"f_score@0.05": f, "f_score@0.01": 0.5, "chamfer_l1": 0.02, "normal_consistency": 0.9}
    metrics = {"geometry": geometry, "images": {"psnr": 25.0, "frames": "held out"}}
    facts = {"metrics": metrics, "seconds": 59.0, "start": 20.0, "steps": 900, "peak_gb": 2.0}
    return table.row_of(facts, told(method, **more), {"thin@0.01": 0.25})


def test_cells_stand_below_their_columns() -> None:
    shape, parts = table.tables_of([row("neus", 0.9)])
    named = dict(zip(shape.columns, shape.rows[0]))
    assert named["F@5cm"] == 0.9 and named["Chamfer cm"] == 2.0 and named["PSNR dB, held out"] == 25.0
    assert named["took s"] == 59.0 and named["steps"] == 900 and named["F@5cm of objects"] is None
    assert dict(zip(parts.columns, parts.rows[0]))["thin, 1 cm"] == 0.25
    fitted = {"metrics": {"images": {"psnr": 25.0, "frames": "fitted"}}}
    assert table.row_of(fitted, told("neus"), {})["psnr"] is None


def written(folder: Path, name: str, rows: list[table.Row], **machine: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"machine": {**MACHINE, **machine}, "rows": rows}))
    return path


def test_pieces_become_one_table(tmp_path: Path) -> None:
    first = written(tmp_path, "a", [row("neus", 0.9), row("monosdf", 0.8)])
    later = {"time": "2026-02-01T00:00:00Z", "commit": "def"}
    second = written(
        tmp_path, "b", [row("monosdf", 0.85, commit="def"), row("neus", 0.7, scene="room1")], **later
    )
    rows, machine = table.merged([first, second])
    shape = table.tables_of(rows)[0]
    assert isinstance(shape, Table)
    assert [(line[0], line[2], line[7]) for line in shape.rows] == [
        ("room0", "neus", 0.9), ("room0", "monosdf", 0.85), ("room1", "neus", 0.7),
    ]  # fmt: skip
    assert machine["time"] == later["time"] and machine["commit"] == "abc, def"


def test_what_cannot_be_merged_is_said(tmp_path: Path) -> None:
    first = written(tmp_path, "a", [row("neus", 0.9)])
    with pytest.raises(UserError, match="different machines or threads"):
        table.merged([first, written(tmp_path, "b", [], threads=1)])
    (tmp_path / "c.json").write_text('{"rows": []}')
    for bad in (tmp_path / "c.json", tmp_path / "none.json"):
        with pytest.raises(UserError, match="not a file that benchmarks"):
            table.merged([bad])


def test_the_page_has_a_place_for_the_tables() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "results.md").read_text()
    assert "<!-- figures: room_methods -->" in page


@pytest.mark.slow
def test_a_fit_in_its_own_process_says_what_it_left(tmp_path: Path) -> None:
    scene = write_sphere_scene(tmp_path / "sphere")
    without = (
        "data.prior_depth=false",
        "data.prior_normal=false",
        "data.mask=true",
        *SMALL,
        "mesh.voxel=0.1",
    )
    facts = fits.run_fit(Fit(str(scene), "independent", "neus", 60.0, without), 5, tmp_path / "runs")
    assert facts["steps"] == 5 and 0 < facts["start"] < facts["seconds"] and facts["peak_gb"] > 0.1
    assert "neurfield fit --scene" in facts["command"] and facts["metrics"]["images"]["frames"] == "held out"
    assert facts["mesh"] is None or Path(facts["mesh"]).is_file()
    lost = fits.run_fit(
        Fit(str(scene), "independent", "neus", 60.0), 5, tmp_path / "runs"
    )  # it has no priors
    assert "status 2" in lost["trouble"] and lost["run"] is None and lost["mesh"] is None
