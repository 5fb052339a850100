"""Tensors of one call on two devices: one clear ValueError that names both, whichever tensor is elsewhere.

The other device is torch's "meta", which every machine has; nothing can be computed there, so an operation
that does not look at devices first fails in another way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurfield import encodings, ops
from neurfield.encodings import HashGrid, SimplexGrid
from neurfield.fields import ImageField, Radiance, SDFField
from neurfield.ops import grid, sections
from neurfield.ops.adam import adam_step
from neurfield.ops.depth_fusion import DepthViews, free_bricks, integrate_depth, touched_bricks
from neurfield.ops.encoded_query import encoded_query, encoded_values
from neurfield.ops.fused_mlp import mlp, mlp_backward, mlp_forward, mlp_with_gradient
from neurfield.ops.grid_features import grid_features
from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.kernel_lookup import KernelLookup
from neurfield.ops.plane_layout import PlaneLayout
from neurfield.ops.radial_basis import compose_features, kernel_activations, radial_basis_encode
from neurfield.ops.radiance_query import radiance_query
from neurfield.ops.sdf_query import sdf_query, sdf_values
from neurfield.ops.triplane import triplane_encode

META = torch.device("meta")
RANDOM = torch.Generator().manual_seed(0)


def some(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=RANDOM)


GRID = GridLayout(2, 2, 6, 4, 1.5, 3)
PLANES = PlaneLayout(3, (5, 9), 4)
N, R = 6, 2  # points or samples, rays
ALPHA = {"alpha": some(N), "packed_info": torch.tensor([[0, 4], [4, 2]])}
INDEX = torch.tensor([0, 0, 0, 0, 1, 1])
RAYS = {"origins": some(R, 3), "directions": some(R, 3)}
SECTIONS = {"ray_indices": INDEX, "t_starts": some(N), "t_ends": some(N) + 1.0}


def network(width: int, out: int) -> dict[str, Tensor]:
    return {"w0": some(16, width), "w1": some(out, 16), "b0": some(16), "b1": some(out)}


def layers(found: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    return [found.pop("w0"), found.pop("w1")], [found.pop("b0"), found.pop("b1")]


def on_grid(function: Callable[..., object], **named: Any) -> Callable[..., object]:
    def call(points: Tensor, table: Tensor, **rest: Tensor) -> object:
        return function(points, table, *layers(rest), GRID, **rest, **named)

    return call


def of_network(function: Callable[..., object], **named: Any) -> Callable[..., object]:
    def call(inputs: Tensor, **rest: Tensor) -> object:
        return function(inputs, *layers(rest), **rest, **named)

    return call


def of_encoding(function: Callable[..., object]) -> Callable[..., object]:
    def call(points: Tensor, **rest: Tensor) -> object:
        return function(points, lambda x: 2.0 * x, *layers(rest))

    return call


def of_views(function: Callable[..., object], *arguments: Any) -> Callable[..., object]:
    def call(**tensors: Tensor) -> object:
        bricks = [tensors.pop("bricks")] if "bricks" in tensors else []
        return function(DepthViews(**tensors), *bricks, *arguments)

    return call


VIEWS = {
    "depth": some(2, 4, 5), "weight": some(2, 4, 5), "normal": torch.zeros(2, 4, 5, 4, dtype=torch.uint8),
    "cam_from_grid": torch.eye(4)[:3].expand(2, 3, 4), "intrinsics": some(2, 4),
}  # fmt: skip
KERNELS = {"centres": some(9, 2), "shapes": some(9, 3)}
NEAR = torch.zeros(N, 4, dtype=torch.int32)
TABLE = {"points": some(N, 3), "table": some(GRID.n_parameters)}

CASES: dict[str, tuple[Callable[..., object], dict[str, Tensor]]] = {
    "adam_step": (
        lambda **t: adam_step(**t, step=1, learning_rate=0.1),
        {name: some(5) for name in ("parameter", "gradient", "first", "second")},
    ),
    "weights": (lambda **t: ops.render_weights_from_alpha(**t), ALPHA),
    "weights_by_index": (
        lambda **t: ops.render_weights_from_alpha(**t, n_rays=R), {"alpha": some(N), "ray_indices": INDEX},
    ),
    "transmittance": (lambda **t: ops.render_transmittance_from_alpha(**t), ALPHA),
    "density": (
        lambda **t: ops.render_weights_from_density(**t),
        {"t_starts": some(N), "t_ends": some(N), "sigmas": some(N), "packed_info": ALPHA["packed_info"]},
    ),
    "accumulate": (
        lambda **t: ops.accumulate_along_rays(**t),
        {"weights": some(N), "values": some(N, 3), "packed_info": ALPHA["packed_info"]},
    ),
    "composite": (lambda **t: ops.composite(**t), {**ALPHA, "values": some(N, 3)}),
    "march_rays": (
        lambda **t: ops.march_rays(**t, step=0.1, max_samples=9),
        {
            **RAYS, "t_min": some(R), "t_max": some(R) + 1.0, "jitter": some(R),
            "occupancy": torch.ones(2, 2, 2, dtype=torch.uint8),
            "box": torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]),
        },
    ),
    "ray_box": (lambda **t: ops.ray_box(**t, box=[0.0] * 3 + [1.0] * 3), RAYS),
    "section_midpoints": (
        lambda **t: sections.section_midpoints(**t), {**RAYS, **SECTIONS, "extra": some(2, 3)},
    ),
    "section_opacity": (
        lambda **t: sections.section_opacity(**t, kind="neus"),
        {
            "sdf": some(N), "gradient": some(N, 3), **SECTIONS, "directions": some(R, 3),
            "width": torch.tensor([0.1]),
        },
    ),
    "composite_surface": (
        lambda **t: sections.composite_surface(**t),
        {**ALPHA, "rgb": some(N, 3), "normal": some(N, 3), "t": some(N)},
    ),
    "grid_encode": (lambda **t: grid.grid_encode(**t, layout=GRID), TABLE),
    "grid.encode": (lambda **t: grid.encode(**t, layout=GRID), TABLE),
    "grid.encode_with_jacobian": (lambda **t: grid.encode_with_jacobian(**t, layout=GRID), TABLE),
    "grid_features": (lambda **t: grid_features(**t, layout=GRID), TABLE),
    "accumulate_table_gradient": (
        lambda **t: grid.accumulate_table_gradient(**t, layout=GRID),
        {
            "points": some(N, 3), "d_features": some(N, 4), "tangent": some(N, 3),
            "d_value_gradient": some(N, 4), "table_gradient": some(GRID.n_parameters),
        },
    ),
    "triplane_encode": (
        lambda **t: triplane_encode(**t, layout=PLANES),
        {"points": some(N, 3), "texels": some(PLANES.n_parameters)},
    ),
    "radial_basis_encode": (
        lambda **t: radial_basis_encode(**t),
        {
            "points": some(N, 2), **KERNELS, "features": some(9, 3), "bias": some(3),
            "frequencies": some(3), "support": some(9),
        },
    ),
    "kernel_activations": (
        lambda **t: kernel_activations(**t), {"points": some(N, 2), **KERNELS, "neighbours": NEAR},
    ),
    "compose_features": (
        lambda **t: compose_features(**t),
        {
            "activations": some(N, 4), "neighbours": NEAR, "features": some(9, 3), "bias": some(3),
            "frequencies": some(3),
        },
    ),
    "kernel_lookup": (
        lambda points, centres: KernelLookup(centres).nearest(points, 2),
        {"points": some(N, 2), "centres": some(9, 2)},
    ),
    "mlp": (of_network(mlp), {"inputs": some(N, 4), **network(4, 3)}),
    "mlp_with_gradient": (of_network(mlp_with_gradient), {"inputs": some(N, 4), **network(4, 3)}),
    "mlp_forward": (of_network(mlp_forward), {"inputs": some(N, 4), **network(4, 3)}),
    "mlp_backward": (
        of_network(mlp_backward),
        {"inputs": some(N, 4), **network(4, 3), "d_outputs": some(N, 3), "d_gradient": some(N, 4)},
    ),
    "sdf_query": (on_grid(sdf_query), {**TABLE, **network(7, 3)}),
    "sdf_values": (on_grid(sdf_values), {**TABLE, **network(7, 3)}),
    "radiance_query": (
        on_grid(radiance_query),
        {
            **TABLE, **network(4 + 2 + 3 + 4, 3), "feature": some(N, 2), "normal": some(N, 3),
            "views": some(R, 4), "rays": INDEX, "counted": torch.arange(3),
        },
    ),
    "encoded_query": (of_encoding(encoded_query), {"points": some(N, 3), **network(6, 3)}),
    "encoded_values": (of_encoding(encoded_values), {"points": some(N, 3), **network(6, 3)}),
    "touched_bricks": (of_views(touched_bricks, (2, 2, 2), 0.1, 0.2), VIEWS),
    "free_bricks": (of_views(free_bricks, (2, 2, 2), 0.1, 0.2), VIEWS),
    "integrate_depth": (
        of_views(integrate_depth, 0.1, 0.2), {**VIEWS, "bricks": torch.zeros(1, 3, dtype=torch.int64)},
    ),
}  # fmt: skip
# The tree is made of centres wherever they are; a box is six numbers, fetched from wherever it is.
SKIPPED = {("kernel_lookup", "centres"), ("march_rays", "box")}


@pytest.mark.parametrize("name", CASES)
def test_it_works_on_one_device(name: str) -> None:
    function, tensors = CASES[name]
    function(**{key: tensor.clone() for key, tensor in tensors.items()})


@pytest.mark.parametrize(
    ("name", "elsewhere"), [(n, k) for n, (_, t) in CASES.items() for k in t if (n, k) not in SKIPPED]
)
def test_functions(name: str, elsewhere: str) -> None:
    function, tensors = CASES[name]
    mixed = {k: t.to(META) if k == elsewhere else t.clone() for k, t in tensors.items()}
    with pytest.raises(ValueError, match=r"cpu.*meta|meta.*cpu") as caught:
        function(**mixed)
    assert "\n" not in str(caught.value)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "HashGrid": lambda: HashGrid(levels=2, log2_table_size=6),
    "SimplexGrid": lambda: SimplexGrid(levels=2, log2_table_size=6),
    "TriPlane": lambda: encodings.TriPlane(3, [4, 8], 4),
    "RadialBasis": lambda: encodings.RadialBasis(20, dimensions=3),
    "Concatenation": lambda: encodings.Concatenation(
        encodings.Frequency(3, 2), HashGrid(levels=2, log2_table_size=6)
    ),
    "ImageField": lambda: ImageField(HashGrid(levels=2, log2_table_size=6), 3, (16,)),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    points = some(N, 3)
    module = MODULES[name]()
    module(points)
    for there, given in ((module, points.to(META)), (MODULES[name]().to(META), points)):
        with pytest.raises(ValueError, match=r"points.*(cpu.*meta|meta.*cpu)"):
            there(given)


def small_field(kind: str) -> SDFField:
    make = encodings.TriPlane(3, [4, 8], 4) if kind == "planes" else HashGrid(levels=2, log2_table_size=6)
    return SDFField(make, (16,), 2)


@pytest.mark.parametrize("kind", ["grid", "planes"])
@pytest.mark.parametrize("gradient", [False, True])
def test_sdf_field(kind: str, gradient: bool) -> None:
    for field, points in (
        (small_field(kind), some(N, 3).to(META)),
        (small_field(kind).to(META), some(N, 3)),
    ):
        with pytest.raises(ValueError, match=r"points.*(cpu.*meta|meta.*cpu)"):
            field.query(points, gradient=gradient)


def test_image_field_in_training() -> None:
    field = MODULES["ImageField"]()
    assert isinstance(field, ImageField)
    with pytest.raises(ValueError, match=r"points.*(cpu.*meta|meta.*cpu)"):
        field.fitted(some(N, 3).to(META))


def test_radiance() -> None:
    radiance = Radiance(HashGrid(levels=2, log2_table_size=6), 2, (16,))
    tensors = [some(N, 3), some(N, 2), some(N, 3), some(N, 9)]
    radiance(*tensors)
    for i in range(len(tensors)):
        with pytest.raises(ValueError, match=r"cpu.*meta|meta.*cpu"):
            radiance(*[t.to(META) if i == j else t for j, t in enumerate(tensors)])
