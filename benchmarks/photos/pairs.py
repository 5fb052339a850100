"""Real photographs with true disparity: ours, OpenCV's SGBM and OpenSfM's PatchMatch on the same pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from benchmarks.photos import downloads, ours, pair_data
from benchmarks.photos.pair_data import Pair
from benchmarks.photos.peer import run_peer
from benchmarks.script import Table

WRONG = 2.0  # pixels
BLOCKS = (3, 5, 7, 9)
COLUMNS = (
    "pair", "method", "bad-2.0 %", "of pixels both see", "where ours and SGBM answer", "answered %",
    "median px", "wall s", "CPU s",
)  # fmt: skip
NOTE = (
    "bad-2.0: share of all pixels with true disparity without an answer or with one more than 2 pixels "
    "off, for all methods alike, also where the right picture does not see a pixel; the next column asks "
    "only for pixels that the right picture sees too; the third for those that both ours and the filtered "
    "SGBM answer. SGBM has 8 paths and the block, of {blocks}, that suits a pair best."
)


@dataclass(frozen=True)
class Answer:
    """A method's disparities [h,w] (NaN: none) and the seconds it took."""

    method: str
    disparity: np.ndarray
    wall: float
    cpu: float


def seen_by_both(disparity: np.ndarray) -> np.ndarray:
    """Which pixels [h,w] of the left picture the right one sees, by the true disparity: bool [h,w].

    A pixel is hidden where another lands on the same column of the right picture with a larger disparity, by
    more than one pixel (a z-buffer over rows); it is unseen where it lands outside.
    """
    h, w = disparity.shape
    rows, columns = np.nonzero(np.isfinite(disparity))
    d = disparity[rows, columns]
    landed = np.round(columns - d).astype(int)
    inside = (landed >= 0) & (landed < w)
    front = np.full((h, w), -np.inf, dtype=np.float32)
    np.maximum.at(front, (rows[inside], landed[inside]), d[inside])
    seen = np.zeros((h, w), dtype=bool)
    kept = (rows[inside], columns[inside])
    seen[kept] = d[inside] >= front[rows[inside], landed[inside]] - 1.0
    return seen


def bad_share(disparity: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> float | None:
    """The share of asked pixels [h,w] without an answer or with one more than `WRONG` pixels off; 0..1."""
    if not asked.any():
        return None
    with np.errstate(invalid="ignore"):
        good = np.abs(disparity - truth) <= WRONG
    return 1 - float(good[asked].mean())


def sgbm_answers(pair: Pair, threads: int, quick: bool) -> list[Answer]:
    """SGBM with its usual filters and with none, each with the block size that is best here.

    Raises:
        Unavailable: OpenCV cannot be had.
    """
    blocks = (5,) if quick else BLOCKS
    found = []
    for filtered, name in ((True, "OpenCV SGBM"), (False, "OpenCV SGBM, all pixels")):
        given = {
            "left": pair.left, "right": pair.right, "most": np.array(-(-pair.most // 16) * 16),
            "blocks": np.array(blocks), "filtered": np.full(len(blocks), filtered),
        }  # fmt: skip
        try:
            answer = run_peer("sgbm", downloads.opencv(), given, threads)
        except RuntimeError as reason:
            raise Unavailable(f"OpenCV's SGBM ended with: {reason}") from reason
        known = np.isfinite(pair.disparity)
        shares = [bad_share(one, pair.disparity, known) for one in answer["disparity"]]
        best = int(np.argmin(np.array(shares, dtype=float)))
        method = f"{name}, block {blocks[best]}"
        found.append(Answer(method, answer["disparity"][best], answer["wall"][best], answer["cpu"][best]))
    return found


def opensfm_answer(pair: Pair, modules: Path) -> Answer:
    """OpenSfM's raw depth of the left picture (its cleaner needs more views).

    Raises:
        Unavailable: its module fails.
    """
    c = pair.cameras
    given = {
        "grey": ours.grey_of(pair.left, pair.right),
        "lens": np.stack([c.fx, c.fy, c.cx, c.cy], axis=1),
        "cam_from_world": np.linalg.inv(c.world_from_cam), "sources": np.array([[1], [0]]),
        "near": np.array(pair.nearest), "far": np.array(pair.farthest), "consistent": np.array(1),
    }  # fmt: skip
    try:
        answer = run_peer("opensfm", modules, given, threads=1)
    except RuntimeError as reason:
        raise Unavailable(f"OpenSfM's stereo ended with: {reason}") from reason
    # Both pictures were asked for, as ours does; seconds are of both.
    disparity = pair.disparity_of(answer["depth"][0])
    return Answer("OpenSfM PatchMatch", disparity, float(answer["wall"]), float(answer["cpu"]))


def our_answer(pair: Pair, preset: str = "default") -> Answer:
    """Ours: both pictures as a scene of two views, at full size, told the range that SGBM is told."""
    full = max(pair.disparity.shape)
    maps, wall, cpu = ours.stereo_maps(pair.scene, preset, pair.range_points, longest=full)
    name = "ours" if preset == "default" else f"ours, {preset}"
    return Answer(name, pair.disparity_of(maps.frame(0).depth), wall, cpu)


def rows_of(pair: Pair, answers: list[Answer], missing: list[str]) -> list[list[Any]]:
    """One row an answer; what could not be had gets a row that says so."""
    truth = pair.disparity
    known, both = np.isfinite(truth), seen_by_both(truth)
    compared = [a for a in answers if a.method == "ours" or a.method.startswith("OpenCV SGBM, block")]
    common = known & np.all([np.isfinite(a.disparity) for a in compared], axis=0)
    rows = []
    for answer in answers:
        answered = np.isfinite(answer.disparity) & known
        error = np.abs(answer.disparity - truth)[answered]
        shared = (
            bad_share(answer.disparity, truth, common) if len(compared) == 2 and answer in compared else None
        )
        shares = [bad_share(answer.disparity, truth, known), bad_share(answer.disparity, truth, both), shared]
        percent = [None if share is None else 100 * share for share in shares]
        median = float(np.median(error)) if len(error) else None
        full = 100 * float(answered.sum() / known.sum())
        rows.append([pair.name, answer.method, *percent, full, median, answer.wall, answer.cpu])
    rows += [[pair.name, text, *([None] * (len(COLUMNS) - 2))] for text in missing]
    return rows


def measure(opensfm: Path | None, threads: int, quick: bool) -> tuple[Table, list[str], dict[str, Any]]:
    """The table of both pairs, notes, and the disparities by pair and method for pictures."""
    rows: list[list[Any]] = []
    kept: dict[str, Any] = {}
    for name in pair_data.NAMES:
        try:
            pair = pair_data.load(name)
        except Unavailable as reason:
            say(f"SKIPPED {name}: {reason}")
            rows.append([name, f"skipped: {reason}", *([None] * (len(COLUMNS) - 2))])
            continue
        answers, missing = [our_answer(pair), our_answer(pair, "best")], []
        asked: list[tuple[str, Callable[[], list[Answer]]]] = [
            ("OpenCV", lambda pair=pair: sgbm_answers(pair, threads, quick)),
        ]
        if opensfm is not None:
            asked.append(("OpenSfM", lambda pair=pair: [opensfm_answer(pair, opensfm)]))
        for peer, ask in asked:
            try:
                answers += ask()
            except Unavailable as reason:
                missing.append(f"{peer}: {reason}")
                say(f"{name}: {missing[-1]}")
        if opensfm is None:
            missing.append("OpenSfM: not given (--opensfm FOLDER)")
        rows += rows_of(pair, answers, missing)
        kept[name] = (pair, answers)
    note = NOTE.format(blocks=", ".join(str(b) for b in ((5,) if quick else BLOCKS)))
    return Table("Real stereo pairs with true disparity", COLUMNS, rows), [note], kept
