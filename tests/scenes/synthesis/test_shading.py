"""What a camera sees: exact depth and normals, colours within range, lamps and sheets from both sides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from synthetic_room import ROUTE, SIZE, room

from neurfield.scenes.synthesis.camera_walk import walk
from neurfield.scenes.synthesis.lighting import bake_light
from neurfield.scenes.synthesis.shading import Frame, Pinhole, Renderer, choose_exposure, to_display
from neurfield.scenes.synthesis.surface import prepare_surface

CAMERA = Pinhole(96, 54, 48.0, 48.0, 27.0)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    model = room()
    surface = prepare_surface(model, 0.1)
    with ThreadPoolExecutor(2) as executor:
        light = bake_light(surface, model.lights, executor)
    poses = walk(model.bounds, model.keep_out, ROUTE, 8)
    return Renderer(surface, light, choose_exposure(surface, light, poses, CAMERA, 0.62))


@pytest.fixture(scope="module")
def frames(renderer: Renderer) -> list[tuple[np.ndarray, Frame]]:
    model = room()
    return [(pose, renderer.frame(pose, CAMERA)) for pose in walk(model.bounds, model.keep_out, ROUTE, 6)]


def looking(
    along: tuple[float, float, float], down: tuple[float, float, float], at: tuple[float, float, float]
) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(down, along), down, along], axis=1)
    pose[:3, 3] = at
    return pose


def test_depth_is_along_the_axis_and_through_pixel_centres(renderer: Renderer) -> None:
    frame = renderer.frame(looking((0, 1, 0), (0, 0, -1), (2.0, 1.4, 2.2)), CAMERA)
    walls = frame.segment == 0
    far = walls & (np.abs(frame.normal[..., 2] + 1) < 1e-4)
    assert far.sum() > 100
    assert np.allclose(frame.depth[far], SIZE[1] - 1.4, atol=1e-5)
    ceiling = walls & (frame.normal[..., 1] > 0.99)
    rows = np.nonzero(ceiling)[0]
    assert len(rows) > 100
    # The ceiling is 0.3 m above the camera: z = 0.3 f / (cy - v) with v at the pixel's centre.
    assert np.allclose(frame.depth[ceiling], 0.3 * CAMERA.focal / (CAMERA.cy - (rows + 0.5)), rtol=1e-4)


def test_points_behind_pixels_lie_on_the_model(frames: list[tuple[np.ndarray, Frame]]) -> None:
    model = room()
    directions = CAMERA.directions((0.5, 0.5)).reshape(CAMERA.height, CAMERA.width, 3)
    for pose, frame in frames:
        points = (directions * frame.depth[..., None]) @ pose[:3, :3].T + pose[:3, 3]
        ball = frame.segment == 2
        radius = np.linalg.norm(points[ball] - [0.5, 0.6, 0.3], axis=-1)
        assert (np.abs(radius - 0.3) < 5e-3).all()
        walls = points[frame.segment == 0]
        assert (
            np.minimum(np.abs(walls - model.bounds[0]), np.abs(walls - model.bounds[1])).min(axis=1).max()
            < 1e-4
        )


def test_normals_are_unit_and_face_the_camera(frames: list[tuple[np.ndarray, Frame]]) -> None:
    directions = CAMERA.directions((0.5, 0.5)).reshape(CAMERA.height, CAMERA.width, 3)
    for _, frame in frames:
        assert np.allclose(np.linalg.norm(frame.normal, axis=-1), 1, atol=1e-5)
        assert (np.einsum("hwi,hwi->hw", frame.normal, directions) < 0).all()


def test_a_closed_room_has_no_holes_and_is_neither_black_nor_blown_out(
    frames: list[tuple[np.ndarray, Frame]],
) -> None:
    for _, frame in frames:
        assert (frame.depth > 0).all() and (frame.segment >= 0).all()
        assert frame.rgb.dtype == np.uint8
    rgb = np.stack([frame.rgb for _, frame in frames])
    assert (rgb.max(axis=-1) >= 254).mean() < 0.05
    assert (rgb.max(axis=-1) < 10).mean() < 0.05
    assert 80 < np.median(rgb) < 220


def test_a_frame_is_the_same_every_time(renderer: Renderer, frames: list[tuple[np.ndarray, Frame]]) -> None:
    pose, frame = frames[2]
    again = renderer.frame(pose, CAMERA)
    for name in ("rgb", "depth", "normal", "segment"):
        assert np.array_equal(getattr(frame, name), getattr(again, name)), name


def test_a_sheet_is_seen_from_both_sides(renderer: Renderer) -> None:
    at = (0.65, 2.6, 0.45)
    for sign in (1, -1):
        pose = looking((0, sign, 0), (0, 0, -1), (at[0], at[1] - 0.6 * sign, at[2]))
        frame = renderer.frame(pose, CAMERA)
        middle = frame.rgb[27, 48].astype(int)
        assert frame.segment[27, 48] == 4 and frame.depth[27, 48] == pytest.approx(0.6, abs=1e-5)
        assert middle[1] > middle[0] + 20 and middle[1] > 40, "green, and lit"


def test_what_shines_is_seen_to_shine(renderer: Renderer) -> None:
    frame = renderer.frame(looking((0, -1, 0), (0, 0, -1), (3.4, 1.4, 0.5)), CAMERA)
    assert frame.segment[27, 48] == 5
    assert frame.rgb[27, 48, 0] > 200


def test_rays_that_leave_the_model_see_nothing(renderer: Renderer) -> None:
    frame = renderer.frame(looking((0, 1, 0), (0, 0, -1), (2.0, 9.0, 1.0)), CAMERA)
    assert (frame.depth == 0).all() and (frame.segment == -1).all() and (frame.rgb == 0).all()
    assert (frame.normal == 0).all()


def test_the_tone_curve_rises_and_never_wraps() -> None:
    values = to_display(np.linspace(0, 50, 4000, dtype=np.float32)[:, None]).ravel().astype(int)
    assert (np.diff(values) >= 0).all() and values[0] == 0 and values[-1] == 255
    # Below its shoulder it is the sRGB curve: 0.2140 is the middle grey of 8 bits.
    assert to_display(np.float32([[0.2140]]))[0, 0] == pytest.approx(127.5, abs=1)
