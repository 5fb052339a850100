"""A run's folder, whatever was fitted: where it is made, what it says of itself, and its newest state."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.fitting.checkpoint import latest_checkpoint, load_checkpoint
from neurfield.fitting.fitter import Task

SCHEMA = 1


def new_folder(out: Path, name: str, kind: str) -> Path:
    """Make `<out>/<name>/<kind>-<time>` and point `<out>/<name>/latest` at it."""
    parent = out / name
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        folder = parent / (f"{kind}-{stamp}" + (f"-{attempt}" if attempt else ""))
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            continue
    link = parent / f".latest.{os.getpid()}"
    link.symlink_to(folder.name)
    os.replace(link, parent / "latest")
    return folder


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write run.json: what a later verb needs to open the run beside its config.yaml."""
    known = {"schema": SCHEMA, **facts, "created": time.strftime("%Y-%m-%dT%H:%M:%S")}
    with atomic_write(folder / "run.json") as temporary:
        temporary.write_text(json.dumps(known, indent=1))


def read_facts(folder: Path) -> dict[str, Any]:
    """What `write_facts` wrote; its "kind" is "image", or that of a scene.

    Raises:
        UserError: not a run's folder, or of another version.
    """
    try:
        facts = json.loads((folder / "run.json").read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise UserError(
            f"{folder}: not a run of neurfield (run.json: {error}); give a folder under runs/"
        ) from error
    if facts.get("schema") != SCHEMA:
        raise UserError(f"{folder}: run.json has schema {facts.get('schema')}, this version reads {SCHEMA}")
    return facts


def load_newest(folder: Path, task: Task) -> int:
    """Give a task the state of the newest checkpoint, and return its step.

    Raises:
        UserError: there is none, or it does not fit.
    """
    path = latest_checkpoint(folder / "checkpoints")
    if path is None:
        raise UserError(
            f"{folder}: nothing was saved in this run yet; fit it with `neurfield fit --resume {folder}`"
        )
    tensors, facts = load_checkpoint(path, task.device)
    try:
        task.load({k.removeprefix("task/"): v for k, v in tensors.items() if k.startswith("task/")})
    except (KeyError, RuntimeError) as error:
        raise UserError(
            f"{path}: does not fit this version or the run's config.yaml ({error}); fit it again"
        ) from error
    return int(str(facts["step"]))
