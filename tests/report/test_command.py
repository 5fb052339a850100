"""The command of a run makes the same configuration again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from neurfield.inputs.scene import SceneInput
from neurfield.parts import Config, load_config
from neurfield.report.command import command_of
from neurfield.scenes.builtin import builtin_folder


def parsed(command: str) -> Config:
    """The configuration that a command stands for."""
    words = shlex.split(command)
    assert words[:2] == ["neurfield", "fit"]
    flags: dict[str, list[str]] = {}
    for flag, value in zip(words[2::2], words[3::2]):
        flags.setdefault(flag, []).append(value)
    overrides = flags.get("--set", [])
    overrides += [f"{key}={flags[f'--{key}'][0]}" for key in ("seed", "device") if f"--{key}" in flags]
    if "--steps" in flags:
        overrides.append(f"train.steps={flags['--steps'][0]}")
    return load_config(flags["--method"][0], flags["--preset"][0], overrides)


@pytest.mark.parametrize(
    ("method", "preset", "overrides"),
    [
        ("neus", "default", []),
        ("volsdf", "quick", ["train.steps=77", "seed=5", "device=cpu"]),
        (
            "monosdf",
            "best",
            ["data.sensor_depth=off", "data.mask=false", "field.hidden=[32, 32]", "mesh.voxel=0.01"],
        ),
        ("neus", "default", ["losses.eikonal=1e-3", "data.box=[-1,-1,-1,1,1,1]"]),
    ],
)
def test_round_trip(method: str, preset: str, overrides: list[str]) -> None:
    config = load_config(method, preset, overrides)
    assert parsed(command_of(SceneInput, {"scene": "a scene/with a blank"}, config)) == config


def test_only_differences_are_typed() -> None:
    command = command_of(SceneInput, {"scene": "x"}, load_config("neus"))
    assert command == "neurfield fit --scene x --method neus --preset default"


def test_built_in_scenes_go_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path))
    config = load_config("neus")
    assert "--scene room0 " in command_of(
        SceneInput, {"scene": str(builtin_folder("room0").resolve())}, config
    )
    assert f"--scene {tmp_path}/other " in command_of(SceneInput, {"scene": f"{tmp_path}/other"}, config)
