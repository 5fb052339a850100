"""A signed distance field: an encoding and a tiny network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from neurfield.encodings import Encoding, GridEncoding, HashGrid
from neurfield.fields.heads import Head
from neurfield.fields.scene_encodings import encoding_groups
from neurfield.fields.trained import encoding_in_words, fitted_features, one_line, trained_values
from neurfield.moment import Moment, active_levels
from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.encoded_query import encoded_outputs, encoded_query, encoded_values
from neurfield.ops.points import flat_points
from neurfield.ops.sdf_query import path, sdf_query, sdf_values


class FieldSample(NamedTuple):
    """What a field knows of points [..., 3].

    Attributes:
        sdf: [...] unit lengths, positive in free space.
        gradient: [..., 3], None unless asked for.
        feature: [..., F], for the colour.
        heads: [..., K] of each of the field's heads, by name.
    """

    sdf: Tensor
    gradient: Tensor | None
    feature: Tensor
    heads: Mapping[str, Tensor] = MappingProxyType({})

    @property
    def value(self) -> Tensor:
        """The sdf, as every field's answer has a value."""
        return self.sdf

    @property
    def slope(self) -> Tensor:
        """The gradient [..., 3], for type checkers too never None.

        Raises:
            ValueError: it was not asked for.
        """
        if self.gradient is None:
            raise ValueError(
                "FieldSample.slope: the gradient was not asked for: query(points, gradient=True)"
            )
        return self.gradient

    def batched(self, shape: torch.Size) -> FieldSample:
        """The same of N points, as the answer to points of a batch shape."""

        def rows(values: Tensor) -> Tensor:
            return values.reshape(*shape, values.shape[1])

        gradient = None if self.gradient is None else rows(self.gradient)
        heads = {name: rows(values) for name, values in self.heads.items()}
        return FieldSample(self.sdf.reshape(shape), gradient, rows(self.feature), heads)


class SDFField(nn.Module):
    """SDF and a feature vector for each point of the unit coordinates [-1, 1]^3; positive in free space.

    The network sees the point itself beside the encoding's features, so that it can start as an exact-enough
    sphere (`start_as_sphere`) before the encoding has learnt anything.

    Args:
        encoding: of three dimensions; None for a hash grid. Grids of cubes and of simplices go through the
            fused kernel, others are composed.
        hidden: units of the hidden layers, one to three of 16 to 128 for the fused kernel's best speed.
        feature_dim: numbers handed to the colour, F.
        softplus_beta: sharpness of the softplus.
        activation: "softplus", or "relu": cheaper, with a gradient that is constant in pieces of space but
            for the grid's own curvature.
        n_frequencies: sin and cos of 2^k pi x for k below it join the point.
        precision: of the network's derivatives, "float32", "bfloat16" or "float16"; see `ops.fused_mlp`.
        heads: further outputs of the network by name: what each is, or how many numbers it has; drawn at
            random at first, but for a `Head`.
        start_levels: of the encoding that take part at a fit's first step, None for all.
        all_levels_at: the share of the steps after which all do, where the fit does not start from a surface
            (`at`).
        radius: of the sphere that a fit starts from, unit lengths; 0: as suits its scene.

    Raises:
        ValueError: the encoding is not one of points in space.

    Example:
        >>> field = SDFField()  # a sphere of radius 0.5, free space outside
        >>> points = torch.tensor([[0.0, 0.0, 0.9], [0.1, 0.0, 0.0]])
        >>> sample = field.query(points, gradient=True)
        >>> sample.sdf.shape, sample.gradient.shape, sample.feature.shape
        (torch.Size([2]), torch.Size([2, 3]), torch.Size([2, 15]))
        >>> sample.sdf > 0
        tensor([ True, False])
    """

    sign = "signed"  # negative inside
    _follows: Tensor

    def __init__(
        self,
        encoding: Encoding | None = None,
        hidden: tuple[int, ...] = (64, 64),
        feature_dim: int = 15,
        softplus_beta: float = 100.0,
        activation: str = "softplus",
        n_frequencies: int = 0,
        precision: str = "float32",
        heads: Mapping[str, Head | int] = MappingProxyType({}),
        start_levels: int | None = None,
        all_levels_at: float = 0.0,
        radius: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoding = encoding if encoding is not None else HashGrid(interpolation="smoothstep")
        if self.encoding.dimensions != 3:
            raise ValueError(
                f"SDFField: encoding must be of 3 dimensions, got {type(self.encoding).__name__} of "
                f"{self.encoding.dimensions}"
            )
        self.feature_dim = feature_dim
        self.beta = softplus_beta
        self.activation = activation
        self.n_frequencies = n_frequencies
        self.precision = precision
        each = {name: head if isinstance(head, Head) else Head(head) for name, head in heads.items()}
        self.heads = {name: head.width for name, head in each.items()}
        self._head_starts = {name: head.start for name, head in each.items() if head.start is not None}
        self.active_levels = self.encoding.levels
        self.start_levels = self.encoding.levels if start_levels is None else start_levels
        self.all_levels_at, self.radius = all_levels_at, radius
        outputs = 1 + sum(self.heads.values()) + feature_dim
        sizes = [3 + 6 * n_frequencies + self.encoding.output_dim, *hidden, outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.register_buffer("_follows", torch.zeros(outputs), persistent=False)
        for name, head in each.items():
            self._follows[self.row_of(name) :][: head.width] = float(head.like_sdf)
        self._followed = any(head.like_sdf for head in each.values())
        self.start_as_sphere(0.5, inside=False)

    @eager
    def forward(self, points: Tensor) -> Tensor:
        """The value [...], the SDF, at points [..., 3] of the unit coordinates; losses on it train the field.

        Differentiable once by the field's parameters, and twice by the points where these require it, as the
        derivative by them is the field's gradient; that costs more than `query(points, gradient=True)`, which
        is for losses on the gradient. Without derivatives (`torch.no_grad()`) it is as quick as `query`.

        Raises:
            ValueError: a point is not as it must be.
        """
        flat = flat_points(f"{type(self).__name__}.forward", points, 3, self._linears()[0].weight)
        return trained_values(flat, self._trained, self._slope).reshape(points.shape[:-1])

    @eager
    def query(
        self,
        points: Tensor,
        gradient: bool = False,
        row: Tensor | None = None,
        points_gradient: bool = False,
    ) -> FieldSample:
        """Sample the field at points [..., 3] of the unit coordinates.

        Everything is differentiable (once) with respect to the field's parameters; under `torch.no_grad()`,
        as `sdf` asks, it is quicker. With `gradient` the SDF's spatial gradient comes along.

        `row` [...] int64 names per point the network output whose gradient is wanted, where it is not the
        SDF: 0 is the SDF, then come the heads' numbers in their order, then the feature. With
        `points_gradient` everything is differentiable with respect to the points too, as for refining poses;
        slower.

        Raises:
            ValueError: `points_gradient` without `gradient`; a point or a row is not as it must be.
        """
        who = f"{type(self).__name__}.query"
        if points_gradient and not gradient:
            raise ValueError(f"{who}: 'points_gradient' comes with the field's own: ask for gradient=True")
        flat = flat_points(who, points, 3, self._linears()[0].weight)
        if not gradient:
            return self._sample(self._trained_outputs(flat), None, points)
        options = self._options() | {"precision": self.precision, "points_gradient": points_gradient}
        options["row"] = None if row is None else row.reshape(-1)
        grid, network = self.encoding, self._parameters_of_network()
        if isinstance(grid, GridEncoding) and grid.fuses:
            options |= self._levels(grid)
            outputs, slope = sdf_query(flat, grid.table, *network, grid.layout, **options)
        else:
            outputs, slope = encoded_query(flat, self._encode, *network, **options)
        return self._sample(outputs, slope, points)

    def __repr__(self) -> str:
        """One line: encoding, hidden layers, feature, heads, parameters."""
        hidden = [layer.out_features for layer in self._linears()[:-1]]
        words = [encoding_in_words(self.encoding), f"hidden {hidden}", f"feature {self.feature_dim}"]
        heads = [f"heads {', '.join(self.heads)}"] if self.heads else []
        return one_line(self, *words, *heads, *self._more_words())

    @property
    def path(self) -> str:
        """Which way queries go, for logs: "fused avx512", "composed sm_90", "composed torch"."""
        if isinstance(self.encoding, GridEncoding) and self.encoding.fuses:
            return path(self.encoding.table)
        return f"composed {native.name_of(*self.parameters())}"

    def row_of(self, head: str) -> int:
        """The row, in the sense of `query`, of a head's first number."""
        before = list(self.heads)[: list(self.heads).index(head)]
        return 1 + sum(self.heads[name] for name in before)

    def sdf(self, points: Tensor) -> Tensor:
        """SDF [...] of points [..., 3] only, no derivatives."""
        with torch.no_grad():
            return self.query(points).sdf

    @torch.no_grad()
    def start_as_sphere(self, radius: float, inside: bool, seed: int = 0) -> None:
        """Geometric initialisation: the SDF of a sphere around the origin, and heads that start like it.

        The hidden layers are drawn as by Atzmon and Lipman (2020, and NeuS); their closed-form last layer
        holds for wide networks and is off by a third in some directions at 64 units, so the last layer is
        solved for instead, by least squares on points of the cube.

        Args:
            radius: unit lengths.
            inside: True for a room (free space inside the sphere), False for an object (free space outside).
            seed: of the layers' numbers.
        """
        generator = torch.Generator().manual_seed(seed)
        *hidden, last = self._linears()
        for index, layer in enumerate(hidden):
            layer.bias.zero_()
            layer.weight.copy_(
                torch.randn(layer.weight.shape, generator=generator) * math.sqrt(2.0 / layer.out_features)
            )
            if index == 0:
                layer.weight[:, 3:] = 0.0  # features and frequencies start silent
        last.weight.copy_(
            torch.randn(last.weight.shape, generator=generator) * math.sqrt(2.0 / last.in_features)
        )
        last.bias.zero_()
        for name, start in self._head_starts.items():
            own = slice(self.row_of(name), self.row_of(name) + self.heads[name])
            last.weight[own], last.bias[own] = 0.0, start

        points = torch.rand(8192, 3, generator=generator) * 2.0 - 1.0
        activations = torch.cat([points, points.new_zeros(len(points), hidden[0].in_features - 3)], dim=1)
        for layer in hidden:
            mixed = activations @ layer.weight.cpu().T
            activations = (
                nn.functional.relu(mixed)
                if self.activation == "relu"
                else nn.functional.softplus(mixed, beta=self.beta)
            )
        columns = torch.cat([activations, torch.ones(len(points), 1)], dim=1).double()
        targets = (points.norm(dim=1, keepdim=True) - radius) * (-1.0 if inside else 1.0)
        # The small ridge keeps the weights moderate, so that the first steps do not have to undo a delicate
        # cancellation.
        ridge = 1e-4 * len(points) * torch.eye(columns.shape[1], dtype=torch.float64)
        solution = torch.linalg.solve(columns.T @ columns + ridge, columns.T @ targets.double()).float()
        last.weight[0], last.bias[0] = solution[:-1, 0], solution[-1, 0]
        last.weight[self._follows > 0.0] = 0.0

    def at(self, moment: Moment) -> None:
        """Let as many levels of the encoding take part as this moment of a fit has: coarse to fine.

        Where a fit starts from a surface, all take part once points are no longer looked at alone.
        """
        all_at = moment.alone if moment.warm else self.all_levels_at
        self.active_levels = active_levels(
            self.start_levels, self.encoding.levels, moment.progress, all_at
        )  # fmt: skip

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "table" (sparse), "encoding", "network"."""
        return {**encoding_groups(self.encoding), "network": list(self.layers.parameters())}

    @property
    def capturable(self) -> bool:
        """Whether queries can be recorded on a GPU: the host takes no part in them."""
        return isinstance(self.encoding, GridEncoding) and self.encoding.fuses

    def _value(self, outputs: Tensor) -> Tensor:
        """The field's value [N] of the network's first output [N]."""
        return outputs

    def _more_words(self) -> list[str]:
        """What else is said of it (`repr`)."""
        return []

    def _sample(self, outputs: Tensor, gradient: Tensor | None, points: Tensor) -> FieldSample:
        """The answer at points [..., 3], of the network's outputs [N, O] and the gradient [N, 3]."""
        heads, start = {}, 1
        for name, width in self.heads.items():
            heads[name] = outputs[:, start : start + width]
            start += width
        sample = FieldSample(self._value(outputs[:, 0]), gradient, outputs[:, start:], heads)
        return sample if points.ndim == 2 else sample.batched(points.shape[:-1])

    def _trained(self, points: Tensor) -> Tensor:
        """Values [N], differentiable by the parameters."""
        return self._value(self._trained_outputs(points)[:, 0])

    def _trained_outputs(self, points: Tensor) -> Tensor:
        """The network's outputs [N, O], differentiable by the parameters."""
        if not torch.is_grad_enabled():
            return self._values(points)

        def encode(points: Tensor) -> Tensor:
            return fitted_features(self.encoding, points, self.active_levels)

        network = self._parameters_of_network()
        return encoded_outputs(points, encode, *network, **self._options(), precision=self.precision)

    def _slope(self, points: Tensor) -> Tensor:
        """The gradient [N, 3], differentiable by points and parameters."""
        gradient = self.query(points, gradient=True, points_gradient=True).gradient
        assert gradient is not None  # asked for
        return gradient

    def _values(self, points: Tensor) -> Tensor:
        """The network's outputs [N, O], without derivatives."""
        grid, network, options = self.encoding, self._parameters_of_network(), self._options()
        if isinstance(grid, GridEncoding) and grid.fuses:
            options |= self._levels(grid)
            return sdf_values(points, grid.table, *network, grid.layout, **options)
        return encoded_values(points, self._encode, *network, **options)

    def _encode(self, points: Tensor) -> Tensor:
        return self.encoding(points, self.active_levels)

    def _levels(self, grid: GridEncoding) -> dict[str, Any]:
        return {"interpolation": grid.interpolation, "active_levels": self.active_levels}

    def _options(self) -> dict[str, Any]:
        return {"activation": self.activation, "beta": self.beta, "n_frequencies": self.n_frequencies}

    def _parameters_of_network(self) -> tuple[list[Tensor], list[Tensor]]:
        layers = self._linears()
        weights: list[Tensor] = [layer.weight for layer in layers]
        biases: list[Tensor] = [layer.bias for layer in layers]
        if self._followed:  # rows that are differences from the SDF's
            of_sdf = weights[-1][:1].detach(), biases[-1][:1].detach()
            weights[-1] = torch.addcmul(weights[-1], self._follows[:, None], of_sdf[0])
            biases[-1] = torch.addcmul(biases[-1], self._follows, of_sdf[1])
        return weights, biases

    def _linears(self) -> list[nn.Linear]:
        return [cast(nn.Linear, layer) for layer in self.layers]
