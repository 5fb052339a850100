"""Planes of features across all pairs of axes, as a module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neurfield.encodings.encoding import Encoding
from neurfield.ops.plane_layout import PlaneLayout
from neurfield.ops.triplane import INTERPOLATIONS, triplane_encode


class TriPlane(Encoding):
    """Features of points in [0, 1]^dimensions from planes of all pairs of axes (Chan et al. 2022).

    There is one plane in 2-D, three in 3-D, six in 4-D (K-Planes, Fridovich-Keil et al. 2023). A coordinate
    outside [0, 1] is seen at the border, where the derivative by it is zero.

    Args:
        dimensions: 2, 3 or 4.
        resolutions: texels along an edge of a plane; several make levels, coarse to fine.
        features: of a plane; 1, 2 or a multiple of 4.
        combination: of a level's planes: "sum", "product" (K-Planes; a plane can then silence the others) or
            "concatenation".
        interpolation: "linear", or "smoothstep" for derivatives that are continuous across texels.
        align_corners: the border texels lie at 0 and 1, as in K-Planes; False: they are cells, with their
            middles half a cell inside, as in EG3D and most code that stores [3, C, H, W].
        seed: of the initial texels: normal with deviation 0.001 (Cardace et al. 2024) for sums and
            concatenations, uniform in (0.1, 0.5) for products, as K-Planes starts its planes of space.

    Raises:
        ValueError: naming the argument.
    """

    def __init__(
        self,
        dimensions: int = 3,
        resolutions: Sequence[int] = (128,),
        features: int = 32,
        combination: str = "sum",
        interpolation: str = "linear",
        align_corners: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"TriPlane: interpolation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}"
            )
        self.layout_of_planes = PlaneLayout(
            dimensions, tuple(resolutions), features, combination, align_corners
        )
        self.interpolation = interpolation
        self.dimensions = dimensions
        self.output_dim = self.layout_of_planes.output_dim
        self.levels = self.layout_of_planes.levels
        generator = torch.Generator().manual_seed(seed)
        texels = torch.empty(self.layout_of_planes.n_parameters)
        if combination == "product":
            texels.uniform_(0.1, 0.5, generator=generator)
        else:
            texels.normal_(0.0, 0.001, generator=generator)
        self.texels = nn.Parameter(texels)

    @classmethod
    def from_planes(
        cls,
        planes: Tensor | Sequence[Tensor],
        combination: str = "sum",
        interpolation: str = "linear",
        align_corners: bool = False,
    ) -> TriPlane:
        """An encoding that holds these planes, each level [planes, C, H, W] as `planes` gives them.

        The last axis runs along the first coordinate of a pair, as in `grid_sample`; the pairs are (x, y),
        (x, z), (y, z). Planes of Cardace et al. (2024), [3, 16, 32, 32] for points of [-1, 1]^3, are this
        encoding of 0.5 x + 0.5 except for the outermost half texel, which fades to zero there.

        Raises:
            ValueError: not square, a number of planes that no dimension has, or levels that differ in it.
        """
        levels = [planes] if isinstance(planes, Tensor) else list(planes)
        dimensions = {1: 2, 3: 3, 6: 4}
        first = tuple(levels[0].shape) if levels else ()
        for level in levels:
            shape = tuple(level.shape)
            square = len(shape) == 4 and shape[2] == shape[3] and shape[0] in dimensions
            if not square or shape[:2] != first[:2]:
                raise ValueError(
                    "TriPlane.from_planes: planes must be [1, 3 or 6, C, R, R], with the same C on all "
                    f"levels, got {list(shape)}"
                )
        if not levels:
            raise ValueError("TriPlane.from_planes: planes must hold at least one level, got none")
        resolutions = [int(level.shape[2]) for level in levels]
        made = cls(
            dimensions[first[0]], resolutions, int(first[1]), combination, interpolation, align_corners
        )
        flat = [level.detach().permute(0, 2, 3, 1).reshape(-1) for level in levels]
        made.texels = nn.Parameter(torch.cat(flat).clone())
        return made

    def planes(self, level: int = 0) -> Tensor:
        """[planes, features, resolution, resolution] of one level: a view, differentiable by the texels.

        Raises:
            IndexError: there is no such level.
        """
        layout = self.layout_of_planes
        resolution = layout.resolutions[range(self.levels)[level]]
        begin = layout.offsets[range(self.levels)[level]]
        count = len(layout.pairs) * resolution**2 * layout.features
        texels = self.texels[begin : begin + count]
        return texels.view(-1, resolution, resolution, layout.features).permute(0, 3, 1, 2)

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Features [N, output_dim] of points [N, dimensions]; levels from `active_levels` on are zero."""
        self._check(points)
        return triplane_encode(points, self.texels, self.layout_of_planes, self.interpolation, active_levels)

    def extra_repr(self) -> str:
        return f"{self.layout_of_planes}, interpolation={self.interpolation!r}"
