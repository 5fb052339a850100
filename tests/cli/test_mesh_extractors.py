"""`neurfield mesh --extractor` of a run, whose field has a sign, or is taken for one without."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimesh
from torch import Tensor

from neurfield.cli.main import main
from neurfield.fields import FieldSample, SDFField


def test_by_name(ball_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meshes = {}
    for name in ("auto", "marching-cubes", "dual-contouring"):
        path = tmp_path / f"{name}.ply"
        words = ["mesh", str(ball_run), "--resolution", "24", "--extractor", name, "--output", str(path)]
        assert main([*words, "--color", "none"]) == 0
        meshes[name] = trimesh.load(path, process=False)
        assert ("by dual-contouring" in capsys.readouterr().out) == (name == "dual-contouring")
    assert (meshes["auto"].vertices == meshes["marching-cubes"].vertices).all()
    assert meshes["dual-contouring"].area == pytest.approx(meshes["auto"].area, rel=0.05)


def test_of_a_field_without_a_sign(
    ball_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = SDFField.query

    def unsigned(self: SDFField, points: Tensor, gradient: bool = False, **more: object) -> FieldSample:
        sample = query(self, points, gradient, **more)  # type: ignore[arg-type]
        slope = None if sample.gradient is None else sample.gradient * sample.sdf.sign()[:, None]
        return sample._replace(sdf=sample.sdf.abs(), gradient=slope)

    monkeypatch.setattr(SDFField, "query", unsigned)
    monkeypatch.setattr(SDFField, "sign", "unsigned", raising=False)
    path = tmp_path / "ball.ply"
    words = ["mesh", str(ball_run), "--resolution", "24", "--output", str(path)]
    for name in ("auto", "dual-mesh", "mesh-udf"):
        assert main([*words, "--extractor", name]) == 0
        told = capsys.readouterr().out
        assert "by mesh-udf" in told or "by dual-mesh" in told
        assert len(trimesh.load(path, process=False).faces) > 100
    assert main(words) == 0  # by the run's own configuration
    assert "the field has no sign" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--extractor", "dual-mesh"], "is for fields without a sign"),
        (["--objects", "--extractor", "auto"], "leave out --extractor"),
    ],
)
def test_what_does_not_go_together(
    ball_run: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    capsys.readouterr()
    assert main(["mesh", str(ball_run), *words]) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1
