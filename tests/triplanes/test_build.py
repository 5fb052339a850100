"""Tri-planes of many shapes: what is fitted, what goes on after a stop, what is wrong with a folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.shapes import Shape, read_shape
from neurfield.triplanes.build import build, fields_of
from neurfield.triplanes.fit_fields import distance_in, fit_fields, network_of
from neurfield.triplanes.folders import read_folder, read_item
from neurfield.triplanes.quality import mesh_of, surface_quality
from neurfield.triplanes.recipe import RECIPES
from neurfield.triplanes.shards import read_index, read_shard, shards_in
from neurfield.triplanes.siren import OMEGA, Fields
from neurfield.triplanes.targets import targets_of
from tests.triplanes.conftest import TINY, write_balls_and_boxes


def by_grid_sample(fields: Fields, points: torch.Tensor) -> torch.Tensor:
    """The published formula in plain torch, one shape after the other."""
    said = []
    for k in range(len(fields)):
        x, y, z = points[k].unbind(dim=1)
        grids = torch.stack([torch.stack(pair, dim=1) for pair in ((x, y), (x, z), (y, z))])[:, None]
        features = torch.nn.functional.grid_sample(fields.planes[k], grids, align_corners=False)
        waves = [wave(2.0**o * points[k]) for o in range(fields.octaves) for wave in (torch.sin, torch.cos)]
        hidden = torch.cat([features[:, :, 0].sum(dim=0).T, points[k], *waves], dim=1)
        for layer, (weight, bias) in enumerate(zip(fields.weights, fields.biases)):
            hidden = hidden @ weight[k % len(weight)] + bias[k % len(bias)]
            if layer + 1 < len(fields.weights):
                hidden = torch.sin(OMEGA * hidden)
        said.append(hidden[:, 0])
    return torch.stack(said)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("count", [1, 7])
def test_many_at_once_are_the_published_formula(shared: bool, count: int) -> None:
    fields = Fields(3, TINY, seed=1, shared=shared)
    points = torch.rand(3, count, 3, generator=torch.Generator().manual_seed(0)) * 1.7 - 0.85
    assert torch.allclose(fields(points)[..., 0], by_grid_sample(fields, points), atol=2e-5)
    fields(points).sum().backward()
    assert fields.texels.grad is not None and bool((fields.texels.grad != 0).any())


def test_a_fit_does_not_depend_on_its_neighbours() -> None:
    make = trimesh.creation
    targets = []
    for k, mesh in enumerate([make.icosphere(2), make.box((1, 1, 1)), make.capsule(1, 0.4)]):
        shape = Shape(f"{k}", np.asarray(mesh.vertices, float), np.asarray(mesh.faces))
        targets.append(targets_of(shape, "sdf", TINY, k))
    one = fit_fields([targets[0], targets[1]], "sdf", TINY, seed=2)
    other = fit_fields([targets[0], targets[2]], "sdf", TINY, seed=2)
    assert torch.allclose(one.texels[0], other.texels[0], atol=1e-4)
    assert not torch.allclose(one.texels[1], other.texels[1], atol=1e-2)


@pytest.mark.parametrize("shared", [False, True])
def test_eights_of_shapes_are_fitted_as_each_alone(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(TINY, steps=6, shared=shared)
    targets = []
    for k in range(5):
        mesh = trimesh.creation.box((1.0, 0.6 + 0.1 * k, 1.0))
        shape = Shape(f"{k}", np.asarray(mesh.vertices, float), np.asarray(mesh.faces))
        targets.append(targets_of(shape, "sdf", recipe, k))
    decoder = network_of(fit_fields(targets[:2], "sdf", recipe)) if shared else None
    whole = fit_fields(targets, "sdf", recipe, 3, decoder)
    monkeypatch.setattr("neurfield.triplanes.fit_fields._AT_ONCE", 2)
    parts = fit_fields(targets, "sdf", recipe, 3, decoder)
    for name, value in whole.state_dict().items():
        assert torch.allclose(value, parts.state_dict()[name], atol=1e-4), name
    assert not torch.allclose(parts.texels[0], parts.texels[4], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("field", ["sdf", "udf", "occupancy"])
def test_fields_become_their_shapes(field: str, tmp_path: Path) -> None:
    path = tmp_path / "ball.off"
    trimesh.creation.icosphere(4, radius=3.0).export(path)
    recipe = replace(
        RECIPES["quick"], points=40_000, inside_points=60_000, batch=1000, steps=250, unsigned_steps=250
    )
    targets = targets_of(read_shape(path), field, recipe, 0)
    fields = fit_fields([targets], field, recipe)
    mesh = mesh_of(fields, 0, field, recipe, 48)
    radius = np.linalg.norm(mesh.vertices, axis=1)
    true = 3.0 / 3.3  # within the room around it
    off = np.abs(radius - true)
    if field == "udf":  # a skin on both sides
        assert np.quantile(np.abs(off - 0.02), 0.8) < 0.015 and len({*np.sign(radius - true)}) == 2
    else:
        assert np.median(off) < 0.01 and (mesh.is_watertight or field == "occupancy")
        found = surface_quality(mesh, targets.unit)
        assert found["f_score"] > (0.9 if field == "sdf" else 0.6)  # yes and no leave islands
    far = torch.tensor([[[0.0, 0.0, 0.0], [0.99, 0.99, 0.99]]])
    inside, outside = distance_in(fields(far)[0, :, 0], field, recipe)
    assert (inside < 0) == (field != "udf") and outside > 0.05


def test_folder_index_and_shards_agree(shapes: Path, fields: Path) -> None:
    index = read_index(fields)
    assert index["classes"] == ["ball", "box"] and len(index["shapes"]) == 10
    assert sorted(one["name"] for one in index["shapes"]) == sorted(i.name for i in read_folder(shapes).items)
    for one in index["shapes"]:
        shard = read_shard(fields / one["shard"])
        assert shard.shapes[one["row"]].name == one["name"]
        assert {"iou", "error"} <= one["quality"].keys()
        parts = set(shard.tensors["parts"][one["row"]].tolist())
        assert parts == ({0} if one["label"] == "ball" else {1, 2})
    fitted, recipe = fields_of(shard)
    assert (recipe.resolution, recipe.channels) == (8, 4)
    assert torch.equal(fitted.planes, shard.tensors["planes"])


def test_points_on_lids_are_up_and_labelled(fields: Path) -> None:
    for _, told in shards_in(fields):
        assert told.about["field"] == "sdf"
    shard = read_shard(next(fields.glob("shard-*")))
    row = next(k for k, one in enumerate(shard.shapes) if one.label == "box")
    points, parts = shard.tensors["points"][row], shard.tensors["parts"][row]
    assert points[parts == 1][:, 2].min() >= points[:, 2].max() - 1e-4


def test_what_was_stopped_goes_on_to_the_same_bytes(shapes: Path, fields: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def dies(line: str) -> None:
        if line.startswith("shard"):
            raise Killed

    with pytest.raises(Killed):
        build(shapes, tmp_path, "sdf", TINY, cells=0, told=dies)
    first = next(tmp_path.glob("shard-*"))
    when = first.stat().st_mtime_ns
    (tmp_path / "index.json").write_text("{")  # a crash of a machine may leave this
    build(shapes, tmp_path, "sdf", TINY, cells=0)
    assert first.stat().st_mtime_ns == when
    for path in fields.glob("shard-*"):
        mine, other = read_shard(path), read_shard(tmp_path / path.name)
        assert mine.asked == other.asked
        assert all(torch.equal(mine.tensors[k], other.tensors[k]) for k in mine.tensors)


def test_a_half_written_shard_is_said_and_fitted_again(shapes: Path, fields: Path, tmp_path: Path) -> None:
    for path in fields.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    half = sorted(tmp_path.glob("shard-*"))[1]
    half.write_bytes(half.read_bytes()[:5000])
    with pytest.raises(UserError, match=f"{half.name}: not a whole shard of tri-planes"):
        read_shard(half)
    lines: list[str] = []
    build(shapes, tmp_path, "sdf", TINY, cells=0, told=lines.append)
    assert any(half.name in line and "fitted again" in line for line in lines)
    assert len(read_shard(half).shapes) == 3


def test_another_seed_gives_other_planes_and_the_same_shapes(
    shapes: Path, fields: Path, tmp_path: Path
) -> None:
    build(shapes, tmp_path, "sdf", TINY, seed=5, cells=0)
    name = next(fields.glob("shard-*")).name
    one, other = read_shard(fields / name), read_shard(tmp_path / name)
    assert one.asked == other.asked and not torch.allclose(one.tensors["planes"], other.tensors["planes"])
    with pytest.raises(UserError, match="holds tri-planes of seed 5, not 0"):
        build(shapes, tmp_path, "sdf", TINY, cells=0)


def test_a_shared_decoder_is_one_for_all(shapes: Path, tmp_path: Path) -> None:
    build(shapes, tmp_path, "sdf", replace(TINY, shared=True), cells=0)
    shards = [read_shard(path) for path in sorted(tmp_path.glob("shard-*"))]
    assert len(shards) > 1 and all(len(one.tensors["weight.0"]) == 1 for one in shards)
    assert all(torch.equal(shards[0].tensors["weight.1"], one.tensors["weight.1"]) for one in shards)


def test_open_meshes_are_left_out_of_signed_fields_and_said(tmp_path: Path) -> None:
    folder = write_balls_and_boxes(tmp_path / "shapes", train=1)
    half = trimesh.creation.icosphere(2).slice_plane([0, 0, 0], [0, 0, 1])
    half.export(folder / "ball" / "train" / "half.off")
    lines: list[str] = []
    index = build(folder, tmp_path / "out", "sdf", TINY, cells=0, told=lines.append)
    assert (
        "is not closed" in index["left_out"]["ball/half"] and "--field udf" in index["left_out"]["ball/half"]
    )
    assert any("half.off" in line for line in lines) and len(index["shapes"]) == 6
    assert len(build(folder, tmp_path / "udf", "udf", TINY, cells=0)["shapes"]) == 7


def test_labels_without_shapes_and_wrong_counts_are_said(tmp_path: Path) -> None:
    folder = write_balls_and_boxes(tmp_path / "shapes", train=2)
    (folder / "box" / "train" / "gone.seg").write_text("1\n")
    (folder / "box" / "train" / "box_1.seg").write_text("1\n2\n")
    given = read_folder(folder)
    assert given.notes == ("1 files of part labels have no shape beside them and are left out",)
    index = build(folder, tmp_path / "out", "sdf", TINY, cells=0)
    assert "2 part labels for 12 faces of box_1.off" in index["left_out"]["box/box_1"]


@pytest.mark.parametrize("said", ["{", "[1, 2]", '{"ball": 3}', '{"ball": {"skin": "red"}}'])
def test_part_names_that_are_none_are_a_line(said: str, tmp_path: Path) -> None:
    folder = write_balls_and_boxes(tmp_path, train=1)
    (folder / "parts.json").write_text(said)
    with pytest.raises(UserError, match=r"parts\.json: .*: mend or remove it"):
        read_folder(folder)


@pytest.mark.parametrize("said", ["{", '{"a": 1}', '["a", "b"]', "[1]"])
def test_lists_of_shapenet_part_that_are_none_are_a_line(said: str, tmp_path: Path) -> None:
    (tmp_path / "synsetoffset2category.txt").write_text("Mug\t03797390\n")
    (tmp_path / "train_test_split").mkdir()
    for split in ("train", "val", "test"):
        (tmp_path / "train_test_split" / f"shuffled_{split}_file_list.json").write_text(said)
    with pytest.raises(UserError, match=r"shuffled_train_file_list\.json: not "):
        read_folder(tmp_path)
    (tmp_path / "synsetoffset2category.txt").write_text("Mug\n")
    with pytest.raises(UserError, match="not a class and its number a line"):
        read_folder(tmp_path)


def test_parts_stay_with_their_faces_where_a_mesh_is_mended(tmp_path: Path) -> None:
    folder = write_balls_and_boxes(tmp_path, train=1)
    path = folder / "box" / "train" / "box_1.off"
    lines = path.read_text().split("\n")
    first = next(k for k, line in enumerate(lines) if line.startswith("3 "))
    lines.insert(first, "3 0 0 1")  # without area, in front of all others
    counts = next(k for k, line in enumerate(lines) if len(line.split()) == 3 and line.split()[0] == "8")
    lines[counts] = "8 13 0"
    path.write_text("\n".join(lines))
    labels = path.with_suffix(".seg")
    before = read_item(next(i for i in read_folder(folder).items if i.name == "box/box_3"))[1]
    labels.write_text("7\n" + labels.read_text())
    shape, parts = read_item(next(i for i in read_folder(folder).items if i.name == "box/box_1"))
    assert len(shape.faces) == 12 and np.array_equal(parts, before)


@pytest.mark.parametrize("scale", [1e-6, 1e7])
def test_scale_does_not_matter(scale: float, tmp_path: Path) -> None:
    path = tmp_path / "ball.off"
    trimesh.creation.icosphere(2).export(path)
    shape = read_shape(path)
    usual = targets_of(shape, "sdf", TINY, 0)
    wild = targets_of(replace(shape, vertices=shape.vertices * scale), "sdf", TINY, 0)
    assert torch.allclose(usual.values, wild.values, atol=1e-4)


def test_mistakes_are_a_line(tmp_path: Path, shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for words, said in (
        ([str(empty)], "holds no shapes"),
        ([str(tmp_path / "gone")], "there is no such folder"),
        ([str(shapes), "--field", "radiance", "--out", str(tmp_path / "r")], "has no colours, which --field"),
        ([str(shapes), "--field", "sfd"], "there are: sdf, udf, occupancy, radiance"),
    ):
        assert main(["triplane", "build", *words]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1 and "Traceback" not in error


def test_all_left_out_is_a_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "shapes" / "leaf" / "train"
    folder.mkdir(parents=True)
    trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]]).export(folder / "leaf.off")
    with pytest.raises(UserError, match=r"none of 1 shapes could be fitted; the first: .*--field udf"):
        build(tmp_path / "shapes", tmp_path / "out", "sdf", TINY, cells=0)


def test_mixed_resolutions_are_refused(fields: Path, shapes: Path, tmp_path: Path) -> None:
    for path in fields.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    fine = tmp_path / "fine"
    build(shapes, fine, "sdf", replace(TINY, resolution=16), cells=0)
    last = sorted(tmp_path.glob("shard-*"))[-1]
    last.write_bytes((fine / last.name).read_bytes())
    with pytest.raises(UserError, match=f"{last.name}: resolution 16, and .* has 8"):
        list(shards_in(tmp_path))


@pytest.mark.parametrize("normals", [False, True])
def test_shapenet_part_is_read_as_it_is(normals: bool, tmp_path: Path) -> None:
    (tmp_path / "synsetoffset2category.txt").write_text("Airplane\t02691156\nMug\t03797390\n")
    (tmp_path / "train_test_split").mkdir()
    rng = np.random.default_rng(0)
    for split, stem in (("train", "a"), ("val", "b"), ("test", "c")):
        synset = "02691156" if split != "val" else "03797390"
        listed = [f"shape_data/{synset}/{stem}", f"shape_data/{synset}/lost_{stem}"]
        (tmp_path / "train_test_split" / f"shuffled_{split}_file_list.json").write_text(json.dumps(listed))
        points, labels = rng.normal(size=(50, 3)), rng.integers(0, 4, 50)
        if normals:
            (tmp_path / synset).mkdir(exist_ok=True)
            np.savetxt(tmp_path / synset / f"{stem}.txt", np.column_stack([points, points, labels]))
        else:
            (tmp_path / synset / "points").mkdir(exist_ok=True, parents=True)
            (tmp_path / synset / "points_label").mkdir(exist_ok=True)
            np.savetxt(tmp_path / synset / "points" / f"{stem}.pts", points)
            np.savetxt(tmp_path / synset / "points_label" / f"{stem}.seg", labels, fmt="%d")
    given = read_folder(tmp_path)
    assert [(i.label, i.split) for i in given.items] == [
        ("airplane", "train"), ("mug", "val"), ("airplane", "test")
    ]  # fmt: skip
    assert "3 shapes that the lists name are not there" in given.notes[0]
    shape, parts = read_item(given.items[2])
    assert np.allclose(shape.vertices, points) and np.array_equal(parts, labels)
    targets = targets_of(shape, "udf", TINY, 0, parts)
    assert set(targets.parts.tolist()) == set(labels.tolist())
    with pytest.raises(UserError, match="points have no inside"):
        targets_of(shape, "sdf", TINY, 0)


def test_one_of_them_as_a_mesh(fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.ply"
    assert main(["triplane", "mesh", str(fields), "box/box_1", "--cells", "24", "--out", str(out)]) == 0
    assert len(trimesh.load(out).faces) > 100
    assert main(["triplane", "mesh", str(fields), "box/bux_1"]) == 2
    assert "did you mean 'box/box_1'?" in capsys.readouterr().err
