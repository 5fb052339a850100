"""A coarse field of what lies beyond the box, learnt: density and colour, a few samples on each ray."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from neurfield.encodings import HashGrid
from neurfield.moment import Moment
from neurfield.ops.compositing import composite
from neurfield.ops.fused_mlp import mlp
from neurfield.ops.grid_features import grid_features
from neurfield.parts import Number
from neurfield.rays import Rays
from neurfield.rendering.beyond import Beyond, contracted, inverted, sections_by_weight
from neurfield.rendering.learnt_background import LearntBackground
from neurfield.scenes import Scene

Count = Annotated[int, Number(least=1)]
_SHARPNESS = 8.0  # of density per length relative to the distance, so that some hundred steps make it opaque
_SEARCHED = 2  # sections, for each sample that is taken, that are looked at without gradients first
_BEGINNING = -1.6  # raw density at first: half of the light passes all samples


class FarField(LearntBackground):
    """Density and colour of all space, mapped to a hash grid of few cells; what is in the box hides it.

    There is no surface in it, and nothing of it in a mesh. It begins as the colour of the pictures' borders.
    The last sample of a ray is opaque. Places are jittered where gradients are wanted; in pictures they are
    in the middle of their sections.

    Args:
        scene: whose pictures show it.
        device: of the colours.
        seed: of its numbers.
        domain: maps points [N, 3] of all space, unit coordinates, into [0, 1]^D.
        encoding: of that domain.
        hidden: units of the hidden layer (ReLU).
        samples: a ray.
    """

    def __init__(
        self,
        scene: Scene,
        device: torch.device,
        seed: int,
        domain: Callable[[Tensor], Tensor],
        encoding: HashGrid,
        hidden: int,
        samples: int,
    ) -> None:
        super().__init__(scene)
        self.domain, self.samples, self.encoding = domain, samples, encoding
        sizes = [encoding.output_dim, hidden, 4]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
            for layer in self._linears():  # features begin near zero, where a bias would keep units shut
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        self.to(device)

    def begin(self, logit: Tensor) -> None:
        """Become one colour, whose logit [3] this is."""
        last = self._linears()[-1]
        last.bias[0] = _BEGINNING / _SHARPNESS
        last.bias[1:] = logit.to(last.bias)

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """The colours [R, 3], in 0..1."""
        beyond = Beyond.of(rays)
        edges = beyond.edges(_SEARCHED * self.samples)
        with torch.no_grad():  # where the light comes from, so that gradients are asked for there
            alpha, _ = self._seen(beyond, edges, moment)
            weights = composite(alpha.reshape(-1), alpha.new_zeros(alpha.numel(), 0), _packed(alpha))[2]
        edges = sections_by_weight(edges, weights.view_as(alpha), self.samples)
        alpha, rgb = self._seen(beyond, edges, moment)
        return composite(alpha.reshape(-1), rgb.reshape(-1, 3), _packed(alpha))[0]

    def _seen(self, beyond: Beyond, edges: Tensor, moment: Moment) -> tuple[Tensor, Tensor]:
        """Opacities [R, K] and colours [R, K, 3] of sections with these edges [R, K + 1]."""
        length = edges[:, 1:] - edges[:, :-1]
        share: Tensor | float = 0.5
        if moment.generator is not None and torch.is_grad_enabled():
            share = torch.rand(length.shape, generator=moment.generator, device=length.device)
        raw = self._raw(beyond.points(edges[:, :-1] + share * length).reshape(-1, 3)).view(*length.shape, 4)
        alpha = -torch.expm1(-softplus(_SHARPNESS * raw[..., 0]) * length)
        alpha = torch.cat([alpha[:, :-1], torch.ones_like(alpha[:, -1:])], dim=1)
        return alpha, raw[..., 1:].sigmoid()

    def _raw(self, points: Tensor) -> Tensor:
        """Density and colours as the network says them [N, 4]."""
        grid = self.encoding
        features = grid_features(self.domain(points), grid.table, grid.layout)
        layers = self._linears()
        return mlp(features, [layer.weight for layer in layers], [layer.bias for layer in layers])

    def _linears(self) -> list[nn.Linear]:
        return [cast(nn.Linear, layer) for layer in self.layers]

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "table" (sparse) and "network"."""
        return {"table": [self.encoding.table], "network": list(self.layers.parameters())}


def _packed(sections: Tensor) -> Tensor:
    """(start, count) of each row's sections [R, K], int64 [R, 2]."""
    rows, count = sections.shape
    first = torch.arange(rows, device=sections.device) * count
    return torch.stack([first, torch.full_like(first, count)], dim=1)


def _grid(dimensions: int, levels: int, finest: int, log2_table_size: int, seed: int) -> HashGrid:
    """A coarse grid, whose first level is coarse however coarse the finest is."""
    return HashGrid(
        levels=levels, log2_table_size=log2_table_size, base_resolution=min(16, finest),
        finest_resolution=finest, seed=seed, dimensions=dimensions,
    )  # fmt: skip


def make_contracted(
    scene: Scene,
    device: torch.device,
    seed: int,
    *,
    levels: Count = 8,
    finest_resolution: Count = 256,
    log2_table_size: Count = 16,
    hidden: Count = 32,
    samples: Annotated[int, Number(least=2)] = 16,
) -> FarField:
    """A coarse field of all that lies beyond the box, contracted to a cube.

    Args:
        scene: whose pictures show what is there.
        device: of the colours.
        seed: of its numbers.
        levels: of the grid.
        finest_resolution: cells of the finest level along the contracted space, four times half the box.
        log2_table_size: of each level's table, at most.
        hidden: units of the network's hidden layer.
        samples: of a ray, from where it leaves the box to 64 times half the box.
    """
    grid = _grid(3, levels, finest_resolution, log2_table_size, seed)
    return FarField(scene, device, seed, contracted, grid, hidden, samples)


def make_inverted_sphere(
    scene: Scene,
    device: torch.device,
    seed: int,
    *,
    levels: Count = 8,
    finest_resolution: Count = 128,
    log2_table_size: Count = 16,
    hidden: Count = 32,
    samples: Annotated[int, Number(least=2)] = 16,
) -> FarField:
    """A coarse field by the place on a sphere around the box and one over the distance (NeRF++).

    Args:
        scene: whose pictures show what is there.
        device: of the colours.
        seed: of its numbers.
        levels: of the grid, in four dimensions.
        finest_resolution: cells of the finest level along an axis.
        log2_table_size: of each level's table, at most.
        hidden: units of the network's hidden layer.
        samples: of a ray, from where it leaves the box to 64 times half the box.
    """
    grid = _grid(4, levels, finest_resolution, log2_table_size, seed)
    return FarField(scene, device, seed, inverted, grid, hidden, samples)
