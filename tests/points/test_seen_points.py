"""Points that several images show: where they lie, what leaving them costs, the box that follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.fitting import Run
from neurfield.fitting.points_step import look_at_points
from neurfield.fitting.scene import SceneTask
from neurfield.inputs.scene import SceneInput
from neurfield.losses.fused import on_surface
from neurfield.losses.weighted import losses_of
from neurfield.parts import load_config
from neurfield.points import Seen
from neurfield.scenes import Scene
from tests.fitting.conftest import SMALL
from tests.fusion.painted_room import ROOM, painted_room

OVERRIDES = (
    *SMALL, "data.prior_normal=false", "data.holdout_every=0", "points.fused_depth.voxel=0.1",
    "points.fused_depth.count=256", "points.fused_depth.free=64",
    "pixels.images_per_step=6", "sampler.samples=2000", "sampler.rays=128", "points.uniform.count=64",
)  # fmt: skip


@pytest.fixture(scope="module")
def room() -> Scene:
    return painted_room()[0]


def sources(task: SceneTask) -> list[Seen]:
    return [source for source in task.sources if isinstance(source, Seen)]


@pytest.fixture(scope="module")
def prepared(room: Scene) -> Run:
    return SceneInput.of(load_config("monosdf", overrides=[*OVERRIDES, "device=cpu"]), room)


def test_the_box_of_a_room_follows_from_its_priors(room: Scene, prepared: Run) -> None:
    assert np.abs(prepared.task.scene.box - ROOM).max() < 0.4
    config = load_config("monosdf", overrides=[*OVERRIDES, "data.box=[-1,-1,-1,6,5,4]"])
    given = SceneInput.of(config, room)
    np.testing.assert_array_equal(given.task.scene.box, [[-1, -1, -1], [6, 5, 4]])


def test_points_lie_on_the_walls(prepared: Run) -> None:
    (source,) = sources(prepared.task)
    points, band = source.candidates
    assert len(points) > 500
    world = prepared.task.frame.world_from_unit(points.numpy())
    to_wall = np.minimum(np.abs(world - ROOM[0]), np.abs(world - ROOM[1])).min(axis=1)
    assert np.median(to_wall) < 0.02
    assert 0.03 < band * prepared.task.frame.half < 0.12


def test_only_points_inside_the_box_are_kept(prepared: Run) -> None:
    task, (whole,) = prepared.task, sources(prepared.task)
    low, high = [-0.9, -0.5, -0.6], [0.3, 0.9, 0.1]

    def inside(*box: float) -> torch.Tensor:
        return Seen(lambda: task.aligned, task.frame, list(box), torch.device("cpu")).candidates[0]

    kept = inside(*low, *high)
    assert 0 < len(kept) < len(whole.candidates[0])
    assert (kept > torch.tensor(low)).all() and (kept < torch.tensor(high)).all()
    assert not len(inside(5.0, 5.0, 5.0, 6.0, 6.0, 6.0))


def test_a_field_pays_for_leaving_them(prepared: Run) -> None:
    task = prepared.task
    (source,) = sources(task)
    moment = task.moment(0, 0.9)
    drawn = source.draw(moment)
    loss = losses_of(look_at_points(task.field, source, moment, drawn), task.losses)["seen_points"]
    assert 0.0 < loss.item() <= task.losses["seen_points"].weight
    loss.backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in task.field.parameters())
    assert source.draw(task.moment(0, 0.0)) == ()  # the volume alone, at first


def test_without_their_loss_they_are_not_asked(room: Scene, prepared: Run) -> None:
    config = load_config("monosdf", overrides=[*OVERRIDES, "device=cpu", "losses.seen_points=0"])
    task = SceneTask(prepared.task.scene, config, torch.device("cpu"), prepared.task.aligned)
    assert not sources(task) and "seen_points" not in task.losses


def test_far_points_count_and_do_not_pull_and_near_ones_pull_less() -> None:
    sdf = torch.tensor([0.0, 0.05, -0.1, 0.15, 0.5], requires_grad=True)
    loss = on_surface(sdf, 0.2)
    assert loss.item() == pytest.approx((0.0 + 0.0625 + 0.25 + 0.5 + 0.75) / 5)
    loss.backward()
    assert sdf.grad is not None
    torch.testing.assert_close(sdf.grad, torch.tensor([0.0, 0.5, -1.0, 1.0, 0.0]))


def test_without_priors_there_are_none(room: Scene) -> None:
    run = SceneInput.of(load_config("neus", overrides=[*SMALL, "device=cpu"]), room)
    assert not any(len(source.candidates[0]) for source in sources(run.task))


def test_an_opened_run_aligns_as_when_it_was_made(room: Scene, prepared: Run) -> None:
    """The box is then the run's own, and must not be where the alignment begins."""
    opened = SceneInput.of(prepared.config, room, box=prepared.task.scene.box)
    assert prepared.task.aligned is not None and opened.task.aligned is not None
    assert torch.equal(prepared.task.aligned.meaning.values, opened.task.aligned.meaning.values)
    np.testing.assert_array_equal(prepared.task.scene.box, opened.task.scene.box)


def test_priors_that_no_two_views_agree_on_end_in_one_line(
    room: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurfield.fusion.align.LEAST_INLIERS", 2.0)
    with pytest.raises(UserError, match=r"no two views agree.*data.prior_depth=false"):
        SceneInput.of(load_config("monosdf", overrides=[*OVERRIDES, "device=cpu"]), room)
