"""Photographs baked into a texture: truth is a colour of each place."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.scenes import Cameras
from neurfield.textures import MeshPainter, bake, best_looks, covered
from neurfield.textures.best_looks import KEPT, BestLooks
from neurfield.textures.view import Look, Viewer

pytest.importorskip("xatlas", reason="the extra texture is not installed")

SIZE = 96


def color_of(points: np.ndarray) -> np.ndarray:
    """A smooth colour of each place, 0.2 to 0.8."""
    return 0.5 + 0.3 * np.sin(3.0 * points + np.array([0.0, 1.0, 2.0]))


def looking(centres: np.ndarray, target: np.ndarray, size: int = SIZE, focal: float = 1.2) -> Cameras:
    """Cameras at some places that look at another."""
    poses = []
    for centre in np.atleast_2d(centres):
        ahead = (target - centre) / np.linalg.norm(target - centre)
        right = np.cross(ahead, [0.1, 0.2, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], axis=1)
        pose[:3, 3] = centre
        poses.append(pose)
    n = len(poses)
    one = np.full(n, focal * size)
    return Cameras(np.stack(poses), one, one, np.full(n, size / 2), np.full(n, size / 2), size, size)


@dataclass
class Photos:
    """Pictures of a mesh coloured by a function of the place."""

    mesh: trimesh.Trimesh
    cameras: Cameras
    gains: np.ndarray | None = None
    masks: dict[int, np.ndarray] = field(default_factory=dict)

    def image(self, i: int) -> np.ndarray:
        painter = MeshPainter(self.mesh)
        h, w = int(self.cameras.height[i]), int(self.cameras.width[i])
        column, row = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
        uv = np.stack([column.ravel(), row.ravel()], axis=1)
        origins, directions, _ = self.cameras.rays(np.full(len(uv), i), uv)
        hits = painter.caster.first_hits(origins - painter.origin, directions)
        hit = hits.face >= 0
        rgb = np.ones((len(uv), 3))  # a white background
        places = origins[hit] + hits.distance[hit, None] * directions[hit]
        rgb[hit] = self.colors(places, hits.face[hit])
        if self.gains is not None:
            rgb[hit] *= self.gains[i]
        return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8).reshape(h, w, 3)

    def colors(self, places: np.ndarray, faces: np.ndarray) -> np.ndarray:
        return color_of(places - self.mesh.metadata.get("shift", 0.0))

    def mask(self, i: int) -> np.ndarray | None:
        return self.masks.get(i)


def ring(count: int, radius: float = 3.0) -> np.ndarray:
    """Places on a ball around the origin."""
    nth = np.arange(count) + 0.5
    height = 1.0 - 2.0 * nth / count
    turn = np.pi * (1.0 + 5.0**0.5) * nth
    flat = np.sqrt(1.0 - height**2)
    return radius * np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)


def errors(made: trimesh.Trimesh, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """Differences [t] of a texture from the truth, at its texels."""
    picture = np.asarray(made.visual.material.baseColorTexture)
    size = picture.shape[0]
    corners = np.asarray(made.visual.uv)[made.faces] * size
    corners[..., 1] = size - corners[..., 1]
    texels = covered(corners, size)
    places = texels.between(np.asarray(made.vertices), np.asarray(made.faces)) - shift
    return np.abs(picture.reshape(-1, 3)[texels.place] / 255.0 - color_of(places)).max(axis=1)


@pytest.mark.parametrize("far", [False, True])
def test_a_ball_gets_its_own_colours(far: bool) -> None:
    shift = np.array([5e5, 5e6, 300.0]) if far else np.zeros(3)
    ball = trimesh.creation.icosphere(subdivisions=4).apply_translation(shift)
    ball.metadata["shift"] = shift
    baked = bake(ball, 128, Photos(ball, looking(ring(14) + shift, shift)))
    wrong = errors(baked.mesh, shift)
    assert baked.seen > 0.99
    assert np.mean(wrong) < 0.01 and np.quantile(wrong, 0.99) < 0.04
    np.testing.assert_allclose(baked.gains, 1.0, atol=0.02)
    assert len(baked.mesh.faces) == len(ball.faces)
    assert baked.mesh.visual.material.doubleSided and baked.mesh.visual.material.metallicFactor == 0.0


def test_exposure_is_taken_out() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    gains = np.exp(np.random.default_rng(0).normal(scale=0.15, size=(20, 3)))
    gains /= np.exp(np.log(gains).mean(axis=0))
    photos = Photos(ball, looking(ring(20), np.zeros(3)), gains=gains)
    baked = bake(ball, 128, photos)
    assert np.abs(np.log(baked.gains / gains)).max() < 0.05
    assert np.quantile(errors(baked.mesh), 0.95) < 0.05


def test_what_stands_before_a_wall_does_not_colour_it() -> None:
    wall = trimesh.creation.box(extents=[4.0, 4.0, 0.1]).apply_translation([0, 0, -0.05])
    plate = trimesh.creation.box(extents=[0.6, 0.6, 0.02]).apply_translation([0, 0, 1.0])
    both = trimesh.util.concatenate([wall, plate]).subdivide_to_size(0.2)
    of_plate = np.asarray(both.triangles_center)[:, 2] > 0.5

    class Red(Photos):
        def colors(self, places: np.ndarray, faces: np.ndarray) -> np.ndarray:
            return np.where(of_plate[faces, None], [0.9, 0.1, 0.1], [0.1, 0.1, 0.9])

    centres = np.array([[x, y, 3.0] for x in (-1.5, 0.0, 1.5) for y in (-1.5, 0.0, 1.5)])
    made = bake(both, 256, Red(both, looking(centres, np.zeros(3)))).mesh
    painter = MeshPainter(made)
    camera = looking(np.array([[0.0, 0.0, 0.8]]), np.zeros(3))  # between the plate and the wall
    rgb, hit = painter.draw(camera, 0)
    assert hit.all()
    assert rgb[..., 0].max() < 0.2 and rgb[..., 2].min() > 0.8


def test_what_no_picture_sees_takes_the_fields_colours() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    photos = Photos(ball, looking(np.array([[3.0, 0.0, 0.0]]), np.zeros(3)))
    baked = bake(ball, 96, photos, lambda places: (255 * color_of(places)).astype(np.uint8))
    assert 0.2 < baked.seen < 0.5
    assert np.quantile(errors(baked.mesh), 0.99) < 0.05


def test_without_pictures_it_is_the_field_alone() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    baked = bake(ball, 64, None, lambda places: (255 * color_of(places)).astype(np.uint8))
    assert baked.seen == 0.0
    assert errors(baked.mesh).max() < 0.01


def test_masked_pixels_say_nothing() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    cameras = looking(ring(8), np.zeros(3))
    spoiled = Photos(ball, cameras, gains=np.ones((8, 3)) * 0.1)
    spoiled.masks = {i: np.zeros((SIZE, SIZE), bool) for i in range(8)}
    baked = bake(ball, 64, spoiled, lambda places: (255 * color_of(places)).astype(np.uint8))
    assert baked.seen == 0.0 and errors(baked.mesh).max() < 0.01


def test_a_look_is_what_a_camera_sees() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    photos = Photos(ball, looking(np.array([[3.0, 0.0, 0.0]]), np.zeros(3)))
    viewer = Viewer(np.asarray(ball.vertices), np.asarray(ball.faces), photos, np.zeros(3))
    middles = np.asarray(ball.triangles_center)
    look = viewer.look(0, middles, np.asarray(ball.face_normals, np.float32), np.arange(len(middles) + 1))
    assert (middles[look.rows, 0] > 1 / 3 - 0.05).all()
    assert len(look.rows) > 0.6 * (middles[:, 0] > 1 / 3).sum()
    assert (np.diff(look.weight[np.argsort(middles[look.rows, 0])][:: len(look.rows) // 4]) > 0).all()
    assert np.quantile(np.abs(look.rgb - color_of(middles[look.rows])), 0.95) < 0.03


def test_the_best_looks_are_kept() -> None:
    random = np.random.default_rng(1)
    weights = random.uniform(0.1, 1.0, (18, 50)).astype(np.float32)
    looks = BestLooks(50)
    for picture in range(18):
        rows = np.flatnonzero(random.uniform(size=50) < 0.7)
        weights[picture, np.setdiff1d(np.arange(50), rows)] = 0.0
        looks.add(
            picture, Look(rows, weights[picture, rows], np.full((len(rows), 3), picture / 20, np.float32))
        )
    np.testing.assert_allclose(np.sort(looks.weight, axis=1), np.sort(weights, axis=0)[-KEPT:].T)
    there = looks.weight > 0
    np.testing.assert_array_equal(looks.weight[there], weights[looks.picture, np.arange(50)[:, None]][there])
    np.testing.assert_array_equal(
        looks.rgb[there][:, 0], (looks.picture[there] * 12.75 + 0.5).astype(np.uint8)
    )


def test_where_points_are_many_fewer_looks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best_looks, "_MANY", 10)
    assert BestLooks(10).weight.shape == (10, KEPT) and BestLooks(11).weight.shape == (11, KEPT // 2)


@pytest.mark.parametrize("across", [1, 2, 5])
def test_a_pixel_is_the_mean_of_its_area(across: int) -> None:
    wall = trimesh.Trimesh([[0, -9, 0], [9, -9, 0], [9, 9, 0], [0, 9, 0]], [[0, 1, 2], [0, 2, 3]])
    wall.visual.vertex_colors = np.full((4, 4), 255, np.uint8)
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = [0.0, 0.0, 1.0]
    # The wall's edge, at x = 0, lies at 4.35 pixels from the left.
    camera = Cameras(pose[None], 8.0, 8.0, 4.35, 4.0, 8, 8)
    rgb, met = MeshPainter(wall).draw(camera, 0, across)
    share = ((np.arange(across) + 0.5) / across > 0.35).mean()
    np.testing.assert_allclose(rgb[:, 4], share, atol=1e-6)
    assert met[:, 4:].all() and not met[:, :4].any()
    assert (rgb[:, :4] == 0.0).all() and (rgb[:, 5:] == 1.0).all()


def test_a_run_without_looks_has_no_gains() -> None:
    assert not BestLooks(5).log_gains(3).any()
    rgb, weight = BestLooks(5).blended(np.zeros((3, 3)), 4.0, 0.1)
    assert not rgb.any() and not weight.any()


def test_an_empty_mesh_is_refused() -> None:
    with pytest.raises(UserError, match="empty"):
        bake(trimesh.Trimesh(), 64)
