"""Arguments are checked before a device is chosen: either twin refuses tensors of another shape, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.grid import GridLayout, native_arguments
from neurfield.ops.plane_layout import PlaneLayout
from neurfield.ops.triplane import _native_planes

S, R, N, K, M, F = 5, 2, 4, 3, 6, 4  # samples, rays; points, neighbours, kernels, channels
RAYS = torch.tensor([0, 0, 0, 1, 1])
PACKED = torch.tensor([[0, 3], [3, 2]])
ROW = torch.arange(N) % 2
NEAR = torch.arange(N * K, dtype=torch.int32).view(N, K) % M
LAYOUT = GridLayout(levels=2, features=2, log2_table_size=8, base_resolution=4)
PLANES = PlaneLayout(dimensions=3, resolutions=(4,), features=4)

Call = tuple[str, list[Any]]


def some(*shape: int) -> Tensor:
    return torch.rand(*shape) * 0.5 + 0.25


def layers(inputs: int, outputs: int) -> tuple[list[Tensor], list[Tensor]]:
    return [some(8, inputs), some(outputs, 8)], [some(8), some(outputs)]


def network(kernels: Any, inputs: int, outputs: int) -> Any:
    return kernels.Network(*layers(inputs, outputs), "softplus", 10.0, "float32")


def compositing(kernels: Any) -> list[Call]:
    a, v, n = some(S), some(S, 3), some(S, 3)
    return [
        ("weights_forward", [a, PACKED, some(S), some(S)]),
        ("weights_backward", [a, some(S), some(S), some(S), PACKED, some(S)]),
        ("accumulate_forward", [a, v, PACKED, some(R, 3)]),
        ("accumulate_backward", [a, v, some(R, 3), PACKED, some(S), some(S, 3)]),
        ("composite_forward", [a, v, PACKED, some(R, 3), some(R), some(S)]),
        ("composite_backward", [a, v, some(S), some(R, 3), some(R), some(S), PACKED, some(S), some(S, 3)]),
        ("composite_surface", [a, v, n, some(S), PACKED, some(R, 8), some(S)]),
        (
            "composite_surface_backward",
            [a, v, n, some(S), some(S), some(R, 8), PACKED, some(S), some(S, 3), some(S, 3)],
        ),
    ]


def sections(kernels: Any) -> list[Call]:
    known = [some(S), some(S, 3), some(S), some(S), some(R, 3), RAYS, True, some(1), 1.0]
    rays = [some(R, 3), some(R, 3), RAYS, some(S), some(S)]
    return [
        ("section_midpoints", [*rays, some(S, 3), some(S)]),
        ("section_opacity", [*known, some(S), some(S, 3)]),
        ("section_opacity_backward", [*known, some(S), some(S, 3), some(S), some(S, 3), some(1)]),
    ]


def optimiser(kernels: Any) -> list[Call]:
    return [("adam_step", [some(S), some(S), some(S), some(S), 1, 0.1, 0.9, 0.99, 1e-8, False, False])]


def closed_forms(kernels: Any) -> list[Call]:
    return [
        ("frequency", [some(N, 3), 2, 2, 0, some(N, 12)]),
        ("one_blob", [some(N, 3), 4, 0, some(N, 12)]),
        ("spherical_harmonics", [some(N, 3), 3, some(N, 9)]),
        ("spherical_harmonics_t_product", [some(N, 3), 3, some(N, 9), some(N, 3)]),
    ]


def radial_basis(kernels: Any) -> list[Call]:
    known = [some(N, 2), some(M, 2), some(M, 3), some(M), NEAR, 0, True, 1e-2]
    pairs = [some(N, K), NEAR, some(F), F, 0]
    return [
        ("radial_basis_activate", [*known, some(N, K), some(N, K, 2)]),
        ("radial_basis_bend", [*known, some(N, K), some(N, 2), some(N, 2)]),
        ("radial_basis_sum_kernels", [*pairs, some(M, F), some(F), some(N, K), some(N, F)]),
        ("radial_basis_sum_channels", [*pairs, some(M, F), some(N, F), some(N, K)]),
        ("radial_basis_scatter", [*pairs, some(N, F), some(N, K), some(M, F)]),
    ]


def triplanes(kernels: Any) -> list[Call]:
    how, texels = [_native_planes(kernels, PLANES), False, 0, 1], some(PLANES.n_parameters)
    return [
        ("triplane_encode", [*how, some(N, 3), some(N, 3), texels, some(N, 4)]),
        ("triplane_pull", [*how, some(N, 3), some(N, 3), texels, some(N, 4), some(N, 3)]),
        ("triplane_scatter", [*how, some(N, 3), some(N, 4), some(N, 3), some(N, 4), texels]),
    ]


def networks(kernels: Any) -> list[Call]:
    net, to = network(kernels, 3, 2), layers(3, 2)
    return [
        ("mlp_forward", [some(N, 3), net, False, ROW, some(N, 2), some(N, 3)]),
        ("mlp_backward", [some(N, 3), net, False, ROW, some(N, 2), some(N, 3), some(N, 3), *to]),
    ]


def queries(kernels: Any) -> list[Call]:
    shape = kernels.QueryShape(*native_arguments(kernels, LAYOUT, "linear", None), True, 0)
    colors = kernels.QueryShape(*native_arguments(kernels, LAYOUT, "linear", None), False, 0)
    table, net, rgb_net = (
        some(LAYOUT.n_parameters),
        network(kernels, 7, 2),
        network(kernels, 4 + 2 + 3 + 2, 3),
    )
    kept, rgb_kept = some(kernels.sdf_query_keeps(shape, N)), some(kernels.radiance_query_keeps(11, N))
    samples = kernels.QuerySamples(some(N, 3), some(N, 2), some(N, 3), some(N, 2), None, None)
    to, rgb_to = layers(7, 2), layers(11, 3)
    return [
        ("sdf_query_forward", [shape, table, net, some(N, 3), ROW, some(N, 2), some(N, 3), kept]),
        (
            "sdf_query_backward",
            [shape, table, net, some(N, 3), ROW, some(N, 2), some(N, 3), kept, *to, table],
        ),
        ("radiance_query_forward", [colors, table, rgb_net, samples, some(N, 3), rgb_kept]),
        (
            "radiance_query_backward",
            [colors, table, rgb_net, samples, rgb_kept, some(N, 3), some(N, 2), some(N, 3), *rgb_to, table],
        ),
    ]


FAMILIES: dict[str, Callable[[Any], list[Call]]] = {
    family.__name__: family
    for family in (
        compositing, sections, optimiser, closed_forms, radial_basis, triplanes, networks, queries
    )
}  # fmt: skip

# Arguments, by their place, that may be longer: rays without samples, kernels near to nobody, rows to spare.
FREE = {
    "radial_basis_sum_kernels": {5},
    "radial_basis_sum_channels": {5},
    "radial_basis_scatter": {7},
    "section_midpoints": {5},
    "section_opacity": {4},
    "section_opacity_backward": {4},
    "weights_forward": {1},
    "weights_backward": {4},
}


REFUSED = r"'\w+' must have|points: too few rows|packed_info: "


def on(device: torch.device, value: Any) -> Any:
    if isinstance(value, list):
        return [on(device, one) for one in value]
    return value.to(device) if isinstance(value, Tensor) else value


@pytest.mark.parametrize("family", FAMILIES)
def test_other_shapes_are_refused(device: torch.device, family: str) -> None:
    torch.manual_seed(0)
    kernels = native.kernels(torch.empty(0, device=device))
    for name, arguments in FAMILIES[family](kernels):
        arguments = on(device, arguments)
        run = getattr(kernels, name)
        run(*arguments)  # as it should be
        for place, right in enumerate(arguments):
            if not isinstance(right, Tensor):
                continue
            longer = torch.cat([right, right[-1:]])
            for wrong in (right[None], longer) if place not in FREE.get(name, ()) else (right[None],):
                with pytest.raises(ValueError, match=REFUSED):
                    run(*arguments[:place], wrong, *arguments[place + 1 :])


def test_other_networks_and_samples_are_refused(device: torch.device) -> None:
    torch.manual_seed(0)
    kernels = native.kernels(torch.empty(0, device=device))
    weights, biases = (on(device, part) for part in layers(3, 2))
    inputs, outputs = some(N, 3).to(device), some(N, 2).to(device)

    def run(weights: list[Tensor], biases: list[Tensor], activation: str, precision: str) -> None:
        kernels.mlp_forward(
            inputs, kernels.Network(weights, biases, activation, 1.0, precision), False, None, outputs, None
        )

    run(weights, biases, "relu", "float32")
    for wrong, what in (
        ((weights[:1], biases[:1], "relu", "float32"), "at least 2"),
        ((weights, biases[:1], "relu", "float32"), "same length"),
        ((weights, biases, "tanh", "float32"), "'activation' must be relu or softplus"),
        ((weights, biases, "relu", "float8"), "'precision' must be float32, bfloat16 or float16"),
        ((weights[::-1], biases, "relu", "float32"), "'weights' must have length 3"),
        ((weights, biases[::-1], "relu", "float32"), "'biases' must have length 8"),
    ):
        with pytest.raises(ValueError, match=what):
            run(*wrong)
    for call, place, wrong_number, what in (
        ("frequency", 3, 3, "order must be 0, 1 or 2"),
        ("frequency", 2, 3, "active bands must be 0 to all"),
        ("spherical_harmonics", 1, 5, "degree must be 1 to 4"),
    ):
        arguments = on(device, dict(closed_forms(kernels))[call])
        arguments[place] = wrong_number
        with pytest.raises(ValueError, match=what):
            getattr(kernels, call)(*arguments)
