from __future__ import annotations

import shutil
import struct
from dataclasses import replace

import numpy as np
import pytest
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
from PIL import Image
from scipy.spatial.transform import Rotation
from tiny_scenes import HEIGHT, ROOM, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene
from neurfield.scenes.layouts.colmap_model import _NUMBERED
from neurfield.scenes.lenses import Lens

NAMES = [f"cam{i % 2}/view {i}.png" for i in range(FRAMES)]  # sub-folders and spaces
BY_NAME = sorted(range(FRAMES), key=lambda i: NAMES[i])
SORTED = KNOWN.select(np.array(BY_NAME))
PINHOLE = ("PINHOLE", [KNOWN.fx[0], KNOWN.fy[0], KNOWN.cx[0], KNOWN.cy[0]])
POINTS = np.random.default_rng(0).uniform(ROOM[0], ROOM[1], (400, 3))


def write_model(
    folder, camera=PINHOLE, suffix=".bin", size=(WIDTH, HEIGHT), names=NAMES, points=POINTS, sighted=None
):
    """A model in which images are listed backwards and the last three points are not to be believed.

    `sighted` gives what image i sees, rows of column, row and point.
    """
    of_image = sighted or (lambda i: [(1.5, 2.5, -1), (3.0, 4.0, 9)] if (len(names) - i) % 2 else [])
    folder.mkdir(parents=True, exist_ok=True)
    model, parameters = camera
    rows = []
    for k, i in enumerate(reversed(range(len(names)))):
        cam_from_world = np.linalg.inv(KNOWN.world_from_cam[i])
        x, y, z, w = Rotation.from_matrix(cam_from_world[:3, :3]).as_quat()
        rows.append((k + 1, [w, x, y, z, *cam_from_world[:3, 3]], names[i]))
    wrong = [([900, 0, 0], 0.5, 2), ([0, 900, 0], 5.0, 9), ([0, 0, np.nan], 0.5, 9)]
    cloud = [(p, 0.5, 3) for p in points] + wrong
    if suffix == ".txt":
        header = "# comment\n"
        text = f"{header}7 {model} {size[0]} {size[1]} " + " ".join(f"{v:.17g}" for v in parameters) + "\n"
        (folder / "cameras.txt").write_text(text)
        seen_by = {i: " ".join(f"{u} {v} {k}" for u, v, k in of_image(len(rows) - i)) for i, _, _ in rows}
        lines = [
            f"{i} {' '.join(f'{v:.17g}' for v in pose)} 7 {name}\n{seen_by[i]}" for i, pose, name in rows
        ]
        (folder / "images.txt").write_text(header * 4 + "\n".join(lines) + "\n")
        lines = [
            f"{k} {p[0]} {p[1]} {p[2]} 1 2 3 {error} " + " ".join(["4 5"] * track)
            for k, (p, error, track) in enumerate(cloud)
        ]
        (folder / "points3D.txt").write_text(header + "\n".join(lines) + "\n")
        return folder
    data = struct.pack("<QIiQQ", 1, 7, _NUMBERED.index(model), *size)
    (folder / "cameras.bin").write_bytes(data + struct.pack(f"<{len(parameters)}d", *parameters))
    data = struct.pack("<Q", len(rows))
    for i, pose, name in rows:
        rows_of = of_image(len(rows) - i)
        data += struct.pack("<I7dI", i, *pose, 7) + name.encode() + b"\0" + struct.pack("<Q", len(rows_of))
        data += b"".join(struct.pack("<ddq", *row) for row in rows_of)
    (folder / "images.bin").write_bytes(data)
    data = struct.pack("<Q", len(cloud))
    for k, (p, error, track) in enumerate(cloud):
        data += struct.pack("<Q3d3BdQ", k, *p, 1, 2, 3, error, track) + struct.pack("<II", 4, 5) * track
    (folder / "points3D.bin").write_bytes(data)
    return folder


def write_pictures(folder, scale=1, names=NAMES):
    for i, name in enumerate(names):
        picture = Image.fromarray(drawn(i)[1])
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.resize((WIDTH // scale, HEIGHT // scale)).save(path)


@pytest.fixture
def capture(tmp_path):
    write_pictures(tmp_path / "capture" / "images")
    (tmp_path / "capture" / "images" / "notes.txt").touch()
    return tmp_path / "capture"


@pytest.mark.parametrize("suffix", [".bin", ".txt"])
@pytest.mark.parametrize("place", ["sparse/0", "sparse", "", "colmap/sparse/0"])
def test_cameras_pictures_and_points_in_the_models_own_world(capture, suffix, place):
    write_model(capture / place, suffix=suffix)
    scene = load_scene(capture)
    assert_cameras(scene, SORTED)
    assert scene.name == "capture" and scene.sources == {"image"} and scene.notes == ()
    assert [path.name for path in scene.files["image"].paths] == [NAMES[i].split("/")[1] for i in BY_NAME]
    np.testing.assert_allclose(np.sort(scene.points, axis=0), np.sort(POINTS, axis=0), rtol=1e-6)
    for model in {place, place.removesuffix("/0")} - {""}:
        by_model = load_scene(capture / model)
        assert np.array_equal(by_model.cameras.world_from_cam, scene.cameras.world_from_cam)


def test_frames_belong_to_their_pictures_whatever_their_order(capture):
    write_model(capture / "sparse" / "0")
    scene = load_scene(capture)
    for i in range(FRAMES):
        _, colour = seen(scene.cameras.world_from_cam[i], pinhole_rays(scene.cameras, i))
        assert np.array_equal(scene.image(i), colour)


@pytest.mark.parametrize("suffix", [".bin", ".txt"])
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize(
    "camera", [PINHOLE, ("OPENCV_FISHEYE", [32.0, 33.0, 31.0, 25.0, 0.05, -0.01, 0.002, 0])]
)
def test_points_are_tracked_where_images_see_them(capture, suffix, scale, camera):
    """Of any lens, in pictures of any size, with points left out that are not to be believed."""
    model, parameters = camera[0], np.array(camera[1])
    parameters[:4] *= scale
    lens = Lens.of(model, parameters, "here")

    def sighted(i):
        cam_from_world = np.linalg.inv(KNOWN.world_from_cam[i])
        x, y, z = (POINTS @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]).T
        ahead = np.flatnonzero((z > 0.2) & (np.hypot(x, y) < z))
        pixel = np.stack(lens.pixels(x[ahead] / z[ahead], y[ahead] / z[ahead]), axis=1)
        rows = [(u, v, k) for (u, v), k in zip(pixel.tolist(), ahead.tolist())]
        return [(7.0, 7.0, -1), *rows, (9.0, 9.0, len(POINTS) + 1)]

    size = (WIDTH * scale, HEIGHT * scale)
    write_model(capture / "sparse" / "0", (model, parameters.tolist()), suffix, size, sighted=sighted)
    scene = load_scene(capture)
    counts = [len(sighted(i)) - 2 for i in BY_NAME]
    assert np.bincount(scene.tracks.frame).tolist() == counts and sum(counts) > 150
    assert scene.tracks.errors(scene.cameras, scene.points).max() < 1e-3
    (found,) = [f for f in check_scene(scene) if f.where == "sparse points"]
    assert found.level == "ok" and f"{sum(counts)} sightings" in found.what


def test_points_bound_the_scene(capture):
    write_model(capture / "sparse" / "0")
    box = load_scene(capture).box
    assert (box[0] < ROOM[0] + 0.1).all() and (box[0] > ROOM[0] - 0.5).all()
    assert (box[1] > ROOM[1] - 0.1).all() and (box[1] < ROOM[1] + 0.5).all()


@pytest.mark.parametrize(
    ("model", "numbers", "five"),
    [
        ("SIMPLE_PINHOLE", [], None),
        ("SIMPLE_RADIAL", [-0.1], [-0.1, 0, 0, 0, 0]),
        ("RADIAL", [-0.1, 0.02], [-0.1, 0.02, 0, 0, 0]),
        ("OPENCV", [-0.1, 0.02, 0.003, -0.002], [-0.1, 0.02, 0.003, -0.002, 0]),
        ("FULL_OPENCV", [-0.1, 0.02, 0.003, -0.002, 0.01, 0, 0, 0], [-0.1, 0.02, 0.003, -0.002, 0.01]),
    ],
)
@pytest.mark.parametrize("suffix", [".bin", ".txt"])
def test_lenses_of_five_numbers_stay_exact(capture, model, numbers, five, suffix):
    focals = [40.0, 42.0] if model in ("OPENCV", "FULL_OPENCV") else [40.0]
    write_model(capture / "sparse" / "0", (model, [*focals, 30.0, 25.0, *numbers]), suffix)
    cameras = load_scene(capture).cameras
    assert cameras.fx[2] == 40.0 and cameras.fy[2] == focals[-1]
    assert (cameras.cx[2], cameras.cy[2]) == (30.0, 25.0)
    if five is None:
        assert cameras.distortion is None
    else:
        np.testing.assert_allclose(cameras.distortion, np.tile(five, (FRAMES, 1)))


@pytest.mark.parametrize(
    ("model", "numbers"),
    [
        ("OPENCV_FISHEYE", [0.05, -0.01, 0.002, 0.0]),
        ("RADIAL_FISHEYE", [0.05, -0.01]),
        ("FOV", [0.9]),
        ("FULL_OPENCV", [-0.1, 0.02, 0.003, -0.002, 0.01, 0.05, -0.02, 0.01]),
        ("THIN_PRISM_FISHEYE", [0.03, -0.02, 0.003, -0.002, 0.01, -0.004, 0.005, -0.006]),
    ],
)
def test_other_lenses_are_undone_as_pictures_are_read(tmp_path, model, numbers):
    focals = [32.0] if model == "RADIAL_FISHEYE" else [32.0, 33.0]
    parameters = [*focals, 31.0, 25.0, *numbers]
    lens = Lens.of(model, np.array(parameters), "")
    rays = bent_rays(lens, WIDTH, HEIGHT)
    for i, name in enumerate(NAMES):
        write_picture(tmp_path / "images" / name, seen(KNOWN.world_from_cam[i], rays)[1])
    write_model(tmp_path / "sparse", (model, parameters))
    scene = load_scene(tmp_path)
    assert scene.cameras.distortion is None
    for i in range(FRAMES):
        colour = seen(scene.cameras.world_from_cam[i], pinhole_rays(scene.cameras, i))[1]
        assert np.abs(scene.image(i).astype(int) - colour).mean() < 1.0
    middle = scene.cameras.cx[0] / WIDTH  # a fisheye's middle stays where it is
    assert middle == pytest.approx(31.0 / WIDTH)


def test_smaller_pictures_by_the_path_of_their_folder(capture):
    write_model(capture / "sparse" / "0")
    for i, name in enumerate(NAMES):  # of an odd size, as downscaling by 4 of 1297 leaves it; other extension
        path = (capture / "images_2" / name).with_suffix(".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn(i)[1]).resize((33, 25)).save(path)
    small = load_scene(capture / "images_2")
    assert small.image(0).shape == (25, 33, 3) and small.notes == ()
    np.testing.assert_allclose(small.cameras.fx, KNOWN.fx * 33 / WIDTH)
    np.testing.assert_allclose(small.cameras.cy, KNOWN.cy * 25 / HEIGHT)
    assert load_scene(capture).image(0).shape == (HEIGHT, WIDTH, 3)
    shutil.rmtree(capture / "images")
    only = load_scene(capture)
    assert len(only.notes) == 1 and "33x25 for cameras of 64x48" in only.notes[0]


def test_pictures_of_another_size_than_the_model_scale_its_lenses_and_are_said(capture):
    name, (fx, fy, cx, cy) = PINHOLE
    write_model(
        capture / "sparse" / "0", (name, [3 * fx, 3 * fy, 3 * cx, 3 * cy]), size=(3 * WIDTH, 3 * HEIGHT)
    )
    scene = load_scene(capture)
    assert_cameras(scene, SORTED)
    assert "pictures of 64x48 for cameras of 192x144, so lenses are scaled" in scene.notes[0]
    assert any(f.level == "warn" and "lenses are scaled" in f.what for f in check_scene(scene))


@pytest.mark.parametrize("upright", [True, False])
def test_pictures_that_exif_turns_are_what_their_camera_counts(capture, upright):
    """Older COLMAP knew nothing of EXIF: its camera has the size of the picture as it is stored."""
    write_model(capture / "sparse" / "0")
    exif = Image.Exif()
    exif[0x0112] = 6
    for i, name in enumerate(NAMES):
        stored = np.rot90(drawn(i)[1]) if upright else drawn(i)[1]
        Image.fromarray(np.ascontiguousarray(stored)).save(capture / "images" / name, exif=exif)
    scene = load_scene(capture)
    assert_cameras(scene, SORTED)
    assert all(np.array_equal(scene.image(k), drawn(i)[1]) for k, i in enumerate(BY_NAME))


def test_pictures_of_another_shape_are_no_pictures_of_the_model(capture):
    write_model(capture / "sparse" / "0", size=(WIDTH, WIDTH))
    with pytest.raises(UserError, match="64x48 pixels, its camera has 64x64"):
        load_scene(capture)


def test_of_several_models_the_largest_is_read_and_the_others_by_their_path(capture):
    for number, count in ((0, 2), (1, FRAMES), (2, 3)):
        write_model(capture / "sparse" / str(number), names=NAMES[:count])
    scene = load_scene(capture)
    assert len(scene) == FRAMES
    assert "0 of 2, 1 of 6, 2 of 3 images" in scene.notes[0] and "1 is read" in scene.notes[0]
    other = load_scene(capture / "sparse" / "2")
    assert len(other) == 3 and other.notes == () and other.name == "capture-2"


def test_pictures_that_are_gone_are_left_out_and_counted(capture):
    write_model(capture / "sparse" / "0")
    (capture / "images" / NAMES[1]).unlink()
    (capture / "images" / NAMES[4]).unlink()
    scene = load_scene(capture)
    assert len(scene) == 4 and "2 of 6 pictures are not there" in scene.notes[0]
    for i in range(4):
        colour = seen(scene.cameras.world_from_cam[i], pinhole_rays(scene.cameras, i))[1]
        assert np.array_equal(scene.image(i), colour)


def test_masks_beside_the_pictures(capture):
    write_model(capture / "sparse" / "0")
    for i, name in enumerate(NAMES):
        write_picture(capture / "masks" / f"{name}.png", outline(i).astype(np.uint8) * 255)
    scene = load_scene(capture)
    assert all(np.array_equal(scene.mask(k), outline(i)) for k, i in enumerate(BY_NAME))


def test_two_cameras_of_two_sizes(capture):
    folder = write_model(capture / "sparse" / "0", suffix=".txt")
    with open(folder / "cameras.txt", "a") as file:
        file.write("9 SIMPLE_RADIAL 32 24 20 16 12 0.01\n")
    text = (folder / "images.txt").read_text()
    (folder / "images.txt").write_text(text.replace(f" 7 {NAMES[0]}", f" 9 {NAMES[0]}"))
    Image.fromarray(drawn(0)[1]).resize((32, 24)).save(capture / "images" / NAMES[0])
    cameras = load_scene(capture).cameras
    assert (cameras.width[0], cameras.fx[0], cameras.distortion[0, 0]) == (32, 20.0, 0.01)
    assert cameras.width[1] == WIDTH and not cameras.distortion[1].any()


def nan_pose(capture):
    path = write_model(capture / "sparse" / "0", suffix=".txt") / "images.txt"
    lines = path.read_text().splitlines()
    k = next(k for k, line in enumerate(lines) if line.endswith(NAMES[2]))
    lines[k] = " ".join([*lines[k].split()[:7], "nan", *lines[k].split(maxsplit=8)[8:]])
    path.write_text("\n".join(lines))


def cut_off(capture):
    path = write_model(capture / "sparse" / "0") / "images.bin"
    path.write_bytes(path.read_bytes()[:-9])


def no_pictures(capture):
    write_model(capture / "sparse" / "0")
    shutil.rmtree(capture / "images")


def empty(capture):
    write_model(capture / "sparse" / "0", names=[])


def words(capture):
    path = write_model(capture / "sparse" / "0", suffix=".txt") / "images.txt"
    path.write_text(path.read_text().replace(f" 7 {NAMES[0]}", f" seven {NAMES[0]}"))


def panorama(capture):
    path = write_model(capture / "sparse" / "0", suffix=".txt") / "cameras.txt"
    path.write_text("7 EQUIRECTANGULAR 64 48 64 48\n")


def lost_camera(capture):
    path = write_model(capture / "sparse" / "0", suffix=".txt") / "cameras.txt"
    path.write_text(path.read_text().replace("7 PINHOLE", "8 PINHOLE"))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (nan_pose, r"images.txt: the pose of cam0/view 2.png is .*nan.*: take the image out"),
        (cut_off, r"images.bin: cut off after \d+ bytes"),
        (no_pictures, r"its pictures, such as cam0/view 0.png, are in none of .*images"),
        (empty, r"images.bin: no images in it"),
        (words, r"images.txt:\d+: .*seven.*two lines"),
        (panorama, r"cameras.txt:1: camera model EQUIRECTANGULAR is not read"),
        (lost_camera, r"images.txt: cam1/view 5.png has camera 7, which cameras.txt lacks|has camera 7"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(capture, break_it, says):
    break_it(capture)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(capture)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_a_model_of_another_scale_is_the_same_scene(capture, unit, monkeypatch):
    write_model(capture / "sparse" / "0")
    known = load_scene(capture)
    poses = KNOWN.world_from_cam.copy()
    poses[:, :3, 3] *= unit
    monkeypatch.setitem(globals(), "KNOWN", replace(KNOWN, world_from_cam=poses))
    write_model(capture / "other" / "sparse" / "0", points=unit * POINTS)
    shutil.copytree(capture / "images", capture / "other" / "images")
    scene = load_scene(capture / "other")
    np.testing.assert_allclose(scene.box, unit * known.box, rtol=1e-6)
    assert scene.kind == known.kind and scene.unit == ""
    levels = [[(one.level, one.where) for one in check_scene(each)] for each in (known, scene)]
    assert levels[0] == levels[1] and "error" not in {level for level, _ in levels[1]}
