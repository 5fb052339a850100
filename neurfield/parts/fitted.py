"""What a method fits, surfaces, shapes, slices or pictures, and what it is made of: slots and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurfield.parts.groups import Data, PictureTrain, Train


@dataclass(frozen=True)
class Fitted:
    """A thing that methods fit.

    Attributes:
        words: several of it, for people.
        slots: those of `SLOTS` that such a method has.
        groups: its groups of numbers beside parts.
    """

    words: str
    slots: tuple[str, ...]
    groups: Mapping[str, type[Data] | type[Train]]


FITTED: dict[str, Fitted] = {
    "surface": Fitted(
        "surfaces",
        (
            "field", "heads", "color", "pixels", "sampler", "passes", "background", "exposure", "poses",
            "transients", "points", "losses", "polish", "mesh",
        ),
        {"data": Data, "train": Train},
    ),
    "shape": Fitted("meshes and clouds", ("field", "heads", "points", "losses", "mesh"), {"train": Train}),
    "slices": Fitted("cross-sections", ("field", "heads", "points", "losses", "mesh"), {"train": Train}),
    "picture": Fitted("pictures", ("encoding", "field", "points", "losses"), {"train": PictureTrain}),
}  # fmt: skip
