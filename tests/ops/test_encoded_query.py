"""The composed query of an SDF with any encoding, against torch's own double backward."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from neurfield.encodings import Concatenation, Encoding, Frequency, HashGrid, Identity, OneBlob, TriPlane
from neurfield.ops.encoded_query import encoded_query, encoded_values
from neurfield.ops.reference import fused_mlp
from neurfield.ops.reference.sdf_query import frequency_features

ENCODINGS = {
    "triplane": lambda: TriPlane(resolutions=(5, 9), features=4, interpolation="smoothstep"),
    "product": lambda: TriPlane(resolutions=(6,), features=2, combination="product"),
    "frequency": lambda: Frequency(bands=3),
    "one blob": lambda: OneBlob(bins=5),
    "identity": lambda: Identity(scale=2.0, offset=-1.0),
    "concatenation": lambda: Concatenation(Identity(), TriPlane(resolutions=(7,), features=4)),
    "hash grid": lambda: HashGrid(levels=3, log2_table_size=10, interpolation="smoothstep"),
}


def network(inputs: int, dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    torch.manual_seed(2)
    layers = [nn.Linear(inputs, 16), nn.Linear(16, 16), nn.Linear(16, 4)]
    weights = [layer.weight.detach().to(dtype).requires_grad_() for layer in layers]
    return weights, [layer.bias.detach().to(dtype).requires_grad_() for layer in layers]


def louder(encoding: nn.Module) -> nn.Module:
    """With parameters that make themselves heard."""
    for parameter in encoding.parameters():
        parameter.data.mul_(300.0 if float(parameter.data.abs().max()) < 0.05 else 1.0)
    return encoding


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_is_torchs_double_backward(name: str, dtype: torch.dtype) -> None:
    encoding = louder(ENCODINGS[name]()).to(dtype)
    points = (torch.rand(67, 3, generator=torch.Generator().manual_seed(3)) * 1.9 - 0.95).to(dtype)
    weights, biases = network(3 + 12 + encoding.output_dim, dtype)  # type: ignore[operator]
    parameters = [*weights, *biases, *encoding.parameters()]

    def loss_of(outputs: Tensor, gradient: Tensor) -> Tensor:
        return ((gradient.norm(dim=1) - 1.0) ** 2).mean() + outputs.tanh().square().mean()

    outputs, gradient = encoded_query(points, encoding, weights, biases, beta=5.0, n_frequencies=2)
    found = [outputs, gradient, *torch.autograd.grad(loss_of(outputs, gradient), parameters)]

    leaf = points.clone().requires_grad_()
    inputs = torch.cat([leaf, frequency_features(leaf, 2), encoding(leaf * 0.5 + 0.5)], dim=1)
    outputs, _ = fused_mlp.forward(inputs, weights, biases, "softplus", 5.0, "none", False)
    (gradient,) = torch.autograd.grad(outputs[:, 0].sum(), leaf, create_graph=True)
    expected = [outputs, gradient, *torch.autograd.grad(loss_of(outputs, gradient), parameters)]
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    for one, two in zip(found, expected):
        torch.testing.assert_close(one, two, atol=tolerance * max(1e-6, float(two.abs().max())), rtol=0.0)
    values = encoded_values(points, encoding, weights, biases, beta=5.0, n_frequencies=2)
    torch.testing.assert_close(values, outputs.detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("count", [0, 1])
def test_takes_few_points_and_keeps_nothing_without_gradients(count: int) -> None:
    encoding = TriPlane(resolutions=(8,), features=4)
    weights, biases = network(3 + encoding.output_dim, torch.float32)
    points = torch.rand(count, 3) - 0.5
    with torch.no_grad():
        outputs, gradient = encoded_query(points, encoding, weights, biases)
    assert outputs.shape == (count, 4) and gradient.shape == (count, 3)
    assert not outputs.requires_grad and not gradient.requires_grad
    with_graph = encoded_query(points, encoding, weights, biases)[1]
    assert with_graph.requires_grad
    torch.testing.assert_close(with_graph.detach(), gradient)
    assert not encoded_values(points, encoding, weights, biases).requires_grad


@pytest.mark.parametrize("encoding", [TriPlane(resolutions=(8,), features=4), Frequency(), OneBlob()])
def test_a_silent_encoding_leaves_the_coordinates(encoding: Encoding) -> None:
    weights, biases = network(3 + encoding.output_dim, torch.float32)
    points = torch.rand(9, 3) - 0.5
    _, gradient = encoded_query(points, lambda x: encoding(x, 0), weights, biases)
    _, slope = fused_mlp.forward(
        torch.cat([points, points.new_zeros(9, encoding.output_dim)], dim=1),
        weights, biases, "softplus", 100.0, "none", True,
    )  # fmt: skip
    assert slope is not None
    torch.testing.assert_close(gradient, slope[:, :3], atol=1e-5, rtol=1e-4)


def test_says_what_is_wrong() -> None:
    encoding = Identity()
    weights, biases = network(6, torch.float32)
    with pytest.raises(ValueError, match=r"points must be \[N, 3\]"):
        encoded_query(torch.zeros(2, 2), encoding, weights, biases)
    with pytest.raises(ValueError, match="n_frequencies"):
        encoded_query(torch.zeros(2, 3), encoding, weights, biases, n_frequencies=-1)
    with pytest.raises(ValueError, match=r"points\[1\] is not finite"):
        encoded_values(torch.tensor([[0.0] * 3, [float("nan")] * 3]), encoding, weights, biases)
