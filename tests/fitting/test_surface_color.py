"""The polish: colour alone, asked for on the surface, while all else stands still."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fitting import Run, fit, resume
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.scene import SceneTask
from neurfield.fitting.surface_color import KNEE, surface_colors
from neurfield.fitting.turn import steps_before, turn_of
from neurfield.inputs.scene.scores import image_scores
from neurfield.moment import END
from neurfield.parts import load_config
from neurfield.parts.groups import Train
from neurfield.pixels import Walk
from neurfield.rays import Rays, Samples
from neurfield.rendering import NeuS, OpacityNow, render_passes
from neurfield.scenes import Scene
from tests.fitting.conftest import CENTRE, RADIUS, SMALL

OPTIONS = [*SMALL, "polish.pixels=2048", "train.save_every=0"]


class Stopped(Exception):
    """In the middle of a fit."""


@pytest.fixture(scope="module")
def run(sphere_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(
        sphere_scene, "neus", steps=80, out=tmp_path_factory.mktemp("a"), overrides=OPTIONS, quiet=True
    )


@pytest.fixture(scope="module")
def without(sphere_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("b")
    return fit(sphere_scene, "neus", steps=60, out=out, overrides=[*OPTIONS, "polish=off"], quiet=True)


def test_nothing_but_colour_changes(run: Run, without: Run) -> None:
    """60 of 80 steps are those of a fit that has no polish, to the last bit."""
    changed = {
        name
        for name, tensor in run.task.state().items()
        if not torch.equal(without.task.state()[name], tensor)
    }
    assert changed and all(name.startswith("color.") for name in changed)


def test_pictures_become_better(run: Run, without: Run) -> None:
    assert image_scores(run)["psnr"] > image_scores(without)["psnr"] + 3.0


def test_its_steps_are_logged(run: Run) -> None:
    last = json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 80 and set(last["losses"]) == {"surface_color"} and last["psnr"] > 15.0


def test_a_resumed_polish_ends_where_an_uninterrupted_one_does(
    run: Run, sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = SceneTask.step

    def stop(self: SceneTask, number: int, progress: float) -> object:
        if number == 73:
            raise Stopped
        return step(self, number, progress)

    monkeypatch.setattr(SceneTask, "step", stop)
    with pytest.raises(Stopped):
        overrides = [*OPTIONS, "train.save_every=70"]
        fit(sphere_scene, "neus", steps=80, out=tmp_path, overrides=overrides, quiet=True)
    monkeypatch.undo()
    continued = resume((tmp_path / sphere_scene.name / "latest").resolve(), quiet=True)
    for name, tensor in run.task.state().items():
        assert torch.equal(continued.task.state()[name], tensor), name


def true_hits(task: SceneTask, rays: Rays) -> Tensor:
    """Where rays meet the true sphere, [R] unit lengths; 0: nowhere."""
    centre = torch.from_numpy(task.frame.unit_from_world(CENTRE)).float()
    offset = rays.origins - centre
    b = (offset * rays.directions).sum(dim=1)
    inside = b.square() - offset.square().sum(dim=1) + (RADIUS / task.frame.half) ** 2
    return torch.where(inside > 0, -b - inside.clamp_min(0.0).sqrt(), torch.zeros_like(b))


def test_a_step_compares_the_pixels_that_meet_the_surface(run: Run) -> None:
    """Against the walk's pixels, rays to the true sphere, and the formula of the loss."""
    task = run.task
    task.polish.forget()
    report = task.polish.step(task, 3, 20, task.moment(63, 1.0))
    walk, scene = Walk(task.scene.cameras, task.seed), task.scene
    more = task.polish._more
    chosen = walk.choose(0, 20 * 2048 * more)
    masks = np.stack([scene.mask(i) for i in range(len(scene))])
    share = masks[chosen.camera, chosen.row, chosen.column].mean()
    assert more == round(1.0 / share) and 1 < more < 8  # most rays meet nothing
    hits = task.polish._drawn[1]
    assert len(hits.rgb) == pytest.approx(share * 20 * 2048 * more, rel=0.05)
    part = hits.part(3, 20)
    offset = task.frame.world_from_unit(part.points.numpy()) - CENTRE
    assert np.median(np.abs(np.linalg.norm(offset, axis=1) - RADIUS)) < 0.02
    normal = offset / RADIUS
    true = 0.5 + 0.4 * np.sin(4.0 * normal)  # as the scene is drawn
    assert np.median(np.abs(part.rgb.numpy() - true)) < 0.03
    shown = surface_colors(task, part, task.polish.voxel)
    wanted = ((shown - part.rgb).square() + KNEE**2).sqrt().mean() - KNEE
    torch.testing.assert_close(report.losses["surface_color"], wanted)


def test_colours_on_the_surface_are_those_of_a_sharp_picture(run: Run) -> None:
    """Volume rendering with a narrow opacity, the reference, gives the same colours."""
    task = run.task
    task.polish.forget()
    task.polish.step(task, 0, 20, task.moment(60, 1.0))
    hits = task.polish._drawn[1].part(0, 40)
    origins = hits.points - 0.2 * hits.directions
    one = torch.ones(len(origins))
    rays = Rays(origins, hits.directions, 0.0 * one, 0.4 * one, one)
    sharp = OpacityNow(NeuS(), 2e-4)
    edges = torch.linspace(0.0, 0.4, 801)
    starts, ends = edges[:-1].repeat(len(rays)), edges[1:].repeat(len(rays))
    index = torch.arange(len(rays))
    info = torch.stack([index * 800, torch.full_like(index, 800)], dim=1)
    samples = Samples(index.repeat_interleave(800), starts, ends, info)
    with torch.no_grad():
        task.field.at(END)
        rendered = render_passes(task.field, task.color, rays, samples, {"surface": sharp})["surface"]
        shown = surface_colors(task, hits, task.polish.voxel)
        aside = replace(hits, points=hits.points + 0.5 * task.polish.voxel * hits.directions)
        mended, left = (surface_colors(task, aside, nearest) for nearest in (task.polish.voxel, 0.0))
    assert (mended - shown).abs().mean() < 0.5 * (left - shown).abs().mean()  # back onto the surface
    opaque = rendered.opacity > 0.99
    assert opaque.float().mean() > 0.9
    assert (rendered.rgb - shown)[opaque].abs().median() < 2e-3


def test_colours_of_vertices_do_not_suffer(run: Run, without: Run) -> None:
    errors = []
    for one in (run, without):
        mesh = one.mesh(voxel=0.02)
        true = 0.5 + 0.4 * np.sin(4.0 * (mesh.vertices - CENTRE) / RADIUS)
        errors.append(np.abs(mesh.visual.vertex_colors[:, :3] / 255.0 - true).mean())
    assert errors[0] < errors[1]


@pytest.mark.parametrize(("method", "color"), [("volsdf", "radiance"), ("s3im", "idr"), ("neus", "latent")])
def test_every_method_with_a_colour_can_have_it(
    sphere_scene: Scene, tmp_path: Path, method: str, color: str
) -> None:
    """A colour that decodes what is rendered gives of one opaque sample what it gives at once."""
    small = [one for one in OPTIONS if not one.startswith("color.")]
    overrides = [*small, f"color={color}", "polish.share=0.5", "exposure=affine", "background=environment"]
    run = fit(sphere_scene, method, steps=4, out=tmp_path, overrides=overrides, quiet=True)
    assert run.task.turn(2).polishes and not run.task.turn(1).polishes


def test_exposure_goes_on_learning_and_poses_do_not(sphere_scene: Scene, tmp_path: Path) -> None:
    overrides = [*OPTIONS, "exposure=affine", "poses=refined", "polish.share=0.5"]
    run = fit(sphere_scene, "neus", steps=6, out=tmp_path, overrides=overrides, quiet=True)
    before = {name: tensor.clone() for name, tensor in run.task.state().items()}
    fitter = Fitter(run.task, run.config.train, run.folder, quiet=True)
    fitter.step = 5
    fitter._one_step()
    changed = {n.split(".")[0] for n, t in run.task.state().items() if not torch.equal(t, before[n])}
    assert changed == {"color", "exposure"}


def test_where_no_ray_meets_anything_nothing_is_learnt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    task = run.task
    monkeypatch.setattr(type(task.field), "sdf", lambda self, points: torch.ones(len(points)))
    task.polish.forget()
    report = task.polish.step(task, 0, 20, task.moment(60, 1.0))
    assert report.total().item() == 0.0 and report.figures["rays"] == 0.0
    report.total().backward()
    assert not any(p.grad is not None and p.grad.any() for p in task.color.parameters())
    task.polish.forget()


@pytest.mark.parametrize(
    ("steps", "share", "before"), [(80, 0.25, 60), (1, 0.9, 1), (10, 0.0, 10), (6, 0.34, 4), (3, 0.1, 3)]
)
def test_how_many_steps_come_before_it(steps: int, share: float, before: int) -> None:
    config = load_config("neus", overrides=[f"polish.share={share}"])

    class Last:
        rate = 2.0

    Last.share = share  # type: ignore[attr-defined]
    assert steps_before(steps, Last()) == before  # type: ignore[arg-type]
    assert config.one("polish").numbers["share"] == share  # type: ignore[union-attr]
    turns = [turn_of(step, Train(steps=steps), Last()) for step in range(steps)]  # type: ignore[arg-type]
    assert [turn.polishes for turn in turns] == [step >= before for step in range(steps)]
    assert [turn.progress for turn in turns[:before]] == [step / before for step in range(before)]
    if before < steps - 2:
        assert turns[before].number == 0 and turns[-1].factor < 0.2 < turns[before + 10].factor
    assert all(turn == turn_of(step, Train(steps=before), None) for step, turn in enumerate(turns[:before]))


def test_it_is_refused_where_distances_have_no_sign(sphere_scene: Scene, tmp_path: Path) -> None:
    small = [one for one in SMALL if not one.startswith("polish")]
    with pytest.raises(UserError, match=r"'polish\.surface_color'.*sign.*polish=off"):
        fit(sphere_scene, "neuraludf", out=tmp_path, quiet=True, overrides=[*small, "polish=surface_color"])
