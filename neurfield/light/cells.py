"""Rays against tiny networks of cells, which their kernels follow by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.light.sphere import SphereTraced
from neurfield.ops.ray_march import ray_box


class CellsTraced(SphereTraced):
    """A field that finds the first place along rays itself (`KiloSDF.first_along`), as `SphereTraced`.

    Its cells tell where nothing is, and how far a step may go: no grid of free space is made.
    """

    def _look_around(self) -> tuple[Tensor, Tensor, float, float]:
        return torch.ones(1, 1, 1), self._unit_box[:3], 2.0, 1.0

    def _first(self, o: Tensor, d: Tensor, t_max: Tensor | None) -> Tensor:
        near, far = ray_box(o, d, self._unit_box)
        return self.field.first_along(o, d, near, far if t_max is None else torch.minimum(far, t_max))

    @torch.no_grad()
    def occluded(self, origins: Tensor, directions: Tensor, t_max: Tensor) -> Tensor:
        """See `neurfield.traced.TracedSurface`."""
        half = self._frame.half
        return torch.isfinite(self._first(origins / half, directions, t_max / half))


def traced(
    field: Any, radiance: Any | None, box: np.ndarray, device: torch.device | str = "cpu"
) -> SphereTraced:
    """A field as a surface that answers rays, in the quickest way it has; arguments as of `SphereTraced`.

    Raises:
        UserError: the field's distances have no sign.
    """
    kind = CellsTraced if hasattr(field, "first_along") else SphereTraced
    return kind(field, radiance, box, device)
