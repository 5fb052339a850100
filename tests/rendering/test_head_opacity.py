"""Occupancy as opacity, beside the distance: what it renders, whom it trains, and that it does not lead."""

from __future__ import annotations

import pytest
import torch

from neurfield.encodings import HashGrid
from neurfield.errors import UserError
from neurfield.fields import Radiance, SDFField
from neurfield.fields.heads import make_occupancy
from neurfield.fitting.rays_step import leading_first
from neurfield.moment import END, Moment
from neurfield.rendering import NeuS, Occupancy, VolSDF, render_passes
from tests.rendering.test_distances import some_sections
from tests.rendering.test_visibility import GRID, sphere_and_rays

SHARPNESS = 25.0


def field_of_two() -> SDFField:
    """A distance, and an occupancy that differs from it."""
    torch.manual_seed(0)
    field = SDFField(HashGrid(**GRID), hidden=(16,), heads={"occupancy": make_occupancy()})
    with torch.no_grad():
        field.layers[-1].weight[1].normal_(std=0.2)
    return field


def test_it_renders_what_a_loop_over_samples_does_and_trains_its_own_row() -> None:
    field, (_, rays) = field_of_two(), sphere_and_rays(30)
    samples, color = some_sections(rays), Radiance(HashGrid(**GRID), hidden=(16,))
    passes = {"surface": VolSDF().at(END), "occupancy": Occupancy(sharpness=SHARPNESS).at(END)}
    rendered = render_passes(field, color, rays, samples, passes)
    one, answers = rendered["occupancy"], rendered["surface"].answers
    index = samples.ray_indices
    points = rays.origins[index] + answers.t[:, None] * rays.directions[index]
    asked = field.query(points, gradient=True, row=torch.ones(len(points), dtype=torch.int64))
    assert asked.gradient is not None
    solid = torch.sigmoid(-SHARPNESS * asked.heads["occupancy"][:, 0]).detach().double()
    unit = asked.gradient.detach().double() / asked.gradient.detach().double().norm(dim=1, keepdim=True)
    weight, hit = torch.zeros(len(points)).double(), 0
    for start, count in samples.packed_info.tolist():
        light = 1.0
        for i in range(start, start + count):
            weight[i] = light * solid[i]
            light = light * (1.0 - float(solid[i]))
        hit += int(1.0 - light > 0.05)
    assert hit > 3
    torch.testing.assert_close(one.weights.double(), weight, rtol=1e-4, atol=1e-5)

    def summed(values: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(rays), *values.shape[1:], dtype=torch.float64).index_add(0, index, values)

    torch.testing.assert_close(one.opacity.double(), summed(weight), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.normal.double(), summed(weight[:, None] * unit), rtol=1e-3, atol=1e-4)
    z = summed(weight * answers.t) / summed(weight).clamp_min(1e-4)
    torch.testing.assert_close(one.distance.double(), z, rtol=1e-3, atol=1e-4)
    for of in (one.distance, one.normal):
        trunk, last = torch.autograd.grad(
            of.sum(), [field.layers[0].weight, field.layers[-1].weight], retain_graph=True
        )
        assert trunk.abs().sum() > 0.0 and last[1].abs().sum() > 0.0 and not last[0].any()


def test_its_opacity_is_the_same_at_every_moment_and_width() -> None:
    opacity = Occupancy(sharpness=SHARPNESS)
    assert not opacity.parameter_groups()
    for moment in (Moment(0, 0.0), Moment(0, 0.5, warm=True), END):
        assert opacity.at(moment, widest=1e-3).number == 1.0 / SHARPNESS


def test_samples_are_drawn_by_another() -> None:
    occupied, other = Occupancy(), NeuS()
    assert list(leading_first({"a": occupied, "b": other})) == ["b", "a"]
    assert list(leading_first({"b": other, "surface": VolSDF()})) == ["surface", "b"]
    for passes in ({"surface": occupied, "other": other}, {"only": occupied}):
        with pytest.raises(
            UserError, match=r"'passes\.(surface|only)': .* another one draws.*passes\.surface=volsdf"
        ):
            leading_first(passes)
