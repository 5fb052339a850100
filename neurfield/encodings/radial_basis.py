"""Radial bases as a module: kernels with their own places and widths, many to where the signal is hard."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.encodings.encoding import Encoding
from neurfield.encodings.kernel_placement import spread_kernels
from neurfield.encodings.kernel_support import support_radii
from neurfield.ops import native
from neurfield.ops.kernel_lookup import KernelLookup
from neurfield.ops.radial_basis import KERNELS, MAX_NEIGHBOURS, radial_basis_encode

_INITIAL_RANGE = 1e-4


class RadialBasis(Encoding):
    """Features of points from the K kernels around them (NeuRBF, Chen et al., ICCV 2023).

    Channel c of a point's features is a sum over the K nearest kernels of their own feature times sin(m_c
    a_k), a_k being the kernel's (normalised) response and m_c log-spaced from `lowest` to `highest`: see
    `neurfield.ops.radial_basis_encode`. Channels are the stages of coarse to fine, slow sines first. Points
    may lie anywhere: outside the kernels the nearest are those of the true point, and responses fall off
    (without `blend`, normalised ones only become equal). The published hybrid is the concatenation with a
    grid encoding.

    Weakness: the set of the K nearest changes from place to place, and where it does, features jump and their
    gradient says nothing about it; a loss on gradients (eikonal, normals) suffers. `blend=True`, which is
    ours, gives each kernel a support in which it always is among the K nearest (`kernel_support`): values and
    gradients are then continuous everywhere. What it costs: supports are small for small K (take K = 8), and
    between clusters of very different density features may fade to the bias.

    Args:
        count: number of kernels, spread evenly over [0, 1]^dimensions.
        centres, shapes: [M, d] and [M, d (d + 1) / 2], as `place_kernels` gives them, instead of `count`.
        dimensions: d, 2 to 4.
        features: channels F; the parameters are M * F features and F biases.
        neighbours: K, 1 to 8.
        kernel: "inverse_quadratic", "gaussian", "inverse_multiquadric", "markov" or "tent".
        lowest, highest: frequencies m of the first and last channel, radians per response: 2^-3 and 2^12 for
            images, 1 and 8 for distance fields; None for both uses the responses without sines.
        normalise: divide responses by their sum over the K nearest.
        blend: continuous values and gradients, see above.
        seed: of the features and biases, uniform in (-1e-4, 1e-4), and of the spread of kernels.
        learn_kernels: make centres and shapes parameters; published results keep them. The lookup is made
            anew whenever the centres have other values than it was built for (state loaded, a step of an
            optimiser), and so are supports if kernels are learnt.

    Raises:
        ValueError: an argument is out of its range, or both or neither of `count` and `centres` are given.
    """

    centres: Tensor
    shapes: Tensor
    features: Tensor
    bias: Tensor
    frequencies: Tensor | None
    support: Tensor | None

    def __init__(
        self,
        count: int | None = None,
        centres: Tensor | None = None,
        shapes: Tensor | None = None,
        dimensions: int = 2,
        features: int = 32,
        neighbours: int = 4,
        kernel: str = "inverse_quadratic",
        lowest: float | None = 2.0**-3,
        highest: float | None = 2.0**12,
        normalise: bool = True,
        blend: bool = False,
        seed: int = 0,
        learn_kernels: bool = False,
    ) -> None:
        super().__init__()
        if kernel not in KERNELS:
            raise ValueError(f"RadialBasis: kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
        if not 2 <= dimensions <= 4:
            raise ValueError(f"RadialBasis: dimensions must be 2 to 4, got {dimensions}")
        if features < 1:
            raise ValueError(f"RadialBasis: features must be at least 1, got {features}")
        if (count is None) == (centres is None) or (centres is None) != (shapes is None):
            raise ValueError("RadialBasis: give count, or centres with their shapes")
        if count is not None:
            if count < 1:
                raise ValueError(f"RadialBasis: count must be at least 1, got {count}")
            centres, shapes = spread_kernels(count, dimensions, seed, kernel)
        assert centres is not None and shapes is not None
        _check_kernels(centres, shapes, dimensions)
        if not 1 <= neighbours <= min(MAX_NEIGHBOURS, len(centres)):
            most = min(MAX_NEIGHBOURS, len(centres))
            raise ValueError(
                f"RadialBasis: neighbours must be 1 to {most} for {len(centres)} kernels, got {neighbours}"
            )
        self.dimensions, self.output_dim, self.levels = dimensions, features, features
        self.neighbours, self.kernel, self.normalise, self.blend = neighbours, kernel, normalise, blend
        generator = torch.Generator().manual_seed(seed)
        for name, shape in (("features", (len(centres), features)), ("bias", (features,))):
            start = torch.empty(shape).uniform_(-_INITIAL_RANGE, _INITIAL_RANGE, generator=generator)
            setattr(self, name, nn.Parameter(start))
        for name, tensor in (("centres", centres), ("shapes", shapes)):
            own = tensor.detach().clone().float().contiguous()
            if learn_kernels:
                setattr(self, name, nn.Parameter(own))
            else:
                self.register_buffer(name, own)
        self.register_buffer("frequencies", _frequencies(lowest, highest, features))
        self.register_buffer("support", support_radii(self.centres, neighbours) if blend else None)
        self._lookup: KernelLookup | None = None
        self._seen: tuple[int, int] | None = None  # memory and version of the centres at the last call

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Features [N, features] of points [N, dimensions]; channels from `active_levels` on are zero."""
        self._check(points)
        return radial_basis_encode(
            points,
            self.centres,
            self.shapes,
            self.features,
            self.bias,
            self.frequencies,
            self.neighbours,
            self.kernel,
            self.normalise,
            self.support,
            active_levels,
            self._current_lookup(),
        )

    @property
    def on_device(self) -> bool:
        """Whether features are found without the host: the kernels stay, and their device has a lookup."""
        if self.centres.requires_grad:
            return False
        return native.kernels(self.centres, needs="KernelLookup") is not None

    def _current_lookup(self) -> KernelLookup:
        """The lookup of the centres as they are; made anew, with learnt supports, if they have changed."""
        now = (self.centres.data_ptr(), self.centres._version)
        if self._lookup is not None and now == self._seen and self._may_trust_versions():
            return self._lookup
        self._seen = now
        if self._lookup is None or not self._lookup.serves(self.centres):
            # Loaded centres come with their supports; learnt ones leave theirs behind.
            if self.support is not None and self._lookup is not None and self.centres.requires_grad:
                with torch.no_grad():
                    self.support.copy_(support_radii(self.centres, self.neighbours))
            self._lookup = KernelLookup(self.centres)
        return self._lookup

    def _may_trust_versions(self) -> bool:
        """Whether the centres' memory and version tell if they are as before.

        Comparing them would make a GPU wait. The optimiser's kernels write without changing a version.
        """
        return not (self.centres.is_cpu or self.centres.requires_grad)

    def __getstate__(self) -> dict[str, Any]:
        # A tree is neither copied nor pickled, but made anew.
        return {**self.__dict__, "_lookup": None}

    def extra_repr(self) -> str:
        return (
            f"kernels={len(self.centres)}, dimensions={self.dimensions}, features={self.output_dim}, "
            f"neighbours={self.neighbours}, kernel={self.kernel!r}, normalise={self.normalise}, "
            f"blend={self.blend}"
        )


def _frequencies(lowest: float | None, highest: float | None, features: int) -> Tensor | None:
    if lowest is None and highest is None:
        return None
    if lowest is None or highest is None or not 0.0 < lowest <= highest or math.isinf(highest):
        raise ValueError(
            "RadialBasis: lowest and highest must be 0 < lowest <= highest, or both None, "
            f"got {lowest} and {highest}"
        )
    return torch.logspace(math.log2(lowest), math.log2(highest), features, base=2.0)


def _check_kernels(centres: Tensor, shapes: Tensor, dimensions: int) -> None:
    if centres.ndim != 2 or centres.shape[1] != dimensions or len(centres) == 0:
        raise ValueError(f"RadialBasis: centres must be [M, {dimensions}], got {list(centres.shape)}")
    wanted = (len(centres), dimensions * (dimensions + 1) // 2)
    if shapes.shape != wanted:
        raise ValueError(f"RadialBasis: shapes must be {list(wanted)}, got {list(shapes.shape)}")
    for name, tensor in (("centres", centres), ("shapes", shapes)):
        if not torch.isfinite(tensor).all():
            row = int((~torch.isfinite(tensor)).any(1).nonzero()[0])
            raise ValueError(f"RadialBasis: {name}[{row}] is not finite: {tensor[row].tolist()}")
