from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import trimesh
from known_room import (
    FRAMES,
    KNOWN,
    assert_cameras,
    bent_rays,
    drawn,
    outline,
    pinhole_rays,
    seen,
    write_picture,
)
from test_colmap import POINTS, write_model
from tiny_scenes import FLIP, HEIGHT, ROOM, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene
from neurfield.scenes.lenses import Lens

NUMBERS = (0.05, -0.01, 0.002, 0.0)
LENS = Lens("OPENCV_FISHEYE", 30.0, 31.0, 31.0, 25.0, NUMBERS)
NAMES = [f"DSC{10 + i:05d}.JPG" for i in range(FRAMES)]
# What nerfstudio's converter does to COLMAP's world: x and y exchanged, z negated.
NERFSTUDIO = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])


def index(bad=(), tests=(), names=NAMES, **lens):
    """A transforms.json: test frames stand by themselves, bad ones among either."""
    frames = [
        {
            "file_path": name,
            "mask_path": name.replace("JPG", "png"),
            "transform_matrix": (NERFSTUDIO @ KNOWN.world_from_cam[i] @ FLIP).tolist(),
            "is_bad": i in bad,
        }
        for i, name in enumerate(names)
    ]
    own = {"fl_x": LENS.fx, "fl_y": LENS.fy, "cx": LENS.cx, "cy": LENS.cy, "w": WIDTH, "h": HEIGHT}
    data = {
        "camera_model": "OPENCV_FISHEYE", **own, **dict(zip(("k1", "k2", "k3", "k4"), NUMBERS)), **lens,
        "frames": [frame for i, frame in enumerate(frames) if i not in tests][::-1],
        "test_frames": [frame for i, frame in enumerate(frames) if i in tests],
    }  # fmt: skip
    return data


def write_png(path, picture):
    """Without loss, whatever the name says: readers look into the file."""
    write_picture(path.with_suffix(".png"), picture)
    path.with_suffix(".png").rename(path)


def write_scannetpp(folder, colmap=True, data=None):
    dslr = folder / "dslr"
    for i, name in enumerate(NAMES):
        write_png(
            dslr / "resized_images" / name, seen(KNOWN.world_from_cam[i], bent_rays(LENS, WIDTH, HEIGHT))[1]
        )
        write_picture(
            dslr / "resized_anon_masks" / name.replace("JPG", "png"), outline(i).astype(np.uint8) * 255
        )
    (dslr / "nerfstudio").mkdir()
    (dslr / "nerfstudio/transforms.json").write_text(json.dumps(index() if data is None else data))
    if colmap:
        numbers = [LENS.fx, LENS.fy, LENS.cx, LENS.cy, *NUMBERS]
        write_model(dslr / "colmap", ("OPENCV_FISHEYE", numbers), ".txt", names=NAMES)
    return folder


def assert_resampled(scene, frames):
    """Poses in the mesh's world, pictures and masks as a pinhole camera there sees them."""
    np.testing.assert_allclose(scene.cameras.world_from_cam, KNOWN.world_from_cam[frames], atol=1e-6)
    assert scene.cameras.distortion is None
    for k, i in enumerate(frames):
        _, colour = seen(KNOWN.world_from_cam[i], pinhole_rays(scene.cameras, k))
        assert np.abs(scene.image(k).astype(int) - colour).mean() < 1.0
        columns, rows = LENS.pixels(*np.moveaxis(pinhole_rays(scene.cameras, k)[..., :2], 2, 0))
        kept = outline(i)[rows.astype(int), columns.astype(int)]
        assert np.array_equal(scene.mask(k), kept) and kept.any() and not kept.all()


@pytest.mark.parametrize("colmap", [True, False])
@pytest.mark.parametrize("where", ["", "dslr"])
def test_pictures_and_masks_in_the_meshs_world(tmp_path, colmap, where):
    folder = write_scannetpp(tmp_path / "0a5c013435", colmap)
    (folder / "scans").mkdir()
    trimesh.creation.box(bounds=ROOM).export(folder / "scans/mesh_aligned_0.05.ply")
    scene = load_scene(folder / where)
    assert_resampled(scene, np.arange(FRAMES))
    assert scene.name == "0a5c013435" and scene.unit == "m" and scene.mask_says == "valid"
    assert scene.notes == () and len(scene.ground_truth.faces) == 12
    if colmap:
        np.testing.assert_allclose(np.sort(scene.points, axis=0), np.sort(POINTS, axis=0), rtol=1e-6)
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_bad_frames_and_test_frames_are_left_out_and_counted(tmp_path):
    scene = load_scene(write_scannetpp(tmp_path, data=index(bad=(1,), tests=(0, 4))))
    assert_resampled(scene, np.array([2, 3, 5]))
    assert scene.notes == ("1 of 4 frames are marked as bad and left out", "2 test frames are left out")


def test_a_colmap_model_alone_has_all_frames(tmp_path):
    folder = write_scannetpp(tmp_path)
    shutil.rmtree(folder / "dslr/nerfstudio")
    assert_resampled(load_scene(folder), np.arange(FRAMES))


def test_pictures_that_the_data_sets_own_tools_undistorted(tmp_path):
    folder = write_scannetpp(tmp_path)
    for name in ("resized_images", "resized_anon_masks"):
        shutil.rmtree(folder / "dslr" / name)
    for i, name in enumerate(NAMES):
        write_png(folder / "dslr/resized_undistorted_images" / name, drawn(i)[1])
    flat = index(
        camera_model="PINHOLE", fl_x=KNOWN.fx[0], fl_y=KNOWN.fy[0], cx=KNOWN.cx[0], cy=KNOWN.cy[0], k1=0, k2=0
    )
    (folder / "dslr/nerfstudio/transforms_undistorted.json").write_text(json.dumps(flat))
    scene = load_scene(folder)
    assert_cameras(scene, atol=1e-6)
    assert np.array_equal(scene.image(3), drawn(3)[1]) and scene.mask(3) is None and scene.tracks is None
    (folder / "dslr/nerfstudio/transforms_undistorted.json").unlink()
    with pytest.raises(UserError, match=r"transforms_undistorted.json: no such file"):
        load_scene(folder)


def changed(**values):
    return {**index(), **values}


def of_frame(**values):
    data = index()
    data["frames"][1].update(values)
    return data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (changed(frames=None), "transforms.json: no frames in it"),
        (index(bad=range(FRAMES)), "no frames in it that are not marked as bad"),
        (changed(camera_model="LATLONG"), "camera_model LATLONG: expected OPENCV_FISHEYE"),
        (changed(fl_x="wide"), "transforms.json: .*wide.* is missing or no number"),
        (of_frame(file_path="DSC99999.JPG"), "colmap: no pose of DSC99999.JPG, which transforms.json names"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, data, says):
    write_scannetpp(tmp_path, data=data)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_pose_that_is_none_is_named_where_there_is_no_model(tmp_path):
    write_scannetpp(tmp_path, colmap=False, data=of_frame(transform_matrix=[[1, 2]]))
    with pytest.raises(UserError, match=r"frame DSC00014.JPG: transform_matrix is missing or not 4x4"):
        load_scene(tmp_path)
