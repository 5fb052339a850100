"""Patients' coordinates: NIfTI and RTSTRUCT come out where they lay, and say their axes and unit."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from neurfield import inputs
from neurfield.report.mesh_file import read_mesh
from neurfield.slices import read_slices
from tests.slices.structure_set import write_structure_set

SMALL = (
    "device=cpu", "field.levels=3", "field.log2_table_size=14", "field.start_levels=2",
    "field.finest_resolution=32", "field.hidden=[32,32]",
)  # fmt: skip


def extras(path: Path) -> dict[str, str]:
    """What a GLB says of itself."""
    content = path.read_bytes()
    (size,) = struct.unpack("<I", content[12:16])
    return json.loads(content[20 : 20 + size])["asset"]["extras"]


def fitted(path: Path, out: Path, source: str, voxel: float):  # type: ignore[no-untyped-def]
    more = (f"mesh.voxel={voxel}", f"points.{source}.count=3000", f"points.{source}.pool=6000")
    run = inputs.fit(path, input="slices", steps=80, out=out, overrides=(*SMALL, *more), quiet=True)
    outcome = inputs.finish(run)
    assert not outcome.troubles
    return run, outcome


def test_labels_of_a_nifti_end_where_its_voxels_are(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    labels = np.zeros((16, 14, 6), np.uint8)
    labels[3:8, 3:11, 1:5], labels[8:13, 3:11, 1:5] = 1, 2
    turn = np.deg2rad(25.0)  # oblique
    axes = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * [1.0, 1.0, 3.0], [-80.0, 40.0, 900.0]
    image = nibabel.Nifti1Image(labels, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "pair.nii.gz")
    run, outcome = fitted(tmp_path / "pair.nii.gz", tmp_path, "label_samples", 0.6)
    assert outcome.metrics["unit"] == "mm" and set(outcome.metrics["labels"]["each"]) == {"1", "2"}
    for number in (1, 2):
        places = np.argwhere(labels == number) @ affine[:3, :3].T + affine[:3, 3]
        mesh = read_mesh(run.folder / "objects" / f"{number:04d}.glb")
        assert np.abs(np.asarray(mesh.vertices).mean(axis=0) - places.mean(axis=0)).max() < 1.0
    said = (run.folder / "mesh.ply").read_bytes()[:400]
    assert b"comment unit mm" in said and b"comment axes RAS" in said and b"comment up 0 0 1" in said
    assert extras(run.folder / "objects" / "scene.glb") == {"unit": "mm", "axes": "RAS"}


def test_a_region_of_a_structure_set_ends_in_the_patient_s_millimetres(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    turn = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    lines = []
    for z in (-4.0, -2.0, 0.0, 2.0, 4.0):
        radius = np.sqrt(36.0 - z * z)
        flat = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        lines.append(np.column_stack([flat + np.array([120.0, -60.0]), np.full(24, 500.0 + z)]))
    path = tmp_path / "r.dcm"
    write_structure_set(path, {"Left lung": lines})
    slices = read_slices(path)
    assert slices.axes == "LPS" and slices.unit == "mm" and slices.called(1) == "Left lung"
    run, outcome = fitted(path, tmp_path, "slice_samples", 0.7)
    radius = np.linalg.norm(np.asarray(outcome.mesh.vertices) - [120.0, -60.0, 500.0], axis=1)
    assert radius.mean() == pytest.approx(6.0, rel=0.06)
    assert b"comment axes LPS" in (run.folder / "mesh.ply").read_bytes()[:400]
    again = inputs.resume(run.folder, steps=82, quiet=True)
    assert again.input.slices.slices.axes == "LPS" and again.input.slices.slices.unit == "mm"
