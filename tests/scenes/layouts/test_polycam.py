from __future__ import annotations

import json

import numpy as np
import pytest
from known_room import (
    FRAMES,
    KNOWN,
    assert_cameras,
    drawn,
    pinhole_rays,
    seen,
    smaller,
    write_millimetres,
    write_picture,
)
from tiny_scenes import FLIP, HEIGHT, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import Cameras, check_scene, load_scene

TIMES = [998, *range(1001, 1000 + FRAMES)]  # by number, not by letter
COARSE = smaller(KNOWN, 2)


def write_polycam(folder, corrected=False, confidence=True):
    frames = folder / "keyframes"
    prefix = "corrected_" if corrected else ""
    for i, time in enumerate(TIMES):
        colour = drawn(i)[1].copy()
        if corrected:  # undistortion leaves a border
            colour[:3], colour[:, -3:] = 0, 0
        write_picture(frames / f"{prefix}images/{time}.png", colour)
        pose = KNOWN.world_from_cam[i] @ FLIP
        record = {f"t_{row}{column}": pose[row, column] for row in range(3) for column in range(4)}
        record |= {
            name: getattr(KNOWN, name)[i].item() for name in ("fx", "fy", "cx", "cy", "width", "height")
        }
        record |= {"blur_score": 120.0, "timestamp": time, "neighbors": []}
        (frames / f"{prefix}cameras").mkdir(parents=True, exist_ok=True)
        (frames / f"{prefix}cameras/{time}.json").write_text(json.dumps(record))
        write_millimetres(frames / f"depth/{time}.png", drawn(i, COARSE)[0])
        if confidence:
            levels = np.full((HEIGHT // 2, WIDTH // 2), 255, np.uint8)
            levels[:, :6], levels[:, 6:9] = 0, 127
            write_picture(frames / f"confidence/{time}.png", levels)
    (folder / "mesh_info.json").write_text("{}")
    return folder


@pytest.mark.parametrize("path", ["", "keyframes"])
def test_cameras_in_arkits_world_with_sure_depth(tmp_path, path):
    scene = load_scene(write_polycam(tmp_path / "capture") / path)
    assert_cameras(scene)
    assert scene.name == "capture" and scene.sources == {"image", "sensor_depth"}
    for i in range(FRAMES):
        assert np.array_equal(scene.image(i), drawn(i)[1])
        depth = scene.depth(i, "noisy")
        assert not depth[:, :12].any()
        # Each of the file's pixels stands for two by two of the picture's.
        known = np.repeat(np.repeat(drawn(i, COARSE)[0], 2, axis=0), 2, axis=1)
        np.testing.assert_allclose(depth[4:, 12:], known[4:, 12:], atol=6e-4)
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_without_confidence_all_depth_counts(tmp_path):
    scene = load_scene(write_polycam(tmp_path, confidence=False))
    assert (scene.depth(0, "noisy")[4:] > 0).all()


def test_corrected_pictures_are_preferred_and_lose_their_black_border(tmp_path):
    write_polycam(tmp_path)
    for file in (tmp_path / "keyframes" / "cameras").iterdir():  # as they were recorded: elsewhere
        record = json.loads(file.read_text())
        file.write_text(json.dumps({**record, "t_03": record["t_03"] + 1.0}))
    scene = load_scene(write_polycam(tmp_path, corrected=True))
    inner = Cameras(
        KNOWN.world_from_cam, KNOWN.fx, KNOWN.fy, KNOWN.cx - 15, KNOWN.cy - 15, WIDTH - 30, HEIGHT - 30
    )
    assert_cameras(scene, inner)
    for i in range(FRAMES):
        _, colour = seen(inner.world_from_cam[i], pinhole_rays(inner, i))
        assert np.array_equal(scene.image(i), colour) and scene.image(i).all(axis=(0, 1)).any()
        depth = scene.depth(i, "noisy")
        assert depth.shape == colour.shape[:2]
        assert np.median(np.abs(depth - seen(inner.world_from_cam[i], pinhole_rays(inner, i))[0])) < 0.05


def test_pictures_that_are_gone_are_left_out_and_counted(tmp_path):
    write_polycam(tmp_path)
    (tmp_path / "keyframes" / "images" / "1002.png").unlink()
    scene = load_scene(tmp_path)
    assert_cameras(scene, KNOWN.select(np.array([0, 1, 3, 4, 5])))
    assert "1 of 6 pictures are not there" in scene.notes[0]


def scored(folder, scores):
    for time, score in zip(TIMES, scores):
        file = folder / "keyframes" / "cameras" / f"{time}.json"
        record = json.loads(file.read_text())
        if score is None:
            record.pop("blur_score")
        file.write_text(json.dumps(record if score is None else {**record, "blur_score": score}))
    return load_scene(folder)


def test_blurred_pictures_are_left_out_and_counted(tmp_path):
    scene = scored(write_polycam(tmp_path), [24.9, 25.0, None, 3.0, 400.0, 0])
    assert_cameras(scene, KNOWN.select(np.array([1, 2, 4])))
    assert np.array_equal(scene.image(2), drawn(4)[1])
    assert scene.notes == ("3 of 6 pictures are blurred (blur_score below 25) and left out",)


def test_where_all_are_blurred_they_are_kept_and_it_is_said(tmp_path):
    scene = scored(write_polycam(tmp_path), [3.0] * FRAMES)
    assert_cameras(scene)
    assert "all 6 pictures have a blur_score below 25" in scene.notes[0]


def edited(change):
    def break_it(folder):
        file = folder / "keyframes" / "cameras" / "1003.json"
        record = json.loads(file.read_text())
        change(record)
        file.write_text(json.dumps(record))

    return break_it


def of_other_size(folder):
    write_picture(folder / "keyframes/confidence/998.png", np.zeros((5, 6), np.uint8))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (edited(lambda record: record.pop("t_12")), "1003.json: KeyError 't_12'"),
        (edited(lambda record: record.update(fx="wide")), "1003.json: ValueError .*wide"),
        (edited(lambda record: record.update(t_00=float("nan"))), "1003.json: the pose holds NaN"),
        (edited(lambda record: record.update(width=0)), "1003.json: width and height must be positive"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, break_it, says):
    break_it(write_polycam(tmp_path))
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_confidence_of_another_size_is_named(tmp_path):
    of_other_size(write_polycam(tmp_path))
    with pytest.raises(UserError, match=r"confidence/998.png: shape \(5, 6\), its depth has \(24, 32\)"):
        load_scene(tmp_path).depth(0, "noisy")
