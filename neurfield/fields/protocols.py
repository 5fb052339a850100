"""What fits, samplers and renderers want of fields and colours, whichever parts these are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from neurfield.fields.sdf import FieldSample
from neurfield.fields.shaded import Shaded
from neurfield.moment import Moment


class Learner(Protocol):
    """What a fit wants of anything that it fits; a torch module has all but the groups."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "table", "encoding", "network", ..."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Its tensors by name, for a checkpoint."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take tensors written by `state_dict`."""
        ...


class Field(Learner, Protocol):
    """What a fit wants of a field besides its answers."""

    @property
    def capturable(self) -> bool:
        """Whether queries can be recorded on a GPU: the host takes no part in them."""
        ...

    def at(self, moment: Moment) -> None:
        """Become what the field is at a moment of a fit, such as coarse or fine."""
        ...


class Distances(Protocol):
    """What samplers want of a field."""

    def sdf(self, points: Tensor) -> Tensor:
        """Signed distances [N] at points [N, 3], unit coordinates; without derivatives."""
        ...


class DistanceField(Field, Distances, Protocol):
    """A field of which a surface can be rendered.

    One whose distances have no sign says so: its `sign` is "unsigned" (`neurfield.surfaces.extract_surface`).
    """

    def query(self, points: Tensor, gradient: bool = False, row: Tensor | None = None) -> FieldSample:
        """What it knows of points [N, 3], unit coordinates; the gradient only if it is asked for.

        `row` [N] int64 names per point whose gradient it is, if not the SDF's; see `row_of`.
        """
        ...

    def row_of(self, head: str) -> int:
        """By which `query` knows the first number of a head."""
        ...


class Color(Learner, Protocol):
    """From the field's feature, normal and view to a colour."""

    def at(self, moment: Moment) -> None:
        """Become what the colour is at a moment of a fit, such as without a view."""
        ...

    def encode_views(self, directions: Tensor) -> Tensor:
        """What `views` holds [R, V] of unit directions [R, 3], world axes, from the camera into the scene."""
        ...

    def __call__(
        self,
        points: Tensor,
        feature: Tensor,
        normal: Tensor,
        views: Tensor,
        rays: Tensor | None = None,
        counted: Tensor | None = None,
    ) -> Tensor | Shaded:
        """Colours [N, 3] in 0..1; `Shaded` where more is to be rendered of each point.

        Args:
            points: [N, 3], unit coordinates.
            feature: [N, F] of the field, and after it codes of a picture, if there are any; else they are
                zeros.
            normal: [N, 3] unit.
            views: encoded, [N, V], or [R, V] of rays.
            rays: [N] int64, each sample's ray, where views are of rays.
            counted: [M] int64, the samples to ask for; the others may be black. None: all.
        """
        ...
