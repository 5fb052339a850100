"""The gradient of colour losses by place: of each ray by itself, of any loss on colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import dark_gradients
from benchmarks.dark_gradients import COLUMNS, PLACES, Given, colour_losses, pixels_of, ray_norms, rows_of
from benchmarks.room_methods.shades import shades_of_picture
from neurfield.errors import UserError
from neurfield.inputs import Run, fit
from neurfield.losses.photometric import color_l1
from neurfield.losses.weighted import WeightedLoss
from neurfield.parts import needs
from neurfield.scenes import load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene

FEW = ("points.fused_depth=off", "sampler.rays=64", "sampler.samples=0", "losses.s3im=1.0")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("gradients")
    scene = load_scene(write_sphere_scene(folder / "sphere"))
    yield fit(scene, "neus", steps=4, out=folder / "runs", quiet=True, overrides=[*SMALL, *FEW])


def test_a_ray_is_charged_with_its_own_loss_alone(run: Run) -> None:
    task = run.task
    moment = task.moment(4, 1.0)
    task.rays.reader.chooser = pixels_of(task.scene, 24)["all"]
    drawn = task.rays.draw(task.field, [], moment)
    seen = task.rays.seen(task.field, task.color, drawn, moment)
    rgb, target = seen.rendered("surface").rgb, seen.pixels.rgb
    norms = ray_norms(seen, color_l1(rgb, target), task.frame.half)
    assert norms.keys() >= {"sdf", "gradient"} and (norms["sdf"] > 0).any()
    each = (rgb - target).abs().mean(dim=1)
    for ray in range(len(each)):
        answers = seen.rays.answers.everywhere
        assert answers.gradient is not None
        alone = torch.autograd.grad(each[ray], [answers.sdf, answers.gradient], retain_graph=True)
        assert float(alone[0].norm()) / task.frame.half == pytest.approx(float(norms["sdf"][ray]), abs=1e-5)
        assert float(alone[1].norm()) == pytest.approx(float(norms["gradient"][ray]), abs=1e-5)


def test_pixels_of_a_place_are_of_it(run: Run) -> None:
    scene = run.task.scene
    places = pixels_of(scene, 50)
    assert tuple(places) == PLACES
    means = {}
    for name, chosen in places.items():
        shown = [
            [picture[row, column] for picture in shades_of_picture(scene.image(int(camera)))]
            for camera, row, column in zip(chosen.camera, chosen.row, chosen.column)
        ]
        means[name] = np.mean(shown, axis=0)
    assert means["dark"][0] < means["all"][0] < means["bright"][0]
    assert means["low contrast"][1] < means["all"][1]


def test_any_loss_on_colours_is_measured_and_no_other(run: Run) -> None:
    @needs("pixels.rgb", "passes.surface")
    def brand_new(seen: object) -> None:
        """What a method yet to come compares."""

    assert set(colour_losses(run.task.losses)) == {"color", "s3im"}
    new = {**run.task.losses, "new": WeightedLoss(brand_new, 1.0)}
    assert set(colour_losses(new)) == {"color", "s3im", "new"}
    with pytest.raises(UserError, match=r"none of the losses eikonal looks at pixels\.rgb"):
        colour_losses({"eikonal": run.task.losses["eikonal"]})


def test_a_run_has_rows_of_all_places(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dark_gradients, "BATCH", 16)  # two batches
    rows = [dict(zip(COLUMNS, row)) for row in rows_of(run.folder, 24)]
    assert {(row["loss"], row["by"]) for row in rows} >= {("color", "sdf"), ("s3im", "sdf")}
    for row in rows:
        assert row["field"] == "neus" and row["step"] == 4
        assert all(row[place] is not None and row[place] >= 0 for place in PLACES)
        if row["bright"]:
            assert row["dark / bright"] == pytest.approx(row["dark"] / row["bright"])


def test_pixels_are_taken_in_parts_that_lose_none() -> None:
    given = Given(*(np.arange(7) + k for k in range(3)))
    parts = list(given.parts(3))
    assert [len(part.camera) for part in parts] == [3, 3, 1]
    assert np.concatenate([part.column for part in parts]).tolist() == given.column.tolist()
    chosen = parts[0].choose(0, 1000)
    assert chosen.camera.tolist() == [0, 1, 2] and chosen.groups == 1


def test_the_page_has_a_place_for_the_table() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "results.md").read_text()
    assert "<!-- figures: dark_gradients -->" in page
