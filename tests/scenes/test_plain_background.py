"""An object before a plain background: its pictures tell its outline, and contradict wrong cameras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neurfield.inputs.registry import load_input
from neurfield.inputs.scene.outlines import outline_warnings
from neurfield.parts import load_config
from neurfield.scenes import Scene
from neurfield.scenes.hull import masked_frames, share_beyond, share_in_hull
from neurfield.scenes.plain_background import (
    LOOKS,
    MADE_BY,
    background_color,
    outline,
    outlines_agree,
    with_outlines,
)
from tests.fitting.conftest import SMALL
from tests.fitting.round_scenes import BOX, CENTRE, RoundScene

Seen = dict[str, np.ndarray]
AXES = (1.2, 0.8, 0.5)


def on_grey(level: float = 0.5, noise: float = 0.01) -> Callable[[Seen], np.ndarray]:
    """A picture of the object before one grey, with a little noise."""

    def paint(seen: Seen) -> np.ndarray:
        picture = np.where(seen["mask"][..., None], 0.2 * seen["color"], level)
        picture = picture + noise * np.random.default_rng(0).normal(size=picture.shape)
        return np.rint(255.0 * picture.clip(0.0, 1.0)).astype(np.uint8)

    return paint


def scene_on(paint: Callable[[Seen], np.ndarray], *sources: str, folder: Path | None = None) -> Scene:
    made = RoundScene(AXES, inside=False)
    return made.scene(*sources, folder=folder, image=paint)


def test_outlines_are_those_of_the_object() -> None:
    scene, doubt = with_outlines(scene_on(on_grey()))
    assert doubt == "" and scene.files["mask"].made_by == MADE_BY
    truth = RoundScene(AXES, inside=False)
    for i in range(len(scene)):
        np.testing.assert_array_equal(scene.mask(i), truth.see(i)["mask"])
    assert outlines_agree(scene) > 0.99
    assert (scene.box[0] < CENTRE).all() and (scene.box[1] > CENTRE).all()


def test_what_has_the_colour_of_the_background_belongs_to_the_object_that_surrounds_it() -> None:
    picture = np.full((40, 50, 3), 128, np.uint8)
    picture[10:30, 10:40] = 20
    picture[15:20, 15:20] = 128  # surrounded
    picture[2, 3] = 250  # a speck
    shown = outline(picture)
    assert shown[10:30, 10:40].all() and shown.sum() == 600


@pytest.mark.parametrize(
    "sources_and_paint",
    [
        ((), on_grey(level=0.0)),  # black: shadows are background, too
        (("mask",), on_grey()),  # known
        (("depth",), on_grey()),
        ((), lambda seen: np.random.default_rng(0).integers(0, 256, (*seen["z"].shape, 3), np.uint8)),
        ((), lambda seen: np.full((*seen["z"].shape, 3), 128, np.uint8)),  # nothing before it
    ],
)
def test_other_scenes_are_left_alone(
    sources_and_paint: tuple[tuple[str, ...], Callable[[Seen], np.ndarray]],
) -> None:
    sources, paint = sources_and_paint
    scene = scene_on(paint, *sources)
    assert with_outlines(scene) == (scene, "")


def test_a_border_that_shows_two_things_is_not_plain() -> None:
    picture = np.full((40, 50, 3), 128, np.uint8)
    assert background_color(picture) == pytest.approx([128 / 255] * 3)
    picture[30:] = 60  # a table
    assert background_color(picture) is None


def test_wrong_cameras_contradict_outlines() -> None:
    scene = scene_on(on_grey())
    wrong = scene.seen_by(scene.cameras.select(np.random.default_rng(1).permutation(12)), scene.files, None)
    same, doubt = with_outlines(wrong)
    assert same is wrong and "poses or lenses may be wrong" in doubt


def test_masks_that_are_given_are_asked_too() -> None:
    scene = scene_on(on_grey(), "mask")
    assert outline_warnings(scene) == [] and share_in_hull(scene, LOOKS) > 0.99
    wrong = scene.seen_by(scene.cameras.select(np.random.default_rng(1).permutation(12)), scene.files, None)
    assert "masks contradict each other" in outline_warnings(wrong)[0]
    small = scene.with_box(np.stack([CENTRE - 0.3, CENTRE + 0.3]))
    (told,) = outline_warnings(small)
    assert "smaller than the object" in told and "--set data.box=[-" in told
    assert share_beyond(small, small.box, LOOKS) > 0.2 and share_beyond(small, BOX, LOOKS) == 0.0
    assert len(masked_frames(scene.without("mask"), 3)) == 0 and outline_warnings(scene.without("mask")) == []


def test_a_fit_takes_them_and_a_run_finds_them_again(tmp_path: Path) -> None:
    scene = scene_on(on_grey(), folder=tmp_path)
    kind, config = load_input("scene"), load_config("neus", overrides=SMALL)
    opened = kind.fresh(scene, config, None)  # type: ignore[arg-type]
    assert "mask" in opened.task.scene.sources and opened.facts()["masks_by"] == MADE_BY
    assert any("plain background" in str(line) for line in opened.words(0, 0.1))
    without = load_config("neus", overrides=[*SMALL, "data.mask=false"])
    opened = kind.fresh(scene, without, None)  # type: ignore[arg-type]
    assert "mask" not in opened.task.scene.sources and "masks_by" not in opened.facts()
