"""Slices as an input: a surface through contours, where they lie; measured in their planes; gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from neurfield import inputs
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.inputs.slices.results import numbers_in_planes
from neurfield.losses.of_slices import (
    bending,
    contour_direction,
    contours,
    planes,
    sides_between,
    told_between,
)
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.points.point_set import AskedPoints
from neurfield.points.slice_samples import BAND, SliceSamples
from neurfield.report import write_report
from neurfield.slices import Contour, Plane, Slice, Slices, cut, parallel_planes, random_planes, write_csl
from neurfield.slices.unit_slices import UnitSlices

FAR = np.array([5e5, 4.6e6, 300.0])
BALL = trimesh.creation.icosphere(4, 3.0)
SETTINGS = (
    "mesh.voxel=0.15", "device=cpu", "field.levels=3", "field.log2_table_size=15", "field.start_levels=2",
    "field.finest_resolution=32", "field.hidden=[32,32]", "points.slice_samples.count=3072",
    "points.slice_samples.pool=8192",
)  # fmt: skip


def ball_slices(turned: bool = False, at: np.ndarray = FAR) -> Slices:
    mesh = BALL.copy()
    mesh.vertices = np.asarray(mesh.vertices) + at
    box = np.asarray(mesh.bounds)
    return cut(mesh, random_planes(box, 15, 1) if turned else parallel_planes(box, 9), "ball")


def fitted(source: object, out: Path, steps: int = 300):  # type: ignore[no-untyped-def]
    return inputs.fit(source, input="slices", steps=steps, out=out, overrides=SETTINGS, quiet=True)


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_a_ball_comes_back_from_its_slices_where_they_lie(tmp_path: Path, turned: bool) -> None:
    path = tmp_path / "ball.csl"
    write_csl(ball_slices(turned), path)
    run = fitted(path, tmp_path / "runs")
    outcome = inputs.finish(run)
    assert not outcome.troubles and run.config.method == "slices"
    mesh = trimesh.load(run.folder / "mesh.ply", process=False)
    radius = np.linalg.norm(np.asarray(mesh.vertices) - FAR, axis=1)
    assert radius.mean() == pytest.approx(3.0, rel=0.02) and np.quantile(np.abs(radius - 3.0), 0.95) < 0.3
    assert mesh.volume > 0.0
    of = outcome.metrics["slices"]
    assert of["contour_iou"] > 0.97 and of["contour_iou_least"] <= of["contour_iou"]
    assert "IoU in planes" in write_report(run.folder).read_text() or turned
    path.unlink()  # the run keeps what it was fitted to
    again = inputs.resume(run.folder, steps=320, quiet=True)
    assert again.task.slices.slices.words == run.task.slices.slices.words


def test_the_command_fits_slices_and_measures_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csl(ball_slices(at=np.zeros(3)), tmp_path / "ball.csl")
    BALL.export(tmp_path / "truth.ply")
    settings = [word for item in SETTINGS for word in ("--set", item)]
    words = ["fit", "--slices", str(tmp_path / "ball.csl"), "--steps", "60", "--out", str(tmp_path / "runs")]
    assert main([*words, *settings]) == 0
    said = capsys.readouterr().out
    assert "9 parallel planes" in said and "IoU of what is inside, all planes" in said
    run = tmp_path / "runs" / "ball" / "latest"
    assert main(["eval", str(run), "--against", str(tmp_path / "truth.ply")]) == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"chamfer_percent", "f_score@1%"} <= set(metrics["geometry"]) and "contour_iou" in metrics[
        "slices"
    ]


def test_one_label_of_several_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    both = (Contour(square), Contour(square + 5.0, 2))
    slices = Slices("two", tuple(Slice(Plane.of([0, 0, 1.0], z), both, k) for k, z in enumerate((0.0, 1.0))))
    path = tmp_path / "two.csl"
    write_csl(slices, path)
    with pytest.raises(UserError, match="choose it with --label NAME"):
        inputs.fit(path, "slices", input="slices", steps=1, out=tmp_path / "runs", quiet=True)
    assert main(["slices", "select", str(path), "--label", "2"]) == 0
    assert "2 parallel planes, 2 contours" in capsys.readouterr().out
    assert main(["slices", "select", str(path), "--label", "3"]) == 2
    assert "has the labels 1, 2" in capsys.readouterr().err


def test_what_is_said_of_points_is_true_of_the_ball() -> None:
    unit = UnitSlices(ball_slices())
    source = SliceSamples(unit, torch.device("cpu"), 0, count=3000, pool=4096)
    sets = source.sets(*source.draw(Moment(0, 0.0, generator=torch.Generator().manual_seed(0))))
    radius, middle = 3.0 / unit.frame.half, torch.from_numpy(unit.frame.unit_from_world(FAR[None])).float()

    def sdf(points: torch.Tensor) -> torch.Tensor:
        return (points - middle).norm(dim=1) - radius

    on, beside = sets["contours"], sets["planes"]
    assert sdf(on.points).abs().max() < 0.01 * radius
    out = torch.nn.functional.normalize(on.points - middle, dim=1)
    assert ((out * on.columns["across"]).sum(dim=1) > 0.0).all()
    assert (on.columns["across"] * on.columns["axis"]).sum(dim=1).abs().max() < 1e-5
    true = sdf(beside.points)
    assert ((true >= beside.columns["low"] - 0.01) & (true <= beside.columns["high"] + 0.01)).all()
    clear = true.abs() > 0.01  # the ball has flat faces
    assert ((true < 0) == (beside.columns["inside"] > 0.5))[clear].all() and clear.float().mean() > 0.5
    triples = sets["between"].points.view(-1, 3, 3)
    assert torch.allclose(triples[:, 1] + triples[:, 2], 2.0 * triples[:, 0], atol=1e-5)
    low, high = torch.tensor(unit.unit_box).view(2, 3)
    assert (triples >= low - 1e-5).all() and (triples <= high + 1e-5).all()

    asked = {}
    for name, one in sets.items():
        slope = torch.nn.functional.normalize(one.points - middle, dim=1)
        asked[name] = AskedPoints(one.columns, one.sizes, sdf(one.points), slope)
    seen = Seen(Moment(0, 0.0, generator=torch.Generator()), None, None, asked)
    assert planes(seen) < 0.05 and contours(seen) < 0.3 and contour_direction(seen) < 0.01
    worse = {n: AskedPoints(a.columns, a.sizes, -a.value, -a.slope) for n, a in asked.items()}
    turned = Seen(Moment(0, 0.0, generator=torch.Generator()), None, None, worse)
    assert planes(turned) > 10 * planes(seen) and contour_direction(turned) > 1.9
    side, middle_value = sets["between"].columns["side"].view(-1, 3)[:, 0], sdf(triples[:, 0])
    assert (side < 0).any() and (side > 0).any() and (side * middle_value)[side != 0].min() > 0.0
    assert sides_between(seen) < 0.01 < 1.0 < sides_between(turned)
    assert bending(seen) == pytest.approx(float(bending(turned)))
    flat = {n: AskedPoints(a.columns, a.sizes, sets[n].points[:, 0], a.slope) for n, a in asked.items()}
    assert bending(Seen(Moment(0, 0.0, generator=torch.Generator()), None, None, flat)) < 1e-6


def test_between_planes_a_ball_is_told_of_and_a_triple_moved_into_the_box_is_not() -> None:
    unit = UnitSlices(ball_slices(turned=True, at=np.zeros(3)))
    source = SliceSamples(unit, torch.device("cpu"), 0, count=9000, pool=4096)
    drawn = source.draw(Moment(0, 0.0, generator=torch.Generator().manual_seed(0)))
    between = source.sets(*drawn)["between"]
    told, known = (between.columns[name].view(-1, 3)[:, 0] for name in ("told", "known"))
    places = between.points.view(-1, 3, 3)[:, 0]
    assert set(known.tolist()) == {0.0, 1.0} and told.isfinite().all()
    assert torch.equal(places[known > 0.0], source.between.points[drawn[2]][known > 0.0])
    assert told.abs().max() <= unit.gap * (1.0 + 1e-6)
    true = places.norm(dim=1) - 3.0 / unit.frame.half
    surely = (known > 0.0) & (true.abs() > 0.5 * unit.gap)
    assert surely.sum() > 100 and (told.sign() == true.sign())[surely].float().mean() > 0.95


def test_a_plane_without_contours_is_heard_as_if_one_were_a_gap_away() -> None:
    unit = UnitSlices(ball_slices(turned=False, at=np.zeros(3)))
    source = SliceSamples(unit, torch.device("cpu"), 0, count=9000, pool=4096)
    planes = source.sets(*source.draw(Moment(0, 0.0, generator=torch.Generator().manual_seed(0))))["planes"]
    weight, high = planes.columns["weight"], planes.columns["high"]
    nowhere = high >= 2.0  # of the planes at either end, in which nothing is left
    assert 10 < nowhere.sum() < len(high)
    assert torch.allclose(weight[nowhere], torch.tensor(BAND / (unit.gap + BAND)))
    away = torch.maximum(high, -planes.columns["low"])[~nowhere]
    assert torch.allclose(weight[~nowhere], BAND / (away + BAND), atol=0.05)


@pytest.mark.parametrize("method", ["slices", "labels"])
def test_methods_of_slices_pull_towards_what_is_told_between_planes(method: str) -> None:
    assert "told_between" in load_config(method).parts["losses"]
    assert {"points.between.told", "points.between.known"} <= SliceSamples.offers


def test_told_between_counts_gaps_up_to_a_gap_and_pulls_nowhere_else() -> None:
    f = torch.tensor([0.1, 0.5, -0.4, 0.05], dtype=torch.float64)  # one place of each triple
    told = torch.tensor([0.0, 0.2, -0.2, -0.05], dtype=torch.float64)
    known = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    value = f[:, None].repeat(1, 3).requires_grad_()
    columns = {"told": told.repeat_interleave(3), "known": known.repeat_interleave(3)}
    asked = {"between": AskedPoints(columns, {"cap": 0.2}, value.view(-1), torch.zeros(12, 3))}
    loss = told_between(Seen(Moment(0, 0.0, generator=torch.Generator()), None, None, asked))
    assert loss.item() == pytest.approx(0.1 / 0.2 / 4)  # two agree up to the gap, one is told nothing
    loss.backward()
    assert value.grad is not None and value.grad[0].tolist() == pytest.approx([1.25, 0.0, 0.0])
    assert (value.grad[1:] == 0.0).all()


def test_cuts_of_a_mesh_are_compared_in_each_plane() -> None:
    slices = UnitSlices(ball_slices(at=np.zeros(3)))
    same = numbers_in_planes(BALL, slices)
    assert same["contour_iou"] == 1.0 == same["contour_iou_least"]
    smaller = numbers_in_planes(BALL.copy().apply_scale(0.9), slices)
    assert smaller["contour_iou"] == pytest.approx(0.75, abs=0.08)
    away = numbers_in_planes(BALL.copy().apply_translation([0.0, 0.0, 20.0]), slices)
    assert away["contour_iou"] == 0.0
