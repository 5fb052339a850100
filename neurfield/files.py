"""Files that are either whole or not there, whatever ends the process that writes them."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_WORKPLACE = re.compile(r"\..+\.part-[0-9a-f]{8}")
_swept: set[Path] = set()


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path of the same name; on success it takes `path`'s place, on failure it is removed.

    It lies in a hidden folder beside `path` that this process has locked. What a killed process left in such
    a folder is removed before the next file is written beside it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.resolve() not in _swept:
        sweep(path.parent)
        _swept.add(path.parent.resolve())
    workplace, lock = _make_workplace(path)
    try:
        yield workplace / path.name
        os.replace(workplace / path.name, path)
    except (
        OSError
    ) as error:  # what it says names the file, not its hidden place; on a full disk it has no name
        named = "" if error.filename is None else str(error.filename)
        if error.errno is not None and (not named or named.startswith(str(workplace))):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
        os.close(lock)


def sweep(folder: Path) -> None:
    """Remove temporaries in a folder that no living process has locked, on whatever machine it lives."""
    if not folder.is_dir():
        return
    for entry in list(os.scandir(folder)):
        if not (_WORKPLACE.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)):
            continue
        try:
            lock = os.open(Path(entry.path) / "lock", os.O_RDWR)
        except OSError:
            # It died before it could lock anything; a folder with something in it is none of ours.
            with suppress(OSError):
                os.rmdir(entry.path)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry.path, ignore_errors=True)
        except OSError:
            pass  # somebody writes there, or nothing can be locked on this disk: left alone
        finally:
            os.close(lock)


def _make_workplace(path: Path) -> tuple[Path, int]:
    """A hidden folder beside `path`, and the descriptor whose lock says that its process lives."""
    while True:
        workplace = path.with_name(f".{path.stem}.part-{secrets.token_hex(4)}")
        workplace.mkdir()
        try:
            lock = os.open(workplace / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # swept between the two lines
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            return workplace, lock  # a disk without locks, where nothing is swept
        if (workplace / "lock").exists():
            return workplace, lock
        os.close(lock)  # swept before it was locked
