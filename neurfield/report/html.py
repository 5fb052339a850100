"""report.html of a run: one page that needs nothing but itself, in light and in dark."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from neurfield.config import read_config
from neurfield.files import atomic_write
from neurfield.fitting.folder import read_facts
from neurfield.report.command import command_of
from neurfield.report.curves import charts, read_log
from neurfield.report.mesh_file import read_mesh
from neurfield.report.numbers import duration, length, numbers_in_words
from neurfield.report.page import (
    folded,
    picture,
    read_metrics,
    section,
    table,
    tiles,
    wrapped,
    write_page,
)
from neurfield.report.pictures import contact_sheet, jpeg_uri

_MOST_FRAMES = 6


def write_report(
    folder: str | Path, mesh: trimesh.Trimesh | None = None, up: np.ndarray | None = None
) -> Path:
    """Write report.html of a run from the files in its folder, and previews/mesh.jpg, its four sides.

    mesh: what mesh.ply holds, to save reading it. up: unit [3] in the world, Z if not given. What is not
    there (no mesh, no ground truth, no log) is left out of the page. Returns the page's path.

    Raises:
        UserError: the folder is not a run's, or its mesh.ply cannot be read.
    """
    folder = Path(folder)
    facts = read_facts(folder)
    config = read_config(folder / "config.yaml")
    metrics = read_metrics(folder / "metrics.json")
    title = f"{facts.get('name', folder.parent.name)} · {config.method}"
    log = read_log(folder / "log.jsonl")
    looks = facts["cameras_look"]
    size = np.ptp(np.asarray(facts["box"], float), axis=0)
    box = " x ".join(length(side) for side in size)
    about = f"{facts.get('created', '')} · preset {config.preset} · box {box} · cameras {looks}"
    body = [
        f"<h1>{escape(title)}</h1><p>{escape(about)}</p>",
        _tiles(metrics),
        _mesh(folder, mesh, looks, up),
        _frames(folder, metrics),
        section("The fit", wrapped("charts", charts(log))),
        section("Numbers", wrapped("tables", [table(*group) for group in numbers_in_words(metrics)])),
        section(
            "The command that makes it again", f"<pre>{escape(command_of(str(facts['scene']), config))}</pre>"
        ),
        folded("config.yaml", (folder / "config.yaml").read_text()),
    ]
    return write_page(folder, title, body)


def _tiles(metrics: dict[str, Any]) -> str:
    """The few numbers that tell at a glance how it went."""
    geometry, images, fit = (metrics.get(key, {}) for key in ("geometry", "images", "fit"))
    found = [
        (f"{value:.3f}", f"F-score at {length(float(key.split('@')[1]))}")
        for key, value in geometry.items()
        if key.startswith("f_score@")
    ]
    if "normal_consistency" in geometry:
        found.append((f"{geometry['normal_consistency']:.3f}", "normal consistency"))
    if "chamfer_l1" in geometry:
        found.append((length(geometry["chamfer_l1"]), "Chamfer-L1"))
    if math.isfinite(images.get("psnr", math.nan)):
        inside = ", inside the masks" if images.get("pixels", "all") != "all" else ""
        found.append((f"{images['psnr']:.1f} dB", f"PSNR, {images.get('frames', '')} frames{inside}"))
    if "seconds" in fit:
        found.append((duration(fit["seconds"]), f"{fit.get('steps', 0):,} steps"))
    return tiles(found)


def _mesh(folder: Path, mesh: trimesh.Trimesh | None, kind: str, up: np.ndarray | None) -> str:
    if mesh is None:
        path = folder / "mesh.ply"
        if not path.is_file():
            return ""
        mesh = read_mesh(path)
    sheet = contact_sheet(mesh, kind) if up is None else contact_sheet(mesh, kind, up)
    with atomic_write(folder / "previews" / "mesh.jpg") as temporary:
        Image.fromarray(sheet).save(temporary, quality=92)
    looked = "looked into through the walls that turn away" if kind == "inside" else "looked at from outside"
    note = f"<p>{len(mesh.faces):,} triangles, {looked}; below without colours.</p>"
    return section(
        "The mesh from four sides", f'<img alt="the mesh from four sides" src="{jpeg_uri(sheet)}">{note}'
    )


def _frames(folder: Path, metrics: dict[str, Any]) -> str:
    """Strips of true picture, rendered picture and normals, as the fit's end leaves them in previews/."""
    strips = sorted((folder / "previews").glob("frame-*.png"))
    chosen = (
        [strips[k] for k in np.unique(np.linspace(0, len(strips) - 1, _MOST_FRAMES).astype(int))]
        if strips
        else []
    )
    if not chosen:
        return ""
    heads = "".join(f"<span>{head}</span>" for head in ("true picture", "rendered", "normals"))
    images = [
        f'<img alt="{path.stem}: true, rendered, normals" src="{jpeg_uri(picture(path))}">' for path in chosen
    ]
    which = metrics.get("images", {}).get("frames", "")
    title = "Rendered against true pictures" + (f" ({which} frames)" if which else "")
    return section(title, f'<div class="heads">{heads}</div>{wrapped("frames", images)}')
