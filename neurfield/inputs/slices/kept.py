"""The slices that a run was fitted to, as it keeps them: volumes and structures are large, and move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.slices import Slices, read_slices, write_csl

KEPT = "slices.csl"


def keep(slices: Slices, folder: Path) -> None:
    """Write them into a run's folder."""
    write_csl(slices, folder / KEPT, empty=True)


def kept(folder: Path, facts: dict[str, Any]) -> Slices:
    """The slices of a run, with what its run.json knows of them.

    Raises:
        UserError: the file is gone.
    """
    path = folder / KEPT
    if not path.is_file():
        raise UserError(f"{folder}: {KEPT} is gone, which the run was fitted to: bring it back, or fit anew")
    found = read_slices(path)
    name = Path(facts["slices"]).name.partition(".")[0]
    names = {int(label): called for label, called in facts.get("labels", {}).items() if called != label}
    known = {"unit": facts.get("unit", ""), "axes": facts.get("axes", "")}
    return replace(found, name=str(facts.get("name", name)), names=names, notes=(), **known)
