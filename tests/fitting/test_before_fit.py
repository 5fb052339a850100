"""What a fit says of its scene before it starts, and what it refuses to start with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neurfield.errors import UserError
from neurfield.fitting import Run, fit
from neurfield.scenes import load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene
from tests.scenes.tiny_scenes import write_replica

Said = pytest.CaptureFixture[str]


def changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The sphere, its transforms.json changed."""
    path = write_sphere_scene(folder) / "transforms.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return folder


def fitted(folder: Path, out: Path, *overrides: str, quiet: bool = True) -> Run:
    return fit(load_scene(folder), "neus", steps=2, out=out, overrides=[*SMALL, *overrides], quiet=quiet)


def depth_in_another_unit(data: dict[str, Any]) -> None:
    data["depth_unit_scale_factor"] = 1e-4


def poses_in_opencv_axes(data: dict[str, Any]) -> None:
    for frame in data["frames"]:
        pose = np.array(frame["transform_matrix"]) @ np.diag([1.0, -1.0, -1.0, 1.0])
        frame["transform_matrix"] = pose.tolist()


def one_place(data: dict[str, Any]) -> None:
    data["frames"] = [{**data["frames"][0], "file_path": frame["file_path"]} for frame in data["frames"]]
    for frame in data["frames"]:
        del frame["depth_file_path"]


@pytest.mark.parametrize(
    ("change", "overrides", "says"),
    [
        (depth_in_another_unit, ["data.mask=false"], r"multiplied by 10.*unit.*data\.sensor_depth=off"),
        (poses_in_opencv_axes, ["data.mask=false"], "OpenCV|OpenGL"),
        (one_place, ["data.box=[-1,-1,-1,1,1,1]"], "one place"),
    ],
)
def test_what_check_calls_an_error_stops_the_fit(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], overrides: list[str], says: str
) -> None:
    folder = changed(tmp_path / "sphere", change)
    with pytest.raises(UserError, match=says) as caught:
        fitted(folder, tmp_path / "runs", *overrides)
    assert "\n" not in str(caught.value) and "neurfield scene check" in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_what_is_not_used_stops_nothing(tmp_path: Path) -> None:
    folder = changed(tmp_path / "sphere", depth_in_another_unit)
    fitted(folder, tmp_path / "runs", "data.mask=false", "data.sensor_depth=off")


def test_one_place_with_depth_is_a_warning(tmp_path: Path, capsys: Said) -> None:
    folder = changed(tmp_path / "sphere", lambda data: data["frames"].__delitem__(slice(1, None)))
    fitted(folder, tmp_path / "runs", quiet=False)
    assert "from one place" in capsys.readouterr().out


def test_a_broken_true_surface_is_told_before_the_fit(tmp_path: Path, capsys: Said) -> None:
    folder = write_sphere_scene(tmp_path / "sphere")
    (folder / "ground_truth.ply").write_bytes(b"ply\nformat ascii 1.0\n")
    fitted(folder, tmp_path / "runs", quiet=False)
    said = capsys.readouterr().out
    assert 0 <= said.index("ground_truth.ply") < said.index("method neus")


def test_the_summary_counts_what_is_used(tmp_path: Path, capsys: Said) -> None:
    folder = write_sphere_scene(tmp_path / "sphere")
    path = folder / "transforms.json"
    data = json.loads(path.read_text())
    for i, frame in enumerate(data["frames"]):
        with Image.open(folder / frame["file_path"]) as image:
            alpha, colour = image.getchannel("A"), image.convert("RGB")
        alpha.save(folder / f"mask_{i}.png")
        colour.save(folder / frame["file_path"])  # with alpha it would be its own mask
        if i < 7:
            frame["mask_path"] = f"mask_{i}.png"
        if i >= 9:
            del frame["depth_file_path"]
    path.write_text(json.dumps(data))
    fitted(folder, tmp_path / "runs", "data.holdout_every=6", quiet=False)
    said = capsys.readouterr().out
    assert "10 of 12 cameras (2 held out), 10 images, 6 masks, 8 noisy sensor depth maps" in said
    assert str(tmp_path / "runs" / "sphere") in said  # in one piece


@pytest.mark.parametrize(("known", "unit"), [({}, "m"), ({"unit": ""}, "")])
def test_lengths_have_a_unit_where_one_is_known(
    tmp_path: Path, capsys: Said, known: dict[str, str], unit: str
) -> None:
    folder = write_sphere_scene(tmp_path / "sphere")
    path = folder / "transforms.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **known}))
    fitted(folder, tmp_path / "runs", quiet=False)
    said = capsys.readouterr().out
    box = next(line for line in said.splitlines() if line.startswith("box "))
    assert (" m, " in box) == bool(unit)
    facts = next((tmp_path / "runs" / "sphere").glob("*/run.json"))
    assert json.loads(facts.read_text())["unit"] == unit


def test_the_summary_says_what_is_left_alone(tmp_path: Path, capsys: Said) -> None:
    folder = write_replica(tmp_path / "room")
    fitted(folder, tmp_path / "runs", quiet=False)
    said = capsys.readouterr().out
    assert "20 images, 20 exact depth maps\n" in said
    assert "not used: noisy sensor depth maps, ambiguous prior depth maps, prior normal maps" in said
