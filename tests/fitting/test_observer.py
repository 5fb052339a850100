"""Whoever watches a fit sees its surface form, and the fit takes no notice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.fitting import fit
from neurfield.fitting.observer import Glimpse, Observer
from neurfield.scenes import Scene
from tests.fitting.conftest import CENTRE, RADIUS, SMALL


def watched(
    scene: Scene, out: Path, observer: Observer | None, method: str = "neus"
) -> dict[str, torch.Tensor]:
    overrides = [*SMALL, "train.save_every=0"]
    return fit(
        scene, method, steps=12, out=out, overrides=overrides, quiet=True, observer=observer
    ).task.state()


def test_a_fit_that_is_watched_is_the_same_to_the_bit(
    sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurfield.fitting.observer.SHARE", 1e9)  # after every step
    glimpses: list[Glimpse] = []
    observer = Observer(glimpses.append, cells=24, shortest=0.0)
    alone = watched(sphere_scene, tmp_path / "alone", None)
    seen = watched(sphere_scene, tmp_path / "seen", observer)
    assert [glimpse.step for glimpse in glimpses] == list(range(1, 13))
    for name, tensor in alone.items():
        torch.testing.assert_close(seen[name], tensor, rtol=0, atol=0)


def test_glimpses_show_the_surface_in_the_world(sphere_scene: Scene, tmp_path: Path) -> None:
    glimpses: list[Glimpse] = []
    watched(sphere_scene, tmp_path, Observer(glimpses.append, cells=32))
    first, last = glimpses[0], glimpses[-1]
    assert first.step == 1 and last.step == last.steps == 12
    assert last.psnr is not None and last.seconds > first.seconds > 0
    away = last.vertices - CENTRE
    assert np.median(np.abs(np.linalg.norm(away, axis=1) - RADIUS)) < 0.1 * RADIUS  # begun from its depth
    assert ((away * last.normals).sum(axis=1) > 0).mean() > 0.95
    assert last.colors is not None and last.colors.shape == last.vertices.shape
    assert last.faces.max() < len(last.vertices)


def test_levels_that_are_not_in_yet_stay_out(sphere_scene: Scene, tmp_path: Path) -> None:
    levels: list[tuple[int, int]] = []
    observer = Observer(lambda glimpse: None, cells=16)

    def show(glimpse: Glimpse) -> None:
        assert observer.surface is not None
        field = observer.surface.field
        levels.append((field.active_levels, field.encoding.levels))

    observer.show = show
    watched(sphere_scene, tmp_path, observer)
    assert levels and levels[0][0] < levels[0][1]


def test_who_cannot_show_ends_the_watching_not_the_fit(sphere_scene: Scene, tmp_path: Path) -> None:
    told: list[str] = []

    def show(glimpse: Glimpse) -> None:
        raise UserError("the window is gone")

    watched(sphere_scene, tmp_path, Observer(show, told.append, cells=16, shortest=0.0))
    assert len(told) == 1 and "the window is gone" in told[0] and "goes on" in told[0]


def test_glimpses_keep_to_their_share_of_the_time(
    sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of our own: a glimpse that took 1 s is not followed by another for 50 s."""
    from neurfield.fitting import observer as module

    clock = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(module, "coarse_mesh", lambda surface, cells: (np.zeros((0, 3)),) * 3 + (None,))
    steps: list[int] = []

    def show(glimpse: Glimpse) -> None:
        steps.append(glimpse.step)
        clock[0] += 1.0

    watching = Observer(show)
    watching.begin(object(), 1000)  # type: ignore[arg-type]
    for step in range(1, 201):
        clock[0] += 1.0
        watching.after(step, 0.0, dict)
    assert steps[0] == 1 and np.diff(steps).min() >= 50 and len(steps) >= 3


def test_a_picture_has_no_surface_to_watch(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(UserError, match="no surface"):
        fit(image, input="image", out=tmp_path, observer=Observer(lambda glimpse: None))
    assert not any(tmp_path.iterdir())
