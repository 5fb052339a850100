"""What a fit wants of a sampler: where along their rays the field is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from neurfield.fields.protocols import Distances
from neurfield.moment import Moment
from neurfield.rays import Rays, Samples
from neurfield.rendering.opacity import OpacityNow

if TYPE_CHECKING:
    from neurfield.pixels import Pixels


class Sampler(Protocol):
    """Chooses the sections of a step's rays, and how many rays a step has."""

    @property
    def words(self) -> str:
        """How large a step is, for people: "1024 rays"."""
        ...

    def rays(self) -> int:
        """How many the next step draws."""
        ...

    def truncation(self, moment: Moment) -> float:
        """Half width of the band around sensed depth, unit lengths."""
        ...

    def widest(self, moment: Moment, guided: bool) -> float:
        """The greatest width that an opacity may have, unit lengths, so that the samples hold its surface.

        Args:
            moment: of the fit.
            guided: whether rays are sampled around sensed depth.
        """
        ...

    def look(self, field: Distances, moment: Moment) -> None:
        """See where the field's surface is by now; called before each step with rays."""
        ...

    def sample(
        self, pixels: Pixels, field: Distances, opacity: OpacityNow, moment: Moment
    ) -> tuple[Pixels, Samples]:
        """Sections for every ray, and the pixels in the order in which they have them."""
        ...

    def for_picture(self, rays: Rays, field: Distances, opacity: OpacityNow) -> Samples:
        """Sections for rays of a picture, always the same ones."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What it knows that the next step depends on, for a checkpoint."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Take what `state` gave."""
        ...
