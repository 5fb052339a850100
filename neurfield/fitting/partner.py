"""A second field beside the fitted one, which that is to agree with: what is noise differs between them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from neurfield.moment import Moment

KEPT = 0.8  # of a moving average in each step (Li et al. 2025)


class Partner:
    """A field and its colour that are a moving average of the fitted ones, or are fitted, too.

    Args:
        field: a field of its own.
        color: the colour of it.
        learns: whether they are fitted; else they follow.
    """

    def __init__(self, field: Any, color: Any, learns: bool) -> None:
        self.field, self.color, self.learns = field, color, learns
        self._follows = torch.zeros((), device=next(field.parameters()).device)  # 1 from its first step on

    @staticmethod
    def average(field: Any, color: Any) -> Partner:
        """One that will follow these."""
        learners = [copy.deepcopy(one).requires_grad_(False) for one in (field, color)]
        return Partner(learners[0], learners[1], learns=False)

    def at(self, field: Any, color: Any, moment: Moment) -> None:
        """Bring it to a moment, with as many levels as the fitted ones have; an average takes its step."""
        for own, leader in ((self.field, field), (self.color, color)):
            own.at(moment)
            if hasattr(leader, "active_levels"):
                own.active_levels = leader.active_levels

    @torch.no_grad()
    def follow(self, field: Any, color: Any) -> None:
        """Move an average towards the fitted ones, the first time all the way."""
        weight = 1.0 - KEPT * self._follows
        for own, leader in ((self.field, field), (self.color, color)):
            for mean, new in zip(own.state_dict().values(), leader.state_dict().values()):
                if mean.is_floating_point():
                    mean.lerp_(new, weight.to(mean))
                else:
                    mean.copy_(new)
        self._follows.fill_(1.0)

    def state(self) -> dict[str, Tensor]:
        """Both, for a checkpoint."""
        own = {f"field.{name}": tensor for name, tensor in self.field.state_dict().items()}
        own |= {f"color.{name}": tensor for name, tensor in self.color.state_dict().items()}
        return {**own, "follows": self._follows}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state` gave."""
        for name, learner in (("field", self.field), ("color", self.color)):
            own = {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
            learner.load_state_dict(own)
        self._follows.copy_(state["follows"])
