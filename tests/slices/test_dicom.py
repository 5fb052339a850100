"""DICOM: segmentations lie where their frames say, and a folder is searched for what can be fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.slices import read_slices
from tests.slices.structure_set import write_segmentation, write_structure_set

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("contourpy")

TURN = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]  # oblique
SPACING = (0.5, 0.8, 2.0)
SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
AT = np.array([-80.0, 40.0, 900.0])


def place(column: float, row: float, plane: float) -> np.ndarray:
    """In the world, of pixels of a plane."""
    return AT + TURN.T @ [column * SPACING[1], row * SPACING[0], plane * SPACING[2]]


def mask(rows: slice, columns: slice) -> np.ndarray:
    values = np.zeros((12, 17), np.uint8)  # not square, so that rows are not taken for columns
    values[rows, columns] = 1
    return values


def written(path: Path) -> None:
    """Liver in planes 0, 1, 2 and 5, kidney in planes 1 and 2; frames in no order."""
    liver, kidney = mask(slice(2, 9), slice(3, 8)), mask(slice(3, 7), slice(9, 15))
    frames = [(7, place(0, 0, k), liver) for k in (5, 0, 2, 1)] + [
        (9, place(0, 0, k), kidney) for k in (2, 1)
    ]
    names = {7: "Liver", 9: "Kidney", 11: "Spleen"}
    write_segmentation(path, frames, names, TURN[:2], SPACING)


def test_a_segmentation_lies_where_its_frames_say(tmp_path: Path) -> None:
    written(tmp_path / "s.dcm")
    slices = read_slices(tmp_path / "s.dcm")
    assert (slices.unit, slices.axes) == ("mm", "LPS")
    assert [slices.called(label) for label in slices.labels] == ["Liver", "Kidney"]
    # Planes 3 and 4 have no frame, so nothing is in them.
    assert [len(one.contours) for one in slices.slices] == [1, 2, 2, 0, 0, 1]
    assert np.allclose(slices.gaps, SPACING[2])
    assert any("2 planes between others have no frame" in note for note in slices.notes)
    assert any("label Spleen has no contour" in note for note in slices.notes)
    for k, one in enumerate(slices.slices):
        for contour in one.contours:
            across = {7: (5.0, 5.0, 7.0), 9: (11.5, 4.5, 4.0)}[contour.label]
            middle = place(across[0], 5.0 if contour.label == 7 else 4.5, k)
            world = one.plane.world(contour.corners)
            assert np.allclose((world.min(axis=0) + world.max(axis=0)) / 2.0, middle, atol=1e-4)
            area = {7: 5 * 7, 9: 6 * 4}[contour.label] * SPACING[0] * SPACING[1]
            # Lines cut the corners of pixels off.
            assert abs(contour.area) == pytest.approx(area - 0.5 * SPACING[0] * SPACING[1], rel=1e-4)


def test_a_segmentation_that_says_too_little_is_one_line(tmp_path: Path) -> None:
    written(tmp_path / "s.dcm")
    data = pydicom.dcmread(tmp_path / "s.dcm")
    del data.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(UserError, match="does not say where it lies"):
        read_slices(tmp_path / "a.dcm")
    data.PixelData = data.PixelData[:10]
    data.save_as(tmp_path / "b.dcm")
    with pytest.raises(UserError, match="pixels are not readable"):
        read_slices(tmp_path / "b.dcm")
    (tmp_path / "c.dcm").write_bytes(b"no such thing " * 30)
    with pytest.raises(UserError, match=r"c\.dcm: "):
        read_slices(tmp_path / "c.dcm")


def test_a_folder_is_searched_for_contours_or_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [np.column_stack([SQUARE, np.full(4, float(k))]) for k in range(3)]
    (tmp_path / "ct").mkdir()
    write_structure_set(tmp_path / "r", {"Liver": lines})
    data = pydicom.dcmread(tmp_path / "r")
    data.Modality = "CT"
    for k in range(2):
        data.save_as(tmp_path / "ct" / f"IM{k}")  # without an ending, as on discs
    (tmp_path / "ct" / "notes.txt").write_text("none")
    assert read_slices(tmp_path).path == tmp_path / "r"
    assert main(["slices", "check", str(tmp_path)]) == 0
    assert "3 parallel planes" in capsys.readouterr().out
    assert main(["fit", "--slices", str(tmp_path / "ct")]) == 2
    said = capsys.readouterr().err
    assert "2 DICOM files (CT) and no contours or labels" in said and said.count("\n") == 1
    written(tmp_path / "ct" / "s.dcm")
    with pytest.raises(UserError, match=r"2 files have contours or labels: give one of them: ct/s\.dcm, r$"):
        read_slices(tmp_path)
