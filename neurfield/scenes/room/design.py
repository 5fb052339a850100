"""What makes one built-in room different from the next: shell, furniture, walk, brightness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurfield.scenes.room.parts import Assembly
from neurfield.scenes.room.shell import Shell

Furnish = Callable[[Assembly, Shell, np.random.Generator], None]


@dataclass(frozen=True)
class Walk:
    """How the camera goes through a room: two rounds, and where it looks.

    turn and tilt are spread evenly over the walk: degrees to the left of straight across the room, and up.
    wall_gap: metres from the walls to the outermost line that the walk strives for.
    """

    turn: tuple[int, ...]
    tilt: tuple[int, ...]
    frames: int
    wall_gap: float = 0.5


@dataclass(frozen=True)
class Design:
    """A built-in room as data.

    furnish places the shell and every object, and instance ids follow its order; median_light is what the
    median light on what is seen becomes in the pictures, 1 showing white paper as white.
    """

    title: str
    shell: Shell
    furnish: Furnish
    walk: Walk
    median_light: float
    seed: int
