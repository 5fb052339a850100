"""A run's folder, whatever was fitted: where it is made, what it says of itself, and its newest state."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from neurfield.errors import UserError
from neurfield.files import atomic_write

if TYPE_CHECKING:  # who asks what a run is needs no torch
    import torch
    from torch import Tensor

SCHEMA = 2
_STALE_AFTER = 60.0  # seconds


class Loadable(Protocol):
    """What can take the state of a fit's task, or a part of it."""

    device: torch.device

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state that a task wrote."""
        ...


def new_folder(out: Path, name: str, kind: str) -> Path:
    """Make `<out>/<name>/<kind>-<time>` and point `<out>/<name>/latest` at it.

    Raises:
        UserError: `latest` is a folder of its own.
    """
    parent = out / name
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        folder = parent / (f"{kind}-{stamp}" + (f"-{attempt}" if attempt else ""))
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            continue
    _point_latest_at(folder)
    return folder


def _point_latest_at(folder: Path) -> None:
    """Make `latest` beside a run's folder a link to it.

    Whoever was killed between the two steps left a link of another name, which is removed: it never lives
    longer than this function.

    Raises:
        UserError: `latest` is a folder of its own.
    """
    parent = folder.parent
    for stale in parent.glob(".latest.*"):
        if stale.is_symlink() and time.time() - stale.lstat().st_mtime > _STALE_AFTER:
            stale.unlink(missing_ok=True)
    link = parent / f".latest.{secrets.token_hex(4)}"
    link.symlink_to(folder.name)
    try:
        os.replace(link, parent / "latest")
    except IsADirectoryError as reason:
        link.unlink()
        folder.rmdir()
        raise UserError(
            f"{parent / 'latest'}: a folder stands where the link to the newest run belongs: rename it"
        ) from reason


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write run.json: what a later verb needs to open the run beside its config.yaml."""
    created = time.strftime("%Y-%m-%dT%H:%M:%S")
    if (folder / "run.json").is_file():
        created = read_facts(folder).get("created", created)
    record = {"schema": SCHEMA, **facts, "created": created}
    with atomic_write(folder / "run.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1))


def read_facts(folder: Path) -> dict[str, Any]:
    """What `write_facts` wrote of a run.

    "input" names the kind of input ("scene", "image"), "name" the run's, the rest is that input's own. What
    earlier versions wrote is given as this one would have written it.

    Raises:
        UserError: not a run's folder, or of a later version.
    """
    try:
        facts = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: {_no_run(folder, error)}; give a folder under runs/") from error
    schema = facts.get("schema") if isinstance(facts, dict) else None
    if schema == 1:
        facts = _of_schema_1(facts)
    elif schema != SCHEMA:
        raise UserError(f"{folder}: run.json has schema {schema}, this version reads 1 to {SCHEMA}")
    return facts


def _no_run(folder: Path, error: Exception) -> str:
    """Why a path is no run's folder."""
    if not folder.exists():
        return "there is no such folder"
    if folder.is_file():
        return "a file, not the folder of a run"
    why = "it has no run.json" if isinstance(error, FileNotFoundError) else f"run.json: {error}"
    return f"not a run of neurfield ({why})"


def _of_schema_1(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts of schema 1 as those of today: there "kind" was "image", or where a scene's cameras look from."""
    rest = {key: value for key, value in facts.items() if key not in ("schema", "kind")}
    if facts.get("kind") == "image":
        return {"schema": SCHEMA, "input": "image", **rest}
    return {"schema": SCHEMA, "input": "scene", "cameras_look": facts.get("kind"), **rest}


def load_newest(folder: Path, task: Loadable) -> int:
    """Give a task the state of the newest checkpoint, and return its step.

    Raises:
        UserError: there is none, or it does not fit.
    """
    from neurfield.fitting.checkpoint import restore_newest

    record = restore_newest(folder / "checkpoints", task.device, {"task": task.load})
    return int(str(record["step"]))
