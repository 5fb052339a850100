"""report.html of a run: one page that needs nothing but itself, in light and in dark, whatever was fitted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from neurfield.inputs.methods import method_of_run
from neurfield.inputs.page import MeshSides, Outlines, Pictures, Strips, Tile
from neurfield.inputs.run import input_of
from neurfield.parts import Config, summary
from neurfield.report.command import command_of
from neurfield.report.curves import charts, read_log
from neurfield.report.meanings import glossary
from neurfield.report.mesh_section import mesh_sections
from neurfield.report.numbers import duration, keyed_numbers, objects_in_words
from neurfield.report.outlines import outlines
from neurfield.report.page import folded, read_metrics, section, table, tiles, wide_table, wrapped, write_page
from neurfield.report.pictures import webp_uri
from neurfield.report.swipe import swipes

# What a run's folder holds for people, in the order in which they want it.
_FILES = {
    "mesh*": "the mesh", "object*": "what stands on the ground, without the ground",
    "objects/*": "a mesh of an object, or a label", "planes.json": "contours and cuts of each plane",
    "reconstruction.*": "the fitted picture",
    "model.safetensors": "the field as a file", "side_by_side.png": "true, fitted and error",
    "poses.json": "the poses that were refined", "metrics.json": "all numbers",
    "log.jsonl": "what was logged, step by step", "config.yaml": "the method with all of its numbers",
}  # fmt: skip


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
        up: unit [3] in the world; if not given what the run says, or Z.
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
    about = " · ".join([str(facts.get("created", "")).replace("T", " "), *page.about])
    up = np.asarray(facts["up"], float) if up is None and "up" in facts else up
    meshes = [part for part in page.sections if isinstance(part, MeshSides)]
    own = folder / "mesh.ply"
    drawn = [mesh_sections(part, folder, mesh if part.path == own else None, up) for part in meshes]
    body = [
        f"<h1>{escape(title)}</h1><p>{escape(about)}</p>",
        _alarms(metrics),
        folded(f"{len(page.notes)} notes on what was given", "\n".join(page.notes)) if page.notes else "",
        *(viewer for viewer, _ in drawn),
        tiles([*page.tiles, *_time(metrics)]),
        *(_pictures(part) for part in page.sections if not isinstance(part, MeshSides)),
        *(clay for _, clay in drawn),
        section("The fit", wrapped("charts", charts(read_log(folder / "log.jsonl")))),
        section("Numbers", wrapped("tables", [table(*group) for group in keyed_numbers(metrics)])),
        section("Each object", wide_table(*objects_in_words(metrics))),
        section("Each label", wide_table(*objects_in_words(metrics, "labels"))),
        section("Files", _files(folder)),
        section("The command that makes it again", f"<pre>{_unbroken(escape(command))}</pre>"),
    ]
    body.append(section("What the numbers mean", glossary("".join(body), _losses(config))))
    body.append(folded("config.yaml", (folder / "config.yaml").read_text()))
    return write_page(folder, title, body)


def _unbroken(command: str) -> str:
    """A command whose flags are not broken at their hyphens, where lines are short."""
    return re.sub(r"(?<!\S)(--?[\w-]+)", r'<span class="flag">\1</span>', command)


def _alarms(metrics: dict[str, Any]) -> str:
    """What went wrong, before everything else."""
    return wrapped(
        "alarm", [f"<p>{escape(str(trouble))}</p>" for trouble in metrics.get("troubles", {}).values()]
    )


def _time(metrics: dict[str, Any]) -> list[Tile]:
    fit = metrics.get("fit", {})
    if "seconds" not in fit:
        return []
    return [Tile(duration(fit["seconds"]), f"fit, {fit.get('steps', 0):,} steps", "seconds")]


def _losses(config: Config) -> dict[str, tuple[str, str]]:
    """What each loss of a method says, by the address that its curve leads to."""
    return {
        f"loss-{label}": (f"loss: {label.replace('_', ' ')}", summary(part.load()))
        for label, part in config.parts.get("losses", {}).items()
    }


def _pictures(part: Strips | Pictures | Outlines) -> str:
    """A section of the input's own."""
    if isinstance(part, Strips):
        return swipes(part)
    if isinstance(part, Outlines):
        return outlines(part)
    images = [
        f'<img loading="lazy" alt="{escape(shows)}" src="{webp_uri(_read(path))}">'
        for path, shows in part.pictures
    ]
    note = f'<p class="note">{escape(part.note)}</p>' if part.note else ""
    return section(part.title, wrapped("pictures", images) + note) if images else ""


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _files(folder: Path) -> str:
    """Links to the files beside the page, which hold while it lies in its folder."""
    rows = []
    for pattern, what in _FILES.items():
        for path in sorted(path for path in folder.glob(pattern) if path.is_file()):
            name = path.relative_to(folder).as_posix()
            size = f"{path.stat().st_size / 1e6:,.1f} MB" if path.stat().st_size >= 1e5 else "< 0.1 MB"
            rows.append(
                f'<tr><td><a href="{escape(name)}">{escape(name)}</a></td><td>{what}</td><td>{size}</td></tr>'
            )
    if not rows:
        return ""
    return (
        f'<div class="card files"><table>{"".join(rows)}</table></div>'
        '<p class="note">Links hold as long as this page lies in its run\'s folder.</p>'
    )
