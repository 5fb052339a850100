"""The overrides by which configurations differ."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurfield.parts import differences, load_config
from neurfield.parts.yaml_text import read_text, write_value

CHANGES = [
    "train.steps=7", "data.box=[0,0,0,1,1,1.5]", "data.sensor_depth=off", "data.mask=false",
    "field.radius=1e-7",
    "field.hidden=[32,32]", "passes.surface=volsdf", "passes.surface.learn=on", "losses.color=off",
    "losses.smooth=0.3", "losses.dark={part: color, weight: 0.5, decay: 2, at: 'off'}", "losses.s3im=1",
    "losses.s3im.kernel=8", "points.fused_depth=off", "background=off", "heads=off", "mesh.component=largest",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(CHANGES), unique=True).map(lambda chosen: sorted(chosen, key=CHANGES.index)))
def test_differences_turn_one_into_the_other(chosen: list[str]) -> None:
    usual = load_config("neus", "quick")
    # A number of a part that another change leaves out needs the part first.
    changed = [c for c in chosen if c != "losses.s3im.kernel=8" or "losses.s3im=1" in chosen]
    config = load_config("neus", "quick", changed)
    assert load_config("neus", "quick", differences(config, usual)) == config
    assert load_config("neus", "quick", [*changed, *differences(usual, config)]) == usual


@pytest.mark.parametrize(
    "change", ["train.steps=7", "field.hidden=[32, 32]", "background=off", "losses.smooth.weight=0.3"]
)
def test_one_change_is_one_override(change: str) -> None:
    assert differences(load_config("neus", overrides=[change]), load_config("neus")) == [change]
    assert differences(load_config("neus"), load_config("neus")) == []


@given(
    st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.booleans()
    | st.lists(st.floats(0, 1))
)
def test_a_value_is_one_line_that_is_read_as_the_same(value: object) -> None:
    text = write_value(value)
    assert "\n" not in text or isinstance(value, str)
    assert read_text(text, "x") == value
