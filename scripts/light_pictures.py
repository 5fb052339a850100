"""The pictures of docs/light.md: room0 by day, as it was fitted, and at night under its floor lamp.

    python -m scripts.light_pictures runs/room0/latest

What is rendered stays in build/light_pictures, so that it goes on when called again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import neurfield as nf
from neurfield.scenes.walks import Walk, looking
from scripts.pictures import arguments
from scripts.render_pictures import read, rows_of

MADE = Path(__file__).resolve().parents[1] / "build" / "light_pictures"
SIZE, SHOWN, SAMPLES = (384, 256), (288, 192), 64
EYE, AT, UP = np.array([2.80, 3.08, 1.38]), np.array([0.95, 0.50, 0.93]), np.array([0.0, 0.0, 1.0])
LAMP = np.array([0.42, 0.36])  # where scenes/room/layouts/room0.py puts it
SHADE, LOW, HIGH = 0.226, 1.285, 1.61  # metres: just around the shade that was fitted, which is solid
WINDOW = [[-0.40, 1.25, 0.94], [-0.20, 2.95, 2.30]]


def night() -> dict[str, Any]:
    """Light from under and over the shade, its linen as eight faces that glow, and dark panes."""
    turns = (np.arange(9) + 0.5) * np.pi / 4.0
    rim = LAMP + SHADE * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    lamps: list[dict[str, Any]] = [
        {
            "corner": [0.29, 0.23, 1.27],
            "edges": [[0, 0.26, 0], [0.26, 0, 0]],
            "color": "#ffc78f",
            "strength": 7,
        },
        {
            "corner": [0.32, 0.26, 1.64],
            "edges": [[0.2, 0, 0], [0, 0.2, 0]],
            "color": "#ffc78f",
            "strength": 7,
        },
    ]
    for a, b in zip(rim[:-1].tolist(), rim[1:].tolist()):
        edges = [[b[0] - a[0], b[1] - a[1], 0.0], [0.0, 0.0, HIGH - LOW]]
        lamps.append({"corner": [*a, LOW], "edges": edges, "color": "#ffa850", "strength": 1.8})
    pane = {"albedo": [0.01, 0.012, 0.02], "roughness": 0.1, "glow": "#1c2c50", "strength": 0.12}
    return {"lamps": lamps, "parts": [{"box": WINDOW, **pane}]}


def shown(picture: np.ndarray) -> np.ndarray:
    """A picture as it stands in the docs, smaller."""
    return np.asarray(Image.fromarray(picture).resize(SHOWN, Image.Resampling.BOX))


def main(room: Path, to: Path) -> None:
    run = nf.Run.load(room)
    walk = Walk(looking(EYE, AT, UP)[None], 72.0, np.zeros(1), size=SIZE)
    day = nf.render_walk(run, walk, ["rgb"], tracer="sphere", out=MADE / "day", say=print)
    lit = nf.render_walk(
        run, walk, ["rgb"], tracer="path-mesh", light=night(), samples=SAMPLES, out=MADE / "night", say=print
    )
    pictures = [shown(read(one.folder, "rgb", 0)) for one in (day, lit)]
    rows_of([pictures]).save(to / "light_room0.jpg", quality=90)


if __name__ == "__main__":
    given = arguments(str(__doc__), room="a run of room0")
    main(given.room, given.to)
