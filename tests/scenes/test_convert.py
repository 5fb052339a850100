"""Any scene as a folder with a transforms.json: the twin is the scene."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from known_room import FRAMES, KNOWN, bent_rays, drawn, outline, pinhole_rays, seen, write_picture
from PIL import Image
from tiny_scenes import HEIGHT, ROOM, WIDTH, ring_cameras, write_replica, write_transforms

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.scenes import Cameras, Scene, check_scene, load_scene
from neurfield.scenes import convert as converting
from neurfield.scenes.convert import write_transforms as convert
from neurfield.scenes.images import FileList, read_depth, read_mask, read_rgb
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import pinhole_view, resampled
from neurfield.scenes.sparse_points import write_points
from neurfield.scenes.tracks import Tracks

POINTS = np.random.default_rng(0).uniform(ROOM[0], ROOM[1], (300, 3))


def assert_twin(twin, scene, depth="sensor_depth"):
    """Cameras, pictures and all that lies beside them are those of the other scene."""
    for name in ("world_from_cam", "fx", "fy", "cx", "cy", "width", "height"):
        np.testing.assert_allclose(getattr(twin.cameras, name), getattr(scene.cameras, name), atol=1e-12)
    if scene.cameras.distortion is None:
        assert twin.cameras.distortion is None
    else:
        np.testing.assert_allclose(twin.cameras.distortion, scene.cameras.distortion)
    assert twin.kind == scene.kind and twin.mask_says == scene.mask_says
    assert np.array_equal(twin.box, scene.box)
    for i in range(len(scene)):
        assert np.array_equal(twin.image(i), scene.image(i))
        assert (twin.mask(i) is None) == (scene.mask(i) is None)
        assert scene.mask(i) is None or np.array_equal(twin.mask(i), scene.mask(i))
        known = scene.array(depth, i)
        if known is None:
            assert twin.array(depth, i) is None
        else:
            assert np.array_equal(twin.array(depth, i), known)
    assert not [finding for finding in check_scene(twin) if finding.level == "error"]


def test_a_room_of_replica_with_everything(tmp_path):
    source = write_replica(tmp_path / "room", count=8)
    truth = trimesh.creation.box(bounds=ROOM)
    truth.export(source / "mesh.ply")
    scene = load_scene(source)
    convert(scene, tmp_path / "twin")
    twin = load_scene(tmp_path / "twin")
    assert_twin(twin, scene)
    assert_twin(twin, scene, "depth")
    for i in range(8):
        assert np.array_equal(twin.prior_depth(i), scene.prior_depth(i))
        np.testing.assert_allclose(twin.prior_normal(i), scene.prior_normal(i), atol=1e-6)
        assert np.array_equal(twin.segment(i), scene.segment(i)) and twin.segment(i).any()
        # The pictures' own bytes: a JPEG is not compressed a second time.
        assert twin.files["image"].paths[i].read_bytes() == scene.files["image"].paths[i].read_bytes()
    assert len(twin.ground_truth.faces) == len(truth.faces)


def test_ids_beyond_16_bits_and_frames_without_segments(tmp_path):
    source = write_replica(tmp_path / "room", count=3)
    (source / "segments/000001.png").unlink()
    ids = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)

    def many(path):
        return (ids * 40 - 3 if path.stem == "000002" else ids).astype(np.int32)

    scene = load_scene(source)
    scene = scene.with_files({"segment": FileList(scene.files["segment"].paths, many)})
    convert(scene, tmp_path / "twin")
    twin = load_scene(tmp_path / "twin")
    assert [path and path.suffix for path in twin.files["segment"].paths] == [".png", None, ".npy"]
    assert np.array_equal(twin.segment(0), ids) and np.array_equal(twin.segment(2), ids * 40 - 3)


def test_exact_depth_alone_becomes_the_twins_depth(tmp_path):
    scene = load_scene(write_replica(tmp_path / "room", count=6, extras=False))
    convert(scene, tmp_path / "twin")
    twin = load_scene(tmp_path / "twin")
    assert_twin(twin, scene, "depth")
    assert "sensor_depth" not in twin.sources
    # Other programs are shown it as theirs.
    data = json.loads((tmp_path / "twin" / "transforms.json").read_text())
    assert all(frame["depth_file_path"] == frame["exact_depth_path"] for frame in data["frames"])
    assert data["depth_unit_scale_factor"] == data["exact_depth_unit"]


def room_scene(folder, cameras=KNOWN, lens=None, **given):
    """The known room with masks, depth of frames 1 and on, and points, through a lens."""
    folder.mkdir()
    for i in range(len(cameras)):
        rays = pinhole_rays(cameras, i) if lens is None else bent_rays(lens, WIDTH, HEIGHT)
        depth, colour = seen(cameras.world_from_cam[i], rays)
        write_picture(folder / f"{i}.png", colour)
        np.save(folder / f"d{i}.npy", depth.astype(np.float32))
        write_picture(folder / f"m{i}.png", outline(i).astype(np.uint8) * 255)
    each = range(len(cameras))
    files = {
        "image": FileList(tuple(folder / f"{i}.png" for i in each), read_rgb),
        "mask": FileList(tuple(folder / f"m{i}.png" if i != 2 else None for i in each), read_mask),
        "sensor_depth": FileList(tuple(folder / f"d{i}.npy" if i else None for i in each), read_depth(1.0)),
    }
    return Scene("known", folder, cameras, files, points=POINTS, **given)


def test_masks_depth_and_points_of_some_frames(tmp_path):
    scene = room_scene(tmp_path / "known")
    convert(scene, tmp_path / "twin")
    twin = load_scene(tmp_path / "twin")
    assert_twin(twin, scene)
    assert np.array_equal(twin.points, POINTS)


def test_bent_lenses_become_the_pinhole_pictures_that_are_fitted(tmp_path):
    lens = Lens("OPENCV_FISHEYE", 30.0, 31.0, 31.0, 25.0, (0.05, -0.01, 0.002, 0.0))
    view = pinhole_view(lens, (WIDTH, HEIGHT), (WIDTH, HEIGHT), "")
    scene = resampled(room_scene(tmp_path / "known", lens=lens), [view] * FRAMES)
    convert(scene, tmp_path / "twin")
    assert_twin(load_scene(tmp_path / "twin"), scene)


def test_distortion_and_unequal_cameras_stay(tmp_path):
    five = np.zeros((FRAMES, 5))
    five[1] = [-0.2, 0.03, 0.002, -0.003, 0.01]
    fx = KNOWN.fx + np.arange(FRAMES)
    cameras = Cameras(KNOWN.world_from_cam, fx, KNOWN.fy, KNOWN.cx, KNOWN.cy, KNOWN.width, KNOWN.height, five)
    scene = room_scene(tmp_path / "known", cameras).without("sensor_depth")
    convert(scene, tmp_path / "twin")
    data = json.loads((tmp_path / "twin" / "transforms.json").read_text())
    assert "fl_y" in data and "fl_x" not in data and data["frames"][1]["k1"] == -0.2
    assert_twin(load_scene(tmp_path / "twin"), scene)


def test_an_objects_box_and_masks(tmp_path):
    cameras = ring_cameras(np.zeros(3), count=8)
    box = np.array([[-0.5, -0.6, -0.4], [0.5, 0.6, 0.7]])
    scene = room_scene(tmp_path / "known", cameras, box=box).without("sensor_depth")
    assert scene.mask_says == "object"
    convert(scene, tmp_path / "twin")
    twin = load_scene(tmp_path / "twin")
    assert_twin(twin, scene)
    assert np.array_equal(twin.box_by_hand, box)


def test_masks_that_are_no_outline_stay_none(tmp_path):
    cameras = ring_cameras(np.zeros(3), count=8)
    scene = room_scene(tmp_path / "known", cameras, mask_says="valid").without("sensor_depth")
    assert scene.kind == "outside" and scene.mask_says == "valid"
    convert(scene, tmp_path / "twin")
    assert_twin(load_scene(tmp_path / "twin"), scene)


def test_turned_pictures_and_alpha_are_written_as_they_are_fitted(tmp_path):
    write_transforms(
        tmp_path / "a",
        KNOWN,
        {"fl_x": 40.0},
        lambda i: np.dstack([drawn(i)[1], outline(i) * 255]).astype(np.uint8),
    )
    for i in range(FRAMES):
        exif = Image.Exif()
        exif[0x0112] = 6
        stored = Image.fromarray(np.ascontiguousarray(np.rot90(drawn(i)[1])))
        stored.save(tmp_path / f"a/images/{i:03d}.jpg", exif=exif, quality=95)
    alpha = load_scene(tmp_path / "a")
    convert(alpha, tmp_path / "b")
    assert_twin(load_scene(tmp_path / "b"), alpha)
    data = json.loads((tmp_path / "a" / "transforms.json").read_text())
    for frame in data["frames"]:
        frame["file_path"] = frame["file_path"].replace(".png", ".jpg")
    (tmp_path / "a" / "transforms.json").write_text(json.dumps(data))
    turned = load_scene(tmp_path / "a")
    convert(turned, tmp_path / "c")
    twin = load_scene(tmp_path / "c")
    assert_twin(twin, turned)
    assert twin.files["image"].paths[0].suffix == ".png"


@pytest.mark.parametrize("unit", [1e-3, 1 / 5000, 1 / 6553.5, 1.0])
def test_depth_of_16_bits_keeps_its_unit_and_others_are_no_whole_numbers_of_one(tmp_path, unit):
    scene = room_scene(tmp_path / "known")
    levels = np.random.default_rng(0).integers(0, 2**16, (FRAMES, HEIGHT, WIDTH)).astype(np.uint16)
    paths = tuple(tmp_path / "known" / f"levels{i}.png" for i in range(FRAMES))
    for path, level in zip(paths, levels):
        write_picture(path, level)
    measured = scene.with_files({"sensor_depth": FileList(paths, read_depth(unit))})
    convert(measured, tmp_path / "twin")
    assert_twin(load_scene(tmp_path / "twin"), measured)
    assert {path.suffix for path in (tmp_path / "twin" / "depth").iterdir()} == {".png"}
    convert(scene, tmp_path / "of_floats")
    assert_twin(load_scene(tmp_path / "of_floats"), scene)
    assert {path.suffix for path in (tmp_path / "of_floats" / "depth").iterdir()} == {".npy"}


def test_points_that_a_file_names_and_are_not_there_are_said(tmp_path):
    convert(room_scene(tmp_path / "known"), tmp_path / "twin")
    (tmp_path / "twin" / "sparse_pc.ply").unlink()
    scene = load_scene(tmp_path / "twin")
    assert scene.points is None and "sparse_pc.ply: no such file" in scene.notes[0]


def nothing_left(folder):
    return sorted(entry.name for entry in folder.iterdir()) == ["known"]


def test_what_cannot_be_read_leaves_nothing_behind(tmp_path):
    scene = room_scene(tmp_path / "known")
    (tmp_path / "known" / "m4.png").write_bytes(b"cut off")
    with pytest.raises(UserError, match=r"m4.png"):
        convert(scene, tmp_path / "twin")
    assert nothing_left(tmp_path)


def test_interrupted_it_leaves_nothing_behind(tmp_path, monkeypatch):
    scene = room_scene(tmp_path / "known")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(converting, "write_points", stop)
    with pytest.raises(KeyboardInterrupt):
        convert(scene, tmp_path / "twin")
    assert nothing_left(tmp_path)


def test_frames_without_a_picture_are_named(tmp_path):
    scene = room_scene(tmp_path / "known")
    paths = (*scene.files["image"].paths[:3], None, *scene.files["image"].paths[4:])
    scene = scene.with_files({"image": FileList(paths, read_rgb)})
    with pytest.raises(UserError, match="frame 3 has no picture"):
        convert(scene, tmp_path / "twin")
    assert nothing_left(tmp_path)


def test_from_the_command_line(tmp_path, capsys):
    write_replica(tmp_path / "room", count=4)
    out = tmp_path / "deep" / "twin"
    assert main(["scene", "convert", str(tmp_path / "room"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert (
        "4 frames" in said
        and "segment" in said
        and "not carried" not in said
        and str(out / "transforms.json") in said
    )
    assert main(["scene", "check", str(out)]) == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert main(["scene", "convert", str(tmp_path / "room"), "--out", str(out)]) == 2
    assert "exists: give a new folder" in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}


def tracked(folder):
    """The known room, its points and where three of its frames see them."""
    scene = room_scene(folder)
    rows = np.arange(0, 300, 7)
    tracks = Tracks(
        np.repeat([1, 3, 4], len(rows)),
        np.tile(rows, 3),
        np.concatenate([KNOWN.project(i, POINTS[rows])[0] for i in (1, 3, 4)]),
    )
    return scene.seen_by(scene.cameras, scene.files, tracks.finite())


def test_tracks_are_kept(tmp_path):
    scene = tracked(tmp_path / "known")
    convert(scene, tmp_path / "twin")
    twin = load_scene(tmp_path / "twin")
    for name in ("frame", "point", "pixel"):
        assert np.array_equal(getattr(twin.tracks, name), getattr(scene.tracks, name))
    assert twin.tracks.errors(twin.cameras, twin.points).max() < 1e-6


def test_tracks_follow_their_frames(tmp_path):
    convert(tracked(tmp_path / "known"), tmp_path / "twin")
    file = tmp_path / "twin" / "transforms.json"
    data = json.loads(file.read_text())
    data["frames"] = [data["frames"][i] for i in (4, 0, 2, 1)]
    file.write_text(json.dumps(data))
    twin = load_scene(tmp_path / "twin")
    assert len(twin) == 4 and set(twin.tracks.frame) == {1, 3}
    assert twin.tracks.errors(twin.cameras, twin.points).max() < 1e-6


@pytest.mark.parametrize("kind", ["cut off", "other points", "gone"])
def test_tracks_that_do_not_fit_are_named(tmp_path, kind):
    convert(tracked(tmp_path / "known"), tmp_path / "twin")
    file = tmp_path / "twin" / "sparse_tracks.npz"
    if kind == "gone":
        file.unlink()
        scene = load_scene(tmp_path / "twin")
        assert scene.tracks is None and "sparse_tracks.npz: no such file" in scene.notes[0]
        return
    if kind == "cut off":
        file.write_bytes(file.read_bytes()[:100])
    else:
        write_points(tmp_path / "twin" / "sparse_pc.ply", POINTS[:20])
    with pytest.raises(UserError, match=r"sparse_tracks.npz: .*take it out"):
        load_scene(tmp_path / "twin")


def test_alpha_is_the_mask_of_frames_without_one(tmp_path):
    def picture(i):
        rgba = np.dstack([drawn(i)[1], outline(i) * 255]).astype(np.uint8)
        return rgba if i in (1, 2) else rgba[..., :3]  # not of the first

    write_transforms(tmp_path / "a", KNOWN, {"fl_x": 40.0}, picture)
    data = json.loads((tmp_path / "a/transforms.json").read_text())
    write_picture(tmp_path / "a/mask.png", np.full((HEIGHT, WIDTH), 255, np.uint8))
    data["frames"][2]["mask_path"] = "mask.png"
    (tmp_path / "a/transforms.json").write_text(json.dumps(data))
    scene = load_scene(tmp_path / "a")
    assert scene.mask(0) is None and np.array_equal(scene.mask(1), outline(1)) and scene.mask(2).all()
    convert(scene, tmp_path / "b")
    assert_twin(load_scene(tmp_path / "b"), scene)


@pytest.mark.parametrize("unit", ["m", "", "mm"])
def test_lengths_have_a_unit_where_one_is_known(tmp_path, unit, capsys):
    scene = room_scene(tmp_path / "known", unit=unit)
    convert(scene, tmp_path / "twin")
    twin = load_scene(tmp_path / "twin")
    assert twin.unit == unit == twin.without("mask").with_box(twin.box).unit
    said = {one.where: one.what for one in check_scene(twin)}
    walk, box = (
        " x ".join(f"{side:.2f}" for side in np.ptp(corners, axis=0)) + (f" {unit}" if unit else "")
        for corners in (twin.cameras.centers, twin.box)
    )
    assert said["poses"] == f"{FRAMES} rigid poses in {walk}"
    assert said["box"].startswith(f"{box}, ")
    assert main(["scene", "info", str(tmp_path / "twin")]) == 0
    told = capsys.readouterr().out
    assert f"{box} from [" in told and ("not known" in told) == (not unit)


def test_an_imports_unit_is_what_it_says_and_depth_means_metres(tmp_path):
    convert(room_scene(tmp_path / "known"), tmp_path / "twin")
    file = tmp_path / "twin" / "transforms.json"
    data = json.loads(file.read_text())
    for more, unit in (
        ({"import": {"unit": "arbitrary"}}, ""),
        ({"import": {"unit": "metre"}}, "m"),
        ({}, "m"),
    ):
        silent = {key: value for key, value in data.items() if key != "unit"}
        file.write_text(json.dumps({**silent, **more}))
        assert load_scene(tmp_path / "twin").unit == unit
