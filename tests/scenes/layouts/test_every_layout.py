"""What all readers of layouts keep to: each layout has one reader, and a twin in transforms.json."""

from __future__ import annotations

import json

import numpy as np
import pytest
from known_room import KNOWN, drawn, write_millimetres
from scipy.spatial import cKDTree
from test_arkitscenes import write_capture
from test_blendedmvs import write_blended
from test_colmap import write_model, write_pictures
from test_monosdf import write_monosdf
from test_neural_rgbd import write_rgbd
from test_neus import write_scan
from test_polycam import write_polycam
from test_record3d import write_recording
from test_scannet import write_scan as write_scannet
from test_scannetpp import write_scannetpp
from test_sdfstudio import write_sdfstudio
from test_seven_scenes import write_sequence
from test_trajectory_log import write_barn
from test_tum import write_tum
from tiny_scenes import write_replica
from tiny_scenes import write_transforms as write_index

from neurfield.errors import UserError
from neurfield.inputs import fit
from neurfield.inputs.scene import SceneInput
from neurfield.scenes import check_scene, load_scene
from neurfield.scenes.convert import NOT_CARRIED, write_transforms
from neurfield.scenes.load import FORMATS


def write_colmap(folder, camera=None):
    write_pictures(folder / "images")
    write_model(folder / "sparse" / "0", **({} if camera is None else {"camera": camera}))


def write_fisheye(folder):
    write_colmap(folder, ("OPENCV_FISHEYE", [40.0, 41.0, 31.0, 25.0, 0.05, -0.01, 0.002, 0.0]))


def write_nerfstudio(folder):
    lens = {
        key: getattr(KNOWN, name)[0].item()
        for key, name in (
            ("fl_x", "fx"),
            ("fl_y", "fy"),
            ("cx", "cx"),
            ("cy", "cy"),
            ("w", "width"),
            ("h", "height"),
        )
    }
    data = write_index(folder, KNOWN, lens, lambda i: drawn(i)[1])
    for i, frame in enumerate(data["frames"]):
        frame["depth_file_path"] = f"depth/{i}.png"
        write_millimetres(folder / f"depth/{i}.png", drawn(i)[0])
    (folder / "transforms.json").write_text(json.dumps(data))


def write_corrected(folder):
    write_polycam(folder, corrected=True)


QUIET = ["train.save_every=0", "train.preview_every=0"]
RESOLUTION = 48

WRITERS = {
    "colmap": write_colmap,
    "fisheye": write_fisheye,
    "monosdf": write_monosdf,
    "neus": write_scan,
    "blendedmvs": write_blended,
    "log": write_barn,
    "tum": write_tum,
    "scannetpp": write_scannetpp,
    "sdfstudio": write_sdfstudio,
    "seven_scenes": write_sequence,
    "scannet": write_scannet,
    "neural_rgbd": write_rgbd,
    "polycam": write_polycam,
    "corrected": write_corrected,
    "arkitscenes": write_capture,
    "record3d": write_recording,
    "replica": write_replica,
    "nerfstudio": write_nerfstudio,
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
        "" if name in ("colmap", "fisheye", "monosdf", "neus", "blendedmvs", "log") else "m"
    )


def twin_of(layout):
    """Both scenes: as they lie in the layout, and as transforms.json."""
    write_transforms(load_scene(layout), layout.with_name("twin"))
    return load_scene(layout), load_scene(layout.with_name("twin"))


def test_its_twin_in_transforms_json_is_the_same_scene_to_the_bit(layout):
    scene, twin = twin_of(layout)
    assert len(twin) == len(scene) and twin.kind == scene.kind and twin.mask_says == scene.mask_says
    assert twin.unit == scene.unit
    assert np.array_equal(twin.box, scene.box)
    for name in ("world_from_cam", "fx", "fy", "cx", "cy", "width", "height"):
        assert np.array_equal(getattr(twin.cameras, name), getattr(scene.cameras, name)), name
    assert twin.sources == scene.sources - set(NOT_CARRIED)
    for source in twin.sources:
        for i in range(len(scene)):
            known, copied = scene.array(source, i), twin.array(source, i)
            if source == "prior_normal":  # 0 to 1 in the file
                np.testing.assert_allclose(copied, known, atol=1e-6)
            else:
                assert (known is None) == (copied is None)
                assert known is None or np.array_equal(copied, known), f"{source} {i}"
    assert not [finding for finding in check_scene(twin) if finding.level == "error"]


@pytest.mark.slow
def test_its_twin_ends_in_the_same_mesh(layout, tmp_path):
    """Within a voxel, after a few steps of the usual method: depth is fused, or pictures are matched."""
    found = []
    for name, scene in zip(("scene", "twin"), twin_of(layout)):
        method = SceneInput.usual(scene)[1] or "neus"
        run = fit(scene, method, steps=8, quiet=True, out=tmp_path / name, overrides=QUIET)
        found.append(np.asarray(run.mesh(resolution=RESOLUTION).vertices))
    voxel = np.ptp(scene.box, axis=0).max() / RESOLUTION
    assert len(found[0]) > 300
    for one, other in (found, found[::-1]):
        assert cKDTree(one).query(other)[0].max() <= voxel


def test_an_empty_picture_of_it_is_one_line(layout):
    scene = load_scene(layout)
    path = scene.files["image"].paths[1]
    path.write_bytes(b"")
    with pytest.raises(UserError, match=path.name) as caught:
        load_scene(layout)
    assert "\n" not in str(caught.value)
