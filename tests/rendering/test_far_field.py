"""A coarse field beyond the box: what it learns, where it is asked, and what it is not part of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.fitting.rays_step import LEAST_LIGHT
from neurfield.fitting.scene import SceneTask
from neurfield.inputs import Run, fit, resume
from neurfield.moment import END, Moment
from neurfield.parts import load_config
from neurfield.rays import Rays
from neurfield.rendering import Environment, FarField, make_contracted, make_inverted_sphere
from neurfield.scenes import Scene
from tests.rendering.test_beyond import rays
from tests.rendering.test_surroundings import FEW, Pictures, in_the_open  # noqa: F401

CPU = torch.device("cpu")
MAKERS = [make_contracted, make_inverted_sphere]
SMALL = {"levels": 4, "finest_resolution": 32, "log2_table_size": 14}


def made(maker: Any, **numbers: Any) -> FarField:
    scene: Any = Pictures((200, 100, 50))
    return maker(scene, CPU, 3, **{**SMALL, **numbers})


def moment(step: int) -> Moment:
    return Moment(step, 0.0, generator=torch.Generator().manual_seed(step))


def in_a_hall(count: int, seed: int) -> tuple[Rays, Tensor]:
    """Rays from around the origin, with the colours [R, 3] of a hall's walls, three units away, by place."""
    some = rays(count, seed)
    origins = normalize(some.origins, dim=1) * 2.0
    sides = (3.0 * some.directions.sign() - origins) / some.directions
    place = origins + sides.amin(dim=1, keepdim=True) * some.directions
    there = Rays(origins, some.directions, 0.0 * some.t_min, 0.0 * some.t_min, some.z_per_t)
    return there, 0.5 + 0.4 * torch.sin(place)


def learn(background: Any, steps: int = 250) -> float:
    """The mean error of colours from places that it was not taught from."""
    background.prepare()
    none = torch.full((600,), -1)
    adam = torch.optim.Adam(background.parameters(), lr=0.01)
    for step in range(steps):
        some, colors = in_a_hall(600, step)
        adam.zero_grad()
        (background.colors(some, none, moment(step)) - colors).abs().mean().backward()
        adam.step()
    some, colors = in_a_hall(600, 10_000)
    with torch.no_grad():
        return float((background.colors(some, none, END) - colors).abs().mean())


@pytest.mark.parametrize("maker", MAKERS)
def test_it_learns_what_looks_another_way_from_another_place(maker: Any) -> None:
    scene: Any = Pictures((200, 100, 50))
    by_direction = learn(Environment(scene, CPU))
    # 0.05 of both, and 0.19 by direction alone.
    assert learn(made(maker)) < 0.5 * by_direction


@pytest.mark.parametrize("maker", MAKERS)
def test_it_begins_as_the_border_and_is_the_same_in_every_picture(maker: Any) -> None:
    background, some = made(maker), rays(100)
    background.prepare()
    camera = torch.full((100,), -1)
    with torch.no_grad():
        begun = background.colors(some, camera, moment(1))
        assert torch.equal(begun, background.colors(some, camera, moment(2)))  # no noise in pictures
        assert background.colors(some.take(slice(0)), camera[:0], moment(1)).shape == (0, 3)
    border = torch.tensor([200.0, 100.0, 50.0]).expand(100, 3) / 255.0
    torch.testing.assert_close(begun, border, atol=2e-3, rtol=0.0)
    learnt = background.colors(some, camera, moment(1))
    assert torch.equal(learnt, background.colors(some, camera, moment(1)))
    learnt.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in background.parameters())
    groups = background.parameter_groups()
    assert {id(p) for group in groups.values() for p in group} == {id(p) for p in background.parameters()}
    again = made(maker)
    again.load_state_dict(background.state_dict())
    again.layers[-1].bias.data += 1.0
    kept = again.layers[-1].bias.clone()
    again.prepare()  # a state was loaded: it has begun
    assert torch.equal(again.layers[-1].bias, kept)


def open_task(scene: Scene, background: str) -> SceneTask:
    return SceneTask(scene, load_config("neus", overrides=[*FEW, f"background={background}"]), CPU)


@pytest.mark.parametrize("background", ["contracted", "inverted_sphere"])
def test_it_is_asked_only_where_the_field_lets_light_through(
    in_the_open: Scene,  # noqa: F811
    background: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = open_task(in_the_open, background)
    assert task.rays is not None and isinstance(task.rays.background, FarField)
    asked: list[Rays] = []
    colors = FarField.colors

    def noted(self: FarField, some: Rays, camera: Tensor, when: Moment) -> Tensor:
        asked.append(some)
        return colors(self, some, camera, when)

    monkeypatch.setattr(FarField, "colors", noted)
    task.prepare()
    task.step(0, 0.0).total().backward()
    opacity = task.rays.opacity["surface"]
    assert len(asked[0]) == int((opacity < 1.0 - LEAST_LIGHT).sum()) < len(opacity)
    assert all(p.grad is not None for p in task.rays.background.parameters())
    some = rays(40)
    shown = task.rays.behind(some, torch.full((40,), -1), END, False, torch.linspace(0.0, 1.0, 40))
    assert shown is not None and not shown[-1].any() and shown[:-1].amin() > 0.0


@pytest.mark.parametrize("background", ["contracted", "inverted_sphere"])
def test_it_is_kept_resumed_drawn_and_in_no_mesh(
    in_the_open: Scene,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    background: str,
) -> None:
    few = [*FEW, f"background={background}", "background.samples=4", "train.save_every=3"]
    run = fit(in_the_open, "neus", steps=6, quiet=True, out=tmp_path / "a", overrides=few)
    drawn = Run.load(run.folder).render(0, 1.0)["rgb"]
    assert (drawn == run.render(0, 1.0)["rgb"]).all()
    assert abs(drawn[0, 0].astype(int) - [230, 220, 200]).max() <= 6  # a ray that misses the box

    step = SceneTask.step

    def stop_at_4(self: SceneTask, number: int, progress: float) -> object:
        if number == 4:
            raise KeyError
        return step(self, number, progress)

    monkeypatch.setattr(SceneTask, "step", stop_at_4)
    with pytest.raises(KeyError):
        fit(in_the_open, "neus", steps=6, quiet=True, out=tmp_path / "b", overrides=few)
    monkeypatch.undo()
    again = resume((tmp_path / "b" / in_the_open.name / "latest").resolve(), quiet=True)
    ours, theirs = run.task.state(), again.task.state()
    assert any(name.startswith("background.encoding") for name in ours)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)

    before = run.mesh(voxel=0.1)
    for p in run.task.rays.background.parameters():
        p.data.fill_(1.0)
    after = run.mesh(voxel=0.1)
    assert (before.vertices == after.vertices).all()
    assert (run.task.scene.box[0] <= after.vertices.min(axis=0) + 1e-6).all()
