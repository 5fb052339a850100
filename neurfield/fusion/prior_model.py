"""What an ambiguous depth map may mean: depth at its two ends, and a slow warp over the image.

log z = log(near + (far - near) x) + warp(u, v), x the prior scaled to 0..1 in its image, warp bilinear
between a few nodes. A network's scale and shift are the two ends; the warp takes up what it gets wrong slowly
across the picture, which no scale and shift can.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NODES_X, NODES_Y = 6, 4
PARAMETERS = 2 + NODES_X * NODES_Y


@dataclass(frozen=True)
class Meaning:
    """What the priors of n images mean.

    Attributes:
        values: [n, PARAMETERS], the logarithms of depth at the two ends, then the warp's nodes row by row.
    """

    values: Tensor

    def log_depth(self, image: Tensor, x: Tensor, uv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log depth of pixels and how it changes.

        Args:
            image: int64 [...], the image of each pixel.
            x: [...], its scaled prior.
            uv: [..., 2], its place, 0..1.

        Returns:
            log z [...], its derivative by the parameters [..., PARAMETERS], and by x [...].
        """
        node, share = nodes(uv)
        near, far, z, warp = self._parts(image, x, node, share)
        slope = torch.zeros(*x.shape, PARAMETERS, dtype=z.dtype)
        slope[..., 0], slope[..., 1] = near * (1.0 - x) / z, far * x / z
        slope.scatter_(-1, node + 2, share)
        return z.log() + warp, slope, (far - near) / z

    def depth(self, image: Tensor, x: Tensor, uv: Tensor) -> Tensor:
        """Depth [...] of pixels, without what `log_depth` tells beside it."""
        _, _, z, warp = self._parts(image, x, *nodes(uv))
        return z * warp.exp()

    def log_depth_of(self, i: int, x: Tensor) -> Tensor:
        """Log depth [h, w] of image i, whose scaled prior is x [h, w]."""
        near, far = self.values[i, :2].exp()
        rows, columns = (_shares(size, count) for size, count in zip(x.shape, (NODES_Y, NODES_X)))
        warp = rows @ self.values[i, 2:].view(NODES_Y, NODES_X) @ columns.T
        return torch.log(near + (far - near) * x).add_(warp)

    def _parts(
        self, image: Tensor, x: Tensor, node: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Depth at both ends, depth before the warp, and the warp, all [...]."""
        near, far = self.values[image, 0].exp(), self.values[image, 1].exp()
        warp = (self.values.view(-1)[image[..., None] * PARAMETERS + 2 + node] * share).sum(dim=-1)
        return near, far, near + (far - near) * x, warp


def _shares(size: int, count: int) -> Tensor:
    """How much each of `count` nodes along a side counts at the middles of `size` pixels: [size, count]."""
    place = (torch.arange(size) + 0.5) / size * (count - 1)
    return (1.0 - (place[:, None] - torch.arange(count)).abs()).clamp_min(0.0)


def nodes(uv: Tensor) -> tuple[Tensor, Tensor]:
    """The four nodes around places [..., 2] in 0..1, int64 [..., 4], and their bilinear shares [..., 4]."""
    x = (uv[..., 0] * (NODES_X - 1)).clamp(0.0, NODES_X - 1 - 1e-4)
    y = (uv[..., 1] * (NODES_Y - 1)).clamp(0.0, NODES_Y - 1 - 1e-4)
    column, row = x.floor(), y.floor()
    a, b = x - column, y - row
    first = (row * NODES_X + column).long()
    shares = torch.stack([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b], dim=-1)
    return torch.stack([first, first + 1, first + NODES_X, first + NODES_X + 1], dim=-1), shares
