"""Presets, overrides, and what happens to typing mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.errors import UserError
from neurfield.parts import load_config, read_config, save_config


def test_overrides_win_and_are_typed() -> None:
    config = load_config("neus", overrides=["train.steps=7", "field.hidden=[32,32]", "data.sensor_depth=off"])
    assert (
        config.train.steps == 7
        and config.one("field").numbers["hidden"] == [32, 32]
        and config.data.sensor_depth == "off"
    )


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["train.stpes=7"], "did you mean 'steps'"),
        (["train.steps=many"], "train.steps"),
        (["train.steps=0"], "train.steps"),
        (["passes.surface=nues"], "did you mean 'neus'"),
        (["passes.surface.width_start=0"], "passes.surface.width_start"),
        (["passes.surface.width_end=-0.1"], "passes.surface.width_end"),
        (["passes.surface.width_end=.nan"], "passes.surface.width_end"),
        (["passes.surface.width_warm=.inf"], "passes.surface.width_warm"),
        (["sampler.truncation=0"], "sampler.truncation"),
        (["points.fused_depth.until=0.2", "points.fused_depth.alone=0.25"], "set until above alone"),
        (["points.fused_depth.until=0.25", "points.fused_depth.alone=0.25"], "points.fused_depth"),
        (["nonsense"], "group.key=value"),
        (["data.box=[1,2]"], "data.box"),
        (["loss=3"], "loss"),
    ],
)
def test_mistakes_are_named(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said.replace(".", r"\.")) as caught:
        load_config("neus", overrides=overrides)
    assert "\n" not in str(caught.value)


def test_unknown_method_gets_a_suggestion() -> None:
    with pytest.raises(UserError, match="did you mean 'monosdf'"):
        load_config("monosfd")


def test_what_is_saved_is_what_was_used(tmp_path: Path) -> None:
    config = load_config("monosdf", "best", ["seed=5"])
    save_config(config, tmp_path / "config.yaml")
    assert read_config(tmp_path / "config.yaml") == config != load_config("monosdf", "best")


def test_broken_files_are_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("- 1\n- 2\n")
    (tmp_path / "b.yaml").write_text("train: {steps: 1, stepz: 2}\n")
    for name in ("a.yaml", "b.yaml", "missing.yaml"):
        with pytest.raises(UserError):
            read_config(tmp_path / name)
