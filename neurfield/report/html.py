"""report.html of a run: one page that needs nothing but itself, in light and in dark, whatever was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from neurfield.files import atomic_write
from neurfield.inputs.methods import method_of_run
from neurfield.inputs.page import MeshSides, Pictures
from neurfield.inputs.run import input_of
from neurfield.report.command import command_of
from neurfield.report.curves import charts, read_log
from neurfield.report.mesh_file import read_mesh
from neurfield.report.numbers import duration, numbers_in_words, objects_in_words
from neurfield.report.page import (
    folded,
    picture,
    read_metrics,
    section,
    table,
    tiles,
    wide_table,
    wrapped,
    write_page,
)
from neurfield.report.pictures import contact_sheet, jpeg_uri


def write_report(
    folder: str | Path,
    mesh: trimesh.Trimesh | None = None,
    up: np.ndarray | None = None,
    plugins: Sequence[str] = (),
) -> Path:
    """Write report.html of a run from the files in its folder, and return its path.

    With a mesh also previews/mesh.jpg, the four sides of it. What is not there (no mesh, no ground truth, no
    log) is left out of the page.

    Args:
        folder: of the run.
        mesh: what mesh.ply holds, to save reading it.
        up: unit [3] in the world, Z if not given.
        plugins: as for `Run.load`.

    Raises:
        UserError: the folder is not a run's, or its mesh.ply cannot be read.
    """
    folder = Path(folder)
    kind, facts = input_of(folder)
    config = method_of_run(kind, folder, plugins)
    metrics = read_metrics(folder / "metrics.json")
    page = kind.page(folder, facts, config, metrics)
    command = command_of(kind, facts, config, plugins)
    title = f"{facts.get('name', folder.parent.name)} · {config.method}"
    about = " · ".join([str(facts.get("created", "")), *page.about])
    body = [
        f"<h1>{escape(title)}</h1><p>{escape(about)}</p>",
        _alarms(metrics),
        tiles([*page.tiles, *_time(metrics)]),
        *(_drawn(part, folder, mesh, up) for part in page.sections),
        section("The fit", wrapped("charts", charts(read_log(folder / "log.jsonl")))),
        section("Numbers", wrapped("tables", [table(*group) for group in numbers_in_words(metrics)])),
        section("Each object", wide_table(*objects_in_words(metrics))),
        section(
            "The command that makes it again",
            f"<pre>{escape(command)}</pre>",
        ),
        folded("config.yaml", (folder / "config.yaml").read_text()),
    ]
    return write_page(folder, title, body)


def _alarms(metrics: dict[str, Any]) -> str:
    """What went wrong, before everything else."""
    return wrapped(
        "alarm", [f"<p>{escape(str(trouble))}</p>" for trouble in metrics.get("troubles", {}).values()]
    )


def _time(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    fit = metrics.get("fit", {})
    return [(duration(fit["seconds"]), f"{fit.get('steps', 0):,} steps")] if "seconds" in fit else []


def _drawn(
    part: Pictures | MeshSides, folder: Path, mesh: trimesh.Trimesh | None, up: np.ndarray | None
) -> str:
    """A section of the input's own."""
    return _pictures(part) if isinstance(part, Pictures) else _mesh(part, folder, mesh, up)


def _mesh(part: MeshSides, folder: Path, mesh: trimesh.Trimesh | None, up: np.ndarray | None) -> str:
    if mesh is None:
        if not part.path.is_file():
            return ""
        mesh = read_mesh(part.path)
    sheet = contact_sheet(mesh, part.looks) if up is None else contact_sheet(mesh, part.looks, up)
    with atomic_write(folder / "previews" / "mesh.jpg") as temporary:
        Image.fromarray(sheet).save(temporary, quality=92)
    inside = part.looks == "inside"
    looked = "looked into through the walls that turn away" if inside else "looked at from outside"
    note = f"<p>{len(mesh.faces):,} triangles, {looked}; below without colours.</p>"
    return section(
        "The mesh from four sides", f'<img alt="the mesh from four sides" src="{jpeg_uri(sheet)}">{note}'
    )


def _pictures(part: Pictures) -> str:
    images = [
        f'<img alt="{escape(shows)}" src="{jpeg_uri(picture(path), part.quality)}">'
        for path, shows in part.pictures
    ]
    if not images:
        return ""
    heads = "".join(f"<span>{escape(head)}</span>" for head in part.heads)
    over = f'<div class="heads">{heads}</div>' if heads else ""
    note = f"<p>{escape(part.note)}</p>" if part.note else ""
    return section(part.title, over + wrapped("frames", images) + note)
