"""Pictures over each other: the true one, and what is drawn over it as far as a hand says."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from neurfield.images.ramps import LITTLE_TO_MUCH, gradient, painted
from neurfield.images.strip import read_strip
from neurfield.inputs.page import Strips
from neurfield.report.page import section, switch
from neurfield.report.pictures import webp_uri

_MOST_ERROR = 0.25  # of white against black: errors from there on are as bright as can be
_SMALL = 512  # pixels of width below which pictures stand two beside each other


def swipes(part: Strips) -> str:
    """A section of strips of pictures, with a switch for what lies over the true ones; nothing for none."""
    frames = [(label, with_error(read_strip(path))) for label, path in part.strips]
    if not frames:
        return ""
    layers = list(frames[0][1])[1:]
    choices = [
        (str(k), _short(name).capitalize(), f' data-tag="{escape(_short(name))}"')
        for k, name in enumerate(layers)
    ]
    bar = f'<div class="bar">{switch("layer", choices)}</div>' if len(layers) > 1 else ""
    figures = "".join(_figure(label, pictures, part.quality) for label, pictures in frames)
    few = " few" if len(frames) == 1 or next(iter(frames[0][1].values())).shape[1] > 2 * _SMALL else ""
    note = f'<p class="note">{escape(part.note)}</p>' if part.note else ""
    return section(
        part.title,
        f'<div class="compare">{bar}{_notes(layers)}{note}<div class="swipes{few}">{figures}</div></div>',
    )


def with_error(pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Pictures of a strip, and how far the second of them is off the first."""
    true, made = list(pictures.values())[:2]
    error = np.abs(true[..., :3].astype(np.float32) - made[..., :3]).mean(axis=-1) / 255.0
    shown = painted(error / _MOST_ERROR, LITTLE_TO_MUCH)
    if true.shape[-1] == 4:
        shown = np.concatenate([shown, true[..., 3:]], axis=-1)
    return {**pictures, "error": shown}


def _short(name: str) -> str:
    return name.partition(" ")[0]


def _notes(layers: Sequence[str]) -> str:
    """What is to be known of some layers."""
    said = {
        "normals": "Which way the surface faces: red, green and blue are x, y and z of its normal.",
        "depth": "How far away the surface is along the camera's axis: light is near, dark is far.",
    }
    notes = [
        f'<p class="note" data-layer="{k}">{said[_short(name)]}</p>'
        for k, name in enumerate(layers)
        if _short(name) in said
    ]
    bar = f'<i style="background:{gradient(LITTLE_TO_MUCH)}"></i>'
    most = f"{100 * _MOST_ERROR:.0f} % of white"
    k = len(layers) - 1
    notes.append(
        f'<p class="note" data-layer="{k}"><span class="scale shown">off by 0 {bar} {most} or more, '
        "mean of red, green and blue</span></p>"
    )
    return "".join(notes)


def _figure(label: str, pictures: dict[str, np.ndarray], quality: int) -> str:
    names = list(pictures)
    under, *over = (webp_uri(picture, quality) for picture in pictures.values())
    images = [f'<img class="under" alt="{escape(label)}, {escape(names[0])}" src="{under}">']
    images += [
        f'<img class="over" data-layer="{k}"{" data-shown" if k == 0 else ""} '
        f'alt="{escape(label)}, {escape(name)}" src="{source}">'
        for k, (name, source) in enumerate(zip(names[1:], over))
    ]
    ranges = "; ".join(name for name in names if "(" in name)
    caption = escape(label + (f": {ranges}" if ranges else ""))
    return (
        f'<figure><div class="layers" style="--at:50%">{"".join(images)}'
        f'<span class="tag left">{escape(_short(names[0]))}</span>'
        f'<span class="tag right">{escape(_short(names[1]))}</span>'
        f'<input type="range" min="0" max="100" value="50" step="1" aria-label="{escape(label)}: how much of '
        f'the true picture is shown"></div><figcaption>{caption}</figcaption></figure>'
    )
