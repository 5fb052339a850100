"""Maps that were written and read back are what was matched, to the last digit of their files."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurfield.scenes import Scene, load_scene
from neurfield.scenes.stereo_files import stereo_findings
from neurfield.stereo import Flag, StereoMaps, StereoSettings, match, read_maps
from neurfield.stereo.folder import write_maps
from tests.stereo import made

SMALL = StereoSettings(planes=32, passes=1, geometric=0, refine=False, sources=4)
KINDS = {
    "object": SMALL,
    "every second": replace(SMALL, every=2),
    "reduced": replace(SMALL, longest=80),
}


@cache
def pictures() -> made.MadeScene:
    """Twelve views of a cup on black, each with an exposure of its own."""
    cup = made.mug("textured")
    some = made.replace(
        cup, cameras=cup.cameras.select(np.arange(0, 24, 2)), colour=cup.colour[::2], part=cup.part[::2],
        depth=cup.depth[::2], normal=cup.normal[::2],
    )  # fmt: skip
    return some.altered(gains=(0.7, 1.2))[0]


@pytest.fixture(scope="module", params=KINDS)
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, StereoMaps]:
    """A scene with its maps beside it, and what was matched."""
    path = pictures().write(tmp_path_factory.mktemp("read") / "cup")
    scene = load_scene(path)
    maps = match(scene, KINDS[request.param])
    (path / "stereo").mkdir()
    write_maps(maps, scene, path / "stereo", "a fingerprint")
    return path, maps


def test_they_are_what_was_matched(written: tuple[Path, StereoMaps]) -> None:
    path, maps = written
    read = read_maps(load_scene(path))
    assert read is not None
    known = maps.depth > 0
    assert known.any() and (maps.flags == Flag.BACKGROUND).any() and maps.gain is not None
    assert torch.equal(read.depth > 0, known) and torch.equal(read.flags, maps.flags)
    unit = json.loads((path / "stereo" / "stereo.json").read_text())["unit"]
    inverse = 1.0 / read.depth[known].double() - 1.0 / maps.depth[known].double()
    assert float(inverse.abs().max()) <= 0.51 * unit
    assert float((read.confidence - maps.confidence).abs().max()) <= 0.51 / 255
    assert float((read.normal - maps.normal).abs().max()) < 0.01
    assert not read.normal[~known].any() and not read.confidence[~known].any()
    assert np.array_equal(read.frames, maps.frames) and read.left == maps.left
    assert read.gain is not None and torch.equal(read.gain, maps.gain)
    # Empty columns at the end say nothing.
    columns = read.sources.shape[1]
    assert np.array_equal(read.sources, maps.sources[:, :columns]) and (maps.sources[:, columns:] < 0).all()


def test_they_are_of_the_same_pictures(written: tuple[Path, StereoMaps]) -> None:
    path, maps = written
    read = read_maps(load_scene(path))
    assert read is not None and read.depth.shape[1:] == read.views.pictures.grey.shape[1:]
    ours, theirs = read.views.pictures, maps.views.pictures
    assert torch.equal(ours.grey, theirs.grey) and torch.equal(ours.lens, theirs.lens)
    assert torch.equal(ours.cam_from_world, theirs.cam_from_world)
    assert ours.inside is not None and theirs.inside is not None and torch.equal(ours.inside, theirs.inside)


def scene_of(written: tuple[Path, StereoMaps], folder: Path, **changed: object) -> Scene:
    """The scene with other words in its transforms.json, and its maps."""
    path, _ = written
    for file in path.rglob("*"):
        if file.is_file():
            copy = folder / file.relative_to(path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    said = json.loads((folder / "transforms.json").read_text())
    (folder / "transforms.json").write_text(json.dumps({**said, **changed}))
    return load_scene(folder)


def test_maps_that_cannot_stand_for_a_match_are_not_read(
    written: tuple[Path, StereoMaps], tmp_path: Path
) -> None:
    path, _ = written
    assert read_maps(load_scene(path, stereo=False)) is None
    frames = json.loads((path / "transforms.json").read_text())["frames"]
    frames[0]["transform_matrix"][0][3] += 0.01
    moved = scene_of(written, tmp_path / "moved", frames=frames)
    assert moved.stereo_depth(2) is not None and read_maps(moved) is None
    scene_of(written, tmp_path / "edited")
    edited = tmp_path / "edited" / "images" / "000.png"
    pixels = np.array(Image.open(edited))
    pixels[0, 0, :3] = 200
    Image.fromarray(pixels).save(edited)
    repainted = load_scene(tmp_path / "edited")
    assert repainted.stereo_depth(0) is None and repainted.stereo_depth(2) is not None
    assert read_maps(repainted) is None
    assert any("1 of" in finding.what for finding in stereo_findings(repainted))
    other = scene_of(written, tmp_path / "other")
    flags = next((tmp_path / "other" / "stereo").glob("*_flags.png"))
    Image.open(flags).resize((40, 30)).save(flags)
    assert read_maps(other) is None
