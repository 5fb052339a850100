"""A network that is asked several times, beside its recursion written out, autograd and differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from neurfield.encodings import LearntFrequencies
from neurfield.errors import UserError
from neurfield.fields import IterativeField
from neurfield.parts import load_config


def small(precision: str = "float64", seed: int = 3) -> IterativeField:
    field = IterativeField(3, (16, 16), 4, 3, precision)
    field.start_as_sphere(0.5, inside=False, seed=seed)
    return field


def places(count: int = 37) -> Tensor:
    return torch.rand(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0


def written_out(field: IterativeField, points: Tensor) -> Tensor:
    """Logits [N, iterations] as the paper has them, point by point: what joins what, and in which order."""
    told = []
    for x in points:
        waves = [
            wave(rate * axis)
            for wave, rates in ((torch.cos, field.encoding.cosines), (torch.sin, field.encoding.sines))
            for axis in x
            for rate in rates
        ]
        logit, hidden, said = field.first_logit, field.first_state, []
        for i in range(field.iterations):
            turn = torch.tensor([float(i) * 2.0**k for k in range(field.state // 2)], dtype=torch.float64)
            hidden = hidden + torch.stack([turn.sin(), turn.cos()], dim=1).reshape(-1)
            units = torch.cat([x, torch.stack(waves), logit, hidden])
            for layer in field.layers[:-1]:
                units = leaky_relu(layer.weight @ units + layer.bias, 0.01)
            outputs = field.layers[-1].weight @ units + field.layers[-1].bias
            logit, hidden = logit + outputs[:1], outputs[1:]
            said.append(logit)
        told.append(torch.cat(said))
    return torch.stack(told)


def test_what_it_says_goes_into_what_it_says_next() -> None:
    field, points = small(), places(5)
    sample = field.query(points)
    torch.testing.assert_close(sample.heads["iterations"], written_out(field, points))
    assert torch.equal(sample.value, sample.heads["iterations"][:, -1])
    assert torch.equal(field(points), sample.value)
    with torch.no_grad():
        field.first_state += 1.0  # it is passed on to the end
    assert (field(points) - sample.value).abs().min() > 0.0


def test_it_is_as_large_as_the_authors_network() -> None:
    field = IterativeField()
    assert sum(parameter.numel() for parameter in field.parameters()) == 31_436
    assert [layer.in_features for layer in field._linears()] == [66, *[64] * 7]
    assert field.encoding.cosines.tolist() == [1.0, 2.0, 4.0, 8.0, 16.0]
    biases = torch.cat([layer.bias for layer in field._linears()])
    assert biases.min() >= 0.0 and 0.9 < biases.max() <= 1.0
    assert "10 iterations" in repr(field) and "31,436 parameters" in repr(field)


def test_its_gradient_is_that_of_the_value() -> None:
    field, points = small(), places()
    slope = field.query(points, gradient=True).gradient
    assert slope is not None
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = 1e-6
        across = (field.sdf(points + step) - field.sdf(points - step)) / 2e-6
        torch.testing.assert_close(slope[:, axis].detach(), across, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("points_gradient", [False, True])
def test_losses_on_value_and_gradient_train_all_parameters(points_gradient: bool) -> None:
    field, points = small(), places()
    weights = places(74).flip(1)[37:]

    def loss(heads: Tensor, slope: Tensor) -> Tensor:
        return heads.square().mean() + (slope * weights).sum(dim=1).square().mean()

    sample = field.query(points, gradient=True, points_gradient=points_gradient)
    found = torch.autograd.grad(loss(sample.heads["iterations"], sample.gradient), list(field.parameters()))
    there = points.clone().requires_grad_()
    heads = field.logits(there)
    (slope,) = torch.autograd.grad(heads[:, -1].sum(), there, create_graph=True)
    true = torch.autograd.grad(loss(heads, slope), list(field.parameters()))
    for a, b in zip(found, true):
        torch.testing.assert_close(a, b)
        assert a.abs().max() > 0.0
    assert not points.requires_grad


def test_frequencies_and_what_it_begins_with_learn() -> None:
    field, points = small(), places()
    names = {"encoding.cosines", "encoding.sines", "first_logit", "first_state"}
    parameters = dict(field.named_parameters())
    assert names < set(parameters)
    before, step = field(points).mean(), 1e-5
    before.backward()
    for name in sorted(names):
        slope = parameters[name].grad
        assert slope is not None
        with torch.no_grad():
            parameters[name][-1] += step
            after = field(points).mean()
            parameters[name][-1] -= step
        assert (after - before).item() / step == pytest.approx(slope[-1].item(), rel=1e-2, abs=1e-6)
    groups = field.parameter_groups()
    assert len(groups["network"]) == len(parameters)


@pytest.mark.parametrize("count", [0, 1, 4097])
def test_any_number_of_points_of_any_layout(count: int) -> None:
    field = small("float32")
    points = torch.rand(3, count).T if count else torch.zeros(0, 3)  # not contiguous
    sample = field.query(points, gradient=True)
    assert (
        sample.sdf.shape == (count,) and sample.gradient is not None and sample.gradient.shape == (count, 3)
    )
    with torch.no_grad():
        alone = field.query(points, gradient=True)
        assert alone.gradient is not None and not alone.gradient.requires_grad
        torch.testing.assert_close(alone.gradient, sample.gradient.detach())
        torch.testing.assert_close(field.sdf(points), sample.sdf.detach())
    assert field.query(points.reshape(1, count, 3)).heads["iterations"].shape == (1, count, 3)


def test_float64_agrees_with_float32_and_answers_in_the_precision_of_the_points() -> None:
    double, single, points = small("float64"), small("float32"), places().float()
    torch.testing.assert_close(double.sdf(points), single.sdf(points), rtol=1e-4, atol=1e-4)
    assert double.sdf(points).dtype == torch.float32 and double(points).dtype == torch.float64
    assert double.path == "torch, float64"
    config = load_config("orex", overrides=["field.precision=float64"])
    assert next(config.needed("field").make().parameters()).dtype == torch.float64


def test_what_cannot_be_is_refused() -> None:
    field = small()
    with pytest.raises(ValueError, match=r"points of shape \[..., 3\] expected"):
        field.query(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="'points_gradient' comes with"):
        field.query(torch.zeros(2, 3), points_gradient=True)
    with pytest.raises(ValueError, match="state must be even"):
        IterativeField(state=3)
    with pytest.raises(UserError, match=r"'field': state: an even number.*got 31"):
        load_config("orex", overrides=["field.state=31"])
    with pytest.raises(ValueError, match="bands must be at least 1"):
        LearntFrequencies(3, 0)
    with pytest.raises(ValueError, match="dimensions must be 2, 3 or 4"):
        LearntFrequencies(5)


def test_waves_are_the_point_its_cosines_and_its_sines() -> None:
    encoding = LearntFrequencies(2, 3)
    points = torch.tensor([[0.3, -2.0]])
    cosines = [torch.cos(points[0, axis] * 2**k) for axis in (0, 1) for k in range(3)]
    sines = [torch.sin(points[0, axis] * 2**k) for axis in (0, 1) for k in range(3)]
    torch.testing.assert_close(encoding(points)[0], torch.stack([*points[0], *cosines, *sines]))
    assert not encoding(points, 0).any() and encoding(points, 1).any()
