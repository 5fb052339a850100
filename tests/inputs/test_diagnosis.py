"""A fit that met none of its pictures says so, with its likely cause."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from neurfield.cli.runs import tell_troubles
from neurfield.errors import FitWentWrong, UserError
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.scene import diagnosis
from neurfield.inputs.scene.diagnosis import POOR, at_sides, likely_cause, look_at_fit, plain_background
from neurfield.report import html

BOX = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])


class Pictures(SimpleNamespace):
    def __len__(self) -> int:
        return 5


def scene_of(rim: float = 0.5, inner: float = 0.1, **more: Any) -> Any:
    """Five pictures of a dark thing before a plain background."""
    picture = np.full((20, 30, 3), round(255 * rim), np.uint8)
    picture[5:15, 8:22] = round(255 * inner)
    told = {"kind": "outside", "sources": {"image"}, "box": BOX, "path": Path("photos"), **more}
    return Pictures(image=lambda i: picture, **told)


def opened(behind: Any = None, verdict: str = "", sides: float = 0.0, **more: Any) -> Any:
    """A scene, fitted with something behind the field; what its watch says of it."""
    watch = SimpleNamespace(verdict=lambda: verdict, at_sides=lambda: sides)
    rays = SimpleNamespace(background=behind)
    return SimpleNamespace(task=SimpleNamespace(scene=scene_of(**more), rays=rays), seen_by=watch)


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "watch_of", lambda given: given.seen_by)
    monkeypatch.setattr(diagnosis, "outline_warnings", lambda scene: getattr(scene, "doubts", []))


def outcome(psnr: float, mesh: trimesh.Trimesh | None = None) -> Outcome:
    return Outcome({"images": {"psnr": psnr}}, mesh)


def said(given: Any, left: Outcome) -> str:
    look_at_fit(given, left)
    trouble = left.troubles.get("pictures")
    assert trouble is None or isinstance(trouble, FitWentWrong)
    return "" if trouble is None else str(trouble)


def test_a_good_fit_is_left_alone() -> None:
    assert said(opened(), outcome(POOR)) == ""
    assert said(opened(), Outcome({})) == ""


def test_a_fit_that_learnt_by_heart_is_named() -> None:
    told = said(opened(rim=0.0, verdict="those held out have 20 dB"), outcome(20.0))
    assert "went wrong: those held out have 20 dB; poses" in told
    assert "sides of the box" in said(opened(rim=0.0, verdict="no", sides=0.5), outcome(20.0))
    told = said(opened(rim=0.0, verdict="no", sides=0.5, doubts=["masks contradict"]), outcome(20.0))
    assert told.endswith("no; masks contradict")


def test_noise_behind_an_object_is_named() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (40, 60, 3), np.uint8)
    rows, columns = np.mgrid[:40, :60]
    place = np.stack([127 + 100 * np.sin(0.5 * rows + k + 0.7 * columns) for k in range(3)], axis=-1)
    grainy = np.clip(place + random.normal(size=place.shape) * 12, 0, 255).astype(np.uint8)
    told = {}
    for name, picture in (("noise", noise), ("grainy", grainy)):
        scene = Pictures(**{**vars(scene_of()), "image": lambda i, picture=picture: picture})
        given = SimpleNamespace(task=SimpleNamespace(scene=scene, rays=None))
        told[name] = likely_cause(given, 0.0)
    assert "noise" in told["noise"] and "masks" in told["noise"]
    assert told["grainy"].startswith("poses")


@pytest.mark.parametrize("part", ["fit", "mesh"])
def test_what_was_said_is_not_said_again(part: str) -> None:
    left = outcome(2.0)
    left.troubles[part] = UserError("the surface has left")
    assert said(opened(), left) == ""


def test_a_plain_background_without_masks_is_named() -> None:
    assert "plain background of (128, 128, 128)" in said(opened(), outcome(2.56))
    learnt = torch.nn.Linear(1, 1)  # stands behind the field as such a background should
    for other in ({"rim": 0.0}, {"sources": {"image", "mask"}}, {"kind": "inside"}, {"behind": learnt}):
        assert "plain background" not in said(opened(**other), outcome(2.56))


def test_a_background_that_shows_something_is_not_plain() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    scene = Pictures(**{**vars(scene_of()), "image": lambda i: noise})
    assert plain_background(scene) is None


def test_a_surface_along_the_box_is_named() -> None:
    full = trimesh.creation.box(bounds=BOX * 0.999).subdivide().subdivide()
    assert "sides of the box" in said(opened(rim=0.0), outcome(3.0, full))
    small = trimesh.creation.icosphere(radius=0.5)
    assert "neurfield scene check photos" in said(opened(rim=0.0), outcome(3.0, small))
    assert at_sides(outcome(3.0), BOX) == 0.0


def test_it_ends_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_troubles([FitWentWrong("a")]) == 1
    assert tell_troubles([FitWentWrong("a"), UserError("b")]) == 2
    assert tell_troubles([]) == 0
    assert capsys.readouterr().err.count("\n") == 3


def test_the_report_says_it_first() -> None:
    page = html._alarms({"troubles": {"pictures": "the fit went wrong: <3 dB"}})
    assert 'class="alarm"' in page and "&lt;3 dB" in page
    assert html._alarms({}) == ""
