"""Where `neurfield mesh` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimesh

from neurfield.cli.main import main
from neurfield.cli.mesh import output_path
from neurfield.errors import UserError

RUN = Path("runs/room0/neus-1")


def test_in_the_run_by_default() -> None:
    assert output_path(RUN, None, None) == RUN / "mesh.ply"
    assert output_path(RUN, None, "glb") == RUN / "mesh.glb"


def test_format_follows_the_file_and_the_file_the_format() -> None:
    assert output_path(RUN, "a/room.OBJ", None) == Path("a/room.OBJ")
    assert output_path(RUN, "room.stl", "stl") == Path("room.stl")
    assert output_path(RUN, "room", "ply") == Path("room.ply")


@pytest.mark.parametrize(
    ("output", "format", "says"),
    [("room.xyz", None, "end it in"), ("room", None, "end it in"), ("room.ply", "obj", "leave one out")],
)
def test_what_cannot_be_meant(output: str, format: str | None, says: str) -> None:
    with pytest.raises(UserError, match=says):
        output_path(RUN, output, format)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it is a folder; name a file in it"):
        output_path(RUN, str(tmp_path), None)


def test_pieces_of_less_than_a_share_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large, small = trimesh.creation.icosphere(2), trimesh.creation.icosphere(2, radius=0.05)
    small.apply_translation((2.0, 0.0, 0.0))
    given, made = tmp_path / "two.ply", tmp_path / "one.ply"
    trimesh.util.concatenate([large, small]).export(given)
    assert main(["mesh", str(given), "--component", "0.01", "--output", str(made)]) == 0
    assert len(trimesh.load(made).faces) == len(large.faces)
    assert main(["mesh", str(given), "--component", "0.0001", "--output", str(made)]) == 0
    assert len(trimesh.load(made).faces) == 2 * len(large.faces)
    capsys.readouterr()
    assert main(["mesh", str(given), "--component", "3", "--output", str(made)]) == 2
    assert "the least share of the area, from 0 to 1" in capsys.readouterr().err
