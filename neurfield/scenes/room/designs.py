"""The built-in rooms by name."""

from __future__ import annotations

from neurfield.scenes.room.design import Design
from neurfield.scenes.room.layouts.room0 import ROOM0
from neurfield.scenes.room.layouts.room1 import ROOM1
from neurfield.scenes.room.layouts.room2 import ROOM2

DESIGNS: dict[str, Design] = {"room0": ROOM0, "room1": ROOM1, "room2": ROOM2}
