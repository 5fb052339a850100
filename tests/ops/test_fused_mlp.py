"""The fused network against plain torch: values, spatial gradients, and the backward of both."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops import fused_mlp, native
from neurfield.ops.reference import fused_mlp as reference

needs_bf16 = pytest.mark.skipif(
    not native.has_bf16(), reason="the native kernels here have no bfloat16 dot products"
)
needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels on this machine")

# inputs, hidden widths, outputs: more and fewer than a vector's lanes, multiples of them and not
SHAPES = [
    (35, (64, 64), 16),
    (34, (64,), 3),
    (3, (32, 64, 32), 1),
    (16, (48, 16), 17),
    (1, (64, 64, 64), 33),
    (7, (20,), 4),
]
ACTIVATIONS = [("relu", 1.0), ("softplus", 1.0), ("softplus", 100.0)]


def network(
    inputs: int, hidden: tuple[int, ...], outputs: int, dtype: torch.dtype = torch.float32, seed: int = 0
):
    generator = torch.Generator().manual_seed(seed)
    widths = [inputs, *hidden, outputs]
    weights = [
        torch.randn(out, width, generator=generator, dtype=torch.float64) * (2.0 / width) ** 0.5
        for width, out in itertools.pairwise(widths)
    ]
    biases = [0.1 * torch.randn(out, generator=generator, dtype=torch.float64) for out in widths[1:]]
    return [w.to(dtype) for w in weights], [b.to(dtype) for b in biases]


def points(n: int, width: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def assert_close(got: Tensor, wanted: Tensor, what: str, tolerance: float = 2e-5) -> None:
    """The tolerance is relative to the largest entry: single entries may be sums that cancel."""
    assert got.shape == wanted.shape, what
    if wanted.numel():
        error = (got.double() - wanted.double()).abs().max() / wanted.abs().max().clamp_min(1e-6)
        assert error < tolerance, f"{what}: relative error {error:.2e}"


def doubles(tensors: list[Tensor]) -> list[Tensor]:
    return [t.double() for t in tensors]


def away_from_kinks(inputs: Tensor, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
    """Points none of whose ReLUs would switch by float32 rounding, where derivatives hang on the last bit."""
    a, keep = inputs.double(), torch.ones(len(inputs), dtype=torch.bool)
    for weight, bias in zip(weights[:-1], biases[:-1]):
        z = a @ weight.double().T + bias.double()
        keep &= (z.abs() > 1e-5).all(dim=1)
        a = z.clamp_min(0)
    return inputs[keep]


def case(shape, activation: str, n: int) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    weights, biases = network(*shape)
    inputs = points(n, shape[0])
    return (away_from_kinks(inputs, weights, biases) if activation == "relu" else inputs), weights, biases


@pytest.mark.parametrize(("activation", "beta"), ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@needs_native
def test_native_forward_is_the_reference(shape, activation, beta):
    inputs, weights, biases = case(shape, activation, 333)
    wanted = reference.forward(
        inputs.double(), doubles(weights), doubles(biases), activation, beta, "none", True
    )
    outputs, gradient = fused_mlp.mlp_forward(inputs, weights, biases, activation, beta, gradient=True)
    assert_close(outputs, wanted[0], "outputs")
    assert_close(gradient, wanted[1], "gradient", 1e-4)
    alone, nothing = fused_mlp.mlp_forward(inputs, weights, biases, activation, beta)
    assert nothing is None
    assert_close(alone, wanted[0], "outputs alone")


@pytest.mark.parametrize("with_gradient", [False, True])
@pytest.mark.parametrize(("activation", "beta"), ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@needs_native
def test_native_backward_is_the_reference(shape, activation, beta, with_gradient):
    inputs, weights, biases = case(shape, activation, 333)
    d_outputs = points(len(inputs), shape[2], seed=2)
    d_gradient = points(len(inputs), shape[0], seed=3) if with_gradient else None
    got = fused_mlp.mlp_backward(
        inputs, weights, biases, activation, beta, d_outputs=d_outputs, d_gradient=d_gradient
    )
    wanted = reference.backward(
        inputs.double(), doubles(weights), doubles(biases), activation, beta, "none",
        d_outputs.double(), d_gradient.double() if with_gradient else None,
    )  # fmt: skip
    # beta = 100 multiplies a rounding error in z by up to beta in act'' / act'
    tolerance = 1e-3 if beta == 100.0 else 5e-5
    assert_close(got[0], wanted[0], "d_inputs", tolerance)
    for l, (d_weight, d_bias) in enumerate(zip(got[1], got[2])):
        assert_close(d_weight, wanted[1][l], f"d_weights[{l}]", tolerance)
        assert_close(d_bias, wanted[2][l], f"d_biases[{l}]", tolerance)


@pytest.mark.parametrize(("activation", "beta"), ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@needs_native
def test_native_gradient_of_the_output_that_each_row_names(shape, activation, beta):
    inputs, weights, biases = case(shape, activation, 75)
    row = torch.randint(0, shape[2], (len(inputs),), generator=torch.Generator().manual_seed(4))
    d_outputs, d_gradient = points(len(inputs), shape[2], seed=2), points(len(inputs), shape[0], seed=3)
    details, exact = (activation, beta, "none"), (inputs.double(), doubles(weights), doubles(biases))
    _, slope = fused_mlp.mlp_forward(inputs, weights, biases, *details, gradient=True, row=row)
    assert_close(slope, reference.forward(*exact, *details, True, row=row)[1], "gradient", 1e-4)
    got = fused_mlp.mlp_backward(
        inputs, weights, biases, *details, d_outputs=d_outputs, d_gradient=d_gradient, row=row
    )
    wanted = reference.backward(*exact, *details, d_outputs.double(), d_gradient.double(), row=row)
    for a, b in zip([got[0], *got[1], *got[2]], [wanted[0], *wanted[1], *wanted[2]]):
        assert_close(a, b, "backward", 1e-3 if beta == 100.0 else 5e-5)


@pytest.mark.parametrize("n", [0, 1, 2, 23, 24, 25, 49])
@needs_native
def test_every_number_of_points(n):
    weights, biases = network(5, (32, 32), 3)
    inputs, d_outputs, d_gradient = points(n, 5), points(n, 3, seed=2), points(n, 5, seed=3)
    outputs, gradient = fused_mlp.mlp_forward(inputs, weights, biases, "softplus", 10.0, gradient=True)
    wanted = reference.forward(inputs, weights, biases, "softplus", 10.0, "none", True)
    assert_close(outputs, wanted[0], "outputs")
    assert_close(gradient, wanted[1], "gradient")
    details = (inputs, weights, biases, "softplus", 10.0, "none")
    got = fused_mlp.mlp_backward(*details, d_outputs=d_outputs, d_gradient=d_gradient)
    want = reference.backward(*details, d_outputs, d_gradient)
    for a, b in zip([got[0], *got[1], *got[2]], [want[0], *want[1], *want[2]]):
        assert_close(a, b, "backward", 1e-4)


@pytest.mark.parametrize("outputs", [1, 3, 17])
@needs_native
def test_sigmoid_output(outputs):
    weights, biases = network(34, (64, 64), outputs)
    inputs, d_outputs = away_from_kinks(points(100, 34), weights, biases), None
    details = ("relu", 1.0, "sigmoid")
    got = fused_mlp.mlp_forward(inputs, weights, biases, *details)[0]
    wanted = reference.forward(inputs.double(), doubles(weights), doubles(biases), *details, False)[0]
    assert_close(got, wanted, "outputs")
    d_outputs = points(len(inputs), outputs, seed=2)
    got = fused_mlp.mlp_backward(inputs, weights, biases, *details, d_outputs=d_outputs)
    wanted = reference.backward(
        inputs.double(), doubles(weights), doubles(biases), *details, d_outputs.double(), None
    )
    for a, b in zip([got[0], *got[1], *got[2]], [wanted[0], *wanted[1], *wanted[2]]):
        assert_close(a, b, "backward", 5e-5)


@needs_native
def test_activations_are_accurate_everywhere():
    """One weight of 1: the network is its activation, also far out, where formulas overflow or vanish.

    The absolute tolerance is the floor of the tails, 2^-50: denormal numbers, which are slow, are kept out.
    """
    far = torch.tensor([-1e30, -200.0, -80.0, -40.0, 0.0, 40.0, 80.0, 200.0, 1e30])
    z = torch.cat([far, torch.linspace(-30, 30, 6001)])[:, None]
    one, zero = torch.ones(1, 1), torch.zeros(1)
    got, slope = fused_mlp.mlp_forward(z, [one, one], [zero, zero], "softplus", 1.0, gradient=True)
    wanted = torch.logaddexp(z.double(), torch.zeros_like(z, dtype=torch.float64))
    assert torch.allclose(got.double(), wanted, rtol=2e-6, atol=1e-15)
    assert torch.allclose(slope.double(), torch.sigmoid(z.double()), rtol=2e-6, atol=1e-15)
    by_sigmoid = fused_mlp.mlp_forward(
        z, [one, one], [zero, zero - 5.0], "relu", output_activation="sigmoid"
    )[0]
    assert torch.allclose(by_sigmoid.double(), torch.sigmoid(z.double().clamp_min(0) - 5.0), rtol=2e-6)


@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_nan_is_not_swallowed(activation):
    weights, biases = network(4, (16,), 2)
    inputs = points(3, 4)
    inputs[1, 2] = torch.nan
    outputs = fused_mlp.mlp_forward(inputs, weights, biases, activation, 1.0)[0]
    assert outputs[1].isnan().all()
    assert outputs[[0, 2]].isfinite().all()


@pytest.mark.parametrize(("activation", "beta"), [("relu", 1.0), ("softplus", 3.0)])
@pytest.mark.parametrize("hidden", [(16,), (16, 24), (16, 8, 16)])
def test_reference_gradient_is_autograd(hidden, activation, beta):
    weights, biases = network(5, hidden, 3, torch.float64)
    inputs = points(20, 5, torch.float64).requires_grad_()
    outputs, gradient = reference.forward(inputs, weights, biases, activation, beta, "none", True)
    (wanted,) = torch.autograd.grad(outputs[:, 0].sum(), inputs, create_graph=True)
    assert torch.allclose(gradient, wanted, atol=1e-12)
    if activation == "softplus":
        assert torch.allclose(
            outputs,
            torch.nn.functional.linear(_plain_torch(inputs, weights, biases, beta), weights[-1], biases[-1]),
            atol=1e-8,
        )


def _plain_torch(inputs: Tensor, weights: list[Tensor], biases: list[Tensor], beta: float) -> Tensor:
    for weight, bias in zip(weights[:-1], biases[:-1]):
        inputs = torch.nn.functional.softplus(torch.nn.functional.linear(inputs, weight, bias), beta=beta)
    return inputs


def test_reference_backward_is_finite_differences():
    weights, biases = network(3, (8, 8), 2, torch.float64)
    leaves = [points(4, 3, torch.float64), *weights, *biases]

    def run(inputs: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return reference.forward(inputs, parameters[:3], parameters[3:], "softplus", 2.0, "none", True)

    assert torch.autograd.gradcheck(run, tuple(t.requires_grad_() for t in leaves))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_eikonal_loss_through_autograd_is_double_backward(dtype):
    """`mlp_with_gradient` in a loss gives what torch's double backward does, native (float32) or not."""
    weights, biases = network(35, (64, 64), 16, dtype)
    inputs = points(77, 35, dtype)

    def leaves() -> list[Tensor]:
        return [t.clone().requires_grad_() for t in (inputs, *weights, *biases)]

    def loss(outputs: Tensor, gradient: Tensor) -> Tensor:
        return ((gradient.norm(dim=1) - 1) ** 2).mean() + outputs.square().mean()

    ours, torchs = leaves(), leaves()
    loss(*fused_mlp.mlp_with_gradient(ours[0], ours[1:4], ours[4:], "softplus", 5.0)).backward()
    outputs = _plain_torch(torchs[0], torchs[1:4], torchs[4:], 5.0) @ torchs[3].T + torchs[6]
    (gradient,) = torch.autograd.grad(outputs[:, 0].sum(), torchs[0], create_graph=True)
    loss(outputs, gradient).backward()
    for i, (a, b) in enumerate(zip(ours, torchs)):
        assert_close(a.grad, b.grad, f"leaf {i}", 1e-4 if dtype == torch.float32 else 1e-6)


@pytest.mark.parametrize("seen", ["outputs", "gradient"])
def test_a_loss_may_see_only_one_of_the_two(seen):
    weights, biases = network(6, (32, 32), 2)
    inputs = points(40, 6).requires_grad_()
    outputs, gradient = fused_mlp.mlp_with_gradient(inputs, weights, biases, "softplus", 2.0)
    value = outputs if seen == "outputs" else gradient
    value.square().sum().backward()
    d_outputs = 2 * outputs.detach() if seen == "outputs" else torch.zeros_like(outputs)
    d_gradient = 2 * gradient.detach() if seen == "gradient" else None
    wanted = reference.backward(
        inputs.detach(), weights, biases, "softplus", 2.0, "none", d_outputs, d_gradient
    )[0]
    assert_close(inputs.grad, wanted, "inputs", 1e-4)


def test_mlp_trains_through_autograd_and_modules():
    layers = torch.nn.ModuleList([torch.nn.Linear(5, 32), torch.nn.Linear(32, 32), torch.nn.Linear(32, 3)])
    inputs = points(60, 5).requires_grad_()
    outputs = fused_mlp.mlp(
        inputs,
        [layer.weight for layer in layers],
        [layer.bias for layer in layers],
        "softplus",
        4.0,
        "sigmoid",
    )
    outputs.square().sum().backward()
    got = [inputs.grad.clone(), *(p.grad.clone() for p in layers.parameters())]
    inputs.grad = None
    layers.zero_grad()
    a = inputs
    for layer in layers[:-1]:
        a = torch.nn.functional.softplus(layer(a), beta=4.0)
    torch.sigmoid(layers[-1](a)).square().sum().backward()
    for a, b in zip(got, [inputs.grad, *(p.grad for p in layers.parameters())]):
        assert_close(a, b, "gradient", 1e-4)


def test_strided_inputs_and_weights():
    weights, biases = network(8, (32, 32), 4)
    inputs, d_outputs, d_gradient = points(8, 50).T, points(50, 8, seed=2)[:, ::2], points(8, 50, seed=3).T
    strided = [w.T.contiguous().T for w in weights]
    assert not inputs.is_contiguous() and not strided[0].is_contiguous()
    adjoints = {"d_outputs": d_outputs, "d_gradient": d_gradient}
    got = fused_mlp.mlp_backward(inputs, strided, biases, "softplus", 2.0, **adjoints)
    adjoints = {name: adjoint.contiguous() for name, adjoint in adjoints.items()}
    wanted = fused_mlp.mlp_backward(inputs.contiguous(), weights, biases, "softplus", 2.0, **adjoints)
    for a, b in zip([got[0], *got[1], *got[2]], [wanted[0], *wanted[1], *wanted[2]]):
        assert torch.equal(a, b)


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=needs_bf16)])
def test_same_input_gives_the_same_bits_on_any_number_of_threads(precision):
    weights, biases = network(35, (64, 64), 16)
    inputs, d_outputs, d_gradient = points(3001, 35), points(3001, 16, seed=2), points(3001, 35, seed=3)
    adjoints = {"d_outputs": d_outputs, "d_gradient": d_gradient}
    threads, runs = torch.get_num_threads(), []
    try:
        for count in (1, 2, 2):
            torch.set_num_threads(count)
            d_inputs, *others = fused_mlp.mlp_backward(
                inputs, weights, biases, "softplus", 100.0, **adjoints, precision=precision
            )
            runs.append([d_inputs, *others[0], *others[1]])
    finally:
        torch.set_num_threads(threads)
    # torch's own products, of which the reference path is made, promise it for equal numbers of threads only
    for run in runs[1:] if native.module is None else runs:
        for a, b in zip(run, runs[-1]):
            assert torch.equal(a, b)


@pytest.mark.parametrize("reduce", [torch.sum, lambda outputs: outputs.square().sum()])
def test_differentiating_twice_is_refused(reduce):
    """Also where the first derivative's adjoint is a constant, which `once_differentiable` lets pass."""
    weights, biases = network(4, (16,), 1)
    inputs = points(5, 4).requires_grad_()
    value = reduce(fused_mlp.mlp(inputs, weights, biases, "softplus", 1.0))
    (first,) = torch.autograd.grad(value, inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="mlp_with_gradient"):
        first.sum().backward()


@pytest.mark.parametrize("with_gradient", [False, True])
@pytest.mark.parametrize(("activation", "beta"), ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@needs_bf16
def test_bf16_is_the_reference_with_rounded_factors(shape, activation, beta, with_gradient):
    inputs, weights, biases = case(shape, activation, 333)
    details = (activation, beta, "none")
    outputs, slope = fused_mlp.mlp_forward(
        inputs, weights, biases, *details, gradient=True, precision="bfloat16"
    )
    in_float32 = fused_mlp.mlp_forward(inputs, weights, biases, *details)[0]
    assert torch.equal(outputs, in_float32)
    network_in_double = inputs.double(), doubles(weights), doubles(biases), *details
    # single roundings fall the other way where float32 and float64 differ by the last bit
    tolerance = 2e-3
    assert_close(slope, reference.forward(*network_in_double, True, "bfloat16")[1], "gradient", tolerance)
    d_outputs = points(len(inputs), shape[2], seed=2)
    d_gradient = points(len(inputs), shape[0], seed=3) if with_gradient else None
    got = fused_mlp.mlp_backward(
        inputs, weights, biases, *details, d_outputs=d_outputs, d_gradient=d_gradient, precision="bfloat16"
    )
    adjoints = d_outputs.double(), d_gradient.double() if with_gradient else None
    for precision, bound in (("bfloat16", tolerance), ("float32", 1.5e-2)):
        wanted = reference.backward(*network_in_double, *adjoints, precision)
        assert_close(got[0], wanted[0], f"d_inputs, {precision}", bound)
        for l, (d_weight, d_bias) in enumerate(zip(got[1], got[2])):
            assert_close(d_weight, wanted[1][l], f"d_weights[{l}], {precision}", bound)
            assert_close(d_bias, wanted[2][l], f"d_biases[{l}], {precision}", bound)


@pytest.mark.parametrize("n", [0, 1, 31, 33])
@needs_bf16
def test_bf16_every_number_of_points_and_sigmoid(n):
    weights, biases = network(5, (32, 32), 3)
    inputs, d_outputs = points(n, 5), points(n, 3, seed=2)
    details = ("softplus", 10.0, "sigmoid")
    got = fused_mlp.mlp_backward(inputs, weights, biases, *details, d_outputs=d_outputs, precision="bfloat16")
    want = reference.backward(inputs, weights, biases, *details, d_outputs, None, "bfloat16")
    for a, b in zip([got[0], *got[1], *got[2]], [want[0], *want[1], *want[2]]):
        assert_close(a, b, "backward", 2e-3)


@needs_bf16
def test_bf16_through_autograd():
    weights, biases = network(35, (64, 64), 16)
    leaves = [t.requires_grad_() for t in (points(77, 35), *weights, *biases)]
    outputs, gradient = fused_mlp.mlp_with_gradient(
        leaves[0], leaves[1:4], leaves[4:], "softplus", 5.0, precision="bfloat16"
    )
    got = torch.autograd.grad(outputs.square().sum() + gradient.square().sum(), leaves)
    details = ("softplus", 5.0, "none")
    plain = [t.detach() for t in leaves]
    d_inputs, d_weights, d_biases = reference.backward(
        plain[0], plain[1:4], plain[4:], *details, 2 * outputs.detach(), 2 * gradient.detach(), "bfloat16"
    )
    for a, b in zip(got, [d_inputs, *d_weights, *d_biases]):
        assert_close(a, b, "gradient", 2e-3)
    alone = fused_mlp.mlp(leaves[0], leaves[1:4], leaves[4:], "softplus", 5.0, precision="bfloat16")
    assert torch.equal(alone, outputs)


def test_bf16_is_refused_where_it_is_not(monkeypatch):
    monkeypatch.setattr(fused_mlp, "precisions_of", lambda *tensors: ("float32",))
    weights, biases = network(4, (16,), 1)
    with pytest.raises(UserError, match="use precision float32"):
        fused_mlp.mlp(points(5, 4), weights, biases, precision="bfloat16")


def _wrong_calls():
    weights, biases = network(4, (16, 32), 3)
    inputs = points(5, 4)
    swapped = [weights[1], weights[0], weights[2]]
    yield "inputs", lambda: fused_mlp.mlp(inputs[0], weights, biases)
    yield "weights[0]", lambda: fused_mlp.mlp(points(5, 3), weights, biases)
    yield "weights[0]", lambda: fused_mlp.mlp(inputs, swapped, biases)
    yield "weights[0]", lambda: fused_mlp.mlp(inputs.double(), weights, biases)
    yield "weights", lambda: fused_mlp.mlp(inputs, weights[:1], biases[:1])
    yield "biases", lambda: fused_mlp.mlp(inputs, weights, biases[:2])
    yield "biases[1]", lambda: fused_mlp.mlp(inputs, weights, [biases[0], biases[0], biases[2]])
    yield "activation", lambda: fused_mlp.mlp(inputs, weights, biases, "gelu")
    yield "output_activation", lambda: fused_mlp.mlp(inputs, weights, biases, output_activation="tanh")
    yield "precision", lambda: fused_mlp.mlp(inputs, weights, biases, precision="float8")
    if native.has_bf16():
        doubled = inputs.double(), doubles(weights), doubles(biases)
        yield "precision", lambda: fused_mlp.mlp(*doubled, precision="bfloat16")
    yield "beta", lambda: fused_mlp.mlp(inputs, weights, biases, "softplus", 0.0)
    yield "d_outputs", lambda: fused_mlp.mlp_backward(inputs, weights, biases, d_outputs=inputs)
    yield (
        "d_gradient",
        lambda: fused_mlp.mlp_backward(
            inputs, weights, biases, d_outputs=points(5, 3), d_gradient=points(5, 3)
        ),
    )
    yield (
        "gradient",
        lambda: fused_mlp.mlp_forward(inputs, weights, biases, output_activation="sigmoid", gradient=True),
    )


@pytest.mark.parametrize(("argument", "call"), list(_wrong_calls()))
def test_wrong_arguments_are_named(argument, call):
    with pytest.raises(ValueError) as error:
        call()
    assert f"'{argument}'" in str(error.value)
