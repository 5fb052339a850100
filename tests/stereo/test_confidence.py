"""Confidence by hand: baseline, cost, slant, a second choice."""

from __future__ import annotations

import numpy as np
import torch

from neurfield.ops import StereoPictures
from neurfield.stereo.confidence import AGREED, ERROR, PLANAR, confidence, deviation

PICTURES = StereoPictures(
    torch.zeros(1, 4, 5, dtype=torch.uint8),
    torch.tensor([[100.0, 100.0, 2.5, 2.0]]),
    torch.eye(4).double()[None],
)
FULL = torch.ones(4, 5)
FACING = torch.tensor([0.0, 0.0, -1.0]).expand(4, 5, 3)


def sigma(depth=2.0, cost=0.0, count=4, angle=10.0) -> torch.Tensor:
    return deviation(PICTURES, 0, depth * FULL, cost * FULL, (count * FULL).byte(), angle * FULL)


def test_deviation_by_hand() -> None:
    baseline = 2.0 * 2.0 * np.sin(np.radians(5.0)) * 2.0  # across the ray, of four sources
    assert torch.allclose(sigma(), torch.full((4, 5), 4.0 * ERROR / (100.0 * baseline)).float())
    assert torch.allclose(sigma(cost=0.5), 2.0 * sigma())
    assert torch.allclose(sigma(count=1), 2.0 * sigma())
    assert torch.isinf(sigma(count=0)).all() and torch.isinf(sigma(depth=0.0)).all()


def sure(normal=FACING, ratio=2.0, planar=False, factor=1.0) -> float:
    weights = confidence(PICTURES, 0, normal, factor * FULL, 1.0, ratio * FULL, torch.full((4, 5), planar))
    return float(weights[2, 2])


def test_confidence_by_hand() -> None:
    assert abs(sure() - 1.0) < 1e-3 and abs(sure(factor=2.0) - 0.25) < 1e-3 and sure(factor=0.5) <= 1.0
    assert abs(sure(ratio=1.0) - AGREED) < 1e-3 and AGREED < sure(ratio=1.05) < 1.0
    assert abs(sure(planar=True) - PLANAR) < 1e-3
    slanted = torch.tensor([0.0, np.sqrt(0.75), -0.5]).float().expand(4, 5, 3)
    assert abs(sure(normal=slanted) - 0.5) < 0.01
    assert sure(normal=-FACING) == 0.0 and sure(factor=np.inf) == 0.0
