"""Generated shapes: closed, varied, each face with its part, the same again from the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.shapes import UnitShape, read_shape
from neurfield.triplanes.families import FAMILIES, make_shape, part_numbers
from neurfield.triplanes.generate import split_counts, write_shapes

pytest.importorskip("manifold3d", reason="shapes are made with manifold3d")


def solid(family: str, number: int, seed: int = 0) -> trimesh.Trimesh:
    shape = make_shape(family, number, seed)
    return trimesh.Trimesh(shape.vertices, shape.faces, process=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_are_closed_and_have_an_inside(family: str) -> None:
    for number in range(6):
        mesh = solid(family, number)
        assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0.0
        assert 0.3 < np.ptp(mesh.vertices, axis=0).max() < 6.0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_part_occurs_and_lies_on_the_surface(family: str) -> None:
    seen = [set(make_shape(family, number).parts) for number in range(12)]
    assert set.union(*seen) == set(range(len(FAMILIES[family].parts)))
    assert all(len(parts) > 1 for parts in seen) or family == "mug"


@pytest.mark.parametrize("family", FAMILIES)
def test_no_two_are_alike_but_for_the_same_seed(family: str) -> None:
    a, b, c = make_shape(family, 3, 1), make_shape(family, 3, 1), make_shape(family, 3, 2)
    assert np.array_equal(a.vertices, b.vertices) and np.array_equal(a.parts, b.parts)
    sizes = [np.ptp(s.vertices, axis=0) for s in (a, c, make_shape(family, 4, 1))]
    assert not np.allclose(sizes[0], sizes[1]) and not np.allclose(sizes[0], sizes[2])


def test_parts_are_where_they_should_be() -> None:
    for number in range(8):
        chair = make_shape("chair", number)
        middles = chair.vertices[chair.faces].mean(axis=1)
        heights = [middles[chair.parts == part][:, 2].mean() for part in range(3)]  # seat, back, leg
        assert heights[2] < heights[0] < heights[1]


def test_folder_is_laid_out_as_modelnet_with_a_part_a_face(tmp_path: Path) -> None:
    totals = write_shapes(tmp_path, 5, ["cup", "gear"], seed=4)
    assert totals == {split: 2 * size for split, size in split_counts(5).items()}
    numbers = json.loads((tmp_path / "parts.json").read_text())
    assert numbers == part_numbers()
    paths = sorted(tmp_path.glob("*/*/*.ply"))
    assert len(paths) == 10
    for path in paths:
        shape = read_shape(path)
        parts = [int(line) for line in path.with_suffix(".seg").read_text().split()]
        assert len(parts) == len(shape.faces) and not shape.notes
        assert set(parts) <= set(numbers[path.parts[-3]].values())
        assert UnitShape(shape).sides.whole > 0.98


def test_a_stopped_call_goes_on_with_the_same_shapes(tmp_path: Path) -> None:
    write_shapes(tmp_path, 4, ["shelf"], seed=1)
    gone = tmp_path / "shelf" / "test" / "shelf_0004.ply"
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*/*.ply")}
    content = gone.read_bytes()
    gone.unlink()
    write_shapes(tmp_path, 4, ["shelf"], seed=1)
    assert gone.read_bytes() == content
    assert all(path.stat().st_mtime_ns == when for path, when in before.items() if path != gone)


def test_another_set_is_not_mixed_in(tmp_path: Path) -> None:
    write_shapes(tmp_path, 3, ["shelf"], seed=1)
    with pytest.raises(UserError, match=r"holds shapes of --seed 1 --count 3"):
        write_shapes(tmp_path, 3, ["shelf"], seed=2)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        write_shapes(tmp_path / "other", 3, ["shelf"])


def test_verb_tells_what_it_made_and_mistakes_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["triplane", "shapes", str(tmp_path / "s"), "--count", "3", "--classes", "shelf,table"]) == 0
    assert "2 train, 2 val, 2 test" in capsys.readouterr().out
    assert main(["triplane", "shapes", str(tmp_path / "t"), "--classes", "tabel"]) == 2
    assert "did you mean 'table'?" in capsys.readouterr().err
    assert main(["triplane", "shapes", str(tmp_path / "t"), "--count", "2"]) == 2
    assert "give 3 or more" in capsys.readouterr().err
