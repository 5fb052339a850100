from __future__ import annotations

import numpy as np
import pytest
from known_room import FRAMES, KNOWN, assert_cameras, assert_consistent, drawn, write_picture

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene


def write_blended(folder, images="blended_images"):
    (folder / "cams").mkdir(parents=True)
    (folder / "rendered_depth_maps").mkdir()
    for i in range(FRAMES):
        depth, colour = drawn(i)
        name = f"{i:08d}"
        write_picture(folder / images / f"{name}.png", colour)
        (folder / images / f"{name}.png").rename(folder / images / f"{name}.jpg")  # exact, whatever its name
        write_picture(folder / images / f"{name}_masked.png", np.zeros_like(colour))
        rows = "\n".join(" ".join(f"{v:.15g}" for v in row) for row in np.linalg.inv(KNOWN.world_from_cam[i]))
        lens = f"{KNOWN.fx[i]} 0 {KNOWN.cx[i]}\n0 {KNOWN.fy[i]} {KNOWN.cy[i]}\n0 0 1"
        (folder / f"cams/{name}_cam.txt").write_text(
            f"extrinsic\n{rows}\n\nintrinsic\n{lens}\n\n1.5 0.02 128 4.5\n"
        )
        depth = depth.astype("<f4")
        depth[:2, :3] = 0.0
        head = f"Pf\n{depth.shape[1]} {depth.shape[0]}\n-1.000000\n".encode()
        (folder / f"rendered_depth_maps/{name}.pfm").write_bytes(head + depth[::-1].tobytes())
    (folder / "cams" / "pair.txt").write_text("0\n")
    return folder


@pytest.mark.parametrize("images", ["blended_images", "images"])
def test_cameras_pictures_and_exact_depth(tmp_path, images):
    scene = load_scene(write_blended(tmp_path / "blended", images))
    assert_cameras(scene)
    assert scene.sources == {"image", "depth"} and scene.notes == ()
    for i in range(FRAMES):
        depth, colour = drawn(i)
        assert np.array_equal(scene.image(i), colour)
        assert not scene.depth(i)[:2, :3].any()
        np.testing.assert_allclose(scene.depth(i)[2:], depth[2:], rtol=1e-6)
        assert_consistent(scene, i, "depth")
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_pictures_that_are_gone_are_left_out_and_counted(tmp_path):
    write_blended(tmp_path)
    (tmp_path / "blended_images" / "00000001.jpg").unlink()
    (tmp_path / "rendered_depth_maps" / "00000003.pfm").unlink()
    scene = load_scene(tmp_path)
    assert_cameras(scene, KNOWN.select(np.array([0, 2, 3, 4, 5])))
    assert "1 of 6 pictures are not there" in scene.notes[0]
    assert scene.depth(2) is None and scene.depth(1) is not None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("extrinsic", "external", "00000002_cam.txt: no 'extrinsic'"),
        ("0 0 1", "0 0 one", "00000002_cam.txt: .*one"),
        ("\n\nintrinsic", " 7\n\nintrinsic", r"00000002_cam.txt: .*reshape.*4x4"),
        ("extrinsic\n", "extrinsic\nnan ", "00000002_cam.txt"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, old, new, says):
    file = write_blended(tmp_path) / "cams" / "00000002_cam.txt"
    text = file.read_text().replace(old, new, 1)
    if new.endswith("nan "):
        words = text.split(" ", 2)
        text = f"{words[0]} {words[2]}"
    file.write_text(text)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_pictures_at_all(tmp_path):
    write_blended(tmp_path)
    (tmp_path / "blended_images").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"none of its 6 pictures is there, such as .*blended_images"):
        load_scene(tmp_path)
