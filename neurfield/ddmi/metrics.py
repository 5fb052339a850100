"""How new shapes compare with held-out ones: coverage, minimum matching distance, 1-NN accuracy."""

from __future__ import annotations

import torch
from torch import Tensor


def chamfer_distances(first: Tensor, second: Tensor) -> Tensor:
    """Chamfer distances [A, B] between clouds: the mean square of a point's distance to the other, both ways.

    Args:
        first: [A, N, 3].
        second: [B, M, 3].
    """
    found = torch.empty(len(first), len(second))
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            apart = torch.cdist(one[None], other[None], compute_mode="use_mm_for_euclid_dist")[0].square()
            found[row, column] = apart.amin(dim=1).mean() + apart.amin(dim=0).mean()
    return found


def coverage(between: Tensor) -> float:
    """The share of true shapes that are the nearest of some new shape (Achlioptas et al. 2018, section 4).

    Args:
        between: distances [new, true].
    """
    return len(between.argmin(dim=1).unique()) / between.shape[1]


def minimum_matching_distance(between: Tensor) -> float:
    """The mean over true shapes of the distance to the nearest new one (Achlioptas et al. 2018, section 4).

    Args:
        between: distances [new, true].
    """
    return float(between.amin(dim=0).mean())


def nearest_neighbour_accuracy(new: Tensor, between: Tensor, true: Tensor) -> float:
    """How often the nearest other shape tells whether a shape is new or true (Lopez-Paz and Oquab 2017).

    0.5 where new shapes cannot be told from true ones, 1 where they can, 0 where they are copies of them. Of
    equally near shapes those of the other kind count.

    Args:
        new: distances [N, N].
        between: distances [N, T].
        true: distances [T, T].
    """
    own = [new + torch.diag(torch.full((len(new),), torch.inf)),
           true + torch.diag(torch.full((len(true),), torch.inf))]  # fmt: skip
    right = (own[0].amin(dim=1) < between.amin(dim=1)).sum() + (
        own[1].amin(dim=1) < between.amin(dim=0)
    ).sum()
    return float(right) / (len(new) + len(true))


def compare(new: Tensor, true: Tensor) -> dict[str, float]:
    """All three of new clouds [N, P, 3] against true ones [T, P, 3].

    Returns:
        coverage: larger is better; what two draws of the same shapes reach is far below 1.
        matching_distance: smaller is better.
        neighbour_accuracy: 0.5 is best.
    """
    between = chamfer_distances(new, true)
    return {
        "coverage": coverage(between),
        "matching_distance": minimum_matching_distance(between),
        "neighbour_accuracy": nearest_neighbour_accuracy(
            chamfer_distances(new, new), between, chamfer_distances(true, true)
        ),
    }
