"""Fits to pictures with passers-by: masks, a partner, what a checkpoint keeps, and what is left as it was."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from neurfield.errors import UserError
from neurfield.fitting.folder import read_facts
from neurfield.fitting.task import Task
from neurfield.inputs import Run, finish, fit, resume
from neurfield.inputs.scene.page import scene_page
from neurfield.parts import load_config
from neurfield.scenes import Scene, load_scene
from tests.fitting.test_photos import SETTINGS, matches  # noqa: F401
from tests.fitting.test_rays_step import task_of
from tests.stereo import made

MASKS = ("transients=dual", "transients.start=0.3")


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("more", [(), ("transients.partner=field",), ("transients.agreement=0",)])
def test_a_resumed_fit_ends_where_an_uninterrupted_one_does(
    sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    overrides = [*task_overrides(), *MASKS, *more, "train.save_every=4"]
    begin = partial(fit, sphere_scene.path, "neus", steps=14, overrides=overrides, quiet=True)
    whole, step = begin(out=tmp_path / "a"), Task.step

    def stop_at_11(self: Task, number: int, progress: float) -> object:
        if number == 11:
            raise KeyError
        return step(self, number, progress)

    monkeypatch.setattr(Task, "step", stop_at_11)
    with pytest.raises(KeyError):
        begin(out=tmp_path / "b")
    monkeypatch.setattr(Task, "step", step)
    (folder,) = (tmp_path / "b").glob("*/neus-*")
    again = resume(folder, quiet=True)
    assert same(whole.task.state(), again.task.state())
    names = set(whole.task.state())
    assert {"transients.soft", "transients.residuals.patch"} <= names
    assert any(name.startswith("partner.field.") for name in names) == ("transients.agreement=0" not in more)
    assert whole.task.state()["transients.residuals.patch"].any()
    loaded = Run.load(whole.folder, scene=sphere_scene.path, device="cpu")
    assert same(loaded.task.state(), whole.task.state())


def task_overrides() -> list[str]:
    from tests.fitting.conftest import SMALL

    return [*SMALL, "device=cpu", "sampler.rays=128", "sampler.samples=0", "data.sensor_depth=off"]


def test_where_nothing_was_measured_every_bit_is_as_without_the_part(
    sphere_scene: Scene, tmp_path: Path
) -> None:
    plain, masked = (
        fit(
            sphere_scene.path, "neus", steps=12, out=tmp_path, quiet=True,
            overrides=[*task_overrides(), *more],
        ).task.state()
        for more in ((), ("transients=dual", "transients.when=measured"))
    )  # fmt: skip
    apart = {name for name in masked if name.startswith("transients.")}
    assert apart == masked.keys() - plain.keys() and "transients.soft" in apart
    assert same(plain, {name: tensor for name, tensor in masked.items() if name not in apart})


def test_a_step_compares_what_is_kept_and_teaches_masks_and_a_second_field(sphere_scene: Scene) -> None:
    task = task_of(sphere_scene, *MASKS, "transients.partner=field", "data.sensor_depth=off")
    task.prepare()
    assert task.dual is not None and task.dual.second is not None
    second = task.dual.second
    assert not torch.equal(second.field.layers[0].weight, task.field.layers[0].weight)
    learnt = [p for group in task.groups() for p in group.parameters]
    for one in (*second.field.parameters(), *second.color.parameters(), *task.dual.transients.parameters()):
        assert any(one is p for p in learnt)
    for parameter in learnt:
        parameter.grad = torch.zeros_like(parameter)
    early = task.step(20, 0.2)
    assert "agreement" not in early.losses
    late = task.step(50, 0.5)
    assert float(late.losses["agreement"].detach()) > 0.0
    late.total().backward()
    for one in (*second.field.layers[0].parameters(), task.field.layers[0].weight):
        assert one.grad is not None and one.grad.any()


@pytest.mark.parametrize("more", [(), ("points.fused_depth=off",)])  # rays with depth, too
def test_what_is_left_out_pulls_at_no_colour(sphere_scene: Scene, more: tuple[str, ...]) -> None:
    """Depth and masks aside: where no pixel is kept, the colour learns nothing."""
    for hidden in (False, True):
        task = task_of(sphere_scene, *MASKS, "transients.masks=hard", "transients.agreement=0", *more)
        task.prepare()
        assert task.rays is not None and task.dual is not None
        if hidden:
            task.dual.transients.residuals.patch[:] = torch.tensor([4.0, 0.0, 4.0])[:, None]
        for parameter in task.color.parameters():
            parameter.grad = torch.zeros_like(parameter)
        task.step(30, 0.29).total().backward()
        pulled = any(bool(p.grad.any()) for p in task.color.parameters() if p.grad is not None)
        assert pulled != hidden


def test_an_average_follows_the_field(sphere_scene: Scene) -> None:
    task = task_of(sphere_scene, *MASKS, "data.sensor_depth=off")
    task.prepare()
    assert task.dual is not None and task.dual.partner is not None
    partner, weight = task.dual.partner, task.field.layers[0].weight
    with torch.no_grad():
        weight += 1.0
        first = weight.clone()
    report = task.step(40, 0.4)
    assert torch.equal(partner.field.layers[0].weight, weight)  # the first time all the way
    torch.testing.assert_close(report.losses["agreement"].detach(), torch.zeros(()), atol=1e-6, rtol=0.0)
    with torch.no_grad():
        weight += 1.0
    assert float(task.step(41, 0.41).losses["agreement"].detach()) > 0.0
    torch.testing.assert_close(partner.field.layers[0].weight, first + 0.2)
    assert not any(p.requires_grad for p in partner.field.parameters())


@pytest.mark.slow
def test_passers_by_are_told_masked_drawn_and_counted(
    tmp_path: Path,
    matches: list[Scene],  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    passing, where = made.textured_room().passed_by()
    read = load_scene(passing.write(tmp_path / "room"))
    scene = Scene(read.name, read.path, read.cameras, read.files, box=read.box, kind="inside")
    overrides = [*SETTINGS, "transients.partner=average"]
    run = fit(scene, "photos", steps=60, out=tmp_path, overrides=overrides)
    assert "passers-by: " in capsys.readouterr().out and len(matches) == 1
    transients = run.task.rays.transients
    true = adaptive_avg_pool2d(torch.tensor(where)[:, None].float(), transients.patches.shape[1:])[:, 0] > 0.5
    hard, soft = transients.hard(), transients.soft_mask() < 0.5  # 0.49 and 0.42 of them, at 0.74 and 0.98
    assert (hard & true).sum() > 0.4 * true.sum() and (hard & true).sum() > 0.65 * hard.sum()
    assert (soft & true).sum() > 0.35 * true.sum() and (soft & true).sum() > 0.9 * soft.sum()
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert {"transients", "agreement"} <= log[-1]["losses"].keys()
    inside = run.task.compared_views.pictures.inside  # what is left out matches nothing either
    assert inside is not None and not inside.all()
    finish(run)
    said = json.loads((run.folder / "metrics.json").read_text())["transients"]
    assert said["of"] == 24 and 8 <= said["pictures"] < 24 and 0.01 < said["left_out"] < 0.2
    sheet = np.asarray(Image.open(run.folder / "previews" / "transients.jpg"))
    red = (sheet[..., 0].astype(int) - sheet[..., 1] > 90).mean(axis=0)
    middle = sheet.shape[1] // 2
    assert red[middle:].mean() > red[:middle].mean() + 0.02
    page = scene_page(run.folder, read_facts(run.folder), run.config, {})
    assert "Passers-by" in [getattr(section, "title", "") for section in page.sections]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("transients=dul", "did you mean 'dual'"), ("transients.masks=medium", "transients.masks"),
        ("transients.start=2", "transients.start"), ("transients.agreement=-1", "transients.agreement"),
        ("transients.level=0", "transients.level"), ("transients.partner=two", "transients.partner"),
    ],
)  # fmt: skip
def test_a_number_that_is_not_possible_is_one_line(override: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as told:
        load_config("neus", overrides=["transients=dual", override])
    assert "\n" not in str(told.value)


def test_only_photographs_alone_are_looked_at_for_passers_by() -> None:
    part = load_config("photos").one("transients")
    assert part is not None and part.name == "dual" and part.numbers["when"] == "measured"
    assert part.numbers["partner"] == "none"
    assert load_config("neus").one("transients") is None
