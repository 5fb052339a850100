"""Gains and offsets of pictures: what they are learnt to, when they are, and what pictures of a fit show."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.fitting.scene import SceneTask
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs import Run, fit
from neurfield.parts import load_config
from neurfield.rendering import Affine, Appearance
from neurfield.scenes import Scene
from tests.rendering.test_surroundings import FEW, in_the_open  # noqa: F401

CPU = torch.device("cpu")
PICTURES = 6


def made(gain: Tensor | None = None, matched: bool = True, **numbers: Any) -> Affine:
    maps = SimpleNamespace(gain=gain) if matched else None
    cameras: Any = range(PICTURES)
    exposure = Affine(cameras, lambda: maps, CPU, **numbers)
    exposure.prepare()
    return exposure


def some(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Colours times opacities, opacities, and cameras."""
    generator = torch.Generator().manual_seed(seed)
    opacity = torch.rand(count, generator=generator)
    colors = torch.rand(count, 3, generator=generator) * opacity[:, None]
    return colors, opacity, torch.randint(PICTURES, (count,), generator=generator)


def test_it_finds_gains_and_offsets_up_to_what_the_scene_could_be() -> None:
    generator = torch.Generator().manual_seed(1)
    log_gain = 0.3 * torch.randn(PICTURES, 3, generator=generator)
    offset = 0.05 * torch.randn(PICTURES, 3, generator=generator)
    exposure = made(pull=0.0)
    scene = torch.nn.Parameter(torch.full((400, 3), 0.5))
    true, _, _ = some(400)
    adam = torch.optim.Adam([*exposure.parameters(), scene], lr=0.02)
    one = torch.ones(400)
    for step in range(600):
        camera = torch.randint(PICTURES, (400,), generator=generator)
        shown = true * log_gain[camera].exp() + offset[camera]
        for group in adam.param_groups:
            group["lr"] = 0.02 * (1.0 - step / 600)
        adam.zero_grad()
        (exposure.shown(scene, one, camera) - shown).square().mean().backward()
        adam.step()
    found = exposure.log_gain - exposure.log_gain.mean(dim=0)
    torch.testing.assert_close(found.detach(), log_gain - log_gain.mean(dim=0), atol=0.02, rtol=0.0)
    mean = true * log_gain.mean(dim=0).exp()  # no picture is brighter than what the scene then is, on average
    spread = (scene.detach() - mean).std(dim=0)
    assert spread.max() < 0.02


def test_pictures_of_no_camera_show_the_scene_and_gains_have_no_mean() -> None:
    exposure = made()
    with torch.no_grad():
        exposure.log_gain += torch.rand(PICTURES, 3, generator=torch.Generator().manual_seed(0)) + 1.0
        exposure.offset += 0.2
        exposure.offset[0] += 0.1
    colors, opacity, camera = some(50)
    assert torch.equal(exposure.shown(colors, opacity, torch.full((50,), -1)), colors)
    one = torch.ones(PICTURES)
    cameras = torch.arange(PICTURES)
    white = exposure.shown(torch.ones(PICTURES, 3), one, cameras)
    black = exposure.shown(torch.zeros(PICTURES, 3), one, cameras)
    torch.testing.assert_close((white - black).log().mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(black.mean(dim=0), torch.zeros(3), atol=1e-6, rtol=0.0)
    # It is linear in colour times opacity: what is half transparent gets half of the offset.
    half = exposure.shown(0.5 * colors, 0.5 * opacity, camera)
    torch.testing.assert_close(half, 0.5 * exposure.shown(colors, opacity, camera))


def test_it_begins_with_what_was_measured_and_stays_out_where_exposure_is_steady() -> None:
    colors, opacity, camera = some(50)
    for steady in (made(when="measured"), made(when="measured", matched=False)):
        assert steady.shown(colors, opacity, camera) is colors and steady.words == ""
    always = made(matched=False)
    torch.testing.assert_close(always.shown(colors, opacity, camera), colors)
    assert always.learns
    gain = torch.tensor([0.5, 1.0, 2.0, 1.0, 1.0, 1.0])
    for when in ("always", "measured"):
        measured = made(gain, when=when)
        shown = measured.shown(torch.full((3, 3), 0.3), torch.ones(3), torch.tensor([0, 1, 2]))
        torch.testing.assert_close(shown[:, 0], torch.tensor([0.6, 0.3, 0.15]))
        assert "by up to 2.0 stops" in measured.words


def test_without_evidence_gains_are_pulled_back() -> None:
    exposure = made(pull=0.5)
    with torch.no_grad():
        exposure.log_gain[2] = 0.4
    colors, opacity, camera = some(50)
    (0.0 * exposure.shown(colors, opacity, camera)).sum().backward()
    expected = 0.5 * exposure.log_gain.detach().square().mean()
    leaf = exposure.log_gain.detach().clone().requires_grad_()
    (0.5 * leaf.square().mean()).backward()
    assert expected > 0 and exposure.log_gain.grad is not None and leaf.grad is not None
    torch.testing.assert_close(exposure.log_gain.grad, leaf.grad)


def test_what_is_loaded_has_begun() -> None:
    def never() -> Any:
        raise AssertionError("pictures are not matched again")

    cameras: Any = range(PICTURES)
    for first in (made(torch.linspace(0.7, 1.4, PICTURES), when="measured"), made(when="measured")):
        again = Affine(cameras, never, CPU, when="measured")
        again.load_state_dict(first.state_dict())
        again.prepare()
        assert again.learns == first.learns
        colors, opacity, camera = some(20)
        assert torch.equal(again.shown(colors, opacity, camera), first.shown(colors, opacity, camera))


@pytest.mark.parametrize("background", ["contracted", "environment", "border"])
def test_a_step_teaches_it_and_a_checkpoint_keeps_it(in_the_open: Scene, background: str) -> None:  # noqa: F811
    def task() -> SceneTask:
        overrides = [*FEW, "exposure=affine", f"background={background}"]
        return SceneTask(in_the_open, load_config("neus", overrides=overrides), CPU)

    one, other = task(), task()
    one.prepare()
    assert one.rays is not None and other.rays is not None
    exposure = one.rays.exposure
    assert isinstance(exposure, Affine) and isinstance(other.rays.exposure, Affine)
    learnt = [p for group in one.groups() for p in group.parameters]
    assert all(any(p is q for q in learnt) for p in exposure.parameters())
    one.step(0, 0.0).total().backward()
    for p in exposure.parameters():
        assert p.grad is not None and p.grad.isfinite().all() and p.grad.abs().sum() > 0
    with torch.no_grad():
        exposure.log_gain += torch.rand_like(exposure.log_gain)
    other.load(one.state())
    assert torch.equal(other.rays.exposure.log_gain, exposure.log_gain) and other.rays.exposure.learns
    assert bool(one.step(1, 0.1).total().isfinite())


def test_codes_of_a_picture_reach_its_colours_and_nobody_elses(in_the_open: Scene) -> None:  # noqa: F811
    overrides = [*FEW, "exposure=appearance", "exposure.codes=5", "background=off"]
    config = load_config("neus", overrides=overrides)
    task = SceneTask(in_the_open, config, CPU)
    task.prepare()
    assert task.rays is not None and isinstance(task.rays.exposure, Appearance)
    numbers = task.rays.exposure.numbers
    assert numbers.shape == (len(in_the_open), 5)
    report = task.step(50, 0.5)
    report.total().backward()
    assert numbers.grad is not None and numbers.grad.abs().sum() > 0
    assert any(numbers is p for group in task.groups() for p in group.parameters)

    pixels = task.rays.reader.batch(3, 200)
    point = torch.tensor([[0.1, 0.2, 0.3]]).expand(len(pixels), -1).contiguous()
    feature = torch.zeros(len(pixels), config.needed("field").numbers["feature_dim"])
    with torch.no_grad():
        numbers[2] += 1.0
        codes = task.rays.exposure.codes_of(pixels.camera)
        views = task.color.encode_views(point)
        mean = task.color(point, feature, point, views)  # what a mesh asks for
        zeros = task.color(point, torch.nn.functional.pad(feature, (0, 5)), point, views)
        own = task.color(point, torch.cat([feature, codes], dim=1), point, views)
    assert torch.equal(mean, zeros)
    second = pixels.camera == 2
    assert second.any() and (own - mean)[second].abs().amin(dim=0).max() > 1e-4
    assert (own - mean)[second].abs().max() > 3.0 * (own - mean)[~second].abs().max()
    none = torch.full((4,), -1)
    assert not task.rays.exposure.codes_of(none).any()


def test_appearance_is_kept_in_a_run_and_not_asked_of_its_mesh(
    in_the_open: Scene,  # noqa: F811
    tmp_path: Path,
) -> None:
    overrides = [*FEW, "exposure=appearance", "mesh.voxel=0.1"]
    run = fit(in_the_open, "neus", steps=4, quiet=True, out=tmp_path, overrides=overrides)
    again = Run.load(run.folder)
    assert torch.equal(again.task.rays.exposure.numbers, run.task.rays.exposure.numbers)
    assert (again.render(1)["rgb"] == run.render(1)["rgb"]).all()
    surface = FittedSurface.open(run.folder, "cpu")
    mesh = surface.mesh()
    assert (mesh.visual.vertex_colors == run.mesh().visual.vertex_colors).all()


@pytest.mark.parametrize("exposure", ["affine", "appearance"])
def test_fitted_frames_are_drawn_as_they_were_exposed_and_held_out_ones_at_the_mean(
    in_the_open: Scene,  # noqa: F811
    tmp_path: Path,
    exposure: str,
) -> None:
    overrides = [*FEW, f"exposure={exposure}", "background=environment", "data.holdout_every=4"]
    run = fit(in_the_open, "neus", steps=3, quiet=True, out=tmp_path, overrides=overrides)
    assert run.held_out.tolist() == [2, 6, 10]
    before = [run.render(i)["rgb"].astype(int) for i in (2, 3)]
    part = run.task.rays.exposure
    with torch.no_grad():  # frame 3 is the third of those that are fitted
        numbers = part.log_gain if exposure == "affine" else part.numbers
        numbers[2] += 2.0
        numbers -= numbers.mean(dim=0)
    after = [run.render(i)["rgb"].astype(int) for i in (2, 3)]
    assert abs(after[0] - before[0]).max() <= 1
    assert abs(after[1] - before[1]).max() > 1
