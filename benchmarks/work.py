"""How much arithmetic and memory traffic a kernel's task asks for, counted from its definition.

What an implementation does beyond that (computing activations again, padding to whole vectors) is not
counted as work, except where a function says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class NetworkWork:
    """Multiply-adds a point of a network: its outputs, the gradient of the first output by the inputs, and
    the backward of a loss on both; `again` is what a backward that kept nothing computes a second time."""

    outputs: int
    gradient: int
    backward: int
    again: int

    @property
    def step(self) -> int:
        """Outputs and gradient, and the backward of both."""
        return self.outputs + self.gradient + self.backward


def network_work(widths: Sequence[int]) -> NetworkWork:
    """The work of a network with these widths, from inputs to outputs."""
    layers = [a * b for a, b in pairwise(widths)]
    hidden, last = sum(layers[:-1]), layers[-1]
    adjoints = last + hidden  # of the activations, down to the inputs
    tangents = hidden  # the gradient's cotangent pushed forward through the hidden layers
    weights = last + 2 * hidden  # each hidden layer's from its activations, and from the gradient's chain
    return NetworkWork(
        outputs=hidden + last,
        gradient=hidden,
        backward=adjoints + tangents + weights,
        again=hidden + sum(layers[1:-1]),
    )


def gathers_a_point(levels: int) -> int:
    """Table entries that an encoding reads for a point: eight corners a level."""
    return 8 * levels


def interpolation_multiply_adds(levels: int, features: int) -> int:
    """Of a point's trilinear interpolation: seven blends of each feature, and three lattice coordinates."""
    return levels * (7 * features + 3)
