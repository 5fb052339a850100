"""The network's kernels against float64: values, gradients by inputs, and the backward of both."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from neurfield.ops import fused_mlp, native
from neurfield.ops.reference import fused_mlp as reference

# How far a result may be off, in parts of the largest number of its array: values are float32 everywhere,
# derivatives as their factors are rounded (half a unit in the last place of 11 or 8 bits, over a few layers).
TOLERANCES = {"float32": 1e-5, "float16": 2e-3, "bfloat16": 1.5e-2}


def network(widths: list[int], scale: float = 1.0, seed: int = 0) -> tuple[list[Tensor], list[Tensor]]:
    random = torch.Generator().manual_seed(seed)
    pairs = list(itertools.pairwise(widths))
    weights = [scale * torch.randn(o, i, generator=random) * (2.0 / i) ** 0.5 for i, o in pairs]
    biases = [0.1 * torch.randn(o, generator=random) for _, o in pairs]
    return weights, biases


def close(ours: Tensor, theirs: Tensor, tolerance: float, name: str) -> None:
    assert ours.shape == theirs.shape, name
    scale = max(1e-12, float(theirs.abs().max())) if theirs.numel() else 1.0
    error = float((ours.cpu().double() - theirs).abs().max()) / scale if theirs.numel() else 0.0
    assert error <= tolerance, f"{name}: off by {error:.1e} of its largest number, {tolerance:.0e} allowed"


def compare(
    device: torch.device,
    widths: list[int],
    count: int,
    activation: str = "softplus",
    precision: str = "float32",
    bent: bool = True,
    sigmoid: bool = False,
    scale: float = 1.0,
    rows: bool = False,
) -> None:
    random = torch.Generator().manual_seed(count)
    weights, biases = network(widths, scale)
    inputs = torch.randn(count, widths[0], generator=random)
    d_outputs = torch.randn(count, widths[-1], generator=random)
    d_gradient = torch.randn(count, widths[0], generator=random) if bent else None
    output = "sigmoid" if sigmoid else "none"
    row = torch.randint(0, widths[-1], (count,), generator=random) if rows else None
    how = (activation, 20.0, output)
    exact = [t.double() for t in (inputs, *weights, *biases)]
    n = len(weights)
    wide = exact[0], exact[1 : 1 + n], exact[1 + n :]
    wanted = reference.forward(*wide, *how, not sigmoid, row=row)
    wanted_back = reference.backward(
        *wide, *how, d_outputs.double(), None if d_gradient is None else d_gradient.double(), row=row
    )
    near = inputs.to(device), [w.to(device) for w in weights], [b.to(device) for b in biases]
    options = {"precision": precision, "row": None if row is None else row.to(device)}
    outputs, gradient = fused_mlp.mlp_forward(*near, *how, gradient=not sigmoid, **options)
    tolerance = TOLERANCES[precision]
    close(outputs, wanted[0], TOLERANCES["float32"], "outputs")
    if not sigmoid:
        assert gradient is not None and wanted[1] is not None
        close(gradient, wanted[1], tolerance, "gradient")
    found = fused_mlp.mlp_backward(
        *near,
        *how,
        d_outputs=d_outputs.to(device),
        d_gradient=None if d_gradient is None else d_gradient.to(device),
        **options,
    )
    close(found[0], wanted_back[0], tolerance, "d_inputs")
    for l in range(n):
        close(found[1][l], wanted_back[1][l], tolerance, f"d_weights[{l}]")
        close(found[2][l], wanted_back[2][l], tolerance, f"d_biases[{l}]")


@pytest.fixture(params=["float32", "float16", "bfloat16"])
def precision(request: pytest.FixtureRequest, device: torch.device) -> str:
    if request.param not in fused_mlp.precisions_of(torch.empty(0, device=device)):
        pytest.skip(f"no {request.param} products on this device")
    return str(request.param)


@pytest.mark.parametrize(
    "widths", [[3, 16, 1], [5, 20, 20, 7], [35, 64, 64, 16], [71, 128, 3], [2, 50, 9, 33, 20]]
)
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_matches_float64(device: torch.device, widths: list[int], activation: str, precision: str) -> None:
    compare(device, widths, 37, activation, precision)


@pytest.mark.parametrize("count", [0, 1, 16, 65, 150])
@pytest.mark.parametrize("bent", [False, True])
def test_any_number_of_points(device: torch.device, count: int, bent: bool) -> None:
    compare(device, [6, 32, 32, 4], count, bent=bent)


@pytest.mark.parametrize(
    ("widths", "count"), [([5, 20, 20, 7], 37), ([35, 64, 64, 16], 70), ([6, 32, 17], 1), ([6, 32, 33], 0)]
)
def test_the_gradient_of_the_output_that_each_row_names(
    device: torch.device, widths: list[int], count: int, precision: str
) -> None:
    compare(device, widths, count, precision=precision, rows=True)


def test_outputs_that_are_not_there(device: torch.device) -> None:
    """Kernels refuse them where they can look, and have no number for them elsewhere."""
    weights, biases = ([t.to(device) for t in part] for part in network([6, 32, 4]))
    inputs, row = torch.ones(20, 6, device=device), torch.arange(20, device=device) % 4
    row[3], row[11] = 4, -1
    kernels = fused_mlp.kernels_of(6, weights, inputs)
    net = fused_mlp.native_network(kernels, weights, biases, "relu", 1.0, "float32")
    outputs, gradient = torch.empty(20, 4, device=device), torch.empty_like(inputs)
    if kernels is native.module:
        with pytest.raises(ValueError, match="'row' must be 0 to 3"):
            kernels.mlp_forward(inputs, net, False, row, outputs, gradient)
        return
    kernels.mlp_forward(inputs, net, False, row, outputs, gradient)
    assert torch.equal(gradient.isnan().any(dim=1), (row < 0) | (row > 3))
    assert torch.isfinite(outputs).all()


def test_sigmoid_of_the_outputs(device: torch.device, precision: str) -> None:
    compare(device, [22, 64, 64, 3], 40, "relu", precision, bent=False, sigmoid=True)


def test_adjoints_of_any_size(device: torch.device) -> None:
    """Tiny and huge numbers keep their digits: no loss needs to be scaled."""
    weights, biases = network([8, 32, 32, 2])
    inputs = torch.randn(48, 8, generator=torch.Generator().manual_seed(1)).to(device)
    near = [w.to(device) for w in weights], [b.to(device) for b in biases]
    one = torch.ones(48, 2, device=device)
    for precision in fused_mlp.precisions_of(inputs):
        plain, *_ = fused_mlp.mlp_backward(inputs, *near, "relu", d_outputs=one, precision=precision)
        for scale in (2.0**-90, 2.0**60):
            scaled, d_weights, _ = fused_mlp.mlp_backward(
                inputs, *near, "relu", d_outputs=scale * one, precision=precision
            )
            assert torch.equal(scaled, scale * plain), precision
            assert all(torch.isfinite(d).all() and (d != 0).any() for d in d_weights)


def test_the_same_bits_twice(device: torch.device) -> None:
    weights, biases = network([9, 64, 64, 5])
    inputs = torch.randn(300, 9, generator=torch.Generator().manual_seed(1)).to(device)
    near = inputs, [w.to(device) for w in weights], [b.to(device) for b in biases]
    runs = [
        fused_mlp.mlp_backward(*near, d_outputs=torch.ones(300, 5, device=device), d_gradient=inputs)
        for _ in range(2)
    ]
    for one, two in zip(runs[0][1], runs[1][1]):
        assert torch.equal(one, two)
