"""The benchmark of shapes, tiny: its rows, and what it measures of meshes whose answer is known."""

from __future__ import annotations

import io
import json
import math
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from benchmarks import bench_shapes, shape_assets
from benchmarks.network_free import network_free
from benchmarks.object_assets import Unavailable
from benchmarks.shape_pictures import save_sheet
from neurfield.errors import UserError
from neurfield.shapes import Shape


def test_the_border_of_half_a_ball_is_a_circle() -> None:
    half = shape_assets.load("half ball")
    assert bench_shapes.border_length(half) == pytest.approx(2.0 * math.pi, rel=1e-3)
    assert bench_shapes.border_length(trimesh.creation.icosphere(2)) == 0.0


def test_dual_meshing_of_exact_distances_is_closed_and_as_published_it_is_not() -> None:
    rows = bench_shapes.exact_rows("ball", trimesh.creation.icosphere(4), 24)
    crossed, published = (dict(zip(bench_shapes.EXACT, row)) for row in rows)
    share = "edges of other than two faces %"
    assert crossed[share] == 0.0 and published[share] > 5.0
    assert 0.0 < crossed["Chamfer %"] < 0.2 and crossed["s"] > 0.0


def test_a_mesh_is_as_near_to_itself_as_can_be() -> None:
    ball = trimesh.creation.icosphere(3)
    unit = bench_shapes.unit_of(ball)
    assert isinstance(unit.shape, Shape)
    chamfer, normals = bench_shapes._scores(ball, unit)
    assert chamfer is not None and chamfer < 1e-4 and normals is not None and normals > 0.999
    assert bench_shapes._scores(None, unit) == (None, None)


def test_what_needs_no_network_finds_half_a_ball_and_its_rim() -> None:
    half = shape_assets.half_ball()
    points = np.asarray(trimesh.sample.sample_surface(half, 8000, seed=0)[0])
    mesh = network_free(points, cells=40)
    assert np.linalg.norm(mesh.vertices, axis=1) == pytest.approx(1.0, abs=0.03)
    assert mesh.area == pytest.approx(2.0 * math.pi, rel=0.05)
    assert bench_shapes.border_length(mesh) == pytest.approx(2.0 * math.pi, rel=0.2)


def test_what_needs_no_network_all_but_closes_a_ball() -> None:
    ball = trimesh.creation.icosphere(4)
    mesh = network_free(np.asarray(trimesh.sample.sample_surface(ball, 8000, seed=0)[0]), cells=32)
    assert mesh.volume == pytest.approx(ball.volume, rel=0.02)
    assert (bench_shapes.edge_uses(mesh)[1] == 2).mean() > 0.99


def test_a_sheet_has_a_panel_a_mesh(tmp_path: Path) -> None:
    ball, nothing = trimesh.creation.icosphere(2), trimesh.Trimesh()
    meshes = {"truth": ball, "none": None, "empty": nothing, "again": ball}
    path = save_sheet(tmp_path / "sheets" / "ball.jpg", meshes, np.array([0.0, 0.0, 1.0]), (60, 50))
    sheet = np.asarray(Image.open(path))
    assert sheet.shape[1] == 4 * 60 and 50 < sheet.shape[0] < 100
    panels = sheet[:50].reshape(50, 4, 60, 3).swapaxes(0, 1).astype(int)
    assert (panels[0] < 200).mean() > 0.2 and (panels[1:3, :, 10:-10] > 240).all()
    assert np.abs(panels[0] - panels[3])[:, 8:-8].mean() < 3.0


def furniture(models: dict[str, str]) -> tarfile.TarFile:
    """A Debian package's files: a library of models, and a note whose they are."""
    library = io.BytesIO()
    with zipfile.ZipFile(library, "w") as archive:
        for name, text in models.items():
            archive.writestr(name, text)
    files = {"./usr/share/some/library.sh3f": library.getvalue(), "./usr/share/doc/some/copyright": b"theirs"}
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    package.seek(0)
    return tarfile.open(fileobj=package)


def test_models_come_out_of_their_libraries_welded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two triangles with corners of their own: an edge that they share is no border.
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3\nf 4 5 6\n"
    package = furniture({"models/VW-new-beetle/VW-new-beetle.obj": text, "models/chair.obj": text})
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path))
    monkeypatch.setattr(shape_assets, "debian_package", lambda name: package)
    mesh = shape_assets.load("VW-new-beetle")
    assert len(mesh.faces) == 2 and len(mesh.vertices) == 4
    assert bench_shapes.border_length(mesh) == pytest.approx(4.0)
    kept = {path.name for path in (tmp_path / "downloads" / "furniture").iterdir()}
    assert kept == {"VW-new-beetle.obj", "copyright"}
    monkeypatch.setattr(shape_assets, "debian_package", lambda name: furniture({}))
    with pytest.raises(Unavailable, match="package sweethome3d-furniture has no mesh tableWithTablecloth"):
        shape_assets.load("tableWithTablecloth")


@pytest.mark.parametrize("name", shape_assets.MODELS)
def test_models_are_open(name: str) -> None:
    if not (shape_assets.data_root() / "downloads" / "furniture" / f"{name}.obj").exists():
        pytest.skip(f"{name} is not downloaded: python -m benchmarks.bench_shapes --open {name}")
    mesh = shape_assets.load(name)
    assert len(mesh.faces) > 100 and bench_shapes.border_length(mesh) > 0.0


def test_an_open_row_has_the_border_beside_the_true_one() -> None:
    half = trimesh.creation.icosphere(3)
    half.update_faces(half.triangles_center[:, 2] > 0.0)
    made = bench_shapes.Made(half, 1.0)
    unit = bench_shapes.unit_of(half)
    row = dict(zip(bench_shapes.OPENED, bench_shapes.opened_row("a", "b", made, half, unit)))
    assert row["border / true"] == 1.0 and row["F@0.5 % of the diagonal"] > 0.999
    lost = bench_shapes.opened_row("a", "b", bench_shapes.Made(None, 1.0), half, unit)
    assert lost[3:] == [None] * 5


def test_tables_of_one_title_are_joined(tmp_path: Path) -> None:
    def written(name: str, cpu: str, *tables: tuple[str, list[list[int]]]) -> Path:
        content = [{"title": title, "columns": ["a"], "rows": rows} for title, rows in tables]
        path = tmp_path / name
        path.write_text(json.dumps({"machine": {"cpu": cpu}, "tables": content}))
        return path

    one = written("1.json", "x", ("A", [[1]]), ("B", [[2]]))
    two = written("2.json", "x", ("B", [[3]]))
    tables, machine = bench_shapes.merged([one, two])
    assert [(table.title, table.rows) for table in tables] == [("A", [[1]]), ("B", [[2], [3]])]
    assert machine == {"cpu": "x"}
    with pytest.raises(UserError, match="different machines"):
        bench_shapes.merged([one, written("3.json", "y", ("A", [[1]]))])
