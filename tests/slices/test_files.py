"""Files of slices: read as they are written, and their mistakes named by plane and component."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.errors import UserError
from neurfield.slices import (
    Contour,
    Plane,
    Slice,
    Slices,
    cut,
    inside,
    label_at,
    looked_over,
    parallel_planes,
    random_planes,
    read_label_volume,
    read_slices,
    read_stack,
    slices_of_volume,
    write_csl,
)
from neurfield.slices.read import as_they_are

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
CSL = """CSLC
2 2

1 8 2 0 0 2 -2
0 0 1
4 0 1
4 4 1
0 4 1
1 1 1
1 3 1
3 3 1

3 1 1
4 1 0 1 2 3
4h0 1 4 5 6 7

7 3 1 0 0 1.0 -2.5
0 0 2.5
4 0 2.5
4 4 2.5
3 1 0 1 2
"""


def written(folder: Path, text: str, name: str = "a.csl") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def ball(radius: float = 1.0) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(3, radius)


def test_csl_is_read_with_holes_and_normals_of_any_length(tmp_path: Path) -> None:
    slices = read_slices(written(tmp_path, CSL))
    first, second = slices.slices
    assert (first.number, second.number) == (1, 7)
    assert first.plane.offset == pytest.approx(1.0) and second.plane.offset == pytest.approx(2.5)
    assert np.ptp(slices.corners, axis=0).tolist() == [4.0, 4.0, 1.5]
    places = first.plane.flat(np.array([[0.5, 0.5, 1.0], [2.0, 2.0, 1.0]]))
    assert inside(places, first.of_label(1)).tolist() == [True, False]
    assert not slices.notes


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("CSLC", "CSL"), "does not begin with CSLC"),
        (("2 2\n", "3 2\n"), "ends in plane 3 of 3"),
        (("4 1 0 1 2 3", "4 1 0 1 2 9"), "plane 1, component 1 of 2: names vertex 9"),
        (("4 1 0 1 2 3", "x 1 0 1 2 3"), "plane 1, component 1 of 2: 'x'"),
        (("1 8 2 0 0 2 -2", "1 8 2 0 0 0 -2"), "plane 1: A B C are all zero"),
        (("4 0 2.5", "4 nan 2.5"), "plane 7: '0 0 2.5 4 nan 2.5"),
    ],
)
def test_mistakes_in_csl_are_named(tmp_path: Path, changed: tuple[str, str], said: str) -> None:
    with pytest.raises(UserError) as refused:
        read_slices(written(tmp_path, CSL.replace(*changed, 1)))
    assert said in str(refused.value) and "a.csl" in str(refused.value)


def test_labels_of_csl_stay_apart_where_there_are_more_than_two(tmp_path: Path) -> None:
    text = CSL.replace("2 2\n", "2 3\n").replace("4h0 1 4", "4h0 2 4").replace("3 1 0 1 2\n", "3 2 0 1 2\n")
    slices = read_slices(written(tmp_path, text))
    assert slices.labels == (1, 2)
    assert len(slices.slices[0].of_label(1)) == 2 and len(slices.slices[1].of_label(2)) == 1
    with pytest.raises(UserError, match="hole of component 5"):
        read_slices(written(tmp_path, text.replace("4h0", "4h5")))


def test_planes_in_which_nothing_is_can_be_written_too(tmp_path: Path) -> None:
    square = Contour(np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]), 3)
    planes = [Slice(Plane.of([0, 0, 1.0], float(k)), (square,) * (k in (1, 4)), k + 7) for k in range(6)]
    slices = Slices("s", tuple(planes))
    write_csl(slices, tmp_path / "all.csl", empty=True)
    write_csl(slices, tmp_path / "some.csl")
    again = read_slices(tmp_path / "all.csl")
    assert [len(one.contours) for one in again.slices] == [0, 1, 0, 0, 1, 0] and again.labels == (3,)
    assert [one.number for one in again.slices] == [7, 8, 9, 10, 11, 12] and np.allclose(again.gaps, 1.0)
    assert len(read_slices(tmp_path / "some.csl").slices) == 2


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_written_is_read_back_where_it_was(tmp_path: Path, turned: bool) -> None:
    hollow = trimesh.util.concatenate([ball(), ball(0.6)])
    hollow.vertices += np.array([4e5, 5e6, 100.0])
    box = np.asarray(hollow.bounds)
    planes = random_planes(box, 9, seed=3) if turned else parallel_planes(box, 9)
    slices = cut(hollow, planes)
    write_csl(slices, tmp_path / "b.csl")
    again = read_slices(tmp_path / "b.csl")
    assert len(again.slices) == sum(bool(one.contours) for one in slices.slices)
    for one, other in zip([one for one in slices.slices if one.contours], again.slices):
        places = np.random.default_rng(0).uniform(-1.0, 1.0, (500, 3)) + hollow.vertices.mean(axis=0)
        own = inside(one.plane.flat(places), one.of_label(1))
        assert (own == inside(other.plane.flat(places), other.of_label(1))).mean() > 0.998
    assert not [note for note in again.notes if "turn" in note or "off" in note]


def test_a_cut_of_a_ball_has_circles_of_the_right_size() -> None:
    slices = cut(ball(), parallel_planes(np.array([[-1.0] * 3, [1.0] * 3]), 10))
    assert len(slices.slices) == 10 and slices.parallel and np.allclose(slices.gaps, 0.2)
    for one in slices.slices:
        (contour,) = one.contours
        radius = np.sqrt(1.0 - one.plane.offset**2)
        assert contour.area == pytest.approx(np.pi * radius**2, rel=0.05) and contour.area > 0.0


def test_a_cut_through_vertices_and_edges_is_closed() -> None:
    cube = trimesh.creation.box()
    for place in (-0.5, 0.0, 0.5 - 1e-12):
        slices = cut(cube, [Plane.of([0.0, 0.0, 1.0], place), Plane.of([1.0, 1.0, 0.0], 0.0)])
        assert slices.slices[1].contours[0].area == pytest.approx(np.sqrt(2.0))
    with pytest.raises(UserError, match="none of 1 planes"):
        cut(cube, [Plane.of([0.0, 0.0, 1.0], 2.0)])


def test_a_curve_network_has_the_edges_between_materials(tmp_path: Path) -> None:
    text = "2\n" + "\n".join(
        f"0 0 1 {-z}\n6 7\n0 0 {z}\n2 0 {z}\n4 0 {z}\n4 2 {z}\n2 2 {z}\n0 2 {z}\n"
        "0 1 1 0\n1 2 2 0\n2 3 2 0\n3 4 2 0\n4 5 1 0\n5 0 1 0\n1 4 1 2"
        for z in (0.0, 1.0)
    )
    slices = read_slices(written(tmp_path, text, "c.contour"))
    assert slices.labels == (1, 2)
    for one in slices.slices:
        assert [abs(contour.area) for contour in one.contours] == [4.0, 4.0]
        at = one.plane.flat(np.array([[1.0, 1.0, 0.0], [3.0, 1.0, 0.0], [5.0, 1.0, 0.0]]))
        assert label_at(one, at).tolist() == [1, 2, 0]


def test_volumes_keep_their_world(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    labels = np.zeros((12, 10, 5), np.uint8)
    labels[2:10, 3:7, 1:4], labels[4:6, 4:6, 1:4] = 1, 2
    turned = np.array([[0.0, -2.0, 0.0, 7.0], [1.0, 0.0, 0.0, -3.0], [0.0, 0.0, 9.0, 50.0], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti1Image(labels, turned), tmp_path / "v.nii.gz")
    volume = read_label_volume(tmp_path / "v.nii.gz")
    assert volume.axes == "RAS" and volume.spacing.tolist() == [1.0, 2.0, 9.0] and volume.unit == ""
    image = nibabel.Nifti1Image(labels, turned)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "mm.nii")
    assert as_they_are(tmp_path / "mm.nii").unit == "mm"
    slices = as_they_are(tmp_path / "v.nii.gz")
    assert [bool(one.contours) for one in slices.slices] == [False, True, True, True, False]
    indices = np.argwhere(labels >= 0)
    world = indices @ turned[:3, :3].T + turned[:3, 3]
    for k, one in enumerate(slices.slices):
        rows = indices[:, 2] == k
        assert np.abs(one.plane.heights(world[rows])).max() < 1e-9
        found = label_at(one, one.plane.flat(world[rows]))
        assert (found == labels[tuple(indices[rows].T)]).all()


def test_nrrd_is_read_in_its_own_space(tmp_path: Path) -> None:
    nrrd = pytest.importorskip("nrrd")
    labels = np.zeros((6, 7, 8), np.int16)
    labels[2:4, 2:5, 2:6] = 3
    header = {
        "space": "left-posterior-superior", "space directions": np.diag([1.0, 1.0, 2.5]),
        "space origin": [10.0, 20.0, 30.0], "Segment0_Name": "tumour", "Segment0_LabelValue": "3",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "s.nrrd"), labels, header)
    slices = as_they_are(tmp_path / "s.nrrd")
    assert slices.axes == "LPS" and slices.called(3) == "tumour"
    low, high = slices.corners.min(axis=0), slices.corners.max(axis=0)
    assert np.allclose(low, [11.5, 21.5, 35.0]) and np.allclose(high, [13.5, 24.5, 42.5])


def test_images_are_not_taken_for_labels(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    for values, said in (
        (np.random.default_rng(0).normal(size=(5, 5, 5)), "between whole numbers"),
        (np.zeros((5, 5, 5)), "all of its voxels are 0"),
        (np.arange(8000.0).reshape(20, 20, 20), "8000 values"),
        (np.uint8(np.add.outer(np.add.outer(np.arange(40), np.arange(30)), np.arange(9))), "not an image"),
    ):
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "v.nii")
        with pytest.raises(UserError, match=said):
            read_slices(tmp_path / "v.nii")


def test_structure_sets_are_read_by_region(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.Modality = "RTSTRUCT"
    region, roi = Dataset(), Dataset()
    region.ROINumber, region.ROIName, roi.ReferencedROINumber = 4, "Liver", 4
    across = np.array([[0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])  # oblique
    lines = []
    for k, kind in ((0, "CLOSED_PLANAR"), (1, "CLOSED_PLANAR"), (2, "POINT")):
        line = Dataset()
        places = SQUARE @ across + k * 5.0 * np.cross(*across)
        line.ContourGeometricType = kind
        line.NumberOfContourPoints = 4
        line.ContourData = [f"{value:.6f}" for value in places.reshape(-1)]
        lines.append(line)
    roi.ContourSequence = Sequence(lines)
    data.StructureSetROISequence, data.ROIContourSequence = Sequence([region]), Sequence([roi])
    data.save_as(tmp_path / "r.dcm", enforce_file_format=True)
    slices = read_slices(tmp_path / "r.dcm")
    assert slices.called(4) == "Liver" and slices.unit == "mm" and slices.axes == "LPS"
    assert len(slices.slices) == 2 and np.allclose(slices.gaps, 5.0)
    assert any("1 contours are points" in note for note in slices.notes)


def test_stacks_of_masks_and_drawings(tmp_path: Path) -> None:
    pytest.importorskip("contourpy")
    masks, drawings = tmp_path / "masks", tmp_path / "drawings"
    masks.mkdir(), drawings.mkdir()
    for k in (1, 2, 10):
        mask = np.zeros((20, 30), np.uint8)
        mask[4 : 4 + k, 6:16] = 255
        Image.fromarray(mask).save(masks / f"m{k}.png")
        (drawings / f"d{k}.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20" width="30" height="20">'
            f'<circle cx="10" cy="10" r="{k}"/></svg>'
        )
    slices = read_stack(masks, (0.5, 2.0, 3.0))
    areas = [one.contours[0].area for one in slices.slices]
    assert np.allclose(areas, [9.5, 19.5, 99.5], atol=1.0) and np.allclose(slices.gaps, 3.0)
    assert np.ptp(slices.corners, axis=0) == pytest.approx([5.0, 20.0, 6.0], abs=0.01)
    pytest.importorskip("svgelements")
    round_ones = read_stack(drawings, (1.0, 1.0, 3.0))
    areas = [abs(one.contours[0].area) for one in round_ones.slices]
    assert np.allclose(areas, np.pi * np.array([1.0, 4.0, 100.0]), rtol=0.02)
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(masks / "m3.png")
    with pytest.raises(UserError, match="5x5 pixels"):
        read_stack(masks, (1.0, 1.0, 1.0))


def test_what_is_wrong_is_told_and_mended() -> None:
    plane, above = Plane.of([0, 0, 1.0], 0.0), Plane.of([0, 0, 1.0], 1.0)
    circle = np.stack([np.cos(np.linspace(0, 6.28, 60)), np.sin(np.linspace(0, 6.28, 60))], axis=1)
    crossed = np.array([[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 3.0]])
    contours = (
        Contour(SQUARE), Contour(np.roll(SQUARE, 2, axis=0)), Contour(SQUARE[:2]), Contour(crossed + 9.0),
        Contour(circle[:45] - 9.0), Contour(SQUARE + 2.0, 2),
    )  # fmt: skip
    given = Slices("s", (Slice(plane, contours, 1), Slice(above, (Contour(SQUARE),), 2), Slice(above, (), 3)),
                   names={7: "lost"})  # fmt: skip
    mended, findings = looked_over(given)
    said = " | ".join(finding.words for finding in findings)
    assert "plane 3 is the same as plane 2" in said
    assert "plane 1, contour 2 is another's twin" in said
    assert "plane 1, contour 3: 2 corners without an inside" in said
    assert "crosses itself" in said and "is open by" in said
    assert "of label 1 crosses contour" in said and "label lost has no contour" in said
    assert [len(one.contours) for one in mended.slices] == [4, 1] and not any(f.grave for f in findings)
    overlap = mended.slices[0]
    assert label_at(overlap, overlap.plane.flat(np.array([[1.0, 1.0, 0.0], [5.0, 5.0, 0.0]]))).tolist() == [
        1,
        2,
    ]


def test_one_plane_or_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one plane only"):
        read_slices(written(tmp_path, CSL.replace("2 2\n", "1 2\n")))
    with pytest.raises(UserError, match="no contour in any plane"):
        read_slices(written(tmp_path, "CSLC\n1 2\n1 0 0 0 0 1 0\n"))
    for name, said in (("none.csl", "no such file"), ("x.stl", "not a kind of file")):
        if name == "x.stl":
            (tmp_path / name).write_text("solid")
        with pytest.raises(UserError, match=said):
            read_slices(tmp_path / name)
    with pytest.raises(UserError, match="slices import"):
        read_slices(tmp_path)


def test_other_units_and_wide_gaps_are_told() -> None:
    scales = (1.0, 1.0, 25.4, 1.0)
    planes = [
        Slice(Plane.of([0, 0, 1.0], 100.0 * k), (Contour(SQUARE * scale),), k + 1)
        for k, scale in enumerate(scales)
    ]
    said = " | ".join(finding.words for finding in looked_over(Slices("s", tuple(planes)))[1])
    assert "plane 3 is 25.4 times larger" in said and "what lies between is a guess" in said


def test_slices_of_a_volume_may_be_cut_along_any_axis() -> None:
    pytest.importorskip("contourpy")
    from neurfield.slices import LabelVolume

    labels = np.zeros((8, 9, 10), np.int64)
    labels[2:6, 2:7, 2:8] = 1
    volume = LabelVolume("v", labels, np.eye(4))
    for axis in range(3):
        slices = slices_of_volume(volume, axis)
        assert len(slices.slices) == labels.shape[axis]
        assert abs(slices.slices[axis].plane.normal[axis]) == 1.0 or axis == 0
    assert len(slices_of_volume(volume, 2, every=3).slices) == 4
