"""Curves of a fit as small inline SVG charts: one quantity each, so that none needs a legend."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

_WIDTH, _HEIGHT = 300, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 10, 10, 20


def read_log(path: Path) -> list[dict[str, object]]:
    """The reports in a log.jsonl, without lines cut off by a crash; of a step fitted twice, the last."""
    if not path.is_file():
        return []
    by_step: dict[int, dict[str, object]] = {}
    for line in path.read_text().splitlines():
        try:
            entry = json.loads(line)
            by_step[int(entry["step"])] = entry
        except (ValueError, KeyError, TypeError):
            continue
    return [by_step[step] for step in sorted(by_step)]


def charts(log: Sequence[dict[str, object]]) -> list[str]:
    """A chart (SVG text) for the loss, each of its terms, PSNR, and the speed, over steps."""
    if len(log) < 2:
        return []
    drawn = [
        ("loss", _series(log, "loss"), True, ""),
        ("PSNR of fitted pixels", _series(log, "psnr"), False, " dB"),
        ("rays per second", _speed(log, "rays"), False, ""),
        ("pixels per second", _speed(log, "pixels"), False, ""),
        ("samples per ray", _series(log, "samples_per_ray"), False, ""),
    ]
    terms = sorted({name for entry in log for name in _terms(entry)})
    drawn += [(f"loss: {name.replace('_', ' ')}", _term_series(log, name), True, "") for name in terms]
    return [
        chart(title, points, logarithmic, unit)
        for title, points, logarithmic, unit in drawn
        if len(points) > 1
    ]


def chart(
    title: str, points: Sequence[tuple[float, float]], logarithmic: bool = False, unit: str = ""
) -> str:
    """One curve through (x, y) points as an SVG figure; a logarithmic one leaves out what is not positive."""
    kept = [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not logarithmic)]
    if len(kept) < 2:
        return ""
    ys = [math.log10(y) if logarithmic else y for _, y in kept]
    low, high = min(ys), max(ys)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    first, last = kept[0][0], kept[-1][0]
    inner_w, inner_h = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> str:
        across = _LEFT + inner_w * (x - first) / max(last - first, 1e-12)
        return f"{across:.1f},{_TOP + inner_h * (high - y) / (high - low):.1f}"

    line = " ".join(place(x, y) for (x, _), y in zip(kept, ys))
    labels = []
    for share in (0.0, 0.5, 1.0):
        y = low + (high - low) * share
        at = _TOP + inner_h * (1.0 - share)
        value = 10.0**y if logarithmic else y
        labels.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        labels.append(f'<text x="{_LEFT - 6}" y="{at + 3.5:.1f}" text-anchor="end">{short(value)}</text>')
    labels.append(f'<text x="{_LEFT}" y="{_HEIGHT - 5}">{short(first)}</text>')
    labels.append(
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 5}" text-anchor="end">step {short(last)}</text>'
    )
    return (
        f'<figure class="chart"><figcaption><span>{escape(title)}</span>'
        f"<b>{short(kept[-1][1])}{unit}</b></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)} over steps">'
        f'{"".join(labels)}<polyline points="{line}"/></svg></figure>'
    )


def short(value: float) -> str:
    """A number in few characters: 12k, 0.043, 2.1e-05."""
    if abs(value) >= 10_000:
        return f"{value / 1e6:.3g}M" if abs(value) >= 1e6 else f"{value / 1e3:.3g}k"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _terms(entry: dict[str, object]) -> dict[str, float]:
    terms = entry.get("losses")
    return terms if isinstance(terms, dict) else {}


def _series(log: Sequence[dict[str, object]], key: str) -> list[tuple[float, float]]:
    return [(float(str(entry["step"])), float(str(entry[key]))) for entry in log if key in entry]


def _speed(log: Sequence[dict[str, object]], unit: str) -> list[tuple[float, float]]:
    """Rays or pixels per second between one report and the next."""
    at = [
        (float(str(entry["step"])), float(str(entry["seconds"])), float(str(entry[unit])))
        for entry in log
        if {"seconds", unit} <= entry.keys()
    ]
    return [
        (step, count * (step - before) / (seconds - earlier))
        for (before, earlier, _), (step, seconds, count) in itertools.pairwise(at)
        if seconds > earlier
    ]


def _term_series(log: Sequence[dict[str, object]], name: str) -> list[tuple[float, float]]:
    return [(float(str(entry["step"])), float(_terms(entry)[name])) for entry in log if name in _terms(entry)]
