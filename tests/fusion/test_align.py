"""Ambiguous depth of a box-shaped room, each image with a scale and shift of its own, found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.fusion import align_priors
from neurfield.fusion.prior_model import NODES_X, NODES_Y, PARAMETERS, Meaning, nodes
from neurfield.fusion.prior_views import PriorViews
from neurfield.scenes import Scene
from neurfield.scenes.images import FileList
from tests.fusion import box_room
from tests.fusion.box_room import cameras_of, pose_looking

SIZE, FOCAL = (45, 60), 40.0
ROOM = np.array([[0.0, 0.0, 0.0], [4.0, 3.0, 2.5]])


def room_scene(frames: int = 24, seed: int = 0) -> tuple[Scene, list[np.ndarray]]:
    """A scene that has nothing but priors, and the true depth of each frame."""
    random = np.random.default_rng(seed)
    poses = []
    for _ in range(frames):
        yaw, pitch = random.uniform(0, 2 * np.pi), random.uniform(-0.4, 0.4)
        poses.append(pose_looking(yaw, pitch, random.uniform(ROOM[0] + 0.8, ROOM[1] - 0.8)))
    cameras = cameras_of(poses, SIZE, FOCAL)
    true = [box_room.walls(cameras, i, ROOM, SIZE)[1] for i in range(frames)]
    priors = [((z - random.uniform(-0.3, 0.3)) / random.uniform(2.0, 8.0)).astype(np.float32) for z in true]
    names = [Path(f"{i}.npy") for i in range(frames)]
    listed = FileList(names, lambda path: priors[int(path.stem)])
    box = np.stack([ROOM[0] - 0.3, ROOM[1] + 0.5])
    return Scene("walls", Path("walls"), cameras, {"prior_depth": listed}, box=box, kind="inside"), true


@pytest.fixture(scope="module")
def walls() -> tuple[Scene, list[np.ndarray]]:
    return room_scene()


def test_scale_and_shift_are_found(walls: tuple[Scene, list[np.ndarray]]) -> None:
    scene, true = walls
    aligned = align_priors(scene, scene.box)
    errors = []
    for i, z in enumerate(true):
        prior = scene.prior_depth(i)
        assert prior is not None
        errors.append(float(np.mean(np.abs(aligned.depth(i, prior).numpy() - z) / z)))
    assert np.median(errors) < 0.03
    assert aligned.disagreement < 0.03 and float(aligned.inliers.median()) > 0.8


def test_the_same_seed_gives_the_same_bits(walls: tuple[Scene, list[np.ndarray]]) -> None:
    scene, _ = walls
    assert torch.equal(
        align_priors(scene, scene.box, 3).meaning.values, align_priors(scene, scene.box, 3).meaning.values
    )


def test_derivatives_of_a_meaning() -> None:
    values = (0.3 * torch.randn(3, PARAMETERS, dtype=torch.float64)).requires_grad_()
    image, x, uv = (
        torch.tensor([0, 2, 1, 2]),
        torch.rand(4).double().requires_grad_(),
        torch.rand(4, 2).double(),
    )
    log_z, slope, by_x = Meaning(values).log_depth(image, x, uv)
    (by_values,) = torch.autograd.grad(log_z.sum(), values, retain_graph=True)
    for k in range(4):
        (row,) = torch.autograd.grad(log_z[k], values, retain_graph=True)
        torch.testing.assert_close(row[image[k]].float(), slope[k].float(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.autograd.grad(log_z.sum(), x)[0], by_x)
    assert by_values.shape == values.shape


def test_nodes_share_one() -> None:
    index, share = nodes(torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5, 0.2]]))
    torch.testing.assert_close(share.sum(dim=1), torch.ones(3))
    assert index.min() >= 0 and index.max() < NODES_X * NODES_Y


def test_look_up_is_the_map_and_its_slope(walls: tuple[Scene, list[np.ndarray]]) -> None:
    views = PriorViews.of(walls[0])
    uv = (0.1 + 0.8 * torch.rand(50, 2)).double()
    image = torch.randint(len(views), (50,))
    step = 1e-4
    value, slope = views.look_up(image, uv)
    for axis in range(2):
        moved = uv.clone()
        moved[:, axis] += step
        change = (views.look_up(image, moved)[0] - value) / step
        assert (
            (change - slope[:, axis]).abs() < 0.05 * slope.abs().max()
        ).float().mean() > 0.9  # but at pixel borders


def test_two_views_leave_nothing_to_check_by(walls: tuple[Scene, list[np.ndarray]]) -> None:
    scene = walls[0].with_frames(np.array([0, 1]))
    aligned = align_priors(scene, walls[0].box)
    assert "too few to check by" in aligned.words() and not aligned.warped


def test_a_prior_of_no_numbers_is_named(walls: tuple[Scene, list[np.ndarray]]) -> None:
    scene, listed = walls[0], walls[0].files["prior_depth"]

    def read(path: Path) -> np.ndarray:
        prior = np.array(listed.read(path))
        if path.stem == "3":
            prior[2, 5] = np.nan
        return prior

    files = {"prior_depth": FileList(listed.paths, read)}
    spoilt = Scene("walls", scene.path, scene.cameras, files, box=scene.box, kind="inside")
    with pytest.raises(UserError, match="frame 3 holds values that are no numbers"):
        align_priors(spoilt, scene.box)


@pytest.mark.parametrize("left", ["missing", "of one value"])
def test_frames_without_a_prior_stay_out_and_spoil_no_other(
    walls: tuple[Scene, list[np.ndarray]], left: str
) -> None:
    scene, true = walls
    listed, without = scene.files["prior_depth"], (2, 9, 10, 17)

    def read(path: Path) -> np.ndarray:
        prior = listed.read(path)
        return np.full_like(prior, 0.5) if left == "of one value" and int(path.stem) in without else prior

    kept = (None if left == "missing" and i in without else path for i, path in enumerate(listed.paths))
    files = {"prior_depth": FileList(tuple(kept), read)}
    fewer = Scene("walls", scene.path, scene.cameras, files, box=scene.box, kind="inside")
    aligned = align_priors(fewer, fewer.box)
    trusted = aligned.trusted().tolist()
    assert not set(trusted) & set(without) and len(trusted) >= 0.9 * (len(scene) - len(without))
    errors = []
    for i in trusted:
        prior = scene.prior_depth(i)
        assert prior is not None
        errors.append(float(np.mean(np.abs(aligned.depth(i, prior).numpy() - true[i]) / true[i])))
    assert np.median(errors) < 0.03


def test_priors_that_say_nothing_at_all_are_refused(walls: tuple[Scene, list[np.ndarray]]) -> None:
    scene, listed = walls[0], walls[0].files["prior_depth"]
    files = {"prior_depth": FileList(listed.paths, lambda path: np.zeros_like(listed.read(path)))}
    with pytest.raises(UserError, match="no frame has prior depth of more than one value"):
        align_priors(
            Scene("walls", scene.path, scene.cameras, files, box=scene.box, kind="inside"), scene.box
        )
