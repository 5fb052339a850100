from __future__ import annotations

import numpy as np
import pytest
import trimesh
from known_room import FRAMES, KNOWN, assert_cameras, normals_of, pinhole_rays, seen, write_picture
from tiny_scenes import ROOM

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.scenes import Cameras, check_scene, load_scene

SIDE = 48
MIDDLE, HALF = ROOM.mean(axis=0), 3.0
# Lenses of the whole pictures, as the data sets have them: the first pixel's middle at (0, 0).
WHOLE = {"replica": (1200, 680), "tanks": (960, 540), "dtu": (1600, 1200)}
OFF = np.array([7.0, -5.0])  # of the principal point from the middle


def whole_lens(size):
    """fx, fy, cx, cy of a whole picture, first pixel's middle at (0, 0)."""
    return np.array([0.6 * min(size), 0.62 * min(size), *(np.array(size) / 2 - 0.5 + OFF)])


def cut(size):
    """Cameras of the square in the middle of a whole picture, made smaller to SIDE."""
    fx, fy, cx, cy = whole_lens(size)
    side = min(size)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    small = SIDE / side
    return Cameras(
        KNOWN.world_from_cam, fx * small, fy * small, (cx + 0.5 - left) * small, (cy + 0.5 - top) * small,
        SIDE, SIDE,
    )  # fmt: skip


SQUARE = Cameras(
    KNOWN.world_from_cam, 20.0, 21.0, SIDE / 2 + 0.4, SIDE / 2 - 0.7, SIDE, SIDE
)  # whose matrices are of the pictures as they are, as those of ScanNet


def ids(i):
    """Ids in the pictures: what is nearer than 2 m is 7, a wall of its own 300, the rest 5."""
    depth = seen(KNOWN.world_from_cam[i], pinhole_rays(SQUARE, i))[0]
    picture = np.where(depth < 2.0, 7, 5).astype(np.uint16)
    picture[:, :9] = 300
    return picture


def write_monosdf(folder, cameras=SQUARE, lens=None, masks=False, segments=None):
    """A prepared folder; `lens` is fx, fy, cx, cy of world_mat, not given: the pictures' own."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = np.diag([HALF, HALF, HALF, 1.0])
    scale[:3, 3] = MIDDLE
    written = {}
    for i, pose in enumerate(cameras.world_from_cam):
        intrinsics = np.eye(4)
        own = cameras.fx[i], cameras.fy[i], cameras.cx[i] - 0.5, cameras.cy[i] - 0.5
        intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]] = own if lens is None else lens
        written[f"world_mat_{i}"] = intrinsics @ np.linalg.inv(pose)
        written[f"scale_mat_{i}"] = scale
        depth, colour = seen(pose, pinhole_rays(cameras, i))
        write_picture(folder / f"{i:06d}_rgb.png", colour)
        np.save(folder / f"{i:06d}_depth.npy", (0.01 * depth + 0.003).astype(np.float32))
        normal = normals_of(pose, pinhole_rays(cameras, i))
        np.save(folder / f"{i:06d}_normal.npy", np.moveaxis((normal + 1) / 2, 2, 0).astype(np.float32))
        if masks:
            np.save(folder / f"{i:06d}_mask.npy", believed(i).astype(np.float32))
        if segments is not None:
            write_picture(folder / f"segs/{i:06d}_segs.png", ids(i))
    if segments:
        (folder / "instance_mapping.txt").write_text(segments)
    np.savez(folder / "cameras.npz", **written)
    return folder


def believed(i):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return (columns + rows > 10 + i) | (rows < 4)


def assert_prepared(scene, cameras):
    """Poses, lenses, pictures and priors are those that were written."""
    assert_cameras(scene, cameras, atol=1e-6)
    for i in range(len(cameras)):
        depth, colour = seen(cameras.world_from_cam[i], pinhole_rays(scene.cameras, i))
        # Half a pixel moves the colours of a wall by more than a level.
        assert np.abs(scene.image(i).astype(int) - colour).max() <= 1
        np.testing.assert_allclose(scene.prior_depth(i), 0.01 * depth + 0.003, atol=1e-5)
        normal = normals_of(cameras.world_from_cam[i], pinhole_rays(cameras, i))
        np.testing.assert_allclose(scene.prior_normal(i), normal, atol=1e-5)
        towards = np.einsum("hwi,hwi->hw", scene.prior_normal(i), pinhole_rays(scene.cameras, i))
        assert (towards < 0).all()


@pytest.mark.parametrize("name", WHOLE)
def test_matrices_of_pictures_before_they_were_cut(tmp_path, name):
    cameras = cut(WHOLE[name])
    scene = load_scene(write_monosdf(tmp_path / "scan1", cameras, whole_lens(WHOLE[name])))
    assert_prepared(scene, cameras)
    assert scene.unit == ("m" if name == "replica" else "")
    np.testing.assert_allclose(scene.box, [MIDDLE - HALF, MIDDLE + HALF])
    assert scene.sources == {"image", "prior_depth", "prior_normal"} and scene.kind == "inside"


def test_matrices_of_the_pictures_as_they_are(tmp_path):
    folder = write_monosdf(tmp_path / "scan1")
    assert_prepared(load_scene(folder), SQUARE)
    # What MonoSDF measures ScanNet's with lies beside, and is no scan to be read.
    (folder / "pose").mkdir()
    (folder / "intrinsic").mkdir()
    (folder / "intrinsic" / "intrinsic_color.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    scene = load_scene(folder)
    assert_prepared(scene, SQUARE)
    assert scene.unit == "m"
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_masks_take_away_depth_that_is_not_to_be_believed_and_nothing_else(tmp_path):
    scene = load_scene(write_monosdf(tmp_path / "scan1", masks=True))
    for i in range(FRAMES):
        assert np.array_equal(scene.prior_depth(i) > 0, believed(i))
        assert scene.mask(i) is None and scene.prior_normal(i).any(axis=2).all()
    np.save(tmp_path / "scan1/000002_mask.npy", np.ones((9, 9)))
    with pytest.raises(UserError, match=r"000002_mask.npy: shape \(9, 9\), its depth has \(48, 48\)"):
        load_scene(tmp_path / "scan1").prior_depth(2)


MEANINGS = "5,1,0\n7,3,3001\n300,9,9001\n\n"


def test_segments_are_the_things_that_instance_mapping_makes_of_them(tmp_path):
    scene = load_scene(write_monosdf(tmp_path / "scan1", segments=MEANINGS))
    for i in range(FRAMES):
        meant = np.select([ids(i) == 7, ids(i) == 300], [3001, 9001], 0)
        assert scene.segment(i).dtype == np.int32 and np.array_equal(scene.segment(i), meant)


def test_segments_without_a_mapping_are_as_they_are(tmp_path):
    scene = load_scene(write_monosdf(tmp_path / "scan1", segments=""))
    assert np.array_equal(scene.segment(3), ids(3))


def test_an_id_without_a_meaning_is_named_by_check_with_what_to_do(tmp_path, capsys):
    folder = write_monosdf(tmp_path / "scan1", segments="5,1,0\n300,2,1\n")
    scene = load_scene(folder)
    with pytest.raises(
        UserError, match=r"000000_segs.png: id 7 not in instance_mapping.txt: add a line ID,0,0"
    ):
        scene.segment(0)
    assert main(["scene", "check", str(folder)]) == 2
    assert "id 7 not in" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5,1,0\n7,3\n", "instance_mapping.txt:2: .*a line is id,class,thing"),
        ("5,1,0\n5,1,2\n", "instance_mapping.txt:2: id 5 is 2 here and 0 above"),
        ("5;1;0\n", "instance_mapping.txt:1: "),
        ("\n", "no ids in it"),
    ],
)
def test_a_mapping_that_is_none_is_one_line(tmp_path, text, says):
    folder = write_monosdf(tmp_path / "scan1", segments=text)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(folder)
    assert "\n" not in str(caught.value)


def test_a_thousand_ids_are_a_thousand_things(tmp_path):
    lines = "".join(f"{k},1,{40000 + k}\n" for k in range(1200))
    folder = write_monosdf(tmp_path / "scan1", segments=lines)
    picture = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 1200).astype(np.uint16)
    write_picture(folder / "segs/000001_segs.png", picture)
    assert np.array_equal(load_scene(folder).segment(1), picture.astype(int) + 40000)


def test_priors_of_some_frames_alone_and_of_another_size(tmp_path):
    folder = write_monosdf(tmp_path / "scan1")
    (folder / "000002_depth.npy").unlink()
    half = np.load(folder / "000003_depth.npy").reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    np.save(folder / "000003_depth.npy", half)
    scene = load_scene(folder)
    assert scene.prior_depth(2) is None and scene.prior_normal(2) is not None
    assert np.array_equal(scene.prior_depth(3), np.repeat(np.repeat(half, 2, axis=0), 2, axis=1))
    np.save(folder / "000003_depth.npy", half[:, :-4])
    with pytest.raises(UserError, match=r"000003_depth.npy: prior_depth of 20x24 pixels.*48x48"):
        load_scene(folder)


def test_one_frame_alone(tmp_path):
    scene = load_scene(write_monosdf(tmp_path / "scan1", SQUARE.select(np.array([2]))))
    assert len(scene) == 1
    assert_prepared(scene, SQUARE.select(np.array([2])))


@pytest.mark.parametrize(
    ("scan", "place"),
    [
        ("scan1", "cull_GTmesh/room0.ply"), ("scan8", "cull_GTmesh/office4.ply"),
        ("office3", "cull_GTmesh/office3.ply"), ("scan3", "GTmesh_lowres/0580_00.obj"),
        ("scene0050_00", "GTmesh_lowres/0050_00.obj"),
    ],
)  # fmt: skip
def test_the_true_surface_lies_beside_by_its_own_name(tmp_path, scan, place):
    folder = write_monosdf(tmp_path / scan)
    assert load_scene(folder).ground_truth_file is None
    (tmp_path / place).parent.mkdir()
    trimesh.creation.box(bounds=ROOM).export(tmp_path / place)
    scene = load_scene(folder)
    assert scene.ground_truth_file == tmp_path / place and len(scene.ground_truth.faces) == 12


def of_other_pictures(folder):
    write_monosdf(folder, lens=(500.0, 500.0, 319.5, 239.5))


def without_a_matrix(folder):
    write_monosdf(folder)
    with np.load(folder / "cameras.npz") as data:
        kept = {key: data[key] for key in data if key != "world_mat_4"}
    np.savez(folder / "cameras.npz", **kept)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            of_other_pictures,
            "cameras.npz: its principal point 319.5, 239.5 .*48x48.*1200x680.*write matrices",
        ),
        (without_a_matrix, "cameras.npz: no world_mat_4 in it, but 5 others for 6 pictures"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, make, says):
    make(tmp_path / "scan1")
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path / "scan1")
    assert "\n" not in str(caught.value)
