"""The pictures of docs/render.md, of a run of room0 and a run of a shape whose y is up.

    python -m scripts.render_pictures runs/room0/latest runs/bunny00/latest

What is rendered stays in build/render_pictures, so that it goes on when called again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import neurfield as nf
from scripts.pictures import arguments

MADE = Path(__file__).resolve().parents[1] / "build" / "render_pictures"
THINGS = ("rgb", "clay", "normals", "depth_colored", "error")
GAP = 6


def rows_of(pictures: list[list[np.ndarray]]) -> Image.Image:
    """Rows of pictures on white; those of a row are cut to the lowest of it."""
    rows = []
    for row in pictures:
        high = min(len(picture) for picture in row)
        gap = np.full((high, GAP, 3), 255, np.uint8)
        rows.append(np.concatenate([part for p in row for part in (p[:high], gap)][:-1], axis=1))
        rows.append(np.full((GAP, rows[-1].shape[1], 3), 255, np.uint8))
    wide = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0)), constant_values=255) for row in rows[:-1]]
    return Image.fromarray(np.concatenate(rows))


def read(folder: Path, kind: str, number: int) -> np.ndarray:
    with Image.open(folder / kind / f"{number:06d}.png") as picture:
        return np.asarray(picture.convert("RGB"))


def main(room: Path, shape: Path, to: Path) -> None:
    run = nf.Run.load(room)
    frame = int(run.held_out[1])
    what = ("rgb", "clay", "normals", "depth", "error")
    one = nf.render_walk(run, "cameras", what, (300, 170), frames=str(frame), out=MADE / "camera", say=print)
    orbit = nf.render_walk(
        run, "orbit", ["rgb"], (300, 170), fps=1.0, seconds=10.0, out=MADE / "orbit", say=print
    )
    seen = [read(one.folder, kind, frame) for kind in THINGS]
    around = [read(orbit.folder, "rgb", i) for i in range(10)]
    rows_of([seen, around[:5], around[5:]]).save(to / "render_room0.jpg", quality=88)
    turned = nf.render_walk(
        shape, "orbit", ["clay", "normals", "depth"], (300, 300), fps=1.0, seconds=5.0, out=MADE / "shape",
        up="y", say=print,
    )  # fmt: skip
    kinds = ("clay", "normals", "depth_colored")
    rows_of([[read(turned.folder, kind, i) for i in range(5)] for kind in kinds[:2]]).save(
        to / "render_shape.jpg", quality=88
    )


if __name__ == "__main__":
    given = arguments(str(__doc__), room="a run of room0", shape="a run of a shape whose y is up")
    main(given.room, given.shape, given.to)
