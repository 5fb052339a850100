"""Which methods are fitted to rooms, and with what: the same pictures and priors for each of them."""

from __future__ import annotations

from dataclasses import dataclass

from neurfield.parts import Config, load_config, methods, spelled_out
from neurfield.scenes.builtin import REPEATING

PRIORS = {"independent": "", "repeating": REPEATING}  # kinds of errors, and the end of a room's name
HOLDOUT_EVERY = 8
# Seconds. A fit of no more is one of the preset quick; a longer one than LONG of best, which matches long.
SHORT, LONG = 60.0, 120.0

# What all fits are given: no measured depth, both ambiguous priors, frames that are held out for PSNR.
GIVEN = (
    "data.sensor_depth=off", "data.prior_depth=true", "data.prior_normal=true",
    f"data.holdout_every={HOLDOUT_EVERY}", "train.save_every=0", "train.preview_every=0",
)  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """A fit that is to be measured.

    Attributes:
        room: a built-in room, or the path of a scene with truth.
        priors: a key of `PRIORS`.
        method: a name of `methods()`, or a preset file.
        budget: seconds from the command's start to the mesh.
        overrides: as of --set, beyond what every fit is given.
    """

    room: str
    priors: str
    method: str
    budget: float
    overrides: tuple[str, ...] = ()

    @property
    def scene(self) -> str:
        """The name under which the room has these priors."""
        return self.room + PRIORS[self.priors]

    @property
    def preset(self) -> str:
        """The preset whose numbers, but steps, the fit has."""
        if self.budget > LONG:
            return "best"
        return "default" if self.budget > SHORT else "quick"

    @property
    def settings(self) -> tuple[str, ...]:
        """All that is set beside the preset."""
        return (*GIVEN, *self.overrides)

    @property
    def tells_objects(self) -> bool:
        """Whether the method looks at segments, so that its run has objects to measure."""
        return bool(getattr(load_config(self.method, self.preset, self.settings).data, "segment", False))

    def kind(self) -> str:
        """What fits have in common that take as long for a step, as text: all but room, steps and seconds."""
        config = load_config(self.method, self.preset, self.settings)
        config.train.steps = 1
        return str(spelled_out(config))


def room_methods() -> list[str]:
    """The shipped methods that a room's pictures and ambiguous priors can be given to.

    All that fit surfaces, but those that match the pictures and look at no prior (`photos`): with priors they
    would be another method. Distances without a sign have no fused start, and are for open things.
    """
    return [name for name in methods("surface") if takes_priors(load_config(name))]


def takes_priors(config: Config) -> bool:
    """Whether a method is for more than photographs alone."""
    data = config.data
    if config.needed("field").name == "udf":
        return False
    return data.prior_depth or data.prior_normal or not data.stereo
