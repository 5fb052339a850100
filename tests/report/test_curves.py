"""The log is read as far as it is whole; curves stay in their frame."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurfield.report.curves import Curve, _decades, _even, chart, charts, read_log, short


def points_of(svg: str) -> list[tuple[float, float]]:
    found = re.search(r'points="([^"]*)"', svg)
    assert found
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found[1].split())]


def test_last_report_of_a_step_counts_and_broken_lines_do_not(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"step": 100, "loss": 1}\n{"step": 200, "loss": 2}\n\nnonsense\n{"step": 100, "loss": 3}\n{"st'
    )
    assert read_log(log) == [{"step": 100, "loss": 3}, {"step": 200, "loss": 2}]
    assert read_log(tmp_path / "none.jsonl") == []


def test_curve_runs_left_to_right_within_the_frame_and_falls() -> None:
    places = points_of(chart(Curve("loss", [(1, 100.0), (50, 10.0), (99, 1.0)], logarithmic=True)))
    across, down = zip(*places)
    assert list(across) == sorted(across) and list(down) == sorted(down)
    assert min(across) >= 0 and max(across) <= 320 and min(down) >= 0 and max(down) <= 170
    assert down[1] - down[0] == pytest.approx(
        down[2] - down[1], abs=0.2
    )  # a straight line on the logarithmic scale


def test_constant_and_unusable_values() -> None:
    assert len(points_of(chart(Curve("x", [(1, 5.0), (2, 5.0)])))) == 2
    assert chart(Curve("x", [(1, 0.0), (2, -1.0), (3, 1.0)], logarithmic=True)) == ""
    assert chart(Curve("x", [(1, float("nan")), (2, float("inf"))])) == ""


def test_speed_is_between_reports() -> None:
    log = [{"step": s, "seconds": t, "rays": 100.0} for s, t in ((1, 0.0), (11, 2.0), (21, 3.0))]
    speed = next(svg for svg in charts(log) if "rays per second" in svg)
    assert "<b>1000</b>" in speed


def test_one_report_makes_no_curve() -> None:
    assert charts([{"step": 1, "loss": 2.0}]) == []


def test_short_numbers() -> None:
    assert [short(v) for v in (0.0431, 12, 1234.5, 25_000, 3.1e6)] == ["0.0431", "12", "1234", "25k", "3.1M"]


@pytest.mark.parametrize("axis", [_even, _decades])
@pytest.mark.parametrize(
    ("low", "high"),
    [(-2.0, 2.0), (-5.3, 1.2), (0.31, 0.33), (0.0, 0.0), (3.0, 3.0), (-1.01, -0.2), (1e-9, 2e-9)],
)
def test_axes_hold_their_curve_and_are_marked_often_enough(axis: object, low: float, high: float) -> None:
    assert callable(axis)
    labels, fine = axis(low, high)
    assert labels == sorted(set(labels)) and 2 <= len(labels) <= 9
    assert labels[0] <= low + 1e-6 and labels[-1] >= high - 1e-6
    assert all(labels[0] - 1.0 < mark < labels[-1] + 1.0 for mark in fine)


def test_a_logarithmic_axis_is_labelled_at_whole_decades_and_says_so() -> None:
    drawn = chart(Curve("loss", [(1, 30.0), (2, 0.3), (3, 0.02)], logarithmic=True, good="down"))
    assert all(f">{label}</text>" in drawn for label in ("100", "10", "1", "0.1", "0.01"))
    assert "in decades" in drawn and "lower is better" in drawn
    assert drawn.count('class="fine"') == 4 * 8  # 2 to 9 between each two


def test_a_hand_reads_every_point() -> None:
    drawn = chart(Curve("PSNR", [(100, 20.5), (1200, 25.0)], unit=" dB", key="psnr"))
    assert 'data-words="20.5 dB at step 100|25 dB at step 1,200"' in drawn
    assert '<a href="#psnr">PSNR</a>' in drawn
