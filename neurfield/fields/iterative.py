"""Occupancy by a network that is asked several times, each time with what it said before: OReX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_, linear

from neurfield.encodings import LearntFrequencies
from neurfield.fields.sdf import FieldSample
from neurfield.fields.trained import encoding_in_words, one_line
from neurfield.moment import Moment
from neurfield.ops.eager import eager
from neurfield.ops.points import flat_points
from neurfield.parts import Number

Count = Annotated[int, Number(least=1)]
_AT_ONCE = 4096  # points whose layers stay in the processor's cache


class IterativeField(nn.Module):
    """Logits of what is outside: negative inside, zero on the surface, of any slope.

    A network of leaky ReLUs sees a point's waves, a logit l and a hidden state h, to which is added which
    iteration it is; its first output is added to l, the others are the next h. It is asked several times, its
    weights are the same each time, l and h begin as numbers that are learnt (Sawdayee et al., OReX, CVPR
    2023, and the authors' code). The value is the last l; the head "iterations" has all of them.

    Args:
        bands: sines and cosines of each axis, of learnt frequencies.
        hidden: units of the network's hidden layers.
        state: numbers of the hidden state, even.
        iterations: how often the network is asked.
        precision: of parameters, "float32" or "float64", which the authors have; answers that train are in
            it, others in that of the points.

    Example:
        >>> field = IterativeField()
        >>> sample = field.query(torch.rand(7, 3), gradient=True)
        >>> sample.value.shape, sample.gradient.shape, sample.heads["iterations"].shape
        (torch.Size([7]), torch.Size([7, 3]), torch.Size([7, 10]))
    """

    sign = "signed"  # negative inside; how far away the surface is, the value does not tell
    capturable = False  # the last batch of an epoch is smaller
    feature_dim = 0
    radius = 0.0
    _turns: Tensor

    def __init__(
        self,
        bands: int = 5,
        hidden: Sequence[int] = (64,) * 7,
        state: int = 32,
        iterations: int = 10,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        if state < 2 or state % 2:
            raise ValueError(f"IterativeField: state must be even and at least 2, got {state}")
        self.encoding = LearntFrequencies(3, bands)
        self.iterations, self.state, self.heads = iterations, state, {"iterations": iterations}
        sizes = [self.encoding.output_dim + 1 + state, *hidden, 1 + state]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.first_logit, self.first_state = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(state))
        angles = torch.arange(iterations).double()[:, None] * 2.0 ** torch.arange(state // 2)
        turns = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
        self.register_buffer("_turns", turns, persistent=False)
        self.to(torch.float64 if precision == "float64" else torch.float32)
        self.start_as_sphere(0.5, inside=False)

    def logits(self, points: Tensor) -> Tensor:
        """Logits [N, iterations] of points [N, 3] in the field's precision, by plain autograd."""
        first, *inner, last = self._linears()
        of_point, of_state = first.weight.split([self.encoding.output_dim, 1 + self.state], dim=1)
        seen = linear(self.encoding(points), of_point, first.bias)  # the same in every iteration
        logit, hidden = self.first_logit.expand(len(points), 1), self.first_state.expand(len(points), -1)
        said = []
        for turn in self._turns:
            units = torch.addmm(seen, torch.cat([logit, hidden + turn], dim=1), of_state.T)
            for layer in inner:
                units = layer(leaky_relu_(units))
            outputs = last(leaky_relu_(units))
            logit, hidden = logit + outputs[:, :1], outputs[:, 1:]
            said.append(logit)
        return torch.cat(said, dim=1)

    @eager
    def forward(self, points: Tensor) -> Tensor:
        """The value [...] at points [..., 3] of the unit coordinates; differentiable, by points, too."""
        return self.logits(self._flat("forward", points))[:, -1].reshape(points.shape[:-1])

    @eager
    def query(self, points: Tensor, gradient: bool = False, points_gradient: bool = False) -> FieldSample:
        """Value, head and, where it is asked for, gradient of points [..., 3] of the unit coordinates.

        Everything is differentiable by the parameters; with `points_gradient` by the points, too, and slower.

        Raises:
            ValueError: `points_gradient` without `gradient`; a point is not as it must be.
        """
        if points_gradient and not gradient:
            raise ValueError("IterativeField.query: 'points_gradient' comes with gradient=True")
        flat, trains = self._flat("query", points), torch.is_grad_enabled()
        slope: Tensor | None
        if points_gradient and trains:
            flat = flat if flat.requires_grad else flat.detach().requires_grad_()
            logits = self.logits(flat)
            (slope,) = torch.autograd.grad(logits[:, -1].sum(), flat, create_graph=True)
        else:
            logits, slope = self._asked(flat.detach(), gradient, trains)
        if not trains:
            logits, slope = logits.to(points), None if slope is None else slope.to(points)
        sample = FieldSample(logits[:, -1], slope, logits[:, :0], {"iterations": logits})
        return sample if points.ndim == 2 else sample.batched(points.shape[:-1])

    def sdf(self, points: Tensor) -> Tensor:
        """The value [...] of points [..., 3] only, no derivatives."""
        with torch.no_grad():
            return self.query(points).sdf

    @torch.no_grad()
    def start_as_sphere(self, radius: float, inside: bool, seed: int = 0) -> None:
        """Draw the parameters as the authors do, whatever the radius: it begins as no shape.

        Weights are uniform by Glorot and Bengio (2010), biases and what l and h begin as uniform in 0..1.
        """
        generator = torch.Generator().manual_seed(seed)

        def draw(parameter: Tensor, low: float, high: float) -> None:
            share = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(low + (high - low) * share)

        for layer in self._linears():
            bound = math.sqrt(6.0 / sum(layer.weight.shape))
            draw(layer.weight, -bound, bound)
            draw(layer.bias, 0.0, 1.0)
        draw(self.first_state, 0.0, 1.0)
        draw(self.first_logit, 0.0, 1.0)

    def at(self, moment: Moment) -> None:
        """The same at every moment."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """All of its parameters learn alike: "network"."""
        return {"network": list(self.parameters())}

    @property
    def path(self) -> str:
        """Which way queries go, for logs."""
        return f"torch, {str(self.first_logit.dtype).removeprefix('torch.')}"

    @property
    def bytes_a_point(self) -> float:
        """What a step keeps of a point for its derivatives: all units, and of their derivatives."""
        units = sum(layer.in_features + layer.out_features for layer in self._linears())
        return 1.75 * self.iterations * units * self.first_logit.element_size()

    def __repr__(self) -> str:
        """One line: encoding, hidden layers, iterations, parameters."""
        hidden = [layer.out_features for layer in self._linears()[:-1]]
        words = [encoding_in_words(self.encoding), f"hidden {hidden}", f"{self.iterations} iterations"]
        return one_line(self, *words)

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def _flat(self, who: str, points: Tensor) -> Tensor:
        """Points [N, 3] in the field's precision."""
        own = self.first_logit
        if isinstance(points, Tensor) and points.is_floating_point():
            points = points.to(own.dtype)
        return flat_points(f"IterativeField.{who}", points, 3, own)

    def _asked(self, points: Tensor, gradient: bool, trains: bool) -> tuple[Tensor, Tensor | None]:
        """Logits [N, iterations], and the gradient [N, 3] of the last; `trains`: parameters learn by both."""
        said, slopes = [], []
        for part in points.split(_AT_ONCE):  # of no points one part that is empty
            with torch.set_grad_enabled(trains or gradient):
                logits = self.logits(part.requires_grad_(gradient))
                if gradient:
                    slopes += torch.autograd.grad(logits[:, -1].sum(), part, create_graph=trains)
            said.append(logits if trains else logits.detach())
        return torch.cat(said), torch.cat(slopes) if gradient else None


def make_iterative(
    *,
    bands: Count = 5,
    hidden: Sequence[Count] = (64, 64, 64, 64, 64, 64, 64),
    state: Annotated[int, Number(least=2)] = 32,
    iterations: Count = 10,
    precision: Literal["float32", "float64"] = "float32",
) -> IterativeField:
    """OReX's occupancy (Sawdayee et al. 2023): a network that is asked again with what it said before.

    Args:
        bands: sines and cosines of each axis, of learnt frequencies that begin as 1, 2, 4, ...
        hidden: units of the network's hidden layers.
        state: numbers of the hidden state that goes from iteration to iteration, even.
        iterations: how often the network is asked.
        precision: of all numbers; the authors have float64, which takes about twice as long.
    """
    return IterativeField(bands, tuple(hidden), state, iterations, precision)


def _wrong_state(*, hidden: Sequence[int], state: int, **_: Any) -> str | None:
    if not hidden:
        return "hidden: at least one layer is needed"
    return None if state % 2 == 0 else f"state: an even number, half sines and half cosines, got {state}"


make_iterative.wrong_numbers = _wrong_state  # type: ignore[attr-defined]
