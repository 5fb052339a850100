"""Scenes of bent lenses, or of pictures that differ in size, start from what was measured like all others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.inputs.scene.opened import OpenedScene
from neurfield.inputs.scene.words import scene_words
from neurfield.parts import load_config
from neurfield.points.fused_depth import FusedDepth
from neurfield.scenes import load_scene
from tests.fitting.conftest import CENTRE, RADIUS, SIZE, SMALL, write_sphere_scene


def halves(folder: Path, frames: list[dict[str, object]]) -> None:
    """Every third frame has half as many pixels a side."""
    for frame in frames[::3]:
        for key in ("file_path", "depth_file_path"):
            path = folder / str(frame[key])
            Image.fromarray(np.array(Image.open(path))[::2, ::2]).save(path)
        # Each kept pixel is the upper left one of four.
        frame.update(w=SIZE // 2, h=SIZE // 2, fl_x=30.0, fl_y=30.0, cx=SIZE / 4 + 0.25, cy=SIZE / 4 + 0.25)


def bends(folder: Path, frames: list[dict[str, object]]) -> None:
    """A lens that bends the border by a tenth of a pixel."""
    for frame in frames:
        frame.update(k1=0.03)


@pytest.mark.parametrize("change", [None, halves, bends])
def test_the_first_surface_is_fused_and_is_the_true_one(tmp_path: Path, change: object) -> None:
    file = write_sphere_scene(tmp_path / "sphere") / "transforms.json"
    data = json.loads(file.read_text())
    if callable(change):
        change(file.parent, data["frames"])
    file.write_text(json.dumps(data))
    scene = load_scene(file.parent)
    opened = OpenedScene.of(load_config("neus", overrides=[*SMALL, "points.fused_depth.voxel=0.02"]), scene)
    assert opened.used.cameras.distortion is None and set(opened.used.cameras.width.tolist()) == {SIZE}
    assert opened.scene is scene
    said = [str(line) for line in scene_words(opened, 0, 1.0) if "resampled" in str(line)]
    assert [line.split()[0] for line in said] == (
        [] if change is None else ["4"] if change is halves else ["12"]
    )
    source = next(s for s in opened.task.sources if isinstance(s, FusedDepth))
    assert source.volume is not None
    world = opened.task.frame.world_from_unit(source.volume.points.numpy().astype(np.float64))
    off = np.linalg.norm(world - CENTRE, axis=1) - RADIUS
    told = source.volume.sdf.numpy() * opened.task.frame.half
    assert len(off) > 1000 and np.median(np.abs(off - told)) < 0.01
