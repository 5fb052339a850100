"""Slices as clinics have them: each oddity is handled, or told by plane and contour in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.slices import Contour, Plane, Slice, Slices, label_at, looked_over, read_slices, regions
from tests.slices.structure_set import write_structure_set

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
    slices = stacked(Contour(SQUARE, 1), Contour(0.5 * SQUARE + [3.0, 1.0], 2))
    assert "plane 2, contour 1 of label 1 crosses contour 2 of label 2: where they overlap, the smaller" in (
        "\n".join(told(slices))
    )
    named = replace(slices, names={1: "Heart", 2: "Left lung"})
    assert "of label Heart crosses contour 2 of label Left lung" in "\n".join(told(named))
    one = slices.slices[0]
    found = regions(slices)
    points = np.array([[3.5, 2.0], [1.0, 1.0], [4.5, 2.0], [9.0, 9.0]])
    assert label_at(one, points).tolist() == [2, 1, 2, 0]
    areas = {k: sum(abs(c.area) for c in of.slices[0].contours) for k, of in found.items()}
    assert areas == pytest.approx({0: 18.0, 1: 14.0, 2: 4.0})


def test_a_cut_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "cut.csl"
    path.write_text("CSLC 2 2 1 3 1 0 0 1 0 0 0 0 1 0 0 0 1")
    with pytest.raises(UserError, match="ends in plane 1"):
        read_slices(path)
