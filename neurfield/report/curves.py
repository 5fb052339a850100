"""Curves of a fit as small inline SVG charts: one quantity each, so that none needs a legend."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_WIDTH, _HEIGHT = 320, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 26
_GOOD = {"up": "higher is better \N{UPWARDS ARROW}", "down": "lower is better \N{DOWNWARDS ARROW}"}


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
        Curve("loss", _series(log, "loss"), True, good="down", key="loss"),
        Curve("PSNR of fitted pixels", _series(log, "psnr"), unit=" dB", good="up", key="psnr"),
        Curve("rays per second", _speed(log, "rays"), good="up", key="rays"),
        Curve("pixels per second", _speed(log, "pixels"), good="up", key="pixels"),
        Curve("samples per ray", _series(log, "samples_per_ray"), key="samples_per_ray"),
    ]
    terms = sorted({name for entry in log for name in _terms(entry)})
    drawn += [
        Curve(
            f"loss: {name.replace('_', ' ')}", _term_series(log, name), True, good="down", key=f"loss-{name}"
        )
        for name in terms
    ]
    return [drawing for curve in drawn if len(curve.points) > 1 and (drawing := chart(curve))]


@dataclass(frozen=True)
class Curve:
    """One quantity over steps.

    Attributes:
        title: what it is.
        points: (step, value) of each.
        logarithmic: how it is drawn; then what is not positive is left out.
        unit: behind values, with its blank.
        good: "up" or "down", which way is better; "" where neither is.
        key: of what it means, on the page; "" where that is not said.
    """

    title: str
    points: Sequence[tuple[float, float]]
    logarithmic: bool = False
    unit: str = ""
    good: str = ""
    key: str = ""


def chart(curve: Curve) -> str:
    """A curve as an SVG figure, "" if fewer than two points can be drawn."""
    kept = [(x, y) for x, y in curve.points if math.isfinite(y) and (y > 0 or not curve.logarithmic)]
    if len(kept) < 2:
        return ""
    ys = [math.log10(y) if curve.logarithmic else y for _, y in kept]
    labelled, fine = (_decades if curve.logarithmic else _even)(min(ys), max(ys))
    low, high = min([*ys, *labelled]), max([*ys, *labelled])
    first, last = kept[0][0], kept[-1][0]

    def across(x: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (x - first) / max(last - first, 1e-12)

    def down(y: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - y) / max(high - low, 1e-12)

    marks = [_rule("fine", down(y)) for y in fine if low < y < high]
    for y in labelled:
        value = 10.0**y if curve.logarithmic else y
        marks.append(_rule("grid", down(y)))
        marks.append(f'<text x="{_LEFT - 7}" y="{down(y) + 4:.1f}" text-anchor="end">{short(value)}</text>')
    marks.append(f'<text x="{_LEFT - 7}" y="{_HEIGHT - 6}" text-anchor="end">step</text>')
    steps, _ = _even(first, last, 4)
    for step in (step for step in steps if first <= step <= last and across(step) >= _LEFT + 10):
        middle = min(across(step), _WIDTH - _RIGHT - 10)
        marks.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{short(step)}</text>')
    line = " ".join(f"{across(x):.1f},{down(y):.1f}" for (x, _), y in zip(kept, ys))
    end = f'cx="{across(last):.1f}" cy="{down(ys[-1]):.1f}"'
    words = "|".join(f"{short(y)}{curve.unit} at step {x:,.0f}" for x, y in kept)
    title = escape(curve.title)
    linked = f'<a href="#{escape(curve.key)}">{title}</a>' if curve.key else title
    said = ", ".join(
        [*([_GOOD[curve.good]] if curve.good else []), *(["in decades"] if curve.logarithmic else [])]
    )
    return (
        f'<figure class="chart"><figcaption><span>{linked}<small>{said or "&#160;"}</small></span>'
        f"<b>{short(kept[-1][1])}{curve.unit}</b></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title} over steps" '
        f'data-words="{escape(words)}">{"".join(marks)}'
        f'<line class="hand" x1="0" x2="0" visibility="hidden" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<polyline points="{line}"/><circle {end} r="3.5"/></svg></figure>'
    )


def _rule(kind: str, y: float) -> str:
    return f'<line class="{kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _decades(low: float, high: float) -> tuple[list[float], list[float]]:
    """Where a logarithmic axis from 10^low to 10^high has labels, and finer marks: in powers of ten.

    Labels stand at whole decades, at every second or third of many; within less than two decades at 1, 2 and
    5 as well.
    """
    first, last = math.floor(low + 1e-9), math.ceil(high - 1e-9)
    last = max(last, first + 1)
    every = max(1, math.ceil((last - first) / 4))
    fine = [k + math.log10(n) for k in range(first, last) for n in range(2, 10)]
    if high - low >= 1.0:
        return [float(k) for k in range(first, last + 1, every)], fine if every == 1 else []
    between = [k + math.log10(n) for k in range(first, last + 1) for n in (1, 2, 5)]
    below = [y for y in between if y <= low + 1e-9] or between[:1]
    above = [y for y in between if y >= high - 1e-9] or between[-1:]
    top = above[0] if above[0] > below[-1] else between[min(between.index(above[0]) + 1, len(between) - 1)]
    return [y for y in between if below[-1] <= y <= top], fine


def _even(low: float, high: float, count: int = 3) -> tuple[list[float], list[float]]:
    """Round values around low to high, about `count` steps apart from each other, for a linear axis."""
    span = high - low if high - low > 1e-9 * max(abs(high), 1.0) else max(abs(high), 1.0)
    rough = span / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(n * size for n in (1, 2, 5, 10) if n * size >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, max(last, first + 1) + 1)], []


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
