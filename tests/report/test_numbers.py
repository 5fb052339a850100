"""Numbers in words."""

from __future__ import annotations

import pytest

from neurfield.report.numbers import duration, length, name_of, numbers_in_words, value_of


@pytest.mark.parametrize(
    ("metres", "text"), [(2.5, "2.5 m"), (0.05, "5 cm"), (0.01, "1 cm"), (0.0034, "3.4 mm"), (0.0, "0 mm")]
)
def test_lengths(metres: float, text: str) -> None:
    assert length(metres) == text


def test_lengths_of_no_known_unit_have_none() -> None:
    assert length(0.0034, "") == "0.0034" and length(12.5, "mm") == "12.5 mm"
    metrics = {
        "unit": "", "mesh": {"voxel": 0.01}, "geometry": {"chamfer_l1": 0.02, "f_score@0.05": 0.5},
        "tanks_and_temples": {"tau": 0.005},
    }  # fmt: skip
    said = {title: dict(rows) for title, rows in numbers_in_words(metrics)}
    assert said["Mesh"] == {"voxel": "0.01"}
    assert said["Geometry against the true surface"] == {
        "Chamfer-L1 (their mean)": "0.02", "F-score at 0.05": "0.5000",
    }  # fmt: skip
    assert said["Protocol of Tanks and Temples, without its ICP"] == {"tau": "5 mm"}  # always metres


@pytest.mark.parametrize(("seconds", "text"), [(9.94, "9.9 s"), (125, "2 min 05 s"), (3600, "1 h 00 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_names_and_values() -> None:
    assert name_of("f_score@0.05") == "F-score at 5 cm"
    assert name_of("precision@0.01") == "precision at 1 cm"
    assert name_of("something_new") == "something new"
    assert value_of("accuracy", 0.0061) == "6.1 mm"
    assert value_of("faces", 1234567) == "1,234,567"
    assert value_of("truth_seen", 0.79) == "79.0 %"
    assert value_of("frames", "held out") == "held out"
    assert name_of("overall_mm") == "overall (their mean)"
    assert value_of("overall_mm", 0.84321) == "0.8432 mm"
    assert value_of("tau", 0.005) == "5 mm"


def test_groups_in_reading_order_and_only_those_there() -> None:
    metrics = {"images": {"psnr": 20.0}, "schema": 1, "fit": {"steps": 10}, "geometry": {}, "other": {"x": 1}}
    assert numbers_in_words(metrics) == [("Fit", [("steps", "10")]), ("Pictures", [("PSNR", "20.00 dB")])]
