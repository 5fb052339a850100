"""Stereo and priors help each other: priors are held to what was matched, and fill in where nothing was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.points import aligned_priors, fuse_scene
from neurfield.points.sure_points import CELLS, sure_points
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene
from neurfield.scenes.images import FileList
from neurfield.stereo import Flag
from tests.fusion import box_room
from tests.fusion.box_room import cameras_of, pose_looking
from tests.points import cup

SIZE, FOCAL, FRAMES = (72, 96), 60.0, 20
ROOM = np.array([[0.0, 0.0, 0.0], [4.0, 3.0, 2.5]])
CPU = torch.device("cpu")


def plain_room() -> tuple[Scene, cup.Matched, list[np.ndarray]]:
    """Priors alike in what they get wrong; a room matched where x < 2.2 or z < 0.8 alone; true depth.

    Low in the room all priors are too deep, which views alone cannot tell.
    """
    random = np.random.default_rng(1)
    poses = []
    for k in range(FRAMES):
        place = random.uniform(ROOM[0] + 1.0, ROOM[1] - 1.0)
        poses.append(pose_looking(0.31 * k + 0.1, random.uniform(-0.3, 0.3), place))
    cameras = cameras_of(poses, SIZE, FOCAL)
    priors, true, normals, textured = [], [], [], []
    for i in range(FRAMES):
        points, depth = box_room.walls(cameras, i, ROOM, SIZE)
        wrong = depth * np.exp(0.1 * (1.0 - points[:, 2].reshape(SIZE) / 1.25))
        priors.append(((wrong - random.uniform(-0.3, 0.3)) / random.uniform(2.0, 8.0)).astype(np.float32))
        true.append(depth)
        textured.append(((points[:, 0] < 2.2) | (points[:, 2] < 0.8)).reshape(SIZE))
        to_wall = np.stack([points - ROOM[0], ROOM[1] - points], axis=1).reshape(-1, 6).argmin(axis=1)
        inward = np.concatenate([np.eye(3), -np.eye(3)])[to_wall]
        normals.append((inward @ poses[i][:3, :3]).reshape(*SIZE, 3))
    names = [Path(f"{i}.npy") for i in range(FRAMES)]
    files = {"prior_depth": FileList(names, lambda path: priors[int(path.stem)])}
    scene = Scene(
        "plain", Path("plain"), cameras, files, box=np.array([ROOM[0] - 0.1, ROOM[1] + 0.1]), kind="inside"
    )
    known = np.stack(textured)
    noise = 1.0 + 0.003 * random.standard_normal(known.shape)
    stereo = cup.Matched(
        np.arange(FRAMES), cameras, torch.from_numpy(np.stack(true) * known * noise).float(),
        torch.from_numpy(np.stack(normals) * known[..., None]).float(), torch.from_numpy(0.8 * known).float(),
        torch.from_numpy(known.astype(np.uint8)),
    )  # fmt: skip
    return scene, stereo, true


@pytest.fixture(scope="module")
def room() -> tuple[Scene, cup.Matched, list[np.ndarray]]:
    return plain_room()


def test_sure_points_are_pixels_of_the_maps(room: tuple[Scene, cup.Matched, list[np.ndarray]]) -> None:
    scene, stereo, _ = room
    points = sure_points(stereo, scene.cameras)
    assert len(points) > 0.3 * FRAMES * CELLS[0] * CELLS[1]
    column, row = (points.uv * torch.tensor([SIZE[1], SIZE[0]])).floor().long().unbind(1)
    assert torch.equal(stereo.depth[points.image, row, column], points.depth)
    assert (stereo.confidence[points.image, row, column] > 0).all()
    assert len(torch.unique(points.image)) == FRAMES
    middle = points.uv * torch.tensor([SIZE[1], SIZE[0]]) % 1.0
    assert torch.allclose(middle, torch.full_like(middle, 0.5), atol=1e-3)


def test_only_what_was_matched_and_surely_is_sure(room: tuple[Scene, cup.Matched, list[np.ndarray]]) -> None:
    scene, stereo, _ = room
    flags, confidence = stereo.flags.clone(), stereo.confidence.clone()
    flags[:, :36][flags[:, :36] == Flag.MATCHED] = int(Flag.PLANAR)
    confidence[:, :, :48] *= 0.1 / 0.81  # just below the least
    points = sure_points(replace(stereo, flags=flags, confidence=confidence), scene.cameras)
    assert len(points) > 100 and (points.uv[:, 1] > 0.5).all() and (points.uv[:, 0] > 0.5).all()


def test_a_picture_without_a_map_is_told_by_others_near_by() -> None:
    height, width, focal = 60, 96, 60.0
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[1, 0, 3], poses[2, 0, 3] = 0.3, 3.0  # a step aside; where the same points look otherwise
    depth = torch.full((1, height, width), 2.0)
    depth[..., : width // 2] = 6.0  # behind a wall that covers the right half
    stereo = cup.Matched(
        np.array([0]), cameras_of(poses[:1], (height, width), focal), depth, torch.zeros(1, height, width, 3),
        torch.ones_like(depth), torch.full(depth.shape, int(Flag.MATCHED), dtype=torch.uint8),
    )  # fmt: skip
    points = sure_points(stereo, cameras_of(poses, (height, width), focal))
    own, beside, aside = (points.select(points.image == i) for i in range(3))
    assert len(own) == CELLS[0] * CELLS[1] and len(aside) == 0
    assert len(beside) > 0.8 * len(own)
    edge = 0.5 - focal * 0.3 / 2.0 / width  # where the wall begins by now
    covered = beside.uv[:, 0] > edge + 1.0 / CELLS[1]
    assert (beside.depth[covered] == 2.0).all() and covered.sum() > 0.4 * len(own)
    assert (beside.depth[beside.uv[:, 0] < edge - 1.0 / CELLS[1]] == 6.0).all()


def test_stereo_tells_what_priors_mean(room: tuple[Scene, cup.Matched, list[np.ndarray]]) -> None:
    scene, stereo, true = room
    errors = []
    for known in (None, stereo):
        aligned = aligned_priors(scene, ROOM.reshape(-1).tolist(), 0, known)
        assert aligned is not None
        apart = [
            np.abs(np.log(aligned.depth(i, scene.prior_depth(i)).numpy() / z)) for i, z in enumerate(true)
        ]  # type: ignore[arg-type]
        errors.append(float(np.median(np.stack(apart))))
    assert errors[1] < 0.5 * errors[0] and errors[1] < 0.02


def test_priors_fill_in_where_nothing_was_matched(room: tuple[Scene, cup.Matched, list[np.ndarray]]) -> None:
    scene, stereo, _ = room
    frame = UnitFrame.around(scene.box)
    aligned = aligned_priors(scene, ROOM.reshape(-1).tolist(), 0, stereo)
    alone, both = (fuse_scene(scene, 0.04, frame, CPU, priors, stereo) for priors in (None, aligned))
    assert alone is not None and both is not None and "priors where nothing was" in both.words

    def on_plain_wall(volume: object) -> torch.Tensor:
        places = volume.points.double().numpy() * frame.half + frame.centre  # type: ignore[attr-defined]
        chosen = (np.abs(places[:, 0] - ROOM[1, 0]) < 0.03) & (places[:, 2] > 1.1) & (places[:, 2] < 2.2)
        return volume.weight[torch.from_numpy(chosen)]  # type: ignore[attr-defined]

    assert not len(on_plain_wall(alone))
    filled = on_plain_wall(both)
    assert len(filled) > 500
    assert filled.median() < 0.5 * both.weight.quantile(0.9)  # and count less than what was matched


def test_sensed_depth_is_better_than_both(room: tuple[Scene, cup.Matched, list[np.ndarray]]) -> None:
    scene, stereo, true = room
    names = [Path(f"{i}.npy") for i in range(FRAMES)]
    files = {"depth": FileList(names, lambda path: true[int(path.stem)].astype(np.float32))}
    sensed = Scene("sensed", Path("sensed"), scene.cameras, files, box=scene.box, kind="inside")
    found = fuse_scene(sensed, 0.1, UnitFrame.around(scene.box), CPU, None, stereo)
    assert found is not None and "depth maps fused" in found.words and "stereo" not in found.words
