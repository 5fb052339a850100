"""Slices as clinics have them: each oddity is handled, or told by plane and contour in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.slices import (
    Contour,
    Plane,
    Slice,
    Slices,
    inside,
    label_at,
    looked_over,
    mend,
    read_slices,
    regions,
)
from neurfield.slices.findings import number_runs
from tests.slices.structure_set import write_structure_set

TURN = 2.0 * np.pi * np.arange(40) / 40
SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])


def stacked(*contours: Contour, count: int = 3) -> Slices:
    planes = [Slice(Plane.of([0, 0, 1.0], float(k)), contours, k + 1) for k in range(count)]
    return Slices("s", tuple(planes))


def told(slices: Slices) -> list[str]:
    return [finding.words for finding in looked_over(slices)[1]]


def test_oblique_regions_keep_their_planes(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    axes = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    lines = [np.column_stack([SQUARE, np.full(4, 5.0 * k)]) @ axes + 700.0 for k in range(4)]
    write_structure_set(tmp_path / "r.dcm", {"Liver": lines})
    slices = read_slices(tmp_path / "r.dcm")
    assert len(slices.slices) == 4 and np.allclose(slices.gaps, 5.0, atol=1e-4)
    assert np.allclose(np.abs(slices.slices[0].plane.normal @ axes[2]), 1.0, atol=1e-6)


def test_pictures_of_a_series_are_no_contours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pydicom = pytest.importorskip("pydicom")
    write_structure_set(tmp_path / "ct.dcm", {"Liver": [np.column_stack([SQUARE, np.zeros(4)])]})
    data = pydicom.dcmread(tmp_path / "ct.dcm")
    data.Modality = "CT"
    data.save_as(tmp_path / "ct.dcm")
    path = str(tmp_path / "ct.dcm")
    picture = str(tmp_path / "a.png")
    for words in (["fit", "--slices", path], ["slices", "view", path, "--screenshot", picture]):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert "modality CT: give the RTSTRUCT file" in said and said.count("\n") == 1
    assert main(["fit", "--slices", str(tmp_path)]) == 2
    assert "1 DICOM files (CT) and no contours or labels beside them" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["fit", "--slices", str(tmp_path / "empty")]) == 2
    assert "a folder: make one file" in capsys.readouterr().err


def test_a_plane_in_other_units_is_named() -> None:
    slices = stacked(Contour(SQUARE), count=5)
    inches = replace(slices.slices[2], contours=(Contour(25.4 * SQUARE),))
    mixed = replace(slices, slices=(*slices.slices[:2], inches, *slices.slices[3:]))
    assert told(mixed) == ["plane 3 is 25.4 times larger than the others: is it in other units?"]


def test_planes_in_other_units_are_told_in_one_line_also_where_half_are() -> None:
    slices = stacked(Contour(SQUARE), count=8)
    mixed = [replace(one, contours=(Contour(10.0 * SQUARE),)) if one.number > 4 else one
             for one in slices.slices]  # fmt: skip
    assert told(replace(slices, slices=tuple(mixed))) == [
        "plane 5 is 10 times larger than the others, and so in 3 more planes (6 to 8): is it in other units?"
    ]


def test_a_line_that_crosses_itself_has_an_inside_though_its_areas_cancel_out() -> None:
    eight = np.stack([np.sin(TURN), np.sin(2.0 * TURN)], axis=1)
    mended, findings = looked_over(stacked(Contour(eight), count=2))
    assert [finding.words for finding in findings] == [
        f"plane {k}, contour 1 crosses itself: inside is what an odd number of its lines goes around"
        for k in (1, 2)
    ]
    assert all(len(one.contours) == 1 for one in mended.slices)


def test_a_line_that_is_drawn_twice_is_one_whatever_its_corners_are() -> None:
    circle, other = (4.0 * np.stack([np.cos(t), np.sin(t)], axis=1) for t in (TURN, TURN[::-1] + 0.01))
    wall = 0.99 * circle  # of a hundredth of the radius: thin, and meant
    mended, findings = looked_over(stacked(Contour(circle), Contour(other), Contour(wall[::-1])))
    assert [finding.words for finding in findings] == [
        f"plane {k}, contour 2 is another's twin: left out" for k in (1, 2, 3)
    ]
    assert all(len(one.contours) == 2 for one in mended.slices)


def test_a_plane_that_is_given_twice_from_its_other_side_has_its_contours_once() -> None:
    slices = stacked(Contour(4.0 * np.stack([np.cos(TURN), np.sin(TURN)], axis=1)))
    one = slices.slices[1]
    back = Plane.of(-one.plane.normal, -one.plane.offset)
    again = Slice(back, (Contour(back.flat(one.plane.world(one.contours[0].corners))),), 99)
    mended, findings = looked_over(replace(slices, slices=(*slices.slices, again)))
    assert [finding.words for finding in findings] == [
        "plane 99 is the same as plane 2: their contours are put together",
        "plane 2, contour 2 is another's twin: left out",
    ]
    assert [len(one.contours) for one in mended.slices] == [1, 1, 1]


def test_a_quarter_of_a_line_that_is_missing_is_told() -> None:
    circle = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
    assert all("is open by 1.52" in line for line in told(stacked(Contour(circle[:30]))))
    assert len(told(stacked(Contour(circle[:30])))) == 3 and not told(stacked(Contour(circle[:39])))


def test_corners_that_are_no_numbers_are_named() -> None:
    broken = np.where(np.arange(4)[:, None] == 2, np.nan, SQUARE)
    assert told(stacked(Contour(SQUARE), Contour(broken), count=2)) == [
        f"plane {k}, contour 2 has corners that are no numbers: left out" for k in (1, 2)
    ]


def test_a_label_without_contours_is_told_and_no_region() -> None:
    slices = replace(stacked(Contour(SQUARE)), names={1: "liver", 2: "spleen"})
    assert told(slices) == ["label spleen has no contour"]
    assert set(regions(slices)) == {0, 1}


def test_slices_forty_times_as_far_apart_as_voxels_are_wide_are_a_guess(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    labels = np.zeros((9, 9, 5), np.uint8)
    labels[3:6, 3:6, 1:4] = 1
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([1.0, 1.0, 40.0, 1.0])), tmp_path / "v.nii.gz")
    slices = read_slices(tmp_path / "v.nii.gz")
    assert np.allclose(slices.gaps, 40.0)
    assert any("40 apart and contours 3 wide: what lies between is a guess" in note for note in slices.notes)


def test_labels_that_cross_are_named_and_the_smaller_counts() -> None:
    slices = stacked(Contour(SQUARE, 1), Contour(0.5 * SQUARE + np.array([3.0, 1.0]), 2))
    assert told(slices) == [
        "plane 1, contour 1 of label 1 crosses contour 2 of label 2, and so in 2 more planes (2, 3): "
        "where they overlap, the smaller contour counts"
    ]
    named = replace(slices, names={1: "Heart", 2: "Left lung"})
    assert "of label Heart crosses contour 2 of label Left lung" in "\n".join(told(named))
    one = slices.slices[0]
    found = regions(slices)
    points = np.array([[3.5, 2.0], [1.0, 1.0], [4.5, 2.0], [9.0, 9.0]])
    assert label_at(one, points).tolist() == [2, 1, 2, 0]
    areas = {k: sum(abs(c.area) for c in of.slices[0].contours) for k, of in found.items()}
    assert areas == pytest.approx({0: 18.0, 1: 14.0, 2: 4.0})


def test_alike_findings_of_many_planes_are_one_line() -> None:
    bow = SQUARE[[0, 2, 1, 3]] * [1.0, 0.9] + [[0, 0], [0, 0], [0, 1], [0, 0]]
    few = told(stacked(Contour(bow), Contour(SQUARE + 9.0), count=3))
    assert len(few) == 3 and few[2].startswith("plane 3, contour 1 crosses itself: inside is what")
    (many,) = told(stacked(Contour(bow), Contour(SQUARE + 9.0), count=12))
    assert many.startswith(
        "plane 1, contour 1 crosses itself, and so 11 more (plane 2, contour 1; plane 3, contour 1; "
    )
    assert many.count("plane") == 9 and "; ...): inside is what an odd number" in many
    # Pairs of labels are told apart.
    both = told(stacked(Contour(SQUARE, 1), Contour(SQUARE + 2.0, 2), Contour(SQUARE + 1.0, 3), count=2))
    assert len(both) == 3 and all("and so in plane 2" in line for line in both)
    assert number_runs([4, 5, 7, 8, 9, 20]) == "4, 5, 7 to 9, 20"


def test_a_cut_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "cut.csl"
    path.write_text("CSLC 2 2 1 3 1 0 0 1 0 0 0 0 1 0 0 0 1")
    with pytest.raises(UserError, match="ends in plane 1"):
        read_slices(path)


def test_contours_drawn_beside_each_other_are_one_where_they_overlap_and_holes_stay_holes() -> None:
    whole, other = Contour(SQUARE), Contour(SQUARE + np.array([3.0, 1.0]))
    line = told(stacked(whole, other))[0]
    assert line.startswith("plane 1, contour 1 crosses contour 2") and line.endswith("so both are made one")
    (made,) = mend(stacked(whole, other)).slices[0].contours
    assert abs(made.area) == pytest.approx(16.0 + 16.0 - 3.0)
    third = Contour(SQUARE + np.array([6.0, 2.0]))
    assert len(mend(stacked(whole, third, other)).slices[0].contours) == 1
    apart = mend(stacked(whole, other, Contour(SQUARE + 20.0))).slices[0].contours
    assert sorted(abs(contour.area) for contour in apart) == pytest.approx([16.0, 29.0])
    # A line most of which lies in the other is a hole that was drawn over the edge.
    hole = Contour(0.5 * SQUARE + [2.5, 1.0])
    line = told(stacked(whole, hole))[0]
    assert line.endswith("inside is what one of them goes around alone")
    kept = [contour.corners for contour in mend(stacked(whole, hole)).slices[0].contours]
    assert inside(np.array([[1.0, 2.0], [3.5, 2.0], [4.2, 2.0]]), kept).tolist() == [True, False, True]


def test_planes_whose_contours_turn_the_other_way_are_named() -> None:
    slices = stacked(Contour(SQUARE), count=5)
    turned = [
        replace(one, contours=(Contour(SQUARE[::-1]),)) if k in (1, 4) else one
        for k, one in enumerate(slices.slices)
    ]
    (line,) = told(replace(slices, slices=tuple(turned)))
    assert line.startswith("plane 2: contours turn the other way than in most planes, and so in plane 5:")
    # A plane seen from its other side, with the same line.
    from_below = Plane.of([0, 0, -1.0], 0.0)
    world = slices.slices[0].plane.world(SQUARE)
    seen = replace(slices.slices[0], plane=from_below, contours=(Contour(from_below.flat(world)),))
    assert told(replace(slices, slices=(seen, *slices.slices[1:]))) == []


def test_a_gap_where_planes_are_missing_is_named() -> None:
    slices = stacked(Contour(SQUARE), count=12)
    kept = tuple(one for one in slices.slices if one.number not in range(4, 10))
    (line,) = told(replace(slices, slices=kept))
    assert line.startswith("plane 3 and plane 10 are 7 apart, most others 1: ") and "missing" in line
