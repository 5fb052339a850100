"""The pictures of docs/triplanes.md: generated shapes, and the sheet that a training of chairs ends with.

    python -m scripts.generate_pictures runs/chairs shapes

The second is the folder that `neurfield triplane shapes` wrote.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from scripts.pictures import arguments


def main(run: Path, shapes: Path, to: Path) -> None:
    with Image.open(run / "new" / "sheet.png") as sheet:
        sheet.convert("RGB").save(to / "generated_chairs.jpg", quality=85)
    shutil.copyfile(shapes / "shapes.jpg", to / "shapes.jpg")


if __name__ == "__main__":
    given = arguments(
        str(__doc__), run="what `neurfield generate train` left", shapes="of `neurfield triplane shapes`"
    )
    main(given.run, given.shapes, given.to)
