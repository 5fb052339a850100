"""The picture of docs/triplanes.md of new shapes: the sheet that a training of chairs ends with.

python -m scripts.generate_pictures runs/chairs
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from scripts.pictures import arguments


def main(run: Path, to: Path) -> None:
    with Image.open(run / "new" / "sheet.png") as sheet:
        sheet.convert("RGB").save(to / "generated_chairs.jpg", quality=85)


if __name__ == "__main__":
    given = arguments(str(__doc__), run="what `neurfield generate train` left")
    main(given.run, given.to)
