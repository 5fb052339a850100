"""Parts of a fit that decide, before its first step, whether they are wanted, and keep to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Decided(nn.Module):
    """A part that learns or does nothing: decided once, and kept in checkpoints.

    Args:
        device: of what it keeps.
    """

    active: Tensor

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.begun, self.learns = False, False
        self.register_buffer("active", torch.zeros((), device=device))
        self.register_load_state_dict_post_hook(lambda *_: self._begin(bool(self.active)))

    def decide(self, learns: bool) -> None:
        """Say whether it is to learn."""
        self._begin(learns)
        self.active.fill_(float(learns))

    def _begin(self, learns: bool) -> None:
        self.begun, self.learns = True, learns
