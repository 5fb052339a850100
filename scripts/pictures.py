"""What scripts for pictures of the docs share: `python -m scripts.NAME_pictures RUN [--to FOLDER]`."""

from __future__ import annotations

import argparse
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


def arguments(about: str, **runs: str) -> argparse.Namespace:
    """What was typed: a folder for each of `runs` (name: what the run is of), and `to`, which is there.

    Args:
        about: what is made; its first line is shown by --help.
        **runs: in the order in which they are typed.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    for name, what in runs.items():
        parser.add_argument(name, type=Path, help=what)
    parser.add_argument("--to", type=Path, default=IMAGES, metavar="FOLDER", help="default: docs/images")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    return given
