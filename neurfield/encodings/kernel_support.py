"""Blended support: how far each kernel may reach so that looking at the K nearest never cuts one off.

Features made of a point's K nearest kernels jump where the K-th and the (K+1)-th change places. Multiplying by a
window that ends at the distance of the (K+1)-th does not help: that distance has a kink wherever two kernels
change places, and every window would inherit it. What helps is a radius that belongs to the kernel and does not
depend on the point. It must be so small that the K nearest are all that count:

    r_k = the least distance from c_k at which K others can be as near to a point as c_k is.

Proof that features are then as smooth as the windows. Let x lie within r_k of c_k. By the definition fewer than
K others are nearer to x than c_k, so k is among the K nearest of x. Hence every kernel whose window is not zero
at x is among the K nearest, the sum over the K nearest is the sum over all kernels, and a kernel that enters or
leaves that set does so with a zero window. A sum over all kernels of fixed smooth functions is smooth: with the
window (1 - |D|^2 / r^2)^3 twice continuously differentiable (but for kinks of the response itself, which "markov" has at
its centre and "tent" at its axes and border).

Where more than K kernels are nearly as near as the nearest one, all windows are small: that is so for every
continuous choice (at a point exactly between more than K, symmetry leaves only zero). There, and outside the
kernels, features fade to the bias.

Along a unit vector e the others are as near as c_k from r = 1 / (e . p_j) on, p_j = 2 delta_j / |delta_j|^2,
delta_j = c_j - c_k. So 1 / r_k is the largest value that the K-th largest of e . p_j takes over all e, found by
branch and bound on the faces of a cube.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

_TOLERANCE = 0.05  # radii that are smaller than they could be by this part are good enough
_CHUNK = 4096  # kernels at a time
_DEEPEST = {2: 5, 3: 3, 4: 2}  # halvings of a cube's face; what is left then is taken by its bound
_OTHERS = {
    2: 4,
    3: 6,
    4: 8,
}  # so many times K others are looked at; half the distance to the last is the most
_LEAST = 1e-9


def support_radii(centres: Tensor, neighbours: int) -> Tensor:
    """Radii [M], of the centres' dtype, within which each of centres [M, d] is among any point's K nearest.

    Never larger than may be, and somewhat smaller than the largest: about 5 % in 2-D, 10 to 20 % beyond.
    """
    positions = centres.detach().double().cpu().numpy()
    count, d = positions.shape
    others = min(count - 1, _OTHERS[d] * neighbours)
    if others == 0:
        return torch.ones(count, dtype=centres.dtype, device=centres.device)
    distances, found = cKDTree(positions).query(positions, k=others + 1, workers=-1)
    radii = np.concatenate(
        [
            _radii(positions, distances[i : i + _CHUNK], found[i : i + _CHUNK], i, neighbours)
            for i in range(0, count, _CHUNK)
        ]
    )
    if others < count - 1:
        radii = np.minimum(radii, 0.5 * distances[:, -1])  # what was not looked at is farther than that
    else:
        radii = np.minimum(
            radii, 2.0 * distances[:, -1]
        )  # few kernels, all of which may be seen from anywhere
    radii = np.maximum(radii * (1.0 - 1e-5), _LEAST)  # K nearest are found with rounding
    return torch.from_numpy(radii).to(centres)


def _radii(
    positions: np.ndarray, distances: np.ndarray, found: np.ndarray, first: int, neighbours: int
) -> np.ndarray:
    """Of the kernels from `first` on, whose nearest are `found` [n, others + 1], themselves among them."""
    n, d = len(found), positions.shape[1]
    own = np.arange(first, first + n)
    itself = found == own[:, None]
    itself[~itself.any(1), -1] = True  # of many in one place the tree may have left the kernel itself out
    near, distance = found[~itself].reshape(n, -1), distances[~itself].reshape(n, -1)
    if near.shape[1] < neighbours:
        return np.full(n, np.inf)
    delta = positions[near] - positions[own][:, None]
    size = 2.0 / np.maximum(distance, _LEAST)
    poles = delta * (size / np.maximum(distance, _LEAST))[:, :, None]

    best = np.zeros(n)
    bound = np.zeros(n)
    kernel, cell, half = _cube_faces(n, d)
    for depth in range(_DEEPEST[d] + 1):
        direction = cell / np.linalg.norm(cell, axis=1, keepdims=True)
        along = np.einsum("cd,cjd->cj", direction, poles[kernel])
        along[distance[kernel] <= _LEAST] = 2.0 / _LEAST  # in the same place: as near in every direction
        # Directions whose points of the cube lie in this cell are at most so far from its middle's.
        slack = half * np.sqrt(d - 1.0)
        np.maximum.at(best, kernel, _kth_largest(along, neighbours))
        upper = _kth_largest(along + slack * size[kernel], neighbours)
        unsettled = upper > (1.0 + _TOLERANCE) * np.maximum(best[kernel], 0.0)
        if depth == _DEEPEST[d]:
            np.maximum.at(bound, kernel[unsettled], upper[unsettled])
        kernel, cell, half = _quarter(kernel[unsettled], cell[unsettled], half)
        if len(kernel) == 0:
            break
    reciprocal = np.maximum(best * (1.0 + _TOLERANCE), bound)
    return np.divide(1.0, reciprocal, out=np.full(n, np.inf), where=reciprocal > 0.0)


def _kth_largest(values: np.ndarray, k: int) -> np.ndarray:
    place = values.shape[1] - k
    return np.partition(values, place, axis=1)[:, place]


def _cube_faces(kernels: int, d: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Whole faces of the cube [-1, 1]^d for each kernel: whose they are, their middles, half their width."""
    middles = np.concatenate([np.eye(d), -np.eye(d)])
    return np.repeat(np.arange(kernels), 2 * d), np.tile(middles, (kernels, 1)), 1.0


def _quarter(kernel: np.ndarray, cell: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Cells halved along each of their axes; the axis they stand on is the one where they are at +-1."""
    d = cell.shape[1]
    across = np.abs(cell).argmax(1)
    free = np.stack([np.delete(np.arange(d), axis) for axis in range(d)])[across]  # [C, d - 1]
    steps = np.array(list(itertools.product((-0.5, 0.5), repeat=d - 1))) * half  # [2^(d-1), d - 1]
    children = np.repeat(cell[:, None], len(steps), axis=1)
    np.put_along_axis(
        children,
        np.repeat(free[:, None], len(steps), axis=1),
        np.take_along_axis(children, np.repeat(free[:, None], len(steps), axis=1), 2) + steps,
        2,
    )
    return np.repeat(kernel, len(steps)), children.reshape(-1, d), 0.5 * half
