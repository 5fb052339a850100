from __future__ import annotations

import numpy as np
import pytest
from known_room import (
    FRAMES,
    KNOWN,
    assert_cameras,
    assert_consistent,
    assert_depth,
    drawn,
    pinhole_rays,
    seen,
    write_millimetres,
    write_picture,
)
from tiny_scenes import HEIGHT, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import Cameras, check_scene, load_scene


def cameras(focal):
    """The known room's poses through one of the two cameras, at a tenth of the data set's size."""
    return Cameras(KNOWN.world_from_cam, focal / 10, focal / 10, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


DEPTH, COLOUR = cameras(585.0), cameras(525.0)


def write_sequence(folder, frames=range(FRAMES)):
    for k, i in enumerate(frames):
        name = folder / f"frame-{k:06d}"
        write_picture(name.with_suffix(".color.png"), drawn(i, COLOUR)[1])
        write_millimetres(name.with_suffix(".depth.png"), drawn(i, DEPTH)[0], nothing=65535)
        rows = "\n".join("\t ".join(f"{v:.9e}" for v in row) for row in KNOWN.world_from_cam[i])
        name.with_suffix(".pose.txt").write_text(rows + "\t \n")
    return folder


def test_depth_cameras_with_colour_resampled_to_them(tmp_path):
    scene = load_scene(write_sequence(tmp_path / "chess" / "seq-01"))
    assert_cameras(scene, DEPTH, atol=1e-7)
    assert scene.name == "chess-seq-01" and scene.sources == {"image", "sensor_depth"} and scene.notes == ()
    for i in range(FRAMES):
        assert_depth(scene, "sensor_depth", i, drawn(i, DEPTH)[0])
        assert_consistent(scene, i)
        _, colour = seen(scene.cameras.world_from_cam[i], pinhole_rays(scene.cameras, i))
        left = np.abs(scene.image(i).astype(int) - colour).mean()
        assert left < 0.5
        # As the files are they lie elsewhere: else this would tell nothing.
        assert np.abs(drawn(i, COLOUR)[1].astype(int) - colour).mean() > 4 * left
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_a_folder_of_sequences_is_what_is_trained_on(tmp_path):
    for name, frames in (("seq-01", [0, 1]), ("seq-02", [2, 3]), ("seq-03", [4])):
        write_sequence(tmp_path / "chess" / name, frames)
    everything = load_scene(tmp_path / "chess")
    assert_cameras(everything, DEPTH.select(np.arange(5)), atol=1e-7)
    (tmp_path / "chess" / "TrainSplit.txt").write_text("sequence1\nsequence3\n")
    (tmp_path / "chess" / "TestSplit.txt").write_text("sequence2\n")
    trained = load_scene(tmp_path / "chess")
    assert_cameras(trained, DEPTH.select(np.array([0, 1, 4])), atol=1e-7)
    assert trained.name == "chess"
    assert_cameras(load_scene(tmp_path / "chess" / "seq-02"), DEPTH.select(np.array([2, 3])), atol=1e-7)


def test_lost_poses_and_lost_files_are_left_out_and_counted(tmp_path):
    folder = write_sequence(tmp_path)
    (folder / "frame-000001.pose.txt").write_text("-inf -inf -inf -inf\n" * 4)
    (folder / "frame-000003.color.png").unlink()
    (folder / "frame-000004.depth.png").unlink()
    scene = load_scene(folder)
    assert_cameras(scene, DEPTH.select(np.array([0, 2, 4, 5])), atol=1e-7)
    assert "poses of 1 of 6 frames were lost" in scene.notes[0] and "1 of 5 pictures" in scene.notes[1]
    assert scene.depth(2, "noisy") is None and scene.depth(3, "noisy") is not None


def all_lost(folder):
    for file in folder.glob("*.pose.txt"):
        file.write_text("nan nan nan nan\n" * 4)


def three_rows(folder):
    (folder / "frame-000002.pose.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n")


def mirrored(folder):
    (folder / "frame-000002.pose.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 -1 0\n0 0 0 1\n")


def other_split(folder):
    write_sequence(folder / "seq-05")
    for file in folder.glob("frame-*"):
        file.unlink()
    (folder / "TrainSplit.txt").write_text("sequence1\n")


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (all_lost, "all of its 6 poses hold nan or inf"),
        (three_rows, "frame-000002.pose.txt: 3 rows, expected 4"),
        (mirrored, "frame-000002.pose.txt: the pose is a mirror"),
        (other_split, "TrainSplit.txt: names none of seq-05"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, break_it, says):
    break_it(write_sequence(tmp_path / "seq"))
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path / "seq")
    assert "\n" not in str(caught.value)
