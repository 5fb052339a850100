"""tiny-cuda-nn as a backend: refused in one line without it, the same numbers with it, weights both ways.

Most of this runs against a stand-in with its interface; where it is installed, the last tests hold ours
against the real one.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
import torch

from neurfield.encodings import HashGrid, tcnn
from neurfield.encodings.hash_grid import BACKENDS
from neurfield.errors import UserError
from neurfield.fields.radiance import Radiance
from neurfield.fields.sdf import SDFField
from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.simplex_layout import SimplexLayout
from tests.encodings import fake_tcnn

SIZES = {"levels": 4, "log2_table_size": 10, "base_resolution": 5, "growth": 1.7}
LAYOUT = GridLayout(**SIZES)  # type: ignore[arg-type]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tinycudann", fake_tcnn.module())


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_without_it_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tinycudann", None)  # an import of it fails
    with pytest.raises(UserError, match=r"^tinycudann cannot be imported [^\n]*tiny-cuda-nn[^\n]*$"):
        HashGrid(**SIZES, backend="tcnn")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="backend must be one of"):
        HashGrid(**SIZES, backend="other")  # type: ignore[arg-type]


@pytest.mark.usefixtures("fake")
class TestHashGrid:
    @pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
    @pytest.mark.parametrize("active", [None, 0, 2, 4])
    def test_same_numbers_from_the_same_seed(self, interpolation: str, active: int | None) -> None:
        ours = HashGrid(**SIZES, interpolation=interpolation, seed=3)  # type: ignore[arg-type]
        theirs = HashGrid(**SIZES, interpolation=interpolation, seed=3, backend="tcnn")  # type: ignore[arg-type]
        points = random(50, 3)
        torch.testing.assert_close(theirs(points, active), ours(points, active), rtol=1e-5, atol=1e-9)
        assert theirs(points).abs().max() > 0

    def test_the_table_is_the_only_parameter_and_follows_what_is_loaded(self) -> None:
        ours = HashGrid(**SIZES, seed=1)  # type: ignore[arg-type]
        theirs = HashGrid(**SIZES, seed=2, backend="tcnn")  # type: ignore[arg-type]
        assert [name for name, _ in theirs.named_parameters()] == ["table"]
        theirs.load_state_dict(ours.state_dict())
        points = random(20, 3)
        torch.testing.assert_close(theirs(points), ours(points), rtol=1e-5, atol=1e-9)
        theirs.table = torch.nn.Parameter(2.0 * ours.table.detach())
        torch.testing.assert_close(theirs(points), 2.0 * ours(points), rtol=1e-5, atol=1e-9)
        theirs(points).sum().backward()
        assert theirs.table.grad is not None and theirs.table.grad.abs().sum() > 0

    def test_an_sdf_stands_on_it_with_second_derivatives(self) -> None:
        """Composed, not fused: the same field as with our kernels."""
        found = []
        for backend in ("neurfield", "tcnn"):
            field = SDFField(HashGrid(**SIZES, seed=1, backend=backend), hidden=(16,), feature_dim=2)  # type: ignore[arg-type]
            with torch.no_grad():
                field.layers[0].weight.add_(0.1)  # features take part
                field.encoding.table.mul_(1e3)
            assert backend == "neurfield" or field.path.startswith("composed")
            sample = field.query(random(30, 3), gradient=True)
            assert sample.gradient is not None
            (sample.sdf.square().sum() + (sample.gradient.norm(dim=1) - 1).square().sum()).backward()
            found.append(
                (sample.sdf, sample.gradient, field.encoding.table.grad, field.layers[0].weight.grad)
            )
        for ours, theirs in zip(*found):
            torch.testing.assert_close(theirs, ours, rtol=2e-4, atol=2e-5)

    def test_radiance_wants_our_kernels(self) -> None:
        with pytest.raises(ValueError, match="our own kernels"):
            Radiance(HashGrid(**SIZES, backend="tcnn"))  # type: ignore[arg-type]


class TestTables:
    def test_there_and_back(self) -> None:
        table = random(LAYOUT.n_parameters)
        there = tcnn.hash_grid_to_tcnn(table, LAYOUT)
        assert torch.equal(tcnn.hash_grid_from_tcnn(there, LAYOUT), table)
        assert there.data_ptr() != table.data_ptr()

    def test_behind_a_network_in_float16(self) -> None:
        """NetworkWithInputEncoding: the network first, and what it computes with is float16."""
        weights = [random(16, LAYOUT.output_dim, seed=1), random(3, 16, seed=2)]
        table = random(LAYOUT.n_parameters).half()
        params = torch.cat([tcnn.network_to_tcnn(weights).half(), table])
        assert torch.equal(tcnn.hash_grid_from_tcnn(params, LAYOUT), table.float())
        found, _ = tcnn.network_from_tcnn(params, [LAYOUT.output_dim, 16, 3])
        for ours, theirs in zip(weights, found):
            torch.testing.assert_close(theirs, ours, rtol=1e-3, atol=1e-3)

    def test_levels_are_padded_as_theirs(self) -> None:
        """Dense levels to multiples of eight entries, hashed ones the whole table (their `GridEncoding`)."""
        sizes = [b - a for a, b in zip(LAYOUT.offsets, LAYOUT.offsets[1:])]
        for size, resolution, hashed in zip(sizes, LAYOUT.resolutions, LAYOUT.hashed):
            assert size == min(-(-(resolution**3) // 8) * 8, 2**LAYOUT.log2_table_size)
            assert hashed == (resolution**3 > 2**LAYOUT.log2_table_size)

    def test_wrong_sizes_and_simplices_are_refused(self) -> None:
        with pytest.raises(ValueError, match="table: must be"):
            tcnn.hash_grid_to_tcnn(random(7), LAYOUT)
        with pytest.raises(ValueError, match="params: must be"):
            tcnn.hash_grid_from_tcnn(random(7), LAYOUT)
        with pytest.raises(ValueError, match="no grids of simplices"):
            tcnn.hash_grid_to_tcnn(random(7), SimplexLayout())
        with pytest.raises(ValueError, match="params: a network"):
            tcnn.network_from_tcnn(random(7), [3, 16, 1])


@pytest.mark.usefixtures("fake")
class TestNetwork:
    @pytest.mark.parametrize(("width", "kind"), [(64, "FullyFusedMLP"), (48, "CutlassMLP")])
    def test_weights_both_ways(self, width: int, kind: str) -> None:
        network = tcnn.TcnnNetwork(5, 3, width=width, hidden=2)
        assert network.network.config["otype"] == kind
        weights = [torch.randn(o, i) * 0.3 for i, o in ((5, width), (width, width), (width, 3))]
        network.set_weights(weights)
        for ours, theirs in zip(weights, network.weights()):
            assert torch.equal(theirs, ours)
        inputs = random(20, 5)
        wanted = inputs
        for i, weight in enumerate(weights):
            wanted = wanted @ weight.T
            wanted = torch.relu(wanted) if i < 2 else wanted
        outputs = network(inputs)
        assert outputs.dtype == torch.float32
        torch.testing.assert_close(outputs, wanted, rtol=2e-3, atol=2e-3)
        with pytest.raises(ValueError, match="weights: must be"):
            network.set_weights(weights[:2])

    def test_the_paddings_columns_are_a_bias(self) -> None:
        network = tcnn.TcnnNetwork(5, 3, width=16, hidden=1)
        weights, bias = tcnn.network_from_tcnn(network.network.params, [5, 16, 3])
        inputs = random(20, 5)
        wanted = torch.relu(inputs @ weights[0].T + bias) @ weights[1].T
        torch.testing.assert_close(network(inputs), wanted, rtol=2e-3, atol=2e-3)
        assert bias.abs().max() > 0.1

    def test_is_differentiated_once(self) -> None:
        network = tcnn.TcnnNetwork(3, 1)
        points = random(10, 3).requires_grad_()
        network(points).sum().backward()
        assert points.grad is not None and network.network.params.grad is not None
        (gradient,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
        with pytest.raises(RuntimeError, match="can be differentiated once: a loss on an SDF's gradient"):
            (gradient.norm(dim=1) - 1).square().sum().backward()


@pytest.mark.cuda
@pytest.mark.skipif(
    find_spec("tinycudann") is None or not torch.cuda.is_available(), reason="no tinycudann, or no GPU"
)
class TestTheRealOne:
    @pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
    @pytest.mark.parametrize("dimensions", [2, 3, 4])
    def test_same_features_and_gradients(self, interpolation: str, dimensions: int) -> None:
        how = {**SIZES, "interpolation": interpolation, "dimensions": dimensions, "seed": 1}
        ours, theirs = (HashGrid(**how, backend=b).cuda() for b in BACKENDS)  # type: ignore[arg-type]
        points = random(1000, dimensions).cuda()
        found = []
        for grid in (ours, theirs):
            leaf = points.clone().requires_grad_()
            features = grid(leaf)
            (along,) = torch.autograd.grad(features.square().sum(), leaf, create_graph=True)
            (second,) = torch.autograd.grad(along.square().sum(), grid.table, retain_graph=True)
            (first,) = torch.autograd.grad(features.square().sum(), grid.table)
            found.append((features, along, first, second))
        for mine, other in zip(*found):
            scale = mine.abs().max()
            torch.testing.assert_close(other / scale, mine / scale, rtol=0, atol=1e-4)
