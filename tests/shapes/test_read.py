"""Shapes of every kind of file, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.shapes import Shape, UnitShape, mend, read_shape
from neurfield.surfaces import save_mesh

BALL = trimesh.creation.icosphere(2, 0.7)
FAR = np.array([5e5, 4.6e6, 300.0])
UNITS = np.random.default_rng(0).normal(size=(200, 3))
UNITS /= np.linalg.norm(UNITS, axis=1, keepdims=True)
POINTS = 1.3 * UNITS + [0.1, -0.2, 0.3]


@pytest.mark.parametrize("ending", ["ply", "obj", "off", "stl", "glb"])
def test_a_mesh_of_every_kind(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"ball.{ending}"
    BALL.export(path)
    shape = read_shape(path)
    assert (
        shape.is_mesh and shape.name == "ball" and shape.path == path and shape.vertices.dtype == np.float64
    )
    assert len(shape.faces) == len(BALL.faces) and len(shape.vertices) == len(BALL.vertices)
    again = trimesh.Trimesh(shape.vertices, shape.faces, process=False)
    assert again.is_watertight and again.volume == pytest.approx(BALL.volume, rel=1e-6)


@pytest.mark.parametrize("kind", ["ply", "obj", "glb"])
def test_colours_of_vertices_are_kept(kind: str, tmp_path: Path) -> None:
    mesh = BALL.copy()
    colors = np.random.default_rng(1).integers(0, 256, (len(mesh.vertices), 4), dtype=np.uint8)
    colors[:, 3] = 255
    mesh.visual.vertex_colors = colors
    shape = read_shape(save_mesh(mesh, tmp_path / f"a.{kind}"))  # trimesh writes sRGB where glTF has linear
    assert shape.colors is not None
    order = [np.lexsort(np.round(v, 5).T) for v in (mesh.vertices, shape.vertices)]
    assert (np.abs(colors[order[0], :3].astype(int) - shape.colors[order[1]]) <= 1).all()


def test_an_off_of_polygons_with_comments_and_colours(tmp_path: Path) -> None:
    """A prism over a pentagon: five quads, two pentagons, and a triangle fan's volume."""
    turns = 2.0 * np.pi * np.arange(5) / 5.0
    ring = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    rows = [f"{x!r} {y!r} {z} {0.2 * k:.1f} 0 1 # corner" for z in (0, 1) for k, (x, y) in enumerate(ring)]
    faces = ["5 4 3 2 1 0", "5 5 6 7 8 9 255 0 0"]
    faces += [f"4 {k} {(k + 1) % 5} {5 + (k + 1) % 5} {5 + k}" for k in range(5)]
    rows = [row.replace("np.float64(", "").replace(")", "") for row in rows]
    (tmp_path / "a.off").write_text("\n".join(["# a prism", "COFF", "10 7 0", "", *rows, *faces]) + "\n")
    shape = read_shape(tmp_path / "a.off")
    prism = trimesh.Trimesh(shape.vertices, shape.faces, process=False)
    assert len(shape.faces) == 16 and prism.is_watertight
    assert prism.volume == pytest.approx(2.5 * np.sin(2.0 * np.pi / 5.0))
    assert shape.colors is not None and shape.colors[3].tolist() == [153, 0, 255]


def test_parts_of_a_scene_are_one_mesh_where_they_stand(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for k in range(2):
        scene.add_geometry(BALL, transform=trimesh.transformations.translation_matrix([5.0 * k, 0, 0]))
    scene.export(tmp_path / "two.glb")
    shape = read_shape(tmp_path / "two.glb")
    assert len(shape.faces) == 2 * len(BALL.faces)
    assert np.ptp(shape.vertices, axis=0) == pytest.approx([6.4, 1.4, 1.4], rel=1e-2)


def ply_of(path: Path, columns: dict[str, np.ndarray]) -> Path:
    kinds = {name: "uchar" if name in ("red", "green", "blue") else "double" for name in columns}
    head = [f"property {kind} {name}" for name, kind in kinds.items()]
    rows = [" ".join(repr(v.item()) for v in row) for row in zip(*columns.values())]
    count = len(next(iter(columns.values())))
    lines = ["ply", "format ascii 1.0", f"element vertex {count}", *head, "end_header", *rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_cloud_of_a_ply_has_its_normals_and_colours_and_far_coordinates(tmp_path: Path) -> None:
    far = UNITS + FAR
    colors = np.random.default_rng(2).integers(0, 256, UNITS.shape, dtype=np.uint8)
    columns = dict(zip(("x", "y", "z"), far.T)) | dict(zip(("nx", "ny", "nz"), 2.0 * UNITS.T))
    shape = read_shape(ply_of(tmp_path / "a.ply", columns | dict(zip(("red", "green", "blue"), colors.T))))
    assert not shape.is_mesh and shape.normals is not None and shape.colors is not None
    assert np.array_equal(shape.vertices, far) and np.array_equal(shape.colors, colors)
    np.testing.assert_allclose(shape.normals, UNITS, atol=1e-12)
    unit = UnitShape(shape)
    assert float(unit.points.abs().max()) <= 1.0
    np.testing.assert_allclose(unit.frame.world_from_unit(unit.points.numpy()), far, atol=1e-6)


@pytest.mark.parametrize("comma", [" ", ", "])
@pytest.mark.parametrize("colored", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_a_cloud_of_text(comma: str, colored: bool, directed: bool, tmp_path: Path) -> None:
    colors = np.random.default_rng(2).integers(0, 256, UNITS.shape)
    rows = np.concatenate([POINTS, *([colors] if colored else []), *([UNITS] if directed else [])], axis=1)
    np.savetxt(tmp_path / "a.xyz", rows, delimiter=comma, header="x y z")
    shape = read_shape(tmp_path / "a.xyz")
    np.testing.assert_allclose(shape.vertices, POINTS)
    assert (shape.normals is not None) == directed and (shape.colors is not None) == colored
    if shape.colors is not None:
        assert np.array_equal(shape.colors, colors)


def test_normals_of_text_that_are_all_zero_are_no_black(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "a.xyz", np.concatenate([POINTS, 0.0 * POINTS], axis=1))
    shape = read_shape(tmp_path / "a.xyz")
    assert shape.normals is None and shape.colors is None and "all zero" in shape.notes[0]


def test_a_cloud_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", points=POINTS, normals=UNITS, colors=np.full((200, 3), 0.5))
    shape = read_shape(tmp_path / "a.npz")
    assert shape.normals is not None and shape.colors is not None and (shape.colors == 128).all()


@pytest.mark.parametrize("kind", ["las", "laz"])
def test_a_lidar_file_or_how_it_can_be_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laspy = pytest.importorskip("laspy")
    if kind == "laz":
        pytest.importorskip("lazrs")
    header = laspy.LasHeader(point_format=2, version="1.2")
    header.offsets, header.scales = [5e5, 4.6e6, 0.0], [0.001] * 3
    las = laspy.LasData(header)
    las.x, las.y, las.z = (POINTS + FAR).T
    las.red, las.green, las.blue = (np.full(200, value << 8, np.uint16) for value in (10, 20, 30))
    las.write(tmp_path / f"a.{kind}")
    shape = read_shape(tmp_path / f"a.{kind}")
    np.testing.assert_allclose(shape.vertices, POINTS + FAR, atol=1e-3)
    assert shape.colors is not None and shape.colors[0].tolist() == [10, 20, 30]
    content = (tmp_path / f"a.{kind}").read_bytes()
    for length in (len(content) // 2, len(content) - 26 * 20):  # 26 bytes are a point of las
        (tmp_path / f"cut.{kind}").write_bytes(content[:length])
        with pytest.raises(UserError, match="copy it again"):
            read_shape(tmp_path / f"cut.{kind}")
    if kind == "laz":
        monkeypatch.setattr(laspy.LazBackend, "detect_available", lambda: ())
        monkeypatch.setitem(__import__("sys").modules, "lazrs", None)
        with pytest.raises(UserError, match=r"neurfield\[shapes\]"):
            read_shape(tmp_path / "a.laz")


def test_without_laspy_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.laz").write_bytes(b"LASF")
    monkeypatch.setitem(__import__("sys").modules, "laspy", None)
    with pytest.raises(UserError, match=r"neurfield\[shapes\]"):
        read_shape(tmp_path / "a.laz")


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("a.ply", b"", "empty"),
        ("a.ply", b"\x89PNG not a mesh at all", "not a readable ply"),
        ("a.obj", b"hello", "neither triangles nor points|not a readable"),
        ("a.stl", b"solid nothing\nendsolid nothing\n", "neither triangles nor points|not a readable"),
        ("a.glb", b"glTF rubbish", "not a readable glb"),
        ("a.npz", b"rubbish", "not a readable npz"),
        ("a.xyz", b"1 2 three\n", "expected rows of numbers"),
        ("a.xyz", b"1 2 3\n4 5\n", "expected rows of numbers"),
        ("a.xyz", b"1 2\n", "rows of 2 numbers"),
        ("a.xyz", b"1 2 3 900 -7 0.5\n" * 20, "neither unit normals nor colours"),
        ("a.jpg", b"x", "not a kind of file"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", "name vertices 0 to 7|not a readable"),
    ],
)
def test_what_is_no_shape_is_said_in_one_line(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        read_shape(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name)) and "\n" not in str(caught.value)


def test_arrays_of_another_shape_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", points=POINTS[:, :2])
    with pytest.raises(UserError, match=r"'points' is float64 \[200, 2\]"):
        read_shape(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", dots=POINTS)
    with pytest.raises(UserError, match="holds dots, and no points"):
        read_shape(tmp_path / "b.npz")
    with pytest.raises(UserError, match="there is no such file"):
        read_shape(tmp_path / "none.ply")


def test_what_has_no_meaning_is_left_out_and_said() -> None:
    vertices = np.concatenate([BALL.vertices, BALL.vertices[:5], [[9.0, 9, 9]], [[np.nan, 0, 0]]])
    n = len(BALL.vertices)
    faces = np.concatenate([BALL.faces, BALL.faces[:3], [[0, 0, 1], [0, 1, n + 6]]])
    faces[0, 0] = n + int(faces[0, 0]) if faces[0, 0] < 5 else faces[0, 0]
    shape = mend(Shape("ball", vertices, faces))
    told = " | ".join(shape.notes)
    for words in ("1 vertices that are no numbers", "1 triangles without area", "3 copies"):
        assert words in told
    again = trimesh.Trimesh(shape.vertices, shape.faces, process=False)
    assert again.is_watertight and len(again.faces) == len(BALL.faces)
    assert shape.vertices.max() < 1.0  # a spare vertex moves no box
    cloud = mend(Shape("c", np.concatenate([POINTS, POINTS[:7], [[0, np.inf, 0]]])))
    assert np.array_equal(cloud.vertices, POINTS) and len(cloud.notes) == 2


def test_normals_that_are_none() -> None:
    normals = UNITS.copy()
    normals[3], normals[4] = 0.0, np.nan
    shape = mend(Shape("c", POINTS, normals=normals))
    assert (
        len(shape.vertices) == 198 and shape.normals is not None and "2 points whose normal" in shape.notes[0]
    )
    none = mend(Shape("c", POINTS, normals=0.0 * UNITS))
    assert none.normals is None and len(none.vertices) == 200 and "not used" in none.notes[0]


@pytest.mark.parametrize(
    "shape, said",
    [
        (Shape("a", np.zeros((0, 3))), "neither triangles nor points"),
        (Shape("a", np.full((20, 3), np.nan)), "no vertex is finite"),
        (Shape("a", np.ones((20, 3))), "in one point"),
        (Shape("a", np.eye(3)[:1]), "in one point"),
        (Shape("a", np.eye(3)), "3 points tells no surface"),
        (Shape("a", np.eye(3), np.array([[0, 0, 1]])), "degenerate"),
        (Shape("a", np.eye(3), np.array([[0, 1, 5]])), "damaged"),
        (
            Shape("a", np.array([[0, 0, 0], [1, 0, 0], [np.nan, 0, 0]]), np.array([[0, 1, 2]])),
            "every triangle",
        ),
    ],
)
def test_what_leaves_nothing_to_fit_is_said(shape: Shape, said: str) -> None:
    with pytest.raises(UserError, match=said):
        mend(shape)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_any_unit_is_the_same_shape(scale: float) -> None:
    shape = mend(Shape("a", np.asarray(BALL.vertices) * scale, np.asarray(BALL.faces)))
    assert len(shape.faces) == len(BALL.faces) and not shape.notes
    unit = UnitShape(shape)
    assert unit.sides.trusted and not unit.sides.flipped
    assert float(unit.points.abs().max()) == pytest.approx(0.7 / (0.7 + 0.07), rel=1e-3)


def test_one_triangle_is_a_shape() -> None:
    shape = mend(Shape("a", np.eye(3), np.array([[0, 1, 2]])))
    assert shape.is_mesh and not UnitShape(shape).sides.trusted and (np.ptp(shape.box, axis=0) > 0).all()


def test_a_shift_beside_the_file_is_added(tmp_path: Path) -> None:
    from neurfield.surfaces import save_mesh

    far = BALL.copy()
    far.vertices = np.asarray(far.vertices) + FAR
    save_mesh(far, tmp_path / "far.stl")
    shape = read_shape(tmp_path / "far.stl")
    np.testing.assert_allclose(shape.vertices.mean(axis=0), FAR, atol=1e-3)
    np.testing.assert_allclose(np.ptp(shape.vertices, axis=0), np.ptp(BALL.vertices, axis=0), rtol=1e-5)


def test_what_is_far_off_is_named_and_a_spare_vertex_is_not_asked() -> None:
    far = np.concatenate([UNITS, UNITS[:20] + np.array([1e9, 0.0, 0.0])])
    with pytest.raises(UserError, match=r"20 of 220 vertices lie so far off .* number 200: leave them out"):
        mend(Shape("c", far))
    vertices = np.concatenate([BALL.vertices, [[1e40, 0.0, 0.0]]])
    shape = mend(Shape("a", vertices, np.asarray(BALL.faces)))
    assert len(shape.faces) == len(BALL.faces) and "1 vertices of no triangle" in shape.notes[0]


@pytest.mark.parametrize(("scale", "said"), [(1e200, "too large for numbers"), (1e-200, "too small")])
def test_what_numbers_do_not_hold_is_refused(scale: float, said: str) -> None:
    for shape in (Shape("c", UNITS * scale), Shape("a", np.eye(3) * scale, np.array([[0, 1, 2]]))):
        with pytest.raises(UserError, match=said):
            mend(shape)


def test_points_on_a_line_are_no_surface() -> None:
    line = np.linspace(0.0, 1.0, 50)[:, None] * [1.0, 2.0, -3.0] + FAR
    with pytest.raises(UserError, match="on a line"):
        mend(Shape("c", line))
    flat = POINTS * [1.0, 1.0, 0.0]
    assert len(mend(Shape("c", flat)).vertices) == len(flat)


def test_single_precision_far_from_zero_is_said() -> None:
    coarse = (UNITS + FAR).astype(np.float32).astype(np.float64)
    assert any("0.55 apart" in note for note in mend(Shape("c", coarse)).notes)
    assert not mend(Shape("c", UNITS + FAR)).notes and not mend(Shape("c", UNITS.astype(np.float32))).notes


def test_normals_of_a_few_points_are_not_used() -> None:
    few = np.where(np.arange(200)[:, None] < 20, UNITS, 0.0)
    shape = mend(Shape("c", POINTS, normals=few))
    assert shape.normals is None and len(shape.vertices) == 200 and "most of them zero" in shape.notes[0]


def test_faces_that_are_no_whole_numbers_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", points=np.eye(3), faces=np.array([[0.0, 1.5, 2.0]]))
    with pytest.raises(UserError, match="'faces' are no whole numbers"):
        read_shape(tmp_path / "a.npz")
