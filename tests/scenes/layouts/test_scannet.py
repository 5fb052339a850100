from __future__ import annotations

import numpy as np
import pytest
import trimesh
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
from PIL import Image
from tiny_scenes import HEIGHT, ROOM, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import Cameras, check_scene, load_scene
from neurfield.scenes.layouts import scannet

# A lens of its own, at half the size.
DEPTH = smaller(
    Cameras(KNOWN.world_from_cam, KNOWN.fx - 3.0, KNOWN.fy - 1.0, KNOWN.cx + 1.0, KNOWN.cy, WIDTH, HEIGHT), 2
)


def write_matrix(path, matrix):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(" ".join(f"{v:.6f}" for v in row) for row in matrix) + "\n")


def intrinsic(cameras):
    """As ScanNet writes it: the middle of the first pixel at (0, 0)."""
    matrix = np.eye(4)
    matrix[[0, 1, 0, 1], [0, 1, 2, 2]] = [v[0] for v in (cameras.fx, cameras.fy, cameras.cx, cameras.cy)]
    matrix[:2, 2] -= 0.5
    return matrix


def write_scan(folder, where="intrinsic/"):
    for i in range(FRAMES):
        number = 8 + i  # by number, not by letter
        write_picture(folder / f"color/{number}.png", drawn(i)[1])
        write_millimetres(folder / f"depth/{number}.png", drawn(i, DEPTH)[0])
        path = folder / f"pose/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(" ".join(f"{v:.9f}" for v in row) for row in KNOWN.world_from_cam[i]))
    for name, cameras in (("color", KNOWN), ("depth", DEPTH)):
        write_matrix(folder / f"{where}intrinsic_{name}.txt", intrinsic(cameras))
        write_matrix(folder / f"{where}extrinsic_{name}.txt", np.eye(4))
    return folder


@pytest.mark.parametrize("where", ["intrinsic/", ""])
def test_colour_cameras_with_depth_from_its_own_lens(tmp_path, where):
    scene = load_scene(write_scan(tmp_path / "scene0000_00", where))
    assert_cameras(scene, atol=1e-6)
    assert scene.name == "scene0000_00" and scene.sources == {"image", "sensor_depth"} and scene.notes == ()
    for i in range(FRAMES):
        assert np.array_equal(scene.image(i), drawn(i)[1])
        known, depth = drawn(i)[0], scene.depth(i, "noisy")
        inner = np.s_[6:-6, 6:-6]
        assert depth.shape == (HEIGHT, WIDTH) and (depth[inner] > 0).all()
        plain = np.repeat(np.repeat(drawn(i, DEPTH)[0], 2, axis=0), 2, axis=1)
        off = np.median(np.abs(depth - known)[inner])
        # As the file is it lies elsewhere: else this would tell nothing.
        assert off < 0.02 and off < 0.7 * np.median(np.abs(plain - known)[inner])
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_pictures_made_smaller_than_their_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr(scannet, "_COLOUR", (WIDTH, HEIGHT))
    folder = write_scan(tmp_path)
    size = (40, 28)  # of another shape, too
    for file in (folder / "color").iterdir():
        Image.open(file).resize(size).save(file)
    across, down = size[0] / WIDTH, size[1] / HEIGHT
    known = Cameras(
        KNOWN.world_from_cam, KNOWN.fx * across, KNOWN.fy * down, KNOWN.cx * across, KNOWN.cy * down, *size
    )
    scene = load_scene(folder)
    assert_cameras(scene, known, atol=1e-6)
    depth = seen(known.world_from_cam[2], pinhole_rays(known, 2))[0]
    assert np.median(np.abs(scene.depth(2, "noisy") - depth)) < 0.03


def test_the_middle_of_a_picture_is_where_scannet_has_it(tmp_path):
    folder = write_scan(tmp_path)
    middle = np.diag([40.0, 40.0, 1.0, 1.0])
    middle[:2, 2] = WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5  # as 319.5 and 239.5 are of 640x480
    write_matrix(folder / "intrinsic/intrinsic_color.txt", middle)
    cameras = load_scene(folder).cameras
    assert (cameras.cx == WIDTH / 2).all() and (cameras.cy == HEIGHT / 2).all()


def ids(i):
    """A thing beyond a byte before the far wall, and what nobody annotated."""
    depth = drawn(i)[0]
    return np.select([depth < 1.5, depth < 3.0], [0, 300 + i], 7).astype(np.uint16)


@pytest.mark.parametrize("place", ["instance-filt", "instance", "segs/instance-filt", "label-filt"])
def test_annotations_are_segments(tmp_path, place, monkeypatch):
    folder = write_scan(tmp_path)
    for i in range(FRAMES):
        write_picture(folder / place / f"{8 + i}.png", ids(i))
        if place != "label-filt":
            write_picture(folder / "label-filt" / f"{8 + i}.png", np.full((HEIGHT, WIDTH), 3, np.uint16))
    (folder / place / "10.png").unlink()
    scene = load_scene(folder)
    assert scene.segment(2) is None
    for i in (0, 1, 3, 4, 5):
        assert np.array_equal(scene.segment(i), ids(i))
    assert [note for note in scene.notes if "classes" in note] == (
        ["label-filt/ are classes: all things of a class are one"] if place == "label-filt" else []
    )
    # Pictures made smaller, with annotations of the full size.
    monkeypatch.setattr(scannet, "_COLOUR", (WIDTH, HEIGHT))
    for file in (folder / "color").iterdir():
        Image.open(file).resize((40, 28)).save(file)
    known = load_scene(folder).segment(3)
    rows, columns = ((np.arange(n) + 0.5) * whole / n for n, whole in ((28, HEIGHT), (40, WIDTH)))
    assert np.array_equal(known, ids(3)[rows.astype(int)][:, columns.astype(int)])


def test_the_data_sets_mesh_is_the_true_surface(tmp_path):
    folder = write_scan(tmp_path / "a")
    for name in ("a_vh_clean.ply", "a_vh_clean_2.ply"):
        trimesh.creation.box(bounds=ROOM).export(folder / name)
    assert load_scene(folder).ground_truth_file.name == "a_vh_clean_2.ply"


def test_lost_poses_and_lost_files_are_left_out_and_counted(tmp_path):
    folder = write_scan(tmp_path)
    (folder / "pose/9.txt").write_text("-inf -inf -inf -inf\n" * 4)
    (folder / "color/11.png").unlink()
    (folder / "depth/12.png").unlink()
    write_matrix(folder / "intrinsic/extrinsic_depth.txt", np.diag([1.0, -1.0, -1.0, 1.0]))
    scene = load_scene(folder)
    assert_cameras(scene, KNOWN.select(np.array([0, 2, 4, 5])), atol=1e-6)
    assert "poses of 1 of 6 frames were lost" in scene.notes[0] and "1 of 5 pictures" in scene.notes[1]
    assert "extrinsic_depth.txt is not the identity" in scene.notes[2]
    assert scene.depth(2, "noisy") is None and scene.depth(3, "noisy") is not None


def all_lost(folder):
    for file in folder.glob("pose/*.txt"):
        file.write_text("nan nan nan nan\n" * 4)


def none(folder):
    for file in folder.glob("pose/*.txt"):
        file.unlink()


def mirrored(folder):
    (folder / "pose/10.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 -1 0\n0 0 0 1\n")


def of_other_pictures(folder):
    write_matrix(folder / "intrinsic/intrinsic_color.txt", intrinsic(smaller(KNOWN, 2)))


def without_focal(folder):
    write_matrix(folder / "intrinsic/intrinsic_color.txt", np.zeros((4, 4)))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (all_lost, "all of its 6 poses hold nan or inf"),
        (none, "pose: no poses in it.*--export_poses"),
        (mirrored, "pose/10.txt: the pose is a mirror"),
        (of_other_pictures, "intrinsic_color.txt: its principal point .*64x48.*scale the matrix"),
        (without_focal, "intrinsic_color.txt: its focal lengths are 0 and 0"),
        (lambda folder: (folder / "intrinsic/intrinsic_depth.txt").unlink(), "no intrinsic_depth.txt"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, break_it, says):
    break_it(write_scan(tmp_path / "scan"))
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path / "scan")
    assert "\n" not in str(caught.value)
