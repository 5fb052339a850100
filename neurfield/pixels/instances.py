"""Which of a field's objects the instance ids of segments are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Instances:
    """Instance ids by the index of their object: 0 is the background and all that is no object of the field.

    Args:
        ids: of the objects 1, 2, ...

    Example:
        >>> Instances([4, 9]).index_of(torch.tensor([9, 0, 4, 7, -1]))
        tensor([2, 0, 1, 0, 0])
    """

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = tuple(ids)
        self._sorted: dict[torch.device, tuple[Tensor, Tensor]] = {}  # ids and their order, on a device

    def __len__(self) -> int:
        """How many objects there are, the background among them."""
        return 1 + len(self.ids)

    def index_of(self, segment: Tensor) -> Tensor:
        """The index, int64, of instance ids int64 of any shape."""
        if not self.ids:
            return torch.zeros_like(segment)
        if segment.device not in self._sorted:
            ids, order = torch.tensor(self.ids).sort()
            self._sorted[segment.device] = ids.to(segment.device), order.to(segment.device)
        ids, order = self._sorted[segment.device]
        place = torch.searchsorted(ids, segment).clamp_max(len(ids) - 1)
        return torch.where(ids[place] == segment, order[place] + 1, 0)


NONE = Instances(())  # of a field that tells no objects apart
