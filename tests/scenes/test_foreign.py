"""Layouts of other programs are named, with the way to one that is read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from neurfield.errors import UserError
from neurfield.scenes import load_scene


def touch(*names):
    def make(folder):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()

    return make


LAYOUTS = [
    (touch("rgb/1.png", "depth/1.png", "groundtruth.txt"), "", "TUM.*rgb.txt is missing"),
    (
        touch("pose/0.txt", "color/0.jpg", "depth/0.png"),
        "",
        "ScanNet.*without its intrinsics.*intrinsic_color",
    ),
    (touch("poses_bounds.npy", "images/0.png"), "", "LLFF"),
    (touch("sfm_data.json", "images/0.png"), "", "OpenMVG.*COLMAP model.*openMVG2Colmap"),
    (touch("reconstruction.json", "images/0.png"), "", "OpenSfM.*COLMAP model.*export_colmap"),
    (touch("cameras.sfm", "images/0.png"), "", "Meshroom.*COLMAP model.*ExportColmap"),
    (touch("cameras.xml", "images/0.png"), "", "Metashape.*COLMAP model.*Export Cameras"),
    (touch("bundle.out", "images/0.png"), "", "Bundler.*transforms.json"),
    (
        touch("images/0.jpg", "images/1.jpg"),
        "",
        "pictures without poses.*scene import .*/images --out SCENE --fit.*COLMAP.*sparse/",
    ),
    (touch("a.jpg"), "a.jpg", "a picture.*--image"),
    (touch("a.ply"), "a.ply", "mesh or points.*view"),
    (touch("a.r3d"), "a.r3d", r"recording of Record3D: unzip it into a folder \(unzip a.r3d"),
    (touch("scene0000_00.sens"), "", "holds scene0000_00.sens, which is a recording of ScanNet.*SensReader"),
    (touch("room.usdz"), "room.usdz", "mesh without the pictures.*raw data"),
    (touch("walk.MOV"), "walk.MOV", "video.*scene import .*/walk.MOV --out SCENE --fit"),
    (touch("walk.mp4"), "", "holds walk.mp4, which is a video"),
    (touch("import/state.json", "images/0.jpg"), "", "an import that was stopped.*goes on"),
    (touch("polycam.zip"), "polycam.zip", "archive: unzip it"),
    (touch("a.bag"), "a.bag", "ROS or RealSense.*TUM RGB-D"),
]


@pytest.mark.parametrize(("make", "path", "says"), LAYOUTS)
def test_what_was_found_is_named_and_how_to_convert_it(tmp_path, make, path, says):
    make(tmp_path)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path / path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / path)) and "\n" not in message
    assert "several scenes" not in message and "no known format" not in message


def test_a_transforms_json_beside_a_colmap_model_is_read(tmp_path):
    touch("sparse/0/cameras.txt", "sparse/0/images.txt")(tmp_path)
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "0.png")
    frame = {"file_path": "0.png", "transform_matrix": np.eye(4).tolist()}
    (tmp_path / "transforms.json").write_text(json.dumps({"fl_x": 9.0, "frames": [frame]}))
    assert len(load_scene(tmp_path)) == 1
