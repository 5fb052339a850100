"""Tiny networks answer rays as any field does: a sphere that they were taught, by either tracer."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from neurfield.fields import SDFField
from neurfield.fitting.distill import Distillation, Student
from neurfield.fitting.teaching import Teacher
from neurfield.light.cells import CellsTraced, traced
from neurfield.light.sphere import SphereTraced
from tests.fitting.spheres import RADIUS, Normals, Sphere

BOX = 3.0 * np.array([[-1.0, -0.9, -0.8], [1.0, 0.9, 0.8]]) + np.array([10.0, 0.0, 0.0])
HALF = 3.0


@pytest.fixture(scope="module")
def student() -> Student:
    teacher = Teacher(Sphere(), Normals())  # type: ignore[arg-type]
    return Distillation(teacher, [-1.0, -0.9, -0.8, 1.0, 0.9, 0.8], 5, 150).run()


def rays(count: int = 700) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    origins = 1.6 * HALF * (2.0 * torch.rand(count, 3, generator=generator) - 1.0)
    origins[::5] *= 0.05  # some begin in the sphere
    targets = HALF * 0.4 * torch.randn(count, 3, generator=generator)
    return origins, normalize(targets - origins, dim=1)


def test_a_sphere_is_met_where_it_is(student: Student) -> None:
    surface = traced(student.field, student.color, BOX)
    assert isinstance(surface, CellsTraced) and surface.has_color
    o, d = rays()
    hits = surface.first_hits(o, d)
    centre = HALF * Sphere().centre.detach()
    off = o - centre
    b, c = (off * d).sum(dim=1), off.square().sum(dim=1) - (HALF * RADIUS) ** 2
    root = b.square() - c
    inside = c < 0.0
    t = torch.where(inside, -b + root.clamp_min(0.0).sqrt(), -b - root.clamp_min(0.0).sqrt())
    clear = (root.abs() > 0.3) & (t.abs() > 0.05) & (c.abs() > 0.2)
    meets = (root > 0.0) & (t > 0.0)
    assert (hits.hit == meets)[clear].float().mean() > 0.995
    both = hits.hit & clear & meets
    assert both.sum() > 100 and (both & inside).any()
    assert (hits.t - t)[both].abs().mean() < 0.02
    true = normalize(hits.position - centre, dim=1)
    assert ((hits.normal * true).sum(dim=1)[both] > 0.97).float().mean() > 0.95
    assert (student.field.sdf(hits.position[both] / HALF).abs() < 1e-3).float().mean() > 0.99
    assert ((hits.albedo >= 0.0) & (hits.albedo <= 1.0)).all()
    seen = surface.seen(hits, d)
    assert (seen - (0.5 + 0.5 * true))[both].abs().mean() < 0.1
    at_once, shown = surface.pictured(o, d)
    assert torch.equal(at_once.t, hits.t) and torch.equal(at_once.normal, hits.normal)
    torch.testing.assert_close(shown, seen, atol=1e-4, rtol=0.0)  # and black where nothing is met


def test_networks_that_change_are_met_where_they_are(student: Student) -> None:
    field, (o, d) = copy.deepcopy(student.field), rays()
    before = traced(field, None, BOX).first_hits(o, d)
    with torch.no_grad():
        field.networks.biases[-1][:, 0] += 0.2  # a smaller sphere
    after = traced(field, None, BOX).first_hits(o, d)
    fresh = traced(copy.deepcopy(field), None, BOX).first_hits(o, d)
    assert torch.equal(after.t, fresh.t) and not torch.equal(after.t, before.t)


def test_it_is_the_surface_that_the_general_tracer_meets(student: Student) -> None:
    ours, general = traced(student.field, None, BOX), SphereTraced(student.field, None, BOX)
    o, d = rays()
    found, expected = ours.first_hits(o, d), general.first_hits(o, d)
    assert (found.hit == expected.hit).float().mean() > 0.98
    both = found.hit & expected.hit
    assert ((found.t - expected.t)[both].abs() < 5e-3).float().mean() > 0.97
    far = torch.full((len(o),), 100.0)
    assert torch.equal(ours.occluded(o, d, far), found.hit)
    short = torch.where(found.hit, 0.9 * found.t, 1.0)
    assert not ours.occluded(o, d, short)[found.hit].any()
    none = ours.first_hits(o[:0], d[:0])
    assert none.t.shape == (0,) and none.normal.shape == (0, 3)


def test_other_fields_are_followed_by_steps() -> None:
    assert type(traced(SDFField(), None, BOX)) is SphereTraced
