"""An SDF field with each encoding fits a sphere by values and gradients, network and encoding together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from neurfield.encodings import (
    Concatenation,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    SphericalHarmonics,
    TriPlane,
)
from neurfield.fields import SDFField
from neurfield.ops import native

ENCODINGS: dict[str, Callable[[], nn.Module]] = {
    "hash grid": lambda: HashGrid(
        levels=4, log2_table_size=12, finest_resolution=32, interpolation="smoothstep"
    ),
    "triplane": lambda: TriPlane(resolutions=(16, 32), features=8, interpolation="smoothstep"),
    "triplane product": lambda: TriPlane(resolutions=(24,), features=8, combination="product"),
    "frequency": lambda: Frequency(bands=3),
    "one blob": lambda: OneBlob(bins=8),
    "identity": lambda: Identity(scale=2.0, offset=-1.0),
    "harmonics": lambda: SphericalHarmonics(3),
    "concatenation": lambda: Concatenation(Identity(), TriPlane(resolutions=(16,), features=4)),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_it_fits_a_sphere(name: str) -> None:
    torch.manual_seed(0)
    encoding = ENCODINGS[name]()
    field = SDFField(encoding, hidden=(32, 32), feature_dim=3, softplus_beta=20.0)  # type: ignore[arg-type]
    centre, radius = torch.tensor([0.2, -0.1, 0.15]), 0.45  # not the sphere that it starts as
    before = [p.detach().clone() for p in field.parameters()]
    optimizer = torch.optim.Adam(field.parameters(), lr=4e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(150):
        points = torch.rand(1024, 3, generator=generator) * 1.8 - 0.9
        sample = field.query(points, gradient=True)
        assert sample.gradient is not None
        value = (sample.sdf - ((points - centre).norm(dim=1) - radius)).abs().mean()
        eikonal = ((sample.gradient.norm(dim=1) - 1.0) ** 2).mean()
        optimizer.zero_grad()
        (value + 0.05 * eikonal).backward()
        optimizer.step()
    points = torch.rand(4096, 3, generator=generator) * 1.8 - 0.9
    error = (field.sdf(points) - ((points - centre).norm(dim=1) - radius)).abs().mean()
    assert error < 0.03  # 0.14 before
    # The outputs that no loss sees stay as they were; all else has learnt.
    assert all(not torch.equal(old, new) for old, new in zip(before, field.parameters()))


@pytest.mark.parametrize("name", ENCODINGS)
def test_queries_agree_and_train(name: str) -> None:
    field = SDFField(ENCODINGS[name](), hidden=(16,), n_frequencies=1)  # type: ignore[arg-type]
    points = torch.rand(33, 3) * 2 - 1
    plain, full = field.query(points), field.query(points, gradient=True)
    torch.testing.assert_close(plain.sdf.detach(), full.sdf.detach())
    torch.testing.assert_close(plain.feature.detach(), full.feature.detach())
    assert plain.gradient is None and plain.sdf.requires_grad and full.sdf.requires_grad
    with torch.no_grad():
        assert not field.query(points, gradient=True).sdf.requires_grad
        plain = field.query(points)
        assert not plain.sdf.requires_grad and not plain.feature.requires_grad
    assert field.query(points[:0], gradient=True).sdf.shape == (0,)
    assert field.active_levels == field.encoding.levels
    state = SDFField(ENCODINGS[name](), hidden=(16,), n_frequencies=1)  # type: ignore[arg-type]
    state.load_state_dict(field.state_dict())
    assert torch.equal(state.sdf(points), plain.sdf)


def test_coarse_to_fine_leaves_out_what_is_fine() -> None:
    field = SDFField(TriPlane(resolutions=(8, 16), features=4), hidden=(16,))
    nn.init.normal_(field.layers[0].weight)  # type: ignore[arg-type]
    points = torch.rand(50, 3) * 2 - 1
    field.active_levels = 1
    coarse = field.sdf(points)
    with torch.no_grad():
        field.encoding.texels[-100:] += 1.0  # type: ignore[index, operator]
        field.encoding.texels[field.encoding.layout_of_planes.offsets[1] :] *= 3.0  # type: ignore[index, union-attr]
    assert torch.equal(field.sdf(points), coarse)
    field.active_levels = 2
    assert not torch.equal(field.sdf(points), coarse)


@pytest.mark.skipif(native.module is None, reason="no native kernels here")
def test_says_which_way_it_goes() -> None:
    isa = native.status().isa
    assert SDFField(ENCODINGS["hash grid"](), hidden=(16,)).path == f"fused {isa}"  # type: ignore[arg-type]
    field = SDFField(ENCODINGS["frequency"](), hidden=(16,))  # type: ignore[arg-type]
    assert field.path == f"composed {isa}"
    assert field.double().path == "composed torch"


def test_refuses_encodings_of_other_spaces() -> None:
    with pytest.raises(ValueError, match="encoding must be of 3 dimensions, got TriPlane of 2"):
        SDFField(TriPlane(dimensions=2, resolutions=(8,), features=4))
