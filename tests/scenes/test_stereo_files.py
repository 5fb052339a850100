"""Maps of stereo beside a scene's files, or elsewhere: every reader finds them, stale ones are left alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from tiny_scenes import HEIGHT, ROOM, WIDTH, grey, ring_cameras, write_replica, write_transforms

from neurfield.errors import UserError
from neurfield.scenes import load_scene, stereo_files
from neurfield.scenes.check import check_scene
from neurfield.scenes.images import FileList, read_mask
from neurfield.scenes.load import read_scene

UNIT = 1e-4


def write_maps(scene, folder, frames, away=".."):
    """Depth 1 / (0.25 + 0.01 i), normals along -z, confidence 102 of 255 for some frames."""
    folder.mkdir(parents=True)
    entries = {}
    for i in frames:
        levels = np.full((HEIGHT, WIDTH), round((0.25 + 0.01 * i) / UNIT), np.uint16)
        levels[0] = 0
        Image.fromarray(levels).save(folder / f"{i:06d}_disparity.png")
        normal = np.full((HEIGHT, WIDTH, 3), (128, 128, 0), np.uint8)
        normal[0] = 0
        Image.fromarray(normal).save(folder / f"{i:06d}_normal.png")
        Image.fromarray(np.full((HEIGHT, WIDTH), 102, np.uint8)).save(folder / f"{i:06d}_confidence.png")
        camera = stereo_files.camera_print(scene.cameras, i)
        entries[stereo_files.picture_key(scene, i)] = {"file": f"{i:06d}", "camera": camera}
    index = {"version": stereo_files.VERSION, "scene": str(away), "unit": UNIT, "frames": entries}
    (folder / "stereo.json").write_text(json.dumps(index))
    return folder


def made(layout, tmp_path):
    if layout == "replica":
        return write_replica(tmp_path / "room7", count=6)
    keys = {"w": WIDTH, "h": HEIGHT, "fl_x": 40.0, "cx": WIDTH / 2, "cy": HEIGHT / 2}
    write_transforms(tmp_path / "ring", ring_cameras(ROOM.mean(axis=0), count=6), keys, grey)
    return tmp_path / "ring"


@pytest.mark.parametrize("layout", ["replica", "transforms"])
def test_every_reader_finds_them(layout, tmp_path):
    path = made(layout, tmp_path)
    plain = load_scene(path)
    assert not plain.sources & set(stereo_files.STEREO_SOURCES)
    folder = write_maps(plain, stereo_files.stereo_folder(path), [0, 3])
    scene = load_scene(path)
    assert scene.sources == plain.sources | set(stereo_files.STEREO_SOURCES)
    assert scene.stereo_depth(1) is None and (scene.stereo_depth(3)[0] == 0).all()
    assert scene.stereo_depth(3)[1:] == pytest.approx(1 / 0.28, rel=1e-4)
    assert scene.stereo_normal(0)[1:] == pytest.approx(
        np.broadcast_to([0, 0, -1], (HEIGHT - 1, WIDTH, 3)), abs=0.01
    )
    assert (scene.stereo_normal(0)[0] == 0).all()
    assert scene.stereo_confidence(0) == pytest.approx(0.4)
    assert scene.with_frames(np.array([3])).stereo_depth(0) is not None
    assert load_scene(path, stereo=False).sources == plain.sources
    again = load_scene(folder)
    assert again.path == folder and again.sources == scene.sources
    assert np.array_equal(again.stereo_depth(3), scene.stereo_depth(3))


def test_a_folder_elsewhere_stands_for_its_scene(tmp_path):
    path = made("transforms", tmp_path)
    plain = load_scene(path)
    folder = write_maps(plain, tmp_path / "elsewhere", range(6), away=path)
    scene = load_scene(folder)
    assert len(scene) == 6 and scene.sources > {"image", "stereo_depth"} and scene.path == folder
    assert load_scene(path).sources == plain.sources
    (folder / "stereo.json").write_text(
        json.dumps({"version": 1, "scene": "../gone", "unit": 1, "frames": {}})
    )
    with pytest.raises(UserError, match=r"its scene .*gone is gone"):
        load_scene(folder)


def test_a_room_with_other_priors_has_the_rooms_maps(tmp_path):
    path = made("replica", tmp_path)
    (path / "priors_repeating").mkdir()
    write_maps(load_scene(path), path / "stereo", [0, 1])
    assert "stereo_depth" in read_scene(path / "priors_repeating").sources


def test_maps_of_another_camera_are_left_alone_and_told(tmp_path):
    path = made("replica", tmp_path)
    write_maps(load_scene(path), path / "stereo", range(6))
    assert not [f for f in check_scene(load_scene(path)) if f.where == "stereo_depth" and f.level != "ok"]
    lines = (path / "traj.txt").read_text().splitlines()
    numbers = lines[2].split()
    numbers[3] = str(float(numbers[3]) + 0.01)
    (path / "traj.txt").write_text("\n".join([*lines[:2], " ".join(numbers), *lines[3:]]) + "\n")
    scene = load_scene(path)
    assert scene.stereo_depth(2) is None and scene.stereo_depth(3) is not None
    told = [f for f in check_scene(scene) if "stereo" in f.where and f.level == "warn"]
    assert len(told) == 1 and "1 of 6" in told[0].what and "neurfield scene stereo" in told[0].todo


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 0, "frames": {}}', '{"version": 1, "frames": 3}'])
def test_an_index_that_cannot_be_read_is_no_obstacle_to_the_scene(text, tmp_path):
    path = made("replica", tmp_path)
    (path / "stereo").mkdir()
    (path / "stereo" / "stereo.json").write_text(text)
    assert "stereo_depth" not in load_scene(path).sources
    assert any("stereo" in f.where and f.level == "warn" for f in check_scene(load_scene(path)))
    with pytest.raises(UserError, match="not readable"):
        load_scene(path / "stereo")


def test_a_map_that_is_gone_is_named(tmp_path):
    path = made("replica", tmp_path)
    write_maps(load_scene(path), path / "stereo", range(6))
    (path / "stereo" / "000004_normal.png").unlink()
    with pytest.raises(UserError, match=r"000004_normal.png: no such file"):
        load_scene(path)
    assert len(load_scene(path, stereo=False)) == 6


@pytest.mark.parametrize("change", ["end", "length", "mask", "nothing"])
def test_a_picture_or_mask_that_was_edited_is_another(tmp_path, change):
    scene = load_scene(made("transforms", tmp_path))
    mask = tmp_path / "mask.png"
    Image.fromarray(np.full((HEIGHT, WIDTH), 255, np.uint8)).save(mask)
    masks = FileList((mask,) * len(scene), read_mask)
    scene = scene.with_files({"mask": masks})
    file = mask if change == "mask" else scene.files["image"].paths[2]
    before, whole = stereo_files.picture_print(scene, 2), file.read_bytes()
    if change == "nothing":
        file.write_bytes(whole)
    elif change == "length":
        file.write_bytes(whole[:5] + whole)
    else:
        file.write_bytes(whole[:-20] + bytes(20))
    assert (stereo_files.picture_print(scene, 2) == before) == (change == "nothing")


def test_maps_of_a_picture_that_was_edited_are_left_alone(tmp_path):
    folder = made("transforms", tmp_path)
    scene = load_scene(folder)
    index_file = write_maps(scene, folder / "stereo", range(6)) / "stereo.json"
    index = json.loads(index_file.read_text())
    for i in range(6):
        index["frames"][stereo_files.picture_key(scene, i)]["picture"] = stereo_files.picture_print(scene, i)
    index_file.write_text(json.dumps(index))
    assert all(load_scene(folder).stereo_depth(i) is not None for i in range(6))
    Image.fromarray(255 - grey(2)).save(scene.files["image"].paths[2])
    assert [load_scene(folder).stereo_depth(i) is None for i in range(6)] == [i == 2 for i in range(6)]
