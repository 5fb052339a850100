"""Blended support: how far each kernel may reach so that looking at the K nearest never cuts one off.

Features made of a point's K nearest kernels jump where the K-th and the (K+1)-th change places. Multiplying
by a window that ends at the distance of the (K+1)-th does not help: that distance has a kink wherever two
kernels change places, and every window would inherit it. What helps is a radius that belongs to the kernel
and does not depend on the point. It must be so small that the K nearest are all that count:

    r_k = the least distance from c_k at which K others can be as near to a point as c_k is.

Proof that features are then as smooth as the windows. Let x lie within r_k of c_k. By the definition fewer
than K others are nearer to x than c_k, so k is among the K nearest of x. Hence every kernel whose window is
not zero at x is among the K nearest, the sum over the K nearest is the sum over all kernels, and a kernel
that enters or leaves that set does so with a zero window. A sum over all kernels of fixed smooth functions
is smooth: with the window (1 - |D|^2 / r^2)^3 twice continuously differentiable (but for kinks of the
response itself, which "markov" has at its centre and "tent" at its axes and border).

Where more than K kernels are nearly as near as the nearest one, all windows are small: that is so for every
continuous choice (at a point exactly between more than K, symmetry leaves only zero). There, and outside the
kernels, features fade to the bias.

Along a unit vector e the others are as near as c_k from r = 1 / (e . p_j) on, p_j = 2 delta_j / |delta_j|^2,
delta_j = c_j - c_k. So 1 / r_k is the largest value that the K-th largest of e . p_j takes over all e, found
by branch and bound on the faces of a cube (Python leaves that to the kernels, and takes a simpler bound).
"""

from __future__ import annotations

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.ops import native

_OTHERS = {2: 4, 3: 6, 4: 8}  # so many times K others are looked at
_LEAST = 1e-9
_MARGIN = 1.0 - 1e-4  # the K nearest, and the radii, are found with rounding


def support_radii(centres: Tensor, neighbours: int) -> Tensor:
    """Radii [M], of the centres' dtype, within which each of centres [M, d] is among any point's K nearest.

    Never larger than may be; natively about 5 % smaller than the largest that may be, and at most half the
    distance to the 4 K-th other centre (6 K-th in 3-D, 8 K-th in 4-D). Without native kernels half the
    distance to the K-th other centre, a bound that is up to twice too small: |x - c_k| < r_k means that x is
    farther than 2 r_k - r_k from all but K - 1 others.
    """
    positions = centres.detach().float().cpu().contiguous()
    count, d = positions.shape
    if count == 1:
        return torch.ones_like(centres[:, 0])
    others = min(count - 1, _OTHERS[d] * neighbours)
    distances, found = cKDTree(positions.double().numpy()).query(positions, k=others + 1, workers=-1)
    if neighbours > count - 1:
        radii = 2.0 * torch.from_numpy(distances[:, -1])  # so few kernels that all are always looked at
    elif native.module is None:
        radii = 0.5 * torch.from_numpy(distances[:, neighbours])
    else:
        reciprocal = torch.empty(count)
        native.module.kernel_support(positions, torch.from_numpy(found).int(), neighbours, reciprocal)
        # What was not looked at is farther than the last that was, and in the way from half its distance on.
        last = torch.from_numpy(distances[:, -1]) * (0.5 if others < count - 1 else 2.0)
        radii = torch.minimum(1.0 / reciprocal.double(), last)
    return (radii * _MARGIN).clamp(min=_LEAST).to(centres)
