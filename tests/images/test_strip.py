"""Strips say what they show; ramps go one way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.images.ramps import LITTLE_TO_MUCH, NEAR_TO_FAR, between, gradient, painted
from neurfield.images.strip import read_strip, write_strip


def test_columns_come_back_by_name(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names = ("true picture", "rendered", "depth from 1 m (light) to 2 m (dark)")
    columns = {name: random.integers(0, 255, (5, 7, 3), np.uint8) for name in names}
    write_strip(tmp_path / "strip.png", columns)
    back = read_strip(tmp_path / "strip.png")
    assert list(back) == list(names) and all((back[name] == columns[name]).all() for name in names)


def test_what_is_outside_is_white_and_transparent(tmp_path: Path) -> None:
    inside = np.zeros((4, 6), bool)
    inside[1:3, 2:4] = True
    write_strip(
        tmp_path / "strip.png",
        {"a": np.full((4, 6, 3), 9, np.uint8)} | {"b": np.zeros((4, 6, 3), np.uint8)},
        inside,
    )
    for picture in read_strip(tmp_path / "strip.png").values():
        assert (picture[~inside] == (255, 255, 255, 0)).all() and (picture[inside, 3] == 255).all()
    flat = np.asarray(Image.open(tmp_path / "strip.png").convert("RGB"))
    assert (flat[0] == 255).all()  # for readers that do not mind


def test_strips_of_earlier_runs_have_three_columns(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 18, 3), np.uint8)).save(tmp_path / "strip.png")
    assert [picture.shape for picture in read_strip(tmp_path / "strip.png").values()] == [(4, 6, 3)] * 3


@pytest.mark.parametrize(("ramp", "sign"), [(NEAR_TO_FAR, -1), (LITTLE_TO_MUCH, 1)])
def test_ramps_get_steadily_darker_or_lighter(ramp: tuple[tuple[int, int, int], ...], sign: int) -> None:
    brightness = painted(np.linspace(-0.2, 1.2, 50), ramp) @ np.array([0.2126, 0.7152, 0.0722])
    assert (sign * np.diff(brightness) >= -0.5).all() and abs(brightness[-1] - brightness[0]) > 180
    assert gradient(ramp).count("rgb(") == len(ramp)


def test_shares_meet_each_stop_and_the_middle_of_two() -> None:
    stops = np.random.default_rng(0).uniform(0.0, 255.0, (5, 3))
    assert np.allclose(between(np.linspace(0.0, 1.0, 5), stops), stops)
    assert np.allclose(between(np.array([0.125, 0.875]), stops), 0.5 * (stops[[0, 3]] + stops[[1, 4]]))
    assert np.allclose(between(np.array([-3.0, 3.0]), stops), stops[[0, -1]])
    assert between(np.zeros((2, 4)), stops).shape == (2, 4, 3)
