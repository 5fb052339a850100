"""The benchmark of tiny networks: what it counts, on a surface that is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import bench_tracing
from neurfield.fields.kilo import KiloSDF
from neurfield.fields.kilo_color import KiloColor
from neurfield.fitting.distill import Distillation
from neurfield.fitting.teaching import Teacher
from neurfield.light.cells import traced
from tests.fitting.spheres import Normals, Sphere

BOX = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])


def test_one_network_learns_in_one_cell_and_pictures_are_compared() -> None:
    teacher = Teacher(Sphere(), Normals())  # type: ignore[arg-type]
    field, color = KiloSDF(octaves=2, hidden=(32,)), KiloColor(octaves=2)
    one = Distillation(teacher, BOX.ravel().tolist(), 1, 120, field=field, color=color, samples=512).run()
    assert one.figures.networks == 1 and one.figures.jump == (0.0, 0.0)
    assert one.figures.distance < 0.03
    views = bench_tracing.Views.__new__(bench_tracing.Views)
    directions = torch.nn.functional.normalize(torch.randn(50, 3), dim=1)
    rays = (-2.0 * directions).numpy(), directions.numpy()
    surface = traced(one.field, one.color, BOX)
    shown = surface.seen(surface.first_hits(-2.0 * directions, directions), directions)
    within = torch.arange(50) < 30
    elsewhere = torch.where(within[:, None], shown + 0.01, 0.0)
    views.rays, views.shown, views.photos = [rays], [shown + 0.1], [(elsewhere, within)]
    photographs, volume, rate = views.of(surface)
    assert abs(photographs - 40.0) < 0.1 and abs(volume - 20.0) < 0.1 and rate > 0.0


def test_pixels_are_spread_evenly_over_a_side() -> None:
    assert bench_tracing.pixels_of(600, 400).tolist()[:3] == [0, 2, 3]
    assert bench_tracing.pixels_of(3, 6).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_rival_learns_in_about_the_seconds_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_tracing, "SAMPLES", 64)
    surface = SimpleNamespace(box=BOX, field=Sphere(), radiance=Normals())
    surface.field.encoding = SimpleNamespace(levels=1)
    one = bench_tracing.one_network(surface, 16, 1.0, None, 0)
    assert one.figures.networks == 1 and one.figures.steps > bench_tracing.PROBED
    assert one.figures.tuned == 0
