"""The state of a fit on disk: arrays as safetensors, the rest as JSON, both whole or not there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from neurfield.errors import UserError
from neurfield.files import atomic_write

SCHEMA = 1


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], record: dict[str, object]) -> Path:
    """Write `step-NNNNNN.safetensors` and then its `.json`, and return the path of the former.

    A checkpoint counts only once its JSON is there.
    """
    path = folder / f"step-{step:06d}.safetensors"
    with atomic_write(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
    with atomic_write(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps({"schema": SCHEMA, "step": step, **record}, indent=1))
    return path


def latest_checkpoint(folder: Path) -> Path | None:
    """The whole checkpoint with the highest step, or None."""
    if not folder.is_dir():
        return None
    whole = [
        p
        for p in folder.glob("step-*.safetensors")
        if re.fullmatch(r"step-\d{6,}", p.stem) and p.with_suffix(".json").is_file()
    ]
    return max(whole, key=lambda p: int(p.stem.split("-")[1]), default=None)


def load_checkpoint(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Tensors and record of a checkpoint.

    Raises:
        UserError: a file is missing, broken, or of a later schema.
    """
    try:
        record = json.loads(path.with_suffix(".json").read_text())
        tensors = load_file(path, device=str(device))
    except Exception as error:
        raise UserError(
            f"{path}: not a readable checkpoint ({error}); delete it and resume from an earlier one"
        ) from error
    if record.get("schema") != SCHEMA:
        raise UserError(f"{path}: checkpoint schema {record.get('schema')}, this version reads {SCHEMA}")
    return tensors, record


def restore_newest(
    folder: Path, device: torch.device, loaders: Mapping[str, Callable[[dict[str, Tensor]], None]]
) -> dict[str, object]:
    """Hand the tensors of the newest checkpoint to those that go on with them, and return its record.

    Args:
        folder: of the checkpoints.
        device: of the tensors.
        loaders: what is called with the tensors below a name, "task" or "adam".

    Raises:
        UserError: there is no checkpoint, or it cannot be read, or it does not fit.
    """
    path = latest_checkpoint(folder)
    if path is None:
        raise UserError(f"{folder}: nothing was saved in this run yet: fit anew, without --resume")
    tensors, record = load_checkpoint(path, device)
    try:
        for name, load in loaders.items():
            prefix = f"{name}/"
            load({k.removeprefix(prefix): tensors[k] for k in tensors if k.startswith(prefix)})
    except (KeyError, RuntimeError) as error:
        raise UserError(
            f"{path}: does not fit this version or the run's config.yaml ({error}): was that edited? "
            "Else fit anew"
        ) from error
    return record


def prune_checkpoints(folder: Path, keep: int = 2) -> None:
    """Delete all but the newest `keep` checkpoints (older ones serve only if the newer turn out broken)."""
    paths = sorted(folder.glob("step-*.safetensors"), key=lambda p: int(p.stem.split("-")[1]))
    for path in paths[:-keep]:
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
