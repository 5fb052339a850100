"""Pictures of bent lenses and of other sizes, resampled to pinhole cameras'."""

from __future__ import annotations

import numpy as np
import pytest
from known_room import KNOWN, assert_consistent, bent_rays, drawn, pinhole_rays, seen, write_picture
from tiny_scenes import HEIGHT, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.images import FileList, read_depth, read_mask, read_rgb
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import PinholeView, as_pinhole, pinhole_view, resampled

FISHEYE = Lens("OPENCV_FISHEYE", 30.0, 31.0, 31.0, 25.0, (0.05, -0.01, 0.002, 0.0))
CUSHION = Lens("RADIAL", 40.0, 41.0, 31.0, 25.0, (0.15, 0.02))
BARREL = Lens("OPENCV", 40.0, 41.0, 31.0, 25.0, (-0.2, 0.03, 0.002, -0.003))
SIZE = (WIDTH, HEIGHT)


def through(lens, folder, size=SIZE):
    """The known room drawn through a lens, with depth in millimetres."""
    for i in range(len(KNOWN)):
        depth, colour = seen(KNOWN.world_from_cam[i], bent_rays(lens, *size))
        write_picture(folder / f"{i}.png", colour)
        write_picture(folder / f"depth{i}.png", np.round(depth * 1000).astype(np.uint16))
    files = {
        "image": FileList(tuple(folder / f"{i}.png" for i in range(len(KNOWN))), read_rgb),
        "sensor_depth": FileList(
            tuple(folder / f"depth{i}.png" for i in range(len(KNOWN))), read_depth(1e-3)
        ),
    }
    return Scene("bent", folder, Cameras(KNOWN.world_from_cam, 40, 40, 32, 24, *size), files)


@pytest.mark.parametrize("lens", [FISHEYE, CUSHION, BARREL], ids=lambda lens: lens.model)
def test_what_a_bent_lens_saw_is_what_the_pinhole_sees(tmp_path, lens):
    scene = through(lens, tmp_path)
    view = pinhole_view(lens, SIZE, SIZE, "here")
    flat = resampled(scene, [view] * len(scene))
    flat.verify_files()
    for i in (0, 3):
        depth, colour = seen(KNOWN.world_from_cam[i], pinhole_rays(flat.cameras, i))
        assert np.abs(flat.image(i).astype(int) - colour).mean() < 1.0
        # Not mixed: each pixel has the depth of the file's nearest, at most half a pixel away.
        assert np.median(np.abs(flat.depth(i, "noisy") - depth) / depth) < 0.01
    assert flat.cameras.distortion is None and len(scene.with_frames(np.arange(2))) == 2


@pytest.mark.parametrize("lens", [FISHEYE, CUSHION, BARREL], ids=lambda lens: lens.model)
def test_the_pinhole_sees_nothing_beyond_the_picture_and_as_much_as_it_can(lens):
    view = pinhole_view(lens, SIZE, SIZE, "here")

    def inside(zoom):
        x = (np.array([0, WIDTH, 0, WIDTH, 0, WIDTH, view.cx, view.cx]) - view.cx) / (view.fx * zoom)
        y = (np.array([0, 0, HEIGHT, HEIGHT, view.cy, view.cy, 0, HEIGHT]) - view.cy) / (view.fy * zoom)
        u, v = lens.pixels(x, y)
        return ((u > -1e-6) & (u < WIDTH + 1e-6) & (v > -1e-6) & (v < HEIGHT + 1e-6)).all()

    assert inside(1.0) and not inside(0.97)


def test_a_lens_that_folds_its_picture_is_named():
    with pytest.raises(UserError, match=r"cam.txt: the lens RADIAL \[-9.0, 0.0\] bends"):
        pinhole_view(Lens("RADIAL", 40, 40, 32, 24, (-9.0, 0.0)), SIZE, SIZE, "cam.txt")


def test_unequal_and_distorted_cameras_become_pinholes_of_one_size(tmp_path):
    five = np.zeros((6, 5))
    five[1] = [-0.2, 0.03, 0.002, -0.003, 0.0]
    width, height = KNOWN.width.copy(), KNOWN.height.copy()
    fx, fy, cx, cy = (getattr(KNOWN, name).copy() for name in ("fx", "fy", "cx", "cy"))
    width[2], height[2], fx[2], fy[2], cx[2], cy[2] = 48, 64, 41.0, 40.0, 24.5, 31.0
    cameras = Cameras(KNOWN.world_from_cam, fx, fy, cx, cy, width, height, five)
    for i in range(6):
        rays = pinhole_rays(cameras, i)
        if i == 1:
            rays = bent_rays(Lens("OPENCV", fx[1], fy[1], cx[1], cy[1], tuple(five[1, :4])), WIDTH, HEIGHT)
        depth, colour = seen(KNOWN.world_from_cam[i], rays)
        write_picture(tmp_path / f"{i}.png", colour)
        write_picture(tmp_path / f"depth{i}.png", np.round(depth * 1000).astype(np.uint16))
        write_picture(tmp_path / f"mask{i}.png", rays[:, :, 0] > 0)
    names = {"image": ("{}.png", read_rgb), "sensor_depth": ("depth{}.png", read_depth(1e-3)),
             "mask": ("mask{}.png", read_mask)}  # fmt: skip
    files = {
        source: FileList(tuple(tmp_path / name.format(i) for i in range(6)), read)
        for source, (name, read) in names.items()
    }
    scene = Scene("mixed", tmp_path, cameras, files)
    flat = as_pinhole(scene)
    flat.verify_files()
    assert flat.cameras.distortion is None
    assert set(zip(flat.cameras.width.tolist(), flat.cameras.height.tolist())) == {SIZE}
    for i in range(6):
        depth, colour = seen(KNOWN.world_from_cam[i], pinhole_rays(flat.cameras, i))
        assert np.abs(flat.image(i).astype(int) - colour).mean() < 1.5
        assert np.median(np.abs(flat.depth(i, "noisy") - depth) / depth) < 0.01
        assert (flat.mask(i) == (pinhole_rays(flat.cameras, i)[:, :, 0] > 0)).mean() > 0.98
    assert np.array_equal(flat.image(0), scene.image(0))  # what was right already is not touched
    assert as_pinhole(flat.with_frames(np.array([3, 1]))).cameras.fx[1] == flat.cameras.fx[1]
    assert as_pinhole(flat) is flat


def test_a_view_is_mixed_or_not_as_asked():
    view = PinholeView(
        Lens("PINHOLE", 40, 40, 32, 24), SIZE, 40.0, 40.0, 32.5, 24.0, SIZE
    )  # half a pixel over
    ramp = np.tile(np.arange(WIDTH, dtype=np.float32) * 10, (HEIGHT, 1))
    assert view(ramp, smooth=True)[5, 7] == pytest.approx(65.0)
    assert view(ramp, smooth=False)[5, 7] in (60.0, 70.0)


def test_the_room_is_drawn_as_the_scene_reads_it(tmp_path):
    depth, colour = drawn(0)
    write_picture(tmp_path / "0.png", colour)
    write_picture(tmp_path / "d.png", np.round(depth * 1000).astype(np.uint16))
    files = {"image": FileList((tmp_path / "0.png",), read_rgb),
             "sensor_depth": FileList((tmp_path / "d.png",), read_depth(1e-3))}  # fmt: skip
    assert_consistent(Scene("one", tmp_path, KNOWN.select(np.array([0])), files), 0)
