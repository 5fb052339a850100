"""The folder in which an import works: what is done stays done, whatever ends the process.

    SCENE/import/state.json      of which photos and settings
    SCENE/import/pictures/       upright, of the size of the scene, with pictures.json
    SCENE/import/masks/          of those pictures that have one
    SCENE/import/features.db     features and matches (COLMAP's database)
    SCENE/import/models/0/       poses and points (COLMAP's sparse models)
    SCENE/import/*.earlier*      list and models of before photos were added, until there are new ones

Each of them is written under another name and renamed when it is whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.files import atomic_write

NAME = "import"
_FINAL = ("transforms.json", "sparse_pc.ply", "sparse_tracks.npz", "images", "masks")


class Workplace:
    """The work folder of a scene; made on first use.

    Args:
        scene: the folder that becomes the scene.
    """

    def __init__(self, scene: Path) -> None:
        self.scene = scene
        self.folder = scene / NAME
        self.state = self.folder / "state.json"
        self.pictures = self.folder / "pictures"
        self.masks = self.folder / "masks"
        self.listing = self.folder / "pictures.json"
        self.database = self.folder / "features.db"
        self.models = self.folder / "models"
        self.earlier_listing = self.folder / "pictures.earlier.json"
        self.earlier_models = self.folder / "models.earlier"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this process.

        Raises:
            UserError: the scene's folder holds something else, or another import works in it.
        """
        if self.scene.exists() and not self.scene.is_dir():
            raise UserError(f"{self.scene} is a file: give a new folder with --out")
        if self.scene.is_dir() and not self._is_ours() and any(self.scene.iterdir()):
            raise UserError(f"{self.scene} holds something else: give a new folder with --out")
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{self.scene}: another import is at work here: wait for its end") from None
            except OSError:
                pass  # a disk without locks
            yield
        finally:
            os.close(lock)

    def _is_ours(self) -> bool:
        """Whether the work folder is one, or was only just made."""
        if not self.folder.is_dir():
            return False
        names = [entry.name for entry in self.folder.iterdir()]
        return self.state.is_file() or all(name == "lock" or name.startswith(".") for name in names)

    def begin(self, state: dict[str, Any]) -> bool:
        """Go on where these photos and settings were left, or start over.

        Returns:
            Whether there was work on others, which is gone now.
        """
        before = read_json(self.state)
        if before == json.loads(json.dumps(state)):
            return False
        write_json(
            self.state, {"clearing": True}
        )  # whatever ends us now, nothing half-cleared is gone on with
        self.withdraw()
        for entry in self.folder.iterdir():
            if entry.name in ("lock", self.state.name):
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        write_json(self.state, state)
        return before is not None

    def grow(self, state: dict[str, Any], names: Collection[str]) -> int:
        """Keep the work on photos that are all among those of a new state, which has more of them.

        Its pictures, features and matches stay, and its list and models become the earlier ones, from which
        pictures and poses go on (`bake`, `map_pictures`). Stopped in between, it is done again.

        Args:
            state: as for `begin`; photos are its "source".
            names: of all these photos.

        Returns:
            How many photos are new; 0: nothing was done, and `begin` decides.
        """
        before = read_json(self.state)
        listing = self.listing if self.listing.exists() else self.earlier_listing
        kept = read_json(listing)
        wanted = json.loads(json.dumps(state))
        if not isinstance(before, dict) or kept is None or {**before, "source": wanted["source"]} != wanted:
            return 0
        new = [photo for photo in wanted["source"] if photo not in before["source"]]
        if not new or any(photo not in wanted["source"] for photo in before["source"]):
            return 0
        if not {one["name"] for one in kept["pictures"]} <= set(names):
            return 0  # of two photos with one name both are called otherwise
        if self.models.exists():
            shutil.rmtree(self.earlier_models, ignore_errors=True)
            self.models.rename(self.earlier_models)
        if self.listing.exists():
            self.listing.replace(self.earlier_listing)
        files = {one["file"] for one in kept["pictures"]}
        for path in self.pictures.iterdir():  # of an addition that was stopped, for others in its place
            if path.name not in files:
                path.unlink()
                (self.masks / f"{path.name}.png").unlink(missing_ok=True)
        write_json(self.state, state)
        return len(new)

    def withdraw(self) -> None:
        """Take away the scene that an earlier import left, its index first."""
        for name in _FINAL:
            path = self.scene / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """What a file holds; None where there is none."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def write_json(path: Path, value: Any) -> None:
    """Write a file whole, or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n")
