"""Poses that are fitted: where they put rays, which gradients reach them, what they may not do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from neurfield.encodings import HashGrid
from neurfield.evaluation import pose_errors
from neurfield.fields import Radiance, SDFField
from neurfield.moment import END, Moment
from neurfield.pixels import Pixels
from neurfield.rays import Rays, Samples, UnitFrame, clipped
from neurfield.rendering import RefinedPoses, VolSDF, render_passes
from neurfield.rendering.poses import _rotations, _without_gauge
from tests.fitting.round_scenes import BOX, cameras

FRAME = UnitFrame.around(BOX)
UNIT_BOX = FRAME.box_in_unit(BOX)
CPU = torch.device("cpu")
CAMERAS = cameras(inside=False)


def refined(turn: float = 0.02, shift: float = 0.03, seed: int = 0) -> RefinedPoses:
    """Poses that have moved by chance."""
    poses = RefinedPoses(CAMERAS, FRAME, UNIT_BOX, CPU)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        poses.turn.copy_(turn * torch.randn(len(CAMERAS), 3, generator=generator))
        poses.shift.copy_(shift * torch.randn(len(CAMERAS), 3, generator=generator))
    return poses


def pixels_of(cameras_then=CAMERAS, count: int = 60, seed: int = 0) -> Pixels:  # type: ignore[no-untyped-def]
    """Pixels near the middle of the pictures."""
    random = np.random.default_rng(seed)
    camera = random.integers(0, len(CAMERAS), count)
    places = random.uniform([12.0, 10.0], [30.0, 20.0], (count, 2))
    origins, directions, z_per_t = cameras_then.rays(camera, places)
    rays = clipped(
        torch.from_numpy(FRAME.unit_from_world(origins)).float(), torch.from_numpy(directions),
        torch.from_numpy(z_per_t), torch.tensor(UNIT_BOX),
    )  # fmt: skip
    return Pixels(rays, torch.from_numpy(camera), torch.zeros(count, dtype=torch.int64), 1)


def test_rotation_vectors_turn_as_scipy_has_it() -> None:
    turn = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(_rotations(turn), Rotation.from_rotvec(turn.numpy()).as_matrix(), atol=1e-12)


def test_posed_pixels_are_those_of_the_cameras_as_they_stand() -> None:
    poses = refined()
    posed = poses.posed(pixels_of()).rays
    expected = pixels_of(poses.cameras()).rays
    for name in ("origins", "directions", "t_min", "t_max", "z_per_t"):
        torch.testing.assert_close(getattr(posed, name), getattr(expected, name), atol=2e-5, rtol=2e-5)
    assert not posed.origins.requires_grad
    still = RefinedPoses(CAMERAS, FRAME, UNIT_BOX, CPU)
    torch.testing.assert_close(still.posed(pixels_of()).rays.directions, pixels_of().rays.directions)
    np.testing.assert_array_equal(still.cameras().world_from_cam, CAMERAS.world_from_cam)


def test_the_whole_scene_is_neither_moved_nor_turned_nor_scaled() -> None:
    random = torch.Generator().manual_seed(0)
    turn, shift, places = (torch.randn(9, 3, dtype=torch.float64, generator=random) for _ in range(3))
    places = places - places.mean(dim=0)
    plain = _without_gauge(turn, shift, places)
    whole = _without_gauge(
        turn + torch.tensor([0.1, -0.2, 0.3]), shift + 0.3 * places + torch.tensor([1.0, 2.0, 3.0]), places
    )
    for one, other in zip(plain, whole):
        torch.testing.assert_close(one, other)
    assert (plain[1] * places).sum().abs() < 1e-12 and plain[0].sum(dim=0).abs().max() < 1e-12


def test_lines_keep_their_values_and_lead_back_to_the_poses() -> None:
    poses = refined(turn=1e-3, shift=1e-3)
    posed = poses.posed(pixels_of())
    lines = poses.lines(posed)
    assert torch.equal(lines.origins, posed.rays.origins) and torch.equal(
        lines.directions, posed.rays.directions
    )
    wanted = torch.randn(2, len(posed), 3, generator=torch.Generator().manual_seed(1))

    def value() -> Tensor:
        moved = poses.posed(pixels_of()).rays
        return (wanted[0] * moved.origins + wanted[1] * moved.directions).double().sum()

    (wanted[0] * lines.origins + wanted[1] * lines.directions).sum().backward()  # type: ignore[no-untyped-call]
    for parameter in (poses.turn, poses.shift):
        assert parameter.grad is not None
        for row, axis in ((0, 1), (3, 0), (7, 2)):
            assert_slope(parameter, row, axis, value, float(parameter.grad[row, axis]), atol=2e-2)


def assert_slope(parameter, row, axis, value, expected, atol, step=5e-3):  # type: ignore[no-untyped-def]
    """The gradient is what central differences say."""
    with torch.no_grad():
        parameter[row, axis] += step
        above = float(value())
        parameter[row, axis] -= 2 * step
        below = float(value())
        parameter[row, axis] += step
    assert (above - below) / (2 * step) == pytest.approx(expected, abs=atol, rel=0.03)


def test_what_is_rendered_leads_back_to_the_poses() -> None:
    """Of an opacity that does not depend on the slope, all of the gradient is there: held to differences."""
    torch.manual_seed(0)
    coarse = {"levels": 3, "log2_table_size": 12, "base_resolution": 3, "finest_resolution": 8}
    field = SDFField(HashGrid(**coarse, interpolation="smoothstep"), hidden=(32,))
    color = Radiance(HashGrid(**coarse, interpolation="smoothstep"), hidden=(32,), view_degree=1)
    with torch.no_grad():
        field.encoding.table.normal_(0.0, 0.05)
        color.encoding.table.normal_(0.0, 0.5)
    poses = refined(turn=0.0, shift=0.0)
    pixels, count = pixels_of(), 40
    index = torch.arange(len(pixels)).repeat_interleave(count)
    packed = torch.stack([torch.arange(len(pixels)) * count, torch.full((len(pixels),), count)], dim=1)
    edges = torch.linspace(0.0, 1.0, count + 1)
    t = pixels.rays.t_min[:, None] + (pixels.rays.t_max - pixels.rays.t_min)[:, None] * edges
    samples = Samples(index, t[:, :-1].reshape(-1), t[:, 1:].reshape(-1), packed)
    wanted = torch.randn(len(pixels), 3, generator=torch.Generator().manual_seed(1))

    def value(rays: Rays | None = None) -> Tensor:
        """Samples stay at their distances, as in a step."""
        at = poses.posed(pixels).rays if rays is None else rays
        passes = {"surface": VolSDF().at(replace(END, progress=0.0))}
        rendered = render_passes(field, color, at, samples, passes, points_gradient=rays is not None)
        return (wanted * rendered["surface"].rgb).double().sum()

    value(poses.lines(poses.posed(pixels))).backward()  # type: ignore[no-untyped-call]
    for parameter in (poses.turn, poses.shift):
        assert parameter.grad is not None and parameter.grad.abs().max() > 0.1
        rows = parameter.grad.abs().sum(dim=1).argsort(descending=True)[:3].tolist()
        for row, axis in zip(rows, (0, 1, 2)):
            expected, near = float(parameter.grad[row, axis]), 0.02 * float(parameter.grad[row].norm())
            assert_slope(parameter, row, axis, value, expected, atol=near)


def test_when_poses_move_and_which_levels_take_part() -> None:
    poses = RefinedPoses(CAMERAS, FRAME, UNIT_BOX, CPU, start=0.2, stop=0.5, coarse=0.5)
    progress = (0.0, 0.2, 0.49, 0.5, 1.0)
    assert [poses.move(Moment(0, p)) for p in progress] == [False, True, True, False, False]
    assert [poses.levels(12, Moment(0, p)) for p in progress] == [6, 6, 6, 12, 12]
    assert poses.levels(1, Moment(0, 0.0)) == 1


def test_what_holds_poses_grows_with_how_far_they_moved() -> None:
    assert float(refined(0.0, 0.0).penalty().detach()) == 0.0
    small, large = (float(refined(k * 0.01, k * 0.01).penalty().detach()) for k in (1.0, 2.0))
    assert large == pytest.approx(4 * small, rel=1e-4) and small > 0


def test_pose_errors_are_free_of_where_the_whole_stands() -> None:
    whole = np.eye(4)
    whole[:3, :3] = Rotation.from_euler("xyz", [20, -40, 70], degrees=True).as_matrix()
    true = CAMERAS.world_from_cam
    moved = whole @ true
    moved[:, :3, 3] = 3.0 * moved[:, :3, 3] + [1.0, 2.0, 3.0]
    degrees, places = pose_errors(moved, true)
    assert degrees.max() < 1e-5 and places.max() < 1e-9
    moved[4, :3, :3] = Rotation.from_rotvec([0, np.radians(2.0), 0]).as_matrix() @ moved[4, :3, :3]
    assert pose_errors(moved, true)[0].round(4).tolist() == [0, 0, 0, 0, 2.0] + [0] * 7
