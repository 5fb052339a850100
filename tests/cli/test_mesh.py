"""Where `neurfield mesh` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

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
