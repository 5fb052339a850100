"""What all readers of layouts keep to: each layout has one reader, and a twin in transforms.json."""

from __future__ import annotations

import numpy as np
import pytest
from test_arkitscenes import write_capture
from test_blendedmvs import write_blended
from test_colmap import write_model, write_pictures
from test_neural_rgbd import write_rgbd
from test_neus import write_scan
from test_polycam import write_polycam
from test_record3d import write_recording
from test_scannet import write_scan as write_scannet
from test_seven_scenes import write_sequence
from test_trajectory_log import write_barn
from test_tum import write_tum
from tiny_scenes import write_replica

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene
from neurfield.scenes.convert import write_transforms
from neurfield.scenes.load import FORMATS


def write_colmap(folder, camera=None):
    write_pictures(folder / "images")
    write_model(folder / "sparse" / "0", **({} if camera is None else {"camera": camera}))


def write_fisheye(folder):
    write_colmap(folder, ("OPENCV_FISHEYE", [40.0, 41.0, 31.0, 25.0, 0.05, -0.01, 0.002, 0.0]))


def write_corrected(folder):
    write_polycam(folder, corrected=True)


WRITERS = {
    "colmap": write_colmap,
    "fisheye": write_fisheye,
    "neus": write_scan,
    "blendedmvs": write_blended,
    "log": write_barn,
    "tum": write_tum,
    "seven_scenes": write_sequence,
    "scannet": write_scannet,
    "neural_rgbd": write_rgbd,
    "polycam": write_polycam,
    "corrected": write_corrected,
    "arkitscenes": write_capture,
    "record3d": write_recording,
    "replica": write_replica,
}


@pytest.fixture(params=WRITERS)
def layout(request, tmp_path):
    WRITERS[request.param](tmp_path / "scene")
    return tmp_path / "scene"


def test_one_reader_alone_recognises_it(layout):
    assert sum(format_.recognises(layout) for format_ in FORMATS) == 1
    assert load_scene(layout).path == layout


def test_the_unit_is_known_of_sensors_and_of_no_reconstruction(layout, request):
    name = request.node.callspec.params["layout"]
    assert load_scene(layout).unit == (
        "" if name in ("colmap", "fisheye", "neus", "blendedmvs", "log") else "m"
    )


def test_its_twin_in_transforms_json_is_the_same_scene(layout):
    scene = load_scene(layout)
    depth = "sensor_depth" if "sensor_depth" in scene.sources else "depth"
    write_transforms(scene, layout.with_name("twin"))
    twin = load_scene(layout.with_name("twin"))
    assert len(twin) == len(scene) and twin.kind == scene.kind and twin.mask_says == scene.mask_says
    for name in ("world_from_cam", "fx", "fy", "cx", "cy", "width", "height"):
        np.testing.assert_allclose(getattr(twin.cameras, name), getattr(scene.cameras, name), atol=1e-12)
    for i in range(len(scene)):
        assert np.array_equal(twin.image(i), scene.image(i))
        assert (twin.mask(i) is None) == (scene.mask(i) is None)
        assert scene.mask(i) is None or np.array_equal(twin.mask(i), scene.mask(i))
        known = scene.array(depth, i)
        if known is not None:
            np.testing.assert_allclose(twin.depth(i, "noisy"), known, atol=1e-4)
    if "depth" not in scene.sources:  # of exact and measured depth the box is that of the exact
        np.testing.assert_allclose(twin.box, scene.box, atol=1e-3 * np.ptp(scene.box))
    assert not [finding for finding in check_scene(twin) if finding.level == "error"]


def test_an_empty_picture_of_it_is_one_line(layout):
    scene = load_scene(layout)
    path = scene.files["image"].paths[1]
    path.write_bytes(b"")
    with pytest.raises(UserError, match=path.name) as caught:
        load_scene(layout)
    assert "\n" not in str(caught.value)
