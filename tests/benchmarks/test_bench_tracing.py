"""The benchmark of tiny networks: what it counts, on a surface that is known."""

from __future__ import annotations

import numpy as np
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
    views.rays, views.shown = [rays], [shown + 0.1]
    psnr, rate = views.of(surface)
    assert abs(psnr - 20.0) < 0.1 and rate > 0.0
