"""A benchmark's protocol with its truth, which may be asked of one mesh after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import trimesh

from neurfield.inputs.outcome import Outcome

WITH_ICP = "_with_icp"
# Camera centres [k,3] of a mesh for a reference of so many pictures, as `Input.trajectory` gives them.
Trajectory = Callable[[int], np.ndarray]


class Protocol(ABC):
    """A protocol with its truth, which may be asked of one mesh after another.

    Attributes:
        key: of its numbers in metrics.json; those with ICP have `WITH_ICP` behind it.
        has_icp: whether a mesh is measured with ICP, too.
    """

    key: ClassVar[str]
    has_icp: ClassVar[bool] = True

    def measure(self, outcome: Outcome, trajectory: Trajectory) -> None:
        """Numbers of the outcome's mesh, without ICP and, where that is done, with it, into the outcome.

        Args:
            outcome: with the mesh.
            trajectory: of the mesh's cameras, should it be needed.
        """
        for key in (self.key, *([self.key + WITH_ICP] if self.has_icp else [])):
            if outcome.mesh is not None and self.key not in outcome.troubles:
                with outcome.part(key):
                    outcome.metrics[key] = self.numbers(outcome.mesh, trajectory, key != self.key)

    @abstractmethod
    def numbers(self, mesh: trimesh.Trimesh, trajectory: Trajectory, with_icp: bool) -> dict[str, Any]:
        """Numbers of a mesh, and the conventions they rest on."""
