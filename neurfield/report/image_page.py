"""report.html of a run of an image."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

from neurfield.fitting.folder import read_facts
from neurfield.image_config import IMAGES
from neurfield.report.command import command_of_image
from neurfield.report.curves import charts, read_log
from neurfield.report.numbers import duration, numbers_in_words
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
from neurfield.report.pictures import jpeg_uri


def write_image_report(folder: str | Path) -> Path:
    """Write report.html of a run of an image from the files in its folder; what is not there is left out.

    Returns the page's path. Raises:
        UserError: the folder is not a run's.
    """
    folder = Path(folder)
    facts = read_facts(folder)
    config = IMAGES.read(folder / "config.yaml")
    metrics = read_metrics(folder / "metrics.json")
    width, height, channels, bits = facts["size"]
    title = f"{facts['name']} · {config.encoding.kind}"
    notes = "".join(f" · {note}" for note in facts.get("notes", ()))
    about = (
        f"{facts.get('created', '')} · preset {config.preset} · {width} x {height} pixels, "
        f"{channels} channels of {bits} bits{notes}"
    )
    body = [
        f"<h1>{escape(title)}</h1><p>{escape(about)}</p>",
        tiles(_glance(metrics)),
        _side_by_side(folder),
        section("The fit", wrapped("charts", charts(read_log(folder / "log.jsonl")))),
        section("Numbers", wrapped("tables", [table(*group) for group in numbers_in_words(metrics)])),
        section(
            "The command that makes it again",
            f"<pre>{escape(command_of_image(str(facts['image']), config))}</pre>",
        ),
        folded("config.yaml", (folder / "config.yaml").read_text()),
    ]
    return write_page(folder, title, body)


def _glance(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    image, files, fit = (metrics.get(key, {}) for key in ("image", "files", "fit"))
    found = []
    if math.isfinite(image.get("psnr", math.nan)):
        found.append((f"{image['psnr']:.2f} dB", "PSNR over all pixels"))
    if "parameters" in image:
        found.append(
            (f"{image['parameters'] / 1e6:.2f} M", f"parameters, {image['parameters_per_pixel']:.2f} a pixel")
        )
    for key, what in (
        ("model", "the field as a file"),
        ("png", "as PNG"),
        ("jpeg", "as JPEG of equal quality"),
    ):
        if key in files:
            found.append((f"{files[key] / 1e6:.2f} MB", what))
    if "seconds" in fit:
        found.append((duration(fit["seconds"]), f"{fit.get('steps', 0):,} steps"))
    return found


def _side_by_side(folder: Path) -> str:
    path = folder / "side_by_side.png"
    if not path.is_file():
        return ""
    shown = jpeg_uri(picture(path), quality=92)
    return section(
        "True, fitted, and the error ten times",
        f'<img alt="true picture, fitted picture, error" src="{shown}">'
        "<p>Below at full resolution, where the error is largest.</p>",
    )
