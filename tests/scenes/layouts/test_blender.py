"""The synthetic scenes of NeRF: three files of one focal angle, pictures with alpha, no extensions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image
from tiny_scenes import FLIP, HEIGHT, WIDTH, ring_cameras

from neurfield.errors import UserError
from neurfield.scenes import Cameras, load_scene

ANGLE = 0.6911112070083618
SPLITS = {"train": 8, "val": 3, "test": 4}


def known(split):
    focal = 0.5 * WIDTH / math.tan(0.5 * ANGLE)
    poses = ring_cameras(np.zeros(3), 4.0, SPLITS[split]).world_from_cam
    return Cameras(poses, focal, focal, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def disc(i):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return (columns - WIDTH / 2) ** 2 + (rows - HEIGHT / 2) ** 2 < (12 + i) ** 2


@pytest.fixture
def lego(tmp_path):
    folder = tmp_path / "lego"
    for split, count in SPLITS.items():
        (folder / split).mkdir(parents=True)
        frames = []
        for i in range(count):
            alpha = np.where(disc(i), 255, 0)
            picture = np.dstack([np.full((HEIGHT, WIDTH, 3), 60 + i), alpha]).astype(np.uint8)
            Image.fromarray(picture).save(folder / split / f"r_{i}.png")
            if split == "test":
                Image.fromarray(picture).save(folder / split / f"r_{i}_depth_0001.png")
            pose = (known(split).world_from_cam[i] @ FLIP).tolist()
            frames.append({"file_path": f"./{split}/r_{i}", "rotation": 0.0126, "transform_matrix": pose})
        (folder / f"transforms_{split}.json").write_text(
            json.dumps({"camera_angle_x": ANGLE, "frames": frames})
        )
    return folder


@pytest.mark.parametrize(
    ("path", "split"), [("", "train"), ("transforms_val.json", "val"), ("transforms_test.json", "test")]
)
def test_the_folder_is_what_is_trained_on_and_each_file_its_own_frames(lego, path, split):
    scene = load_scene(lego / path)
    cameras = known(split)
    np.testing.assert_allclose(scene.cameras.world_from_cam, cameras.world_from_cam, atol=1e-9)
    np.testing.assert_allclose(scene.cameras.fx, cameras.fx)
    np.testing.assert_allclose(scene.cameras.fy, cameras.fy)
    assert scene.kind == "outside" and scene.mask_says == "object" and scene.sources == {"image", "mask"}
    for i in range(len(scene)):
        assert np.array_equal(scene.mask(i), disc(i))
        assert (scene.image(i) == 60 + i).all()


def test_the_box_holds_what_the_masks_outline(lego):
    box = load_scene(lego).box
    radius = 4.0 * math.hypot(1.0, 0.5) * 12 / known("train").fx[0]
    assert (box[0] < -0.8 * radius).all() and (box[1] > 0.8 * radius).all() and np.abs(box).max() < 3 * radius


def test_a_picture_that_is_gone_is_named(lego):
    (lego / "train" / "r_3.png").unlink()
    with pytest.raises(UserError, match=r"train/r_3: no such image, which transforms_train.json names"):
        load_scene(lego)
