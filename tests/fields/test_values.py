"""Values that autograd goes through, batches of any shape, and what fields say of themselves and refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.encodings import Concatenation, Encoding, Frequency, HashGrid, Identity, SimplexGrid, TriPlane
from neurfield.fields import ImageField, ObjectsField, SDFField, UDFField

GRID: dict[str, Any] = {"levels": 3, "log2_table_size": 9, "base_resolution": 4, "finest_resolution": 12}
ENCODINGS = {
    "hash": lambda: HashGrid(**GRID, interpolation="smoothstep"),
    "simplex": lambda: SimplexGrid(**GRID),
    "triplane": lambda: TriPlane(resolutions=(7,), features=4),
    "concatenation": lambda: Concatenation(Frequency(bands=2), HashGrid(**GRID, interpolation="smoothstep")),
}
KINDS = {"sdf": SDFField, "udf": UDFField, "objects": lambda *a, **k: ObjectsField([4, 7], *a, **k)}


def made(kind: str = "sdf", encoding: str = "hash", shift: float = 0.0, **options: Any) -> Any:
    """A field with numbers that are not those of a sphere."""
    options = {"hidden": (16, 16), "softplus_beta": 10.0, **options}
    field = KINDS[kind](ENCODINGS[encoding](), **options)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        field.layers[-1].bias[0] += shift
    return field


def places(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(*shape, 3, generator=torch.Generator().manual_seed(seed)) * 1.6 - 0.8


def by_parameters(value: Tensor, field: torch.nn.Module) -> list[Tensor]:
    found = torch.autograd.grad(value, list(field.parameters()), allow_unused=True, materialize_grads=True)
    return list(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_values_and_their_derivatives_by_parameters_are_those_of_a_query(kind: str, encoding: str) -> None:
    more = {} if kind == "objects" else {"n_frequencies": 1}
    field, points = made(kind, encoding, shift=-0.2, **more), places(37)
    queried = field.query(points, gradient=True).value
    torch.testing.assert_close(field(points), queried)
    weights = torch.randn(37, generator=torch.Generator().manual_seed(2))
    expected = by_parameters((weights * queried).sum(), field)
    found = by_parameters((weights * field(points)).sum(), field)
    assert any(bool(one.any()) for one in found)
    for mine, theirs in zip(found, expected):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_query_without_the_gradient_trains_all_that_it_says(kind: str, encoding: str) -> None:
    field, points = made(kind, encoding), places(2, 17)
    weights = torch.linspace(-1.0, 1.0, 34).view(2, 17)

    def loss(sample: Any) -> Tensor:
        return (weights * sample.sdf).sum() + (weights[..., None] * sample.feature.square()).sum()

    found = by_parameters(loss(field.query(points)), field)
    expected = by_parameters(loss(field.query(points, gradient=True)), field)
    assert any(bool(one.any()) for one in found)
    for mine, theirs in zip(found, expected):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_distances_alone_have_no_derivatives() -> None:
    field, points = made(), places(9).requires_grad_()
    assert not field.sdf(points).requires_grad
    with torch.no_grad():
        assert not field.query(points).feature.requires_grad


def test_under_no_grad_it_is_the_quick_query() -> None:
    field, points = made(), places(9)
    with torch.no_grad():
        value = field(points)
        queried = field.query(points).sdf
    assert not value.requires_grad and torch.equal(value, queried)
    with torch.inference_mode():
        torch.testing.assert_close(field(points), value)


@pytest.mark.parametrize("kind", ["sdf", "udf"])
@pytest.mark.parametrize("encoding", ["hash", "triplane", "concatenation"])
def test_derivatives_by_points_are_those_of_differences(kind: str, encoding: str) -> None:
    shift = 1.0 if kind == "udf" else 0.0  # where it is zero, the gradient is that of what is below
    field, points = made(kind, encoding, shift).double(), places(5).double().requires_grad_()
    assert torch.autograd.gradcheck(field, (points,))
    assert torch.autograd.gradgradcheck(field, (points,))


def test_a_loss_on_the_slope_by_autograd_trains_as_one_on_the_querys_gradient() -> None:
    field, points = made().double(), places(11).double()
    asked = points.clone().requires_grad_()
    (slope,) = torch.autograd.grad(field(asked).sum(), asked, create_graph=True)
    gradient = field.query(points, gradient=True).gradient
    torch.testing.assert_close(slope, gradient)
    found, expected = (by_parameters((g.norm(dim=1) - 1.0).square().sum(), field) for g in (slope, gradient))
    for mine, theirs in zip(found, expected):
        torch.testing.assert_close(mine, theirs)


def test_backward_fills_parameters_and_points() -> None:
    field, points = made(), places(2, 3).requires_grad_()
    field(points).square().sum().backward()
    sample = field.query(points.detach(), gradient=True)
    torch.testing.assert_close(points.grad, 2.0 * sample.sdf.detach()[..., None] * sample.gradient.detach())
    assert all(p.grad is not None for p in field.parameters()) and bool(field.encoding.table.grad.any())


@pytest.mark.parametrize("encoding", ["hash", "triplane"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (2, 1, 4)])
def test_answers_have_the_batch_shape_of_the_points(encoding: str, shape: tuple[int, ...]) -> None:
    field, points = made(encoding=encoding, heads={"more": 2}), places(*shape)
    row = torch.ones(shape, dtype=torch.int64)
    flat = field.query(points.reshape(-1, 3), gradient=True, row=row.reshape(-1))
    sample = field.query(points, gradient=True, row=row)
    assert sample.sdf.shape == field(points).shape == field.sdf(points).shape == shape
    assert sample.gradient.shape == (*shape, 3) and sample.feature.shape == (*shape, 15)
    assert sample.heads["more"].shape == (*shape, 2)
    assert torch.equal(sample.gradient.reshape(-1, 3), flat.gradient)
    assert torch.equal(sample.heads["more"].reshape(-1, 2), flat.heads["more"])


def test_points_need_not_be_contiguous() -> None:
    field, points = made(), places(4, 6).transpose(0, 1)
    assert not points.is_contiguous()
    assert torch.equal(field.sdf(points), field.sdf(points.contiguous()))


def test_one_object_trains_its_labels_and_the_scene() -> None:
    field = made("objects")
    one, points = field.one(1), places(4, 50)
    value = one(points)
    torch.testing.assert_close(value.detach(), field.distances(points)[..., 1])
    assert value.shape == one.sdf(points).shape == field.owner(points).shape == (4, 50)
    assert torch.equal(one.sdf(points).reshape(-1), one.sdf(points.reshape(-1, 3)))
    value.sum().backward()
    assert bool(field.encoding.table.grad.any()) and bool(field.labels.encoding.table.grad.any())
    asked = points.clone().requires_grad_()
    (slope,) = torch.autograd.grad(one(asked).sum(), asked)
    torch.testing.assert_close(slope, one.query(points, gradient=True).gradient.detach())


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (torch.zeros(4), r"points of shape \[\.\.\., 3\] expected, got \[4\]"),
        (torch.zeros(3, 2), r"points of shape \[\.\.\., 3\] expected, got \[3, 2\]"),
        (torch.tensor(1.0), r"points of shape \[\.\.\., 3\] expected, got \[\]"),
        ([[0.0, 0.0, 0.0]], r"points of shape \[\.\.\., 3\] expected, got a list"),
        (torch.zeros(5, 3).double(), r"points must be torch\.float32, got torch\.float64"),
        (torch.zeros(5, 3).int(), r"points must be torch\.float32, got torch\.int32"),
        (torch.full((2, 3), torch.nan), r"points\[0\] is not finite"),
    ],
)
@pytest.mark.parametrize("kind", ["sdf", "udf"])
def test_errors_name_the_caller_and_what_was_expected(kind: str, points: Any, expected: str) -> None:
    field = made(kind)
    name = type(field).__name__
    with pytest.raises(ValueError, match=rf"^{name}\.query: {expected}"):
        field.query(points)
    with pytest.raises(ValueError, match=rf"^{name}\.forward: {expected}"):
        field(points)


def test_they_say_what_they_are_on_one_line() -> None:
    field = made(heads={"occupancy": 1})
    count = sum(parameter.numel() for parameter in field.parameters())
    assert repr(field) == (
        f"SDFField(HashGrid of 3 levels, 6 features, hidden [16, 16], feature 15, heads occupancy, "
        f"{count:,} parameters)"
    )
    assert repr(made("udf", "triplane")).startswith("UDFField(TriPlane of 4 features, hidden [16, 16], ")
    objects = made("objects")
    assert repr(objects).startswith("ObjectsField(") and "objects 4, 7" in repr(objects)
    assert repr(objects.one(1)) == f"OneObject(1 of {objects!r})"
    image = ImageField(Identity(2), channels=3, hidden=(16,))
    assert repr(image) == "ImageField(Identity of 2 features, hidden [16], 3 channels, 99 parameters)"


def test_a_concatenation_takes_a_list_too() -> None:
    parts: list[Encoding] = [Identity(), Frequency(bands=2), Identity()]
    points = torch.rand(7, 3)
    expected = Concatenation(*parts)(points)
    for encoding in (Concatenation(parts), Concatenation(parts[:1], parts[1:]), Concatenation(iter(parts))):
        assert torch.equal(encoding(points), expected)
    with pytest.raises(ValueError, match="got none"):
        Concatenation([])


def test_a_slope_is_the_gradient_that_was_asked_for() -> None:
    field, points = SDFField(), torch.rand(4, 3)
    sample = field.query(points, gradient=True)
    assert sample.slope is sample.gradient
    with pytest.raises(ValueError, match="query\\(points, gradient=True\\)"):
        _ = field.query(points).slope
