"""`neurfield shape orient` and `neurfield mesh` of a cloud: what they leave, say and refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.cli.main import main
from neurfield.shapes.cloud_files import read_cloud, write_cloud
from neurfield.shapes.shape import Shape
from tests.shapes.known_clouds import SHAPES, sphere, torus

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """A cloud of a ring, without normals, in two colours."""
    points, _ = torus(3000)
    colors = np.where(points[:, :1] > 0.0, [[255, 0, 0]], [[0, 0, 255]]).astype(np.uint8)
    write_cloud(tmp_path / "ring.ply", Shape("ring", points + 10.0, colors=colors))
    return tmp_path / "ring.ply"


@pytest.mark.parametrize("method", ["wnnc", "mst"])
def test_orient_writes_the_points_with_normals(ring: Path, method: str, capsys: Capture) -> None:
    assert main(["shape", "orient", str(ring), "--method", method]) == 0
    said = capsys.readouterr().out
    assert "methods agree" in said and "100.00%" in said and ("width" in said) == (method == "wnnc")
    given, made = read_cloud(ring), read_cloud(ring.with_name("ring_oriented.ply"))
    assert np.array_equal(given.vertices, made.vertices)
    assert given.colors is not None and np.array_equal(given.colors, made.colors)
    assert made.normals is not None
    assert (np.einsum("ni,ni->n", made.normals, torus(3000)[1]) > 0.9).all()


def test_where_methods_differ_it_is_said(tmp_path: Path, capsys: Capture) -> None:
    write_cloud(tmp_path / "hollow.npz", Shape("hollow", SHAPES["hollow ball"](2000)[0]))
    assert main(["shape", "orient", str(tmp_path / "hollow.npz"), "--out", str(tmp_path / "out.xyz")]) == 0
    assert "the methods disagree" in capsys.readouterr().out
    assert read_cloud(tmp_path / "out.xyz").normals is not None


def test_mesh_makes_a_mesh_of_a_cloud(ring: Path, capsys: Capture) -> None:
    assert main(["mesh", str(ring)]) == 0
    said = capsys.readouterr().out
    assert "found by the winding number" in said and "ring_mesh.ply" in said
    mesh = trimesh.load(ring.with_name("ring_mesh.ply"), process=False)
    assert mesh.is_watertight and mesh.euler_number == 0
    assert np.allclose(mesh.bounds.mean(axis=0), 10.0, atol=0.02)
    colors = np.asarray(mesh.visual.vertex_colors)[:, :3]
    assert (colors[mesh.vertices[:, 0] > 10.2] == [255, 0, 0]).all()


def test_mesh_takes_the_normals_of_the_file_and_its_flags(ring: Path, capsys: Capture) -> None:
    points, normals = sphere(3000)
    both = np.concatenate([points, 0.3 * points + [3.0, 0.0, 0.0]])
    path = ring.with_name("two.npz")
    write_cloud(path, Shape("two", both, normals=np.concatenate([normals, normals])))
    out = ring.with_name("one.obj")
    flags = ["--voxel", "0.1", "--component", "largest", "--output", str(out)]
    assert main(["mesh", str(path), *flags]) == 0
    assert "as the file has them" in capsys.readouterr().out
    mesh = trimesh.load(out, process=False, force="mesh")
    assert np.abs(np.asarray(mesh.bounds)).max() < 1.1
    assert main(["mesh", str(path), "--resolution", "20", "--format", "glb"]) == 0
    assert path.with_name("two_mesh.glb").is_file()


def test_a_half_is_told_to_end(tmp_path: Path, capsys: Capture) -> None:
    points, normals = sphere(6000)
    upper = points[:, 2] > 0.0
    write_cloud(tmp_path / "half.npz", Shape("half", points[upper], normals=normals[upper]))
    assert main(["mesh", str(tmp_path / "half.npz")]) == 0
    assert "of the closed surface left out" in capsys.readouterr().out


def test_mistakes_are_one_line(ring: Path, capsys: Capture) -> None:
    folder = ring.parent
    (folder / "nan.xyz").write_text("0 0 nan\n" * 9)
    (folder / "none.xyz").write_text("")
    for words, says in {
        ("mesh", "nan.xyz"): "no vertex is finite",
        ("mesh", "none.xyz"): "the file is empty",
        ("mesh", "ring.ply", "--objects"): "leave them out",
        ("mesh", "ring.ply", "--extractor", "dual-mesh"): "leave them out",
        ("mesh", "ring.ply", "--voxel", "1", "--resolution", "9"): "leave one out",
        ("mesh", "ring.ply", "--voxel", "-1"): "give a positive number",
        ("mesh", "ring.ply", "--resolution", "0"): "at least 1",
        ("mesh", "ring.ply", "--component", "object"): "use all or largest",
        ("mesh", "ring.ply", "--output", "a.txt"): "end it in",
        ("shape", "orient", "gone.ply"): "no such file",
        ("shape", "orient", "ring.ply", "--out", "a.obj"): "end it in .ply, .xyz, .npz",
        ("shape", "orient", "ring.ply", "--method", "pca"): "--method",
        ("shape", "turn"): "there is no verb 'turn'",
    }.items():
        placed = [str(folder / word) if (folder / word).is_file() else word for word in words]
        assert main(placed) == 2, words
        told = capsys.readouterr().err.strip().splitlines()
        assert len(told) == 1 and says in told[0], told


POINTS, NORMALS = sphere(2000)
FAR = np.array([5e5, 5e6, 300.0])
SIGNS = np.random.default_rng(7).choice([-1.0, 1.0], (2000, 1))
REFUSED: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "no point": ({"points": POINTS[:0]}, "neither triangles nor points"),
    "one point": ({"points": POINTS[:1]}, "in one point"),
    "few points": ({"points": POINTS[:15]}, "a cloud of 15 points"),
    "no number": ({"points": np.full((50, 3), np.nan)}, "no vertex is finite"),
    "one place": ({"points": np.ones((50, 3))}, "in one point"),
    "a line": ({"points": np.linspace(0.0, 1.0, 50)[:, None] * [1.0, 2.0, 3.0]}, "on a line"),
    "far off": (
        {"points": np.concatenate([POINTS, POINTS[:150] + 1e8 * np.eye(3)[0]])},
        "first is number 2000",
    ),
    "too large": ({"points": 1e200 * POINTS}, "too large for numbers"),
    "too small": ({"points": 1e-200 * POINTS}, "too small for numbers"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_clouds_that_are_no_surface_are_refused_by_every_command(
    name: str, tmp_path: Path, capsys: Capture
) -> None:
    arrays, says = REFUSED[name]
    path = tmp_path / "cloud.npz"
    np.savez(path, **arrays)
    out = ["--out", str(tmp_path / "runs")]
    for words in (["mesh", str(path)], ["shape", "orient", str(path)], ["fit", "--shape", str(path), *out]):
        assert main(words) == 2, words
        told = capsys.readouterr().err.strip().splitlines()
        assert len(told) == 1 and says in told[0], told
    assert [file.name for file in tmp_path.iterdir()] == ["cloud.npz"]


TAKEN: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "copies": ({"points": np.repeat(POINTS, 3, axis=0)}, "4,000 points that repeat others left out"),
    "some no number": ({"points": np.concatenate([POINTS, np.full((5, 3), np.nan)])}, "5 vertices"),
    "one far off": ({"points": np.concatenate([POINTS, [[1e8, 0.0, 0.0]]])}, "1 outliers left out"),
    "both sides": ({"points": POINTS, "normals": SIGNS * NORMALS}, "they are not used"),
    "other axes": ({"points": POINTS, "normals": NORMALS[:, [1, 2, 0]]}, "they are not used"),
    "no normal": ({"points": POINTS, "normals": 0.0 * NORMALS}, "they are not used"),
    "micrometres": ({"points": 1e-6 * POINTS}, "points"),
    "megametres": ({"points": 1e6 * POINTS, "normals": NORMALS}, "as the file has them"),
    "UTM": ({"points": POINTS + FAR}, "points"),
    "UTM in floats": ({"points": (POINTS + FAR).astype(np.float32)}, "single precision"),
    "UTM in floats with normals": (
        {"points": (POINTS + FAR).astype(np.float32), "normals": NORMALS}, "single precision"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_clouds_that_are_taken_say_what_was_mended(name: str, tmp_path: Path, capsys: Capture) -> None:
    arrays, says = TAKEN[name]
    path = tmp_path / "cloud.npz"
    np.savez(path, **arrays)
    assert main(["mesh", str(path)]) == 0
    assert says in " ".join(capsys.readouterr().out.split())
    if "floats" in name:  # steps of half the radius: nothing more can be asked
        return
    mesh = trimesh.load(path.with_name("cloud_mesh.ply"), process=False, force="mesh")
    points = arrays["points"][np.isfinite(arrays["points"]).all(axis=1)]
    points = points[:2000] if "far" in name else points
    size = float(np.ptp(points, axis=0).max())
    assert mesh.is_watertight and mesh.euler_number == 2
    assert np.abs(np.asarray(mesh.bounds) - [points.min(axis=0), points.max(axis=0)]).max() < 0.02 * size


def test_outliers_are_kept_where_that_is_asked_for(tmp_path: Path, capsys: Capture) -> None:
    path, out = tmp_path / "cloud.npz", str(tmp_path / "out.ply")
    np.savez(path, points=np.concatenate([POINTS, [[4.0, 0.0, 0.0]]]))
    for verb in (["mesh"], ["shape", "orient"]):
        for flags, count in (([], "2,000"), (["--keep-outliers"], "2,001")):
            assert main([*verb, str(path), "--out", out, *flags]) == 0
            told = " ".join(capsys.readouterr().out.split())
            assert f"points {count}" in told and ("outliers left out" in told) == (not flags)
    trimesh.creation.icosphere(1).export(tmp_path / "ball.ply")
    for other in (tmp_path, tmp_path / "ball.ply"):
        assert main(["mesh", str(other), "--keep-outliers"]) == 2
        assert "--keep-outliers is of points" in capsys.readouterr().err
