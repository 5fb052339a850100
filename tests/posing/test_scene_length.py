"""A length that somebody measured gives a posed scene its unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.posing.scene_length import in_metres
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.images import FileList, read_depth, read_rgb
from tests.fitting.round_scenes import BOX, CENTRE, RoundScene


def made(folder: Path, shift: float = 0.0, **more: object) -> Scene:
    """An object seen by twelve cameras, of no unit, with points on it."""
    see = RoundScene(inside=False).cameras
    poses = see.world_from_cam.copy()
    poses[:, :3, 3] += shift
    lens = (see.fx, see.fy, see.cx, see.cy, see.width, see.height)
    paths = [folder / f"IMG_{i:02d}.jpg" for i in range(len(see))]
    points = CENTRE + shift + np.eye(3)
    files = {"image": FileList(paths, read_rgb), **more}  # type: ignore[dict-item]
    return Scene("ball", folder, Cameras(poses, *lens), files, box=BOX + shift, points=points)


def pixels_of(scene: Scene, i: int, points: np.ndarray) -> str:
    uv, _ = scene.cameras.project(i, points)
    return " ".join(f"{u:.4f},{v:.4f}" for u, v in uv)


@pytest.mark.parametrize("shift", [0.0, 5e6])
def test_two_points_in_two_pictures(tmp_path: Path, shift: float) -> None:
    scene = made(tmp_path, shift)
    ends = CENTRE + shift + np.array([[0.3, 0.0, 0.2], [-0.3, 0.0, -0.6]])  # 1 apart
    said = f"IMG_00 {pixels_of(scene, 0, ends)} IMG_03.jpg {pixels_of(scene, 3, ends)} 0.25"
    found = in_metres(scene, said)
    assert found.unit == "m" and scene.unit == ""
    np.testing.assert_allclose(found.box, scene.box * 0.25, rtol=1e-4)
    assert found.points is not None and scene.points is not None
    np.testing.assert_allclose(found.points, scene.points * 0.25, rtol=1e-4)
    np.testing.assert_allclose(found.cameras.centers, scene.cameras.centers * 0.25, rtol=1e-4)
    np.testing.assert_array_equal(
        found.cameras.world_from_cam[:, :3, :3], scene.cameras.world_from_cam[:, :3, :3]
    )


def test_how_far_two_pictures_were_taken_apart(tmp_path: Path) -> None:
    scene = made(tmp_path)
    apart = np.linalg.norm(scene.cameras.centers[2] - scene.cameras.centers[7])
    found = in_metres(scene, "img_02 IMG_07 2.5")
    again = np.linalg.norm(found.cameras.centers[2] - found.cameras.centers[7])
    assert again == pytest.approx(2.5) and apart != pytest.approx(2.5)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("IMG_00 IMG_01", "write"),
        ("IMG_00 IMG_99 1", "no photo 'IMG_99'"),
        ("IMG_00 900,2 2,2 IMG_03 2,2 3,3 1", "is not in IMG_00, which has 44x30"),
        ("IMG_00 2,2 40,20 IMG_03 40,28 3,3 1", "not the point given in the other picture"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, said: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        in_metres(made(tmp_path), said)


def test_measured_depth_knows_lengths_already(tmp_path: Path) -> None:
    depth = FileList([tmp_path / "depth.png", *[None] * 11], read_depth)
    with pytest.raises(UserError, match="has sensor depth, so its lengths are known"):
        in_metres(made(tmp_path, sensor_depth=depth), "IMG_00 IMG_01 1")
