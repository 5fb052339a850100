"""A task of points alone, without a camera: it fits, and its steps are captured; and states of the version
before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.fields import SDFField, make_sdf
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.graph import WARM_UPS
from neurfield.fitting.scene import SceneTask
from neurfield.fitting.step import FixedStep
from neurfield.fitting.surface import FittedSurface
from neurfield.fitting.task import Task
from neurfield.losses import of_field
from neurfield.losses.seen import Seen
from neurfield.losses.weighted import WeightedLoss
from neurfield.moment import Moment
from neurfield.parts import load_config, needs
from neurfield.parts.groups import Train
from neurfield.points import PointSet, Source, Uniform
from neurfield.scenes import Scene
from tests.fitting.conftest import SMALL
from tests.fitting.test_graph import capturing, gpu

__all__ = ["gpu"]

CPU = torch.device("cpu")
RADIUS = 0.6


class Shell(Source):
    """Points around a sphere, whose distance is known."""

    offers = frozenset({"points.shell"})

    def __init__(self, until: float = 0.0) -> None:
        self.until = until

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        random = torch.randn(256, 3, generator=moment.generator)
        length = RADIUS + 0.3 * (torch.rand(256, 1, generator=moment.generator) - 0.5)
        return torch.nn.functional.normalize(random, dim=1) * length, length[:, 0] - RADIUS

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        points, sdf = drawn
        return {"shell": PointSet(points, {"sdf": sdf}, unit_slope=True, fades=True)}

    def hold(self, moment: Moment) -> float:
        return 1.0 if not self.until else max(0.0, 1.0 - moment.progress / self.until)


@needs("points.shell.sdf")
def distance(seen: Seen) -> Tensor:
    shell = seen.points["shell"]
    return (shell.sdf - shell.columns["sdf"]).abs().mean()


@needs("passes")
def never(seen: Seen) -> Tensor:
    raise AssertionError("there are no rays")


def points_task(steps: int = 60, decay: float = 0.0, until: float = 0.0) -> Task:
    field = make_sdf(
        0, levels=4, log2_table_size=12, finest_resolution=32, hidden=(32,), start_levels=2, all_levels_at=0.5
    )
    field.start_as_sphere(0.3, inside=False)
    losses = {
        "distance": WeightedLoss(distance, 1.0, {}, decay),
        "eikonal": WeightedLoss(of_field.eikonal, 0.05, {}), "color": WeightedLoss(never, 1.0, {}, decay=1.0),
    }  # fmt: skip
    sources = [Shell(until), Uniform([-1.0] * 3 + [1.0] * 3, CPU, count=64)]
    return Task(field, None, sources, None, losses, Train(steps=steps, warmup=1), 0, CPU)


def test_points_alone_are_fitted(tmp_path: Path) -> None:
    task = points_task()
    fitter = Fitter(task, task.train, tmp_path, quiet=True)
    fitter.prepare()
    reports = []
    for _ in range(60):
        reports.append(fitter._one_step())
        fitter.step = len(reports)
    assert set(reports[0].losses) == {"distance", "eikonal"}
    first, last = (reports[i].losses["distance"].item() for i in (0, -1))
    assert first > 0.2 and last < 0.1 * first
    points, sdf = Shell().draw(Moment(0, 0.0, generator=torch.Generator().manual_seed(9)))
    assert (task.field.sdf(points) - sdf).abs().mean() < 0.03
    assert {float(r.figures["levels"]) for r in (reports[0], reports[-1])} == {2.0, 4.0}
    assert set(task.state()) == {f"field.{name}" for name in task.field.state_dict()}
    again = points_task()
    again.load(task.state())
    assert torch.equal(again.field.sdf(points), task.field.sdf(points))


class Offset(torch.nn.Module):
    """A loss that learns how far off its points are."""

    def __init__(self) -> None:
        super().__init__()
        self.off = torch.nn.Parameter(torch.zeros(1))

    def parameter_groups(self) -> dict[str, list[torch.nn.Parameter]]:
        return {"network": [self.off]}

    def forward(self, seen: Seen) -> Tensor:
        shell = seen.points["shell"]
        return (shell.sdf + self.off - shell.columns["sdf"] - 0.1).square().mean()


def test_a_loss_may_learn_and_is_kept(tmp_path: Path) -> None:
    task = points_task()
    loss = Offset()
    task.losses["offset"] = WeightedLoss(needs("points.shell")(Offset), 1.0, {}, made=loss)
    fitter = Fitter(task, task.train, tmp_path, quiet=True)
    fitter.prepare()
    for step in range(40):
        fitter._one_step()
        fitter.step = step + 1
    assert abs(float(loss.off.detach())) > 1e-4
    state = task.state()
    assert torch.equal(state["losses.offset.off"], loss.off.detach())
    again = points_task()
    again.losses["offset"] = WeightedLoss(Offset, 1.0, {}, made=Offset())
    again.load(state)
    assert torch.equal(again.state()["losses.offset.off"], loss.off.detach())


def test_uniform_points_have_a_query_of_their_own_where_there_are_no_rays() -> None:
    task = points_task()
    fixed = task.fixed(0, 0.0)
    assert isinstance(fixed, FixedStep) and [tuple(t.shape) for t in fixed.inputs] == [
        (256, 3),
        (256,),
        (64, 3),
    ]
    by_parts, whole = fixed.report(*fixed.inputs).losses, task.step(0, 0.0).losses
    assert by_parts.keys() == whole.keys()
    for name, loss in whole.items():
        assert torch.equal(by_parts[name], loss)
    # Slope one is asked of both, and their losses are added.
    shell, uniform = (task.field.query(fixed.inputs[i], gradient=True).gradient for i in (0, 2))
    assert shell is not None and uniform is not None
    expected = sum(0.05 * (g.norm(dim=1) - 1.0).square().mean() for g in (shell, uniform))
    torch.testing.assert_close(whole["eikonal"], expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("decay", "until"), [(0.0, 0.0), (3.0, 0.0), (0.0, 0.8)])
def test_captured_steps_are_the_steps(gpu: list[Any], tmp_path: Path, decay: float, until: float) -> None:
    tasks = [points_task(12, decay, until) for _ in range(2)]
    fitters = [Fitter(task, task.train, tmp_path, quiet=True) for task in tasks]
    fitters[1].graphs = capturing([p for g in tasks[1].groups() for p in g.parameters])
    for step in range(12):
        reports = []
        for fitter in fitters:
            fitter.step = step
            reports.append(fitter._one_step())
        assert torch.equal(reports[0].total(), reports[1].total()), step
    for name, tensor in tasks[0].state().items():
        assert torch.equal(tensor, tasks[1].state()[name]), name
    if not decay and not until:  # weights that change every step are another graph each
        assert sum(graph.replays for graph in gpu) >= 12 - 3 * WARM_UPS


def test_a_field_that_the_host_takes_part_in_is_not_captured() -> None:
    task = points_task()
    task.field = make_sdf(0, encoding="triplane", levels=4, log2_table_size=10, hidden=(16,))
    assert not task.field.capturable and task.fixed(0, 0.0) is None
    assert task.step(0, 0.0).losses["distance"].isfinite()


def of_the_version_before(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state by the names that it had then."""
    names = {
        "passes.surface.log_width": "log_width", "sampler.occupancy": "occupancy",
        "sampler.samples_per_ray": "samples_per_ray",
    }  # fmt: skip
    return {
        names.get(name, f"radiance.{name.removeprefix('color.')}" if name.startswith("color.") else name): t
        for name, t in state.items()
    }


def scene_task(scene: Scene, seed: int, *more: str) -> SceneTask:
    few = (
        "sampler.rays=64",
        "sampler.occupancy_resolution=8",
        "points.fused_depth=off",
        "passes.surface.learn=true",
        *more,
    )
    return SceneTask(scene, load_config("neus", overrides=[*SMALL, *few, f"seed={seed}", "device=cpu"]), CPU)


def changed(scene: Scene) -> SceneTask:
    """A task in a state that no other starts in."""
    task = scene_task(scene, 1)
    assert task.rays is not None
    task.step(0, 0.5)
    task.rays.passes["surface"].log_width.data.fill_(-2.5)
    return task


@pytest.mark.parametrize("named", [dict, of_the_version_before])
def test_a_state_is_taken_by_its_names_of_now_and_of_before(
    sphere_scene: Scene, named: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> None:
    task, other = changed(sphere_scene), scene_task(sphere_scene, 2)
    assert task.rays is not None and other.rays is not None
    state = {name: tensor.clone() for name, tensor in task.state().items()}
    assert any(not torch.equal(tensor, other.state()[name]) for name, tensor in state.items())
    other.load(named(state))
    for name, tensor in state.items():
        assert torch.equal(tensor, other.state()[name]), name
    assert other.rays.sampler.rays() == task.rays.sampler.rays()
    assert other.rays.opacities(other.moment(0, 0.5))["surface"].number == pytest.approx(
        task.rays.opacities(task.moment(0, 0.5))["surface"].number
    )


def test_the_names_of_before_are_the_four(sphere_scene: Scene) -> None:
    before = of_the_version_before(scene_task(sphere_scene, 0).state())
    assert {name.split(".")[0] for name in before} == {
        "field", "radiance", "log_width", "occupancy", "samples_per_ray",
    }  # fmt: skip


@pytest.mark.parametrize("named", [dict, of_the_version_before])
def test_a_surface_is_taken_from_both(
    sphere_scene: Scene, tmp_path: Path, named: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> None:
    task, other = changed(sphere_scene), scene_task(sphere_scene, 2)
    assert isinstance(other.field, SDFField) and other.color is not None and task.color is not None
    surface = FittedSurface(tmp_path, other.config, sphere_scene.box, other.field, other.color)
    surface.load(named(task.state()))
    points = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    assert torch.equal(surface.field.sdf(points), task.field.sdf(points))
    assert torch.equal(surface.radiance.encoding.table, task.color.encoding.table)


def test_colour_is_told_the_moment_of_each_step(sphere_scene: Scene) -> None:
    task = scene_task(sphere_scene, 0, "color.view_from=0.5")
    assert task.color is not None
    for progress, share in ((0.25, 0.0), (0.6, 0.5), (0.75, 1.0)):
        task.step(3, progress)
        assert task.color.view_share == pytest.approx(share)
