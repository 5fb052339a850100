"""An object on a table: what stands around hides and is hidden; what is measured is the object alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from benchmarks import object_assets, object_render, object_table
from neurfield.scenes import load_scene

BOX = np.array([[0.3, -0.5, 0.75], [0.42, -0.3, 0.83]])
AT = np.array([0.36, -0.4, 0.75])


def red_box() -> object_assets.TexturedMesh:
    surface = trimesh.creation.box(bounds=BOX)
    texture = np.zeros((2, 2, 3), dtype=np.float32)
    texture[..., 0] = 1.0
    return object_assets.TexturedMesh(surface, np.full((len(surface.faces), 3, 2), 0.5), texture)


def test_rays_meet_the_table_from_above_and_the_walls_beyond_it() -> None:
    around = object_table.Surroundings(AT)
    eye = AT + np.array([0.0, 0.0, 1.0])
    directions = np.array([[0.0, 0, -1], [1, 0, 0], [0.8, 0, -0.6], [0, 0, 1], [0.3, 0, -0.95]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distance, colour = around(np.broadcast_to(eye, directions.shape), directions)
    floor_z = 1.75 / 0.6 * np.hypot(0.8, 0.6)  # would be met beyond the wall
    expected = [1.0, 2.0, min(2.0 / 0.8, floor_z), 2.6 - 1.75, np.hypot(0.3, 0.95) / 0.95]
    assert np.allclose(distance, expected, atol=1e-5)
    assert (colour > 0.01).all() and (colour <= 1).all()
    # From below the table is not there, and the floor is.
    below, _ = around(np.array([[*AT[:2], 0.5]]), np.array([[0.0, 0.0, 1.0]]))
    assert np.allclose(below, 2.1, atol=1e-5)


def test_pictures_have_no_background_that_gives_the_object_away(tmp_path: Path) -> None:
    cameras = object_table.dome_cameras(BOX, n=12, size=48)
    folder = tmp_path / "box"
    object_render.write_views(folder, red_box(), cameras, object_table.Surroundings(AT))
    scene = load_scene(folder)
    assert scene.sources == {"image"} and scene.kind == "outside" and object_render.is_whole(folder)
    masked = object_render.make_renderer(red_box())
    for i in range(len(scene)):
        picture, alpha = scene.image(i).astype(int), masked(cameras, i)[..., 3]
        red = (picture[..., 0] > 60) & (picture[..., 1:].max(axis=2) < 20)
        assert red[alpha == 255].all() and not red[alpha == 0].any()
        assert picture[alpha == 0].mean() > 30 and picture[alpha == 0].std() > 5
    heights = (cameras.centers - BOX.mean(axis=0))[:, 2]
    assert (heights > 0).all() and (cameras.centers[:, 2] > BOX[0, 2]).all()


def test_the_table_and_the_room_are_cut_off_and_the_object_is_kept() -> None:
    table = trimesh.creation.box(bounds=[[0.0, -0.8, 0.72], [0.8, 0.0, 0.751]])
    box = trimesh.creation.box(bounds=BOX)
    cut = object_table.cut_out(trimesh.util.concatenate([table, box]), BOX)
    diagonal = np.linalg.norm(BOX[1] - BOX[0])
    assert np.allclose(cut.bounds[1], BOX[1]) and np.allclose(cut.bounds[0, :2], BOX[0, :2])
    assert np.isclose(cut.bounds[0, 2], BOX[0, 2] + 0.01 * diagonal)
    sides = 2 * (0.12 + 0.2) * (0.08 - 0.01 * diagonal)
    assert np.isclose(cut.area, 0.12 * 0.2 + sides, rtol=1e-6)
    assert len(object_table.cut_out(table, BOX + 5.0).faces) == 0
