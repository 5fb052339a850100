"""Built-in scenes: by name, made on first use, kept under the data folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from neurfield.scenes.replica import REPEATING_PRIORS

Progress = Callable[[str, float], None]
Maker = Callable[[Path, Progress], None]


def _maker(name: str) -> Maker:
    def make(folder: Path, progress: Progress) -> None:
        from neurfield.scenes.synthesis.writer import make_room

        make_room(name, folder, progress)

    return make


# The words are here because listing rooms must not load the modeller; a test compares them with the designs.
ROOMS = {
    "room0": "a furnished living room by day, 5.2 x 4.2 x 2.7 m, 120 frames",
    "room1": "a dim bedroom with a desk at nightfall, 4.6 x 3.7 x 2.5 m, 110 frames",
    "room2": "a large bright hall, a camera that turns fast, 6.4 x 4.9 x 2.6 m, 100 frames",
}
# The end of a name that asks for the same room with the other set of priors.
REPEATING = "-repeating"
# name -> (maker of its room, what it is). A maker writes the whole folder or nothing.
BUILTIN: dict[str, tuple[Maker, str]] = {
    **{name: (_maker(name), f"{about} with depth, priors and truth") for name, about in ROOMS.items()},
    **{
        f"{name}{REPEATING}": (_maker(name), f"{name}, but with priors whose errors repeat from view to view")
        for name in ROOMS
    },
}


def data_root() -> Path:
    """Where built-in scenes lie: NEURFIELD_DATA, else data/ of this checkout, else the user's cache."""
    given = os.environ.get("NEURFIELD_DATA")
    if given:
        return Path(given).expanduser()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "setup.py").is_file() and (checkout / "csrc").is_dir():
        return checkout / "data"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "neurfield"


def builtin_folder(name: str) -> Path:
    """The folder that a built-in scene is read from, made or not."""
    room = _room_folder(name)
    return room / REPEATING_PRIORS if name.endswith(REPEATING) else room


def _room_folder(name: str) -> Path:
    """The folder of a built-in scene's room, which holds both sets of priors."""
    return data_root() / name.removesuffix(REPEATING)


def is_made(name: str) -> bool:
    """Whether a built-in scene is on disk: makers rename a finished folder, so its presence is enough."""
    return (_room_folder(name) / "traj.txt").is_file() and builtin_folder(name).is_dir()


def made_version(name: str) -> int | None:
    """The version of the maker that wrote a built-in scene (its scene.json); None if it is not made."""
    if not is_made(name):
        return None
    try:
        return int(json.loads((_room_folder(name) / "scene.json").read_text())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def ensure_builtin(name: str, progress: Progress | None = None) -> Path:
    """The folder of a built-in scene, made now if need be, with a progress bar or calls of `progress`."""
    folder = builtin_folder(name)
    if is_made(name):
        return folder
    maker, room = BUILTIN[name][0], _room_folder(name)
    if progress is not None:
        maker(room, progress)
    else:
        _make_with_bar(name, maker, room)
    return folder


def _make_with_bar(name: str, maker: Maker, folder: Path) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    # On standard error, so that what a verb prints stays clean; without a terminal one line says what is
    # being waited for.
    console = Console(file=sys.stderr)
    console.print(
        f"Making the built-in scene {name} in {folder} (once, about a minute)",
        highlight=False,
        soft_wrap=True,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=1.0)
        maker(folder, lambda stage, fraction: bar.update(task, description=stage, completed=fraction))
