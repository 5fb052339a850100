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

    Attributes:
        turn, tilt: degrees to the left of straight across the room, and up, spread evenly over the walk.
        frames: how many pictures are taken.
        wall_gap: metres from the walls to the outermost line that the walk strives for.
    """

    turn: tuple[int, ...]
    tilt: tuple[int, ...]
    frames: int
    wall_gap: float = 0.5


@dataclass(frozen=True)
class Design:
    """A built-in room as data.

    Attributes:
        title: what it is, for people.
        shell: walls, floor, ceiling, windows and door.
        furnish: places every object in the shell; instance ids follow its order.
        walk: where the camera goes.
        median_light: what the median light on what is seen becomes in the pictures; 1 shows white paper as
            white.
        seed: of everything random.
    """

    title: str
    shell: Shell
    furnish: Furnish
    walk: Walk
    median_light: float
    seed: int
