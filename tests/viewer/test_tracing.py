"""A field is traced for an eye: coarse while that moves, whole at rest, into rooms, in any world."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.viewer.session import Session
from neurfield.viewer.tracing import Look, Tracing, refuse_unsigned
from tests.viewer.balls import ORIGIN, RADIUS, Ball, ball_content, fitted_ball

AWAY, FOV, SIZE = 4.0, 50.0, (90, 60)


def eye(center: np.ndarray = ORIGIN) -> np.ndarray:
    """A camera that looks along y at a ball from outside of its box, z up."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    pose[:3, 3] = center - np.array([0.0, AWAY, 0.0])
    return pose


def looks(session: Session, rests: Any = lambda seconds: True, size: tuple[int, int] = SIZE) -> list[Look]:
    tracing = Tracing(session)
    pose = eye()
    return list(tracing.looks(pose, FOV, size, rests))


def test_a_coarse_picture_comes_first_and_a_whole_one_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurfield.viewer.tracing._LEAST", 600)
    monkeypatch.setattr("neurfield.viewer.tracing._QUICK", 1e-6)
    coarse, whole = looks(Session(ball_content(), fitted_ball()))
    assert coarse.rgb.shape == (20, 30, 3) and not coarse.whole
    assert whole.rgb.shape == (60, 90, 3) and whole.whole and whole.rgb.dtype == np.uint8
    met = np.isfinite(whole.depth)
    assert (whole.rgb[~met] == 255).all() and (whole.rgb[met] < 250).all()
    # The ball's outline is where rays touch it, and its nearest place is a radius nearer than its middle.
    focal = 30.0 / np.tan(np.radians(FOV) / 2.0)
    angle = np.arcsin(RADIUS / AWAY)
    assert met.sum() == pytest.approx(np.pi * (focal * np.tan(angle)) ** 2, rel=0.03)
    assert whole.depth.min() == pytest.approx(AWAY - RADIUS, abs=0.01)


def test_an_eye_that_moves_gets_no_whole_picture() -> None:
    session = Session(ball_content(), fitted_ball())
    assert len(looks(session, lambda seconds: False, (900, 600))) == 1
    # It comes to rest, and moves on while all pixels are being traced.
    assert len(looks(session, lambda seconds: seconds > 0.0, (900, 600))) == 1


def test_how_quick_it_is_is_told() -> None:
    tracing = Tracing(Session(ball_content(), fitted_ball()))
    for _ in range(2):
        list(tracing.looks(eye(), FOV, (640, 480), lambda seconds: False))
    assert "frames a second of " in tracing.words and "while it moves" in tracing.words
    list(tracing.looks(eye(), FOV, (640, 480), lambda seconds: True))
    assert tracing.words.startswith("640 x 480 in ")


def test_one_looks_into_a_room_through_the_wall_that_turns_away() -> None:
    class Room(Ball):
        def sdf(self, points: Tensor) -> Tensor:
            return -super().sdf(points)

        def query(self, points: Tensor, gradient: bool = False) -> Any:
            found = super().query(points, gradient)
            return SimpleNamespace(value=-found.value, gradient=-found.gradient, feature=points)

    fitted = fitted_ball()
    fitted.field = Room(float(fitted.field.radius.detach()), False)
    whole = looks(Session(ball_content(inside_out=True), fitted))[-1]
    assert np.nanmax(np.where(np.isfinite(whole.depth), whole.depth, np.nan)) == pytest.approx(
        AWAY + RADIUS, abs=0.02
    )
    assert np.nanmin(whole.depth) > AWAY - 0.2 * RADIUS  # nothing of the near half


def test_a_world_far_from_zero_looks_the_same() -> None:
    far = np.array([5e5, -2e5, 3e5])
    content = ball_content(center=far)
    there = Tracing(Session(content, fitted_ball(center=far)))
    pose = eye(far)
    pose[:3, 3] -= content.origin
    (_, *_, moved) = list(there.looks(pose, FOV, SIZE, lambda seconds: True))
    here = looks(Session(ball_content(), fitted_ball()))[-1]
    np.testing.assert_allclose(moved.depth, here.depth, atol=2e-3)


def test_distances_without_a_sign_are_refused() -> None:
    session = Session(ball_content(), fitted_ball(unsigned=True))
    with pytest.raises(UserError, match="have no sign"):
        refuse_unsigned(session)
    with pytest.raises(UserError, match="have no sign"), torch.no_grad():
        looks(session)
