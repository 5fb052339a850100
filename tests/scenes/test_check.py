from __future__ import annotations

import json
import re

import numpy as np
import pytest
import trimesh
from PIL import Image
from tiny_scenes import (
    DEPTH_SCALE,
    FLIP,
    FOCAL,
    HEIGHT,
    WIDTH,
    grey,
    ring_cameras,
    room_cameras,
    write_replica,
    write_transforms,
)

from neurfield.scenes import check_scene, load_scene


def findings(folder, level):
    return [f for f in check_scene(load_scene(folder)) if f.level == level]


def rewrite_poses(folder, change):
    poses = [change(pose) for pose in room_cameras().world_from_cam]
    (folder / "traj.txt").write_text("\n".join(" ".join(f"{v:.12g}" for v in p.ravel()) for p in poses))


def test_a_good_scene_has_nothing_but_ok(replica):
    found = check_scene(load_scene(replica))
    assert {f.level for f in found} == {"ok"}
    assert {"image", "depth", "sensor_depth", "prior_normal", "poses", "box"} <= {f.where for f in found}


@pytest.mark.parametrize("factor", [1000.0, 10.0, 0.1, 1.2])
def test_a_wrong_depth_unit_is_found_and_named(replica, factor):
    path = replica / "cam_params.json"
    params = json.loads(path.read_text())
    params["camera"]["scale"] = DEPTH_SCALE * factor
    path.write_text(json.dumps(params))
    wrong = {f.where: f for f in findings(replica, "error")}
    named = float(wrong["depth"].what.split("multiplied by ")[1])
    assert named == pytest.approx(factor, rel=0.05)
    assert wrong["depth"].todo and "e+0" not in wrong["depth"].what


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda pose: pose @ FLIP, "OpenGL"),
        (np.linalg.inv, "cam_from_world"),
        (lambda pose: np.linalg.inv(pose @ FLIP), "cam_from_world.*OpenGL"),
    ],
)
def test_poses_in_another_convention_are_found_and_named(replica, change, says):
    rewrite_poses(replica, change)
    depth = next(f for f in findings(replica, "error") if f.where == "depth")
    assert re.search(says, depth.what)


def test_frames_out_of_step_are_found(replica):
    poses = room_cameras().world_from_cam
    lines = [" ".join(f"{v:.12g}" for v in p.ravel()) for p in np.roll(poses, 3, axis=0)]
    (replica / "traj.txt").write_text("\n".join(lines))
    assert any(f.where == "depth" and "disagree" in f.what for f in check_scene(load_scene(replica)))


def test_normals_in_other_axes_are_found(replica):
    for path in (replica / "priors").glob("*_normal.npy"):
        normals = 2 * np.load(path) - 1
        np.save(path, (1 + normals * np.array([1, -1, -1], np.float32)[:, None, None]) / 2)
    assert any(
        f.where == "prior_normal" and "towards the camera" in f.what for f in findings(replica, "error")
    )


def test_damaged_files_are_listed_with_their_names(replica):
    for i in (2, 5):
        path = replica / f"results/depth{i:06d}.png"
        path.write_bytes(path.read_bytes()[:300])
    wrong = findings(replica, "error")
    assert {f.where for f in wrong} == {str(replica / f"results/depth{i:06d}.png") for i in (2, 5)}
    assert all("damaged" in f.what and f.todo for f in wrong)


def test_many_files_with_one_fault_are_to_be_mended_alike(replica):
    for path in (replica / "results").glob("depth*.png"):
        Image.fromarray(np.repeat(np.asarray(Image.open(path))[..., None].astype(np.uint8), 3, 2)).save(path)
    wrong = findings(replica, "error")
    assert len(wrong) == 6 and "single-channel" in wrong[0].todo
    assert "like these" in wrong[-1].what and "copy" not in wrong[-1].todo


def test_a_jump_in_exposure_is_found(replica):
    for i in range(6, 20):
        path = replica / f"results/frame{i:06d}.jpg"
        Image.fromarray((np.asarray(Image.open(path)) * 0.2).astype(np.uint8)).save(path)
    assert [f.where for f in findings(replica, "warn")] == ["frame 5"]


def test_black_images_are_found(tmp_path):
    write_transforms(
        tmp_path, room_cameras(), {"fl_x": FOCAL}, lambda i: np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    )
    assert any("black" in f.what for f in findings(tmp_path, "error"))


def test_missing_depth_of_some_frames_is_a_warning(replica):
    (replica / "sensor_depth/depth000003.png").unlink()
    assert any(f.where == "sensor_depth" and "1 of 20" in f.what for f in findings(replica, "warn"))


@pytest.mark.parametrize("digits", [2, 3])
def test_rounded_poses_are_a_warning(replica, digits):
    rewrite_poses(replica, lambda pose: np.round(pose, digits))
    assert any("orthonormal" in f.what for f in findings(replica, "warn"))


def test_cameras_in_one_place_are_an_error(tmp_path):
    def still(pose):
        pose = pose.copy()
        pose[:3, 3] = [2.5, 2, 1]
        return pose

    folder = write_replica(tmp_path / "still", extras=False)
    rewrite_poses(folder, still)
    assert any("one place" in f.what for f in findings(folder, "warn"))  # depth can be fitted all the same
    for depth in (folder / "results").glob("depth*.png"):
        depth.unlink()
    assert any("one place" in f.what for f in findings(folder, "error"))


def test_a_true_surface_is_looked_at(tmp_path):
    folder = write_replica(tmp_path / "room", extras=False)
    (folder / "mesh.ply").write_bytes(b"ply\nformat ascii 1.0\n")
    assert any(f.where == "true surface" and "mesh.ply" in f.what for f in findings(folder, "warn"))
    trimesh.PointCloud(np.eye(3)).export(folder / "mesh.ply")
    assert any(f.where == "true surface" and "3 points" in f.what for f in findings(folder, "ok"))


def test_a_room_of_pictures_alone_is_warned_of(tmp_path):
    write_transforms(tmp_path, room_cameras(), {"fl_x": FOCAL}, grey)
    assert any(f.where == "sources" and "priors" in f.what for f in findings(tmp_path, "warn"))


def test_a_finding_reads_as_one_line(replica):
    for finding in check_scene(load_scene(replica)):
        assert "\n" not in str(finding) and str(finding).startswith(finding.where)


@pytest.mark.parametrize("inside", [0, 255])
def test_inverted_masks_are_an_error(tmp_path, inside):
    def outlined(i):
        alpha = np.full((HEIGHT, WIDTH), 255 - inside, np.uint8)
        alpha[HEIGHT // 4 : -HEIGHT // 4, WIDTH // 4 : -WIDTH // 4] = inside
        return np.dstack([grey(i), alpha])

    write_transforms(tmp_path, ring_cameras(np.zeros(3), count=8), {"fl_x": 40.0}, outlined)
    found = [one for one in check_scene(load_scene(tmp_path)) if one.where == "mask"]
    assert [one.level for one in found] == ["ok" if inside else "error"]
    assert inside or "invert them" in found[0].todo
