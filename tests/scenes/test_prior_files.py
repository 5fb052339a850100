"""Priors that networks made beside a scene, or elsewhere: every reader finds them, but no stale ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from test_stereo_files import made, write_maps
from tiny_scenes import HEIGHT, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene, prior_files
from neurfield.scenes.beside import picture_key, picture_print
from neurfield.scenes.stereo_files import stereo_folder

BY = {"network": "net.onnx", "sha256": "0123456789abcdef", "profile": "omnidata", "date": "2026-01-01"}


def write_priors(scene, folder, frames, away="..", sources=("prior_depth", "prior_normal")):
    """Depth i + 1 to i + 2 and normals along -z for some frames."""
    folder.mkdir(parents=True)
    entries = {}
    for i in frames:
        ramp = np.linspace(i + 1.0, i + 2.0, WIDTH, dtype=np.float16)
        np.save(folder / f"{i:06d}_depth.npy", np.broadcast_to(ramp, (HEIGHT, WIDTH)))
        normal = np.full((3, HEIGHT, WIDTH), 0.5, np.float16)
        normal[2] = 0.0
        np.save(folder / f"{i:06d}_normal.npy", normal)
        entries[picture_key(scene, i)] = {
            "file": f"{i:06d}", "picture": picture_print(scene, i),
            "lens": prior_files.lens_print(scene.cameras, i),
        }  # fmt: skip
    made_of = {source: {"made_by": {**BY, "neurfield": "0"}, "frames": entries} for source in sources}
    index = {"version": prior_files.VERSION, "scene": str(away), "sources": made_of}
    (folder / "priors.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize("layout", ["replica", "transforms"])
def test_every_reader_finds_them(layout, tmp_path):
    path = made(layout, tmp_path)
    plain = load_scene(path)
    folder = write_priors(plain, tmp_path / "guessed", [0, 3], away=path)
    scene = load_scene(folder)
    assert scene.path == folder and scene.sources == plain.sources | {"prior_depth", "prior_normal"}
    assert scene.prior_depth(1) is None and scene.prior_depth(3)[0] == pytest.approx(
        np.linspace(4.0, 5.0, WIDTH), rel=1e-3
    )
    assert scene.prior_normal(0) == pytest.approx(np.broadcast_to([0, 0, -1], (HEIGHT, WIDTH, 3)), abs=1e-3)
    assert "net.onnx (sha256 0123456789ab) as omnidata" in scene.files["prior_depth"].made_by
    some = scene.with_frames(np.array([3])).files["prior_normal"]
    assert some.made_by == scene.files["prior_normal"].made_by
    assert plain.files.get("prior_depth") is None or not plain.files["prior_depth"].made_by


def test_what_the_index_does_not_name_stays_the_data_sets_own(tmp_path):
    path = made("replica", tmp_path)
    own = load_scene(path)
    folder = write_priors(own, tmp_path / "guessed", range(6), away=path, sources=("prior_depth",))
    scene = load_scene(folder)
    assert not np.array_equal(scene.prior_depth(2), own.prior_depth(2))
    np.testing.assert_array_equal(scene.prior_normal(2), own.prior_normal(2))


def test_stereo_and_priors_lead_to_each_other(tmp_path):
    path = made("transforms", tmp_path)
    plain = load_scene(path)
    both = {"prior_depth", "prior_normal", "stereo_depth", "stereo_normal", "stereo_confidence"}
    write_priors(plain, prior_files.priors_folder(path), range(6))
    maps = write_maps(plain, stereo_folder(path), range(6))
    elsewhere = write_priors(plain, tmp_path / "guessed", range(6), away=path)
    for place in (path, maps, elsewhere, prior_files.priors_folder(path)):
        scene = load_scene(place)
        assert scene.path == place and scene.sources >= both
        assert all(scene.prior_depth(i) is not None and scene.stereo_depth(i) is not None for i in range(6))
        assert stereo_folder(scene.path) == maps
    assert prior_files.priors_folder(elsewhere) == elsewhere
    assert prior_files.priors_folder(maps) == path / "priors"


def test_a_file_has_a_folder_of_its_own(tmp_path):
    path = made("transforms", tmp_path)
    file = path / "transforms_few.json"
    data = json.loads((path / "transforms.json").read_text())
    file.write_text(json.dumps({**data, "frames": data["frames"][:3]}))
    folder = prior_files.priors_folder(file)
    assert folder == path / "priors-transforms_few"
    write_priors(load_scene(file), folder, range(3))
    assert "prior_depth" in load_scene(file).sources and "prior_depth" not in load_scene(path).sources


def test_poses_may_change_but_lenses_may_not(tmp_path):
    path = made("transforms", tmp_path)
    write_priors(load_scene(path), prior_files.priors_folder(path), range(6))
    file = path / "transforms.json"
    data = json.loads(file.read_text())
    data["frames"][1]["transform_matrix"][0][3] += 0.1
    data["frames"][2]["fl_x"] = 41.0
    file.write_text(json.dumps(data))
    scene = load_scene(path)
    assert [scene.prior_depth(i) is not None for i in range(4)] == [True, True, False, True]
    told = [f for f in check_scene(scene) if f.where == str(path / "priors")]
    assert len(told) == 2 and all("1 of 6" in f.what and "scene priors" in f.todo for f in told)


def test_an_index_that_cannot_be_read_is_left_alone_and_said(tmp_path):
    path = made("transforms", tmp_path)
    folder = write_priors(load_scene(path), prior_files.priors_folder(path), range(6))
    whole = (folder / "priors.json").read_text()
    for broken in ("{", '{"version": 1, "scene": "..", "sources": {"prior_depth": {}}}', "[1]"):
        (folder / "priors.json").write_text(broken)
        scene = load_scene(path)
        assert "prior_depth" not in scene.sources
        assert any("cannot be read" in f.what for f in prior_files.prior_file_findings(scene))
    with pytest.raises(UserError, match=r"priors\.json: not readable: run `neurfield scene priors SCENE"):
        load_scene(folder)
    (folder / "priors.json").write_text(whole.replace('".."', '"nowhere"'))
    with pytest.raises(UserError, match="is gone"):
        load_scene(folder)
