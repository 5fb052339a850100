"""Points that stereo is sure of: where they lie, how often each is drawn, what leaving them costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.fitting.scene import SceneTask
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.points import StereoPoints, confident_points
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene, load_scene
from neurfield.scenes.images import FileList
from tests.fitting.conftest import CENTRE, RADIUS, SMALL, write_sphere_scene

FRAME = UnitFrame((10.0, 0.0, 0.0), 2.0)
CPU = torch.device("cpu")


def source(points: list[list[float]], weights: list[float], **numbers: int) -> StereoPoints:
    def made() -> tuple[np.ndarray, np.ndarray]:
        return np.array(points).reshape(-1, 3), np.array(weights, np.float32)

    return StereoPoints(made, FRAME, [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0], CPU, **numbers)


def test_each_is_drawn_as_often_as_it_counts_and_none_outside_the_box() -> None:
    points = [[10.0, 0.0, 0.0], [11.0, 1.0, 0.0], [20.0, 0.0, 0.0], [9.0, 0.0, -1.0], [10.5, 0.0, 0.0]]
    found = source(points, [1.0, 3.0, 5.0, 1.0, 0.0], count=20000)
    (index,) = found.draw(Moment(0, 0.5, generator=torch.Generator().manual_seed(0)))
    shares = torch.bincount(index, minlength=3) / 20000
    torch.testing.assert_close(shares, torch.tensor([0.2, 0.6, 0.2]), atol=0.02, rtol=0.0)
    drawn = found.sets(index[:50])["stereo"]
    unit = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [-0.5, 0.0, -0.5]])
    torch.testing.assert_close(drawn.points, unit[index[:50]])
    assert drawn.sizes == {"band": 0.02}


def test_there_may_be_none() -> None:
    for points, weights in (([], []), ([[50.0, 0.0, 0.0]], [1.0])):
        assert source(points, weights).draw(Moment(0, 0.5)) == ()
    assert source([[10.0, 0.0, 0.0]], [1.0]).draw(Moment(0, 0.1, alone=0.25)) == ()


@pytest.fixture(scope="module")
def sphere_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return load_scene(write_sphere_scene(tmp_path_factory.mktemp("sphere") / "sphere"))


@pytest.fixture
def matched(sphere_scene: Scene) -> Scene:
    """The sphere with stereo maps in every second frame: the true depth, sure in the upper half."""

    def depth(path: Path) -> np.ndarray:
        return np.array(sphere_scene.array("sensor_depth", int(path.name)), np.float32)

    def confidence(path: Path) -> np.ndarray:
        sure = np.zeros_like(depth(path))
        sure[: len(sure) // 2], sure[len(sure) // 2 :] = 0.8, 0.1
        return sure

    paths = tuple(Path(str(i)) if i % 2 else None for i in range(len(sphere_scene)))
    files = {"stereo_depth": FileList(paths, depth), "stereo_confidence": FileList(paths, confidence)}
    return sphere_scene.with_files(files)


def test_confident_pixels_are_points_of_the_surface(matched: Scene, sphere_scene: Scene) -> None:
    points, weights = confident_points(matched)
    assert len(points) > 1000 and (weights == np.float32(0.8)).all()
    assert np.abs(np.linalg.norm(points - CENTRE, axis=1) - RADIUS).max() < 0.02 * RADIUS
    few, _ = confident_points(matched, most=120)
    assert len(few) <= 120
    assert len(confident_points(sphere_scene)[0]) == 0


def test_a_field_pays_for_leaving_them(matched: Scene) -> None:
    overrides = [
        *SMALL, "points.fused_depth=off", "sampler.rays=64", "points.stereo.count=100", "device=cpu",
        "losses.sure={part: seen_points, of: stereo, weight: 1.0}",
    ]  # fmt: skip
    scene = matched.without("sensor_depth")
    task = SceneTask(scene, load_config("neus", overrides=overrides), CPU)
    loss = task.step(0, 0.5).losses["sure"]
    assert 0.0 < loss.item() <= 0.75
    bare = SceneTask(scene.without("stereo_depth", "stereo_confidence"), task.config, CPU)
    assert "sure" not in bare.step(0, 0.5).losses
