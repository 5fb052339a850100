"""A step's loss is the sum of its parts."""

from __future__ import annotations

import torch

from neurfield.fitting.step import StepReport


def test_losses_are_summed() -> None:
    parts = {"a": torch.tensor(1.5, requires_grad=True), "b": torch.tensor(2.0), "c": torch.tensor(-0.25)}
    report = StepReport(parts, {})
    assert report.total().item() == 3.25
    report.total().backward()
    assert parts["a"].grad is not None and parts["a"].grad.item() == 1.0
