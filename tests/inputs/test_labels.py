"""Slices of several labels: one fit, a mesh of each, none over another, no gap between them."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from neurfield import inputs
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.fitting.slices import label_slices
from neurfield.inputs.registry import load_input
from neurfield.inputs.slices.surface import thickness
from neurfield.losses.of_slices import sides_of_labels
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.points.label_samples import LabelSamples
from neurfield.points.point_set import AskedPoints
from neurfield.points.slice_samples import BAND
from neurfield.report.mesh_file import read_mesh
from neurfield.slices import (
    ChosenLabel,
    Contour,
    Plane,
    Slice,
    Slices,
    inner_labels,
    label_at,
    select,
    write_csl,
)
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces import manifoldness

FAR = np.array([300.0, -150.0, 700.0])
SETTINGS = (
    "mesh.voxel=0.12", "device=cpu", "field.levels=3", "field.log2_table_size=15", "field.start_levels=2",
    "field.finest_resolution=32", "field.hidden=[32,32]", "points.label_samples.count=6144",
    "points.label_samples.pool=16384",
)  # fmt: skip


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return FAR[:2] + np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def circle(radius: float) -> np.ndarray:
    turn = 2.0 * np.pi * np.arange(48) / 48
    return FAR[:2] + 2.0 + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def planes(low: float, high: float, count: int) -> np.ndarray:
    return low + (np.arange(count) + 0.5) / count * (high - low)


def stacked(name: str, each: list[tuple[float, list[Contour]]]) -> Slices:
    made = [Slice(Plane.of([0, 0, 1.0], FAR[2] + z), tuple(c), k + 1) for k, (z, c) in enumerate(each)]
    names = {1: "left", 2: "right", 3: "top"}
    there = {c.label for _, cs in each for c in cs}
    return Slices(name, tuple(made), {k: names[k] for k in there}, "mm", "LPS")


def two_boxes() -> Slices:
    both = [Contour(box(0, 0, 2, 2), 1), Contour(box(2, 0, 4, 2), 2)]
    return stacked("boxes", [(z, both) for z in planes(0, 2, 5)])


def nested_spheres() -> Slices:
    each = []
    for z in planes(-2, 2, 11):
        radii = [(1, 2.0**2 - z**2), (2, 1.1**2 - z**2)]
        each.append((z, [Contour(circle(r2**0.5), label) for label, r2 in radii if r2 > 0.05]))
    return stacked("spheres", each)


def three_layers() -> Slices:
    """Layers along Y, so that every plane sees all three."""
    ys = (0.0, 0.9, 1.8, 2.7)
    each = [Contour(box(0, a, 3, b), k + 1) for k, (a, b) in enumerate(pairwise(ys))]
    return stacked("layers", [(z, each) for z in planes(0, 2, 6)])


SHAPES = {"boxes": two_boxes, "spheres": nested_spheres, "layers": three_layers}


def fitted(source: object, out: Path, steps: int = 250):  # type: ignore[no-untyped-def]
    return inputs.fit(source, input="slices", steps=steps, out=out, overrides=SETTINGS, quiet=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_labels_neither_overlap_nor_leave_a_gap(tmp_path: Path, name: str) -> None:
    slices = SHAPES[name]()
    run = fitted(slices, tmp_path)
    outcome = inputs.finish(run)
    assert not outcome.troubles and run.config.method == "labels"
    labels = outcome.metrics["labels"]
    assert labels["contour_iou"] > 0.9 and set(labels["each"]) == {
        f"{k} {name}" for k, name in slices.names.items()
    }
    folder = run.folder / "objects"
    meshes = {}
    for one in run.objects():
        meshes[one.id] = one.mesh
        found = manifoldness(one.mesh)
        assert not found.border_edges and not found.crowded_edges
        assert labels["each"][one.label]["volume"] == pytest.approx(float(one.mesh.volume), rel=1e-4)
        for ending in ("stl", "glb"):
            assert (folder / f"{one.stem}.{ending}").is_file()
    # Places where the input has a label are of one mesh, and of that one; seen in and between planes.
    random = np.random.default_rng(0)
    bounds = np.array([slices.corners.min(axis=0), slices.corners.max(axis=0)])
    points = random.uniform(*bounds, (3000, 3))
    inner = inner_labels(slices)
    assert bool(inner) == (name == "spheres") and run.surface().field.inner == inner

    def holders(places: np.ndarray) -> np.ndarray:
        """Which meshes hold places, those around a label's own left out, which hold it all."""
        found = np.stack([mesh.contains(places) for mesh in meshes.values()], axis=1)
        for label, those in inner.items():
            k, parts = list(meshes).index(label), [list(meshes).index(one) for one in those]
            within = found[:, parts].any(axis=1)
            assert found[within, k].mean() > 0.998
            found[:, k] &= ~within
        return found

    inside = holders(points)
    assert (inside.sum(axis=1) <= 1).mean() > 0.998  # all but those within a mesh's flat faces
    one = min(slices.slices, key=lambda one: abs(one.plane.origin[2] - bounds.mean(axis=0)[2]))
    flat = one.plane.flat(points)
    wanted = label_at(one, flat)
    within = holders(one.plane.world(flat))
    got = np.where(within.any(axis=1), np.array(list(meshes))[within.argmax(axis=1)], 0)
    assert (got == wanted).mean() > 0.93
    # Nothing between labels that touch: around the middle of all, no place is nobody's.
    middle = bounds.mean(axis=0) + random.uniform(-0.5, 0.5, (2000, 3)) * [0.9, 0.5, 0.5]
    assert np.stack([mesh.contains(middle) for mesh in meshes.values()]).any(axis=0).mean() > 0.998


def test_one_file_ends_as_meshes_a_scene_and_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "boxes.csl"
    write_csl(two_boxes(), path)
    settings = [word for item in SETTINGS for word in ("--set", item)]
    assert main(["fit", "--slices", str(path), "--steps", "60", "--out", str(tmp_path), *settings]) == 0
    said = capsys.readouterr().out
    assert "of 2 labels" in said and "shared by 2 labels" in said and "Each label" in said
    run = tmp_path / "boxes" / "latest"
    scene = trimesh.load(run / "objects" / "scene.glb")
    assert set(scene.graph.nodes_geometry) == {"1", "2"}
    colors = {tuple(read_mesh(run / "objects" / f"000{k}.glb").visual.vertex_colors[0]) for k in (1, 2)}
    assert len(colors) == 2
    assert "Each label" in (run / "report.html").read_text()
    assert main(["mesh", str(run), "--objects", "--format", "stl", "--voxel", "0.2"]) == 0
    assert "2 files of" in capsys.readouterr().out
    assert main(["eval", str(run)]) == 0
    assert "labels" in json.loads((run / "metrics.json").read_text())
    assert main(["fit", "--resume", str(run), "--steps", "62"]) == 0


def test_one_label_of_several_is_fitted_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "boxes.csl"
    write_csl(two_boxes(), path)
    opened, method = load_input("slices").usual(ChosenLabel(path, "2"))
    assert method is None and opened.slices.labels == (1,) and opened.slices.name == "boxes-2"
    _, method = load_input("slices").usual(ChosenLabel(path, "all"))
    assert method == "labels"
    for words, said in (
        (["--label", "3"], "has the labels 1, 2"),
        (["--method", "slices"], "choose it with --label NAME"),
    ):
        assert main(["fit", "--slices", str(path), "--out", str(tmp_path), *words]) == 2
        told = capsys.readouterr().err
        assert said in told and told.count("\n") == 1
    assert main(["fit", "--scene", "room0", "--label", "2"]) == 2
    assert "--label goes with --slices" in capsys.readouterr().err
    with pytest.raises(UserError, match="has no contour of it"):
        select(replace(two_boxes(), names={1: "a", 2: "b", 3: "c"}), "c")


def test_cells_are_as_small_as_the_thinnest_label_asks(tmp_path: Path) -> None:
    strip = stacked("strip", [(z, [Contour(box(0, 0, 4, 0.5))]) for z in planes(0, 2, 5)])
    assert thickness(strip, 1) == pytest.approx(0.5 / 1.125)  # its ends are part of what is around it
    assert thickness(nested_spheres(), 2) == pytest.approx(0.9, abs=0.1)
    cells = {}
    for thin in (0.1, 0.04, 0.001):
        both = [Contour(box(0, 0, 4, 4), 1), Contour(box(0, 4, 4, 4 + thin), 2)]
        run = fitted(stacked("thin", [(z, both) for z in planes(0, 2, 5)]), tmp_path / str(thin), steps=1)
        surface = run.surface()
        surface.extraction.voxel = 0.0  # of the run's settings
        size = float(np.ptp(surface.box, axis=0).max())
        cells[thin] = size / surface.voxel(), size / (thickness(run.input.slices.slices, 2) / 3.0)
        (run.folder / "slices.csl").unlink()
        assert size / run.surface().voxel(resolution=256) == pytest.approx(256.0)
    assert cells[0.1][0] == pytest.approx(256.0, rel=1e-6) and cells[0.1][1] < 256.0
    assert cells[0.04][0] == pytest.approx(cells[0.04][1], rel=1e-6)
    assert cells[0.001][0] == pytest.approx(512.0, rel=1e-6)


def test_points_are_of_the_distance_that_their_row_says() -> None:
    unit = UnitSlices(two_boxes())
    source = LabelSamples(label_slices(unit), torch.device("cpu"), 0, count=900, pool=3000)
    sets = source.sets(*source.draw(Moment(0, 0.0, generator=torch.Generator().manual_seed(0))))
    edges = {0: (0.0, 4.0), 1: (0.0, 2.0), 2: (2.0, 4.0)}
    on, beside = sets["contours"], sets["planes"]
    for k, (low, high) in edges.items():
        assert on.row is not None and beside.row is not None
        world = unit.frame.world_from_unit(on.points[on.row == k].double().numpy()) - FAR
        assert len(world) > 50 and (world[:, 0] > low - 1e-3).all() and (world[:, 0] < high + 1e-3).all()
        shared = np.abs(world[:, 0] - 2.0) < 1e-3
        assert shared.any() == (k > 0)  # what is around all has no line between labels
        at = unit.frame.world_from_unit(beside.points[beside.row == k].double().numpy()) - FAR
        inside = (at[:, 0] > low) & (at[:, 0] < high) & (at[:, 1] > 0) & (at[:, 1] < 2)
        inside &= (at[:, 2] > 0) & (at[:, 2] < 2)
        said = beside.columns["inside"][beside.row == k].numpy() > 0.5
        assert (inside == said).mean() > 0.999
    triples = sets["between"]
    assert triples.row is not None and len(triples.row) == len(triples.points)
    assert (triples.row.view(-1, 3) == triples.row.view(-1, 3)[:, :1]).all()
    assert all((triples.columns["known"][triples.row == k] > 0.0).any() for k in edges)
    assert {one.slices.gap for one in source.each} == {triples.sizes["cap"]}  # one for all labels


def test_every_side_of_a_place_is_told_at_once() -> None:
    slices = nested_spheres()
    unit = UnitSlices(slices)
    source = LabelSamples(label_slices(unit), torch.device("cpu"), 0, count=4000, pool=4000)
    sets = source.sets(*source.draw(Moment(0, 0.0, generator=torch.Generator().manual_seed(0))))
    told = sets["sides"]
    assert told.row is not None and not told.row.any() and told.columns["side"].shape == (1000, 3)
    world = unit.frame.world_from_unit(told.points.double().numpy())
    off = np.linalg.norm(world - FAR - [2.0, 2.0, 0.0], axis=1)
    near = np.abs(off[:, None] - [2.0, 1.1]).min(axis=1) < 0.03  # polygons lie within their circles
    wanted = np.where(off[:, None] < [2.0, 2.0, 1.1], -1.0, 1.0)  # the large one's with what is in it
    side = told.columns["side"].numpy()
    assert (side[~near] == wanted[~near]).all() and (side[:, 2] < 0.0).sum() > 100
    # As many near the contours of the small label as of the large one, or of both as one thing.
    close = [float((np.abs(off - radius) < 0.05).sum()) for radius in (2.0, 1.1)]
    assert 0.3 * close[0] < close[1] < close[0]

    def loss(values: torch.Tensor) -> float:
        heads = {"labels": values[:, 1:]}
        asked = AskedPoints(told.columns, told.sizes, values[:, 0], None, 1.0, heads)
        return float(sides_of_labels(Seen(Moment(0, 0.0), points={"sides": asked})))

    true = told.columns["side"] * told.columns["clear"][:, None]
    assert loss(true) == 0.0 and loss(2.0 * true) == 0.0
    for k in range(3):  # one distance wrong in one place is heard
        wrong = true.clone()
        wrong[5, k] *= -1.0
        assert loss(wrong) == pytest.approx(2.0 * float(told.columns["clear"][5]) / BAND / 1000, rel=1e-4)
