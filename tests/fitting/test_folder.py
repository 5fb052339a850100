"""What a run says of itself, and what earlier versions said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neurfield.errors import UserError
from neurfield.fitting.folder import SCHEMA, read_facts, write_facts

OF_A_SCENE = {
    "schema": 1,
    "scene": "/rooms/a",
    "name": "a",
    "cameras": 7,
    "kind": "inside",
    "box": [[0], [1]],
}
OF_AN_IMAGE = {"schema": 1, "kind": "image", "image": "/a.png", "name": "a", "size": [3, 2, 3, 8]}


def written(folder: Path, facts: Any) -> Path:
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_facts(tmp_path, {"input": "scene", "name": "a", "cameras_look": "outside"})
    facts = read_facts(tmp_path)
    created = facts["created"]
    assert facts["schema"] == SCHEMA and facts["input"] == "scene" and facts["cameras_look"] == "outside"
    write_facts(tmp_path, {"input": "scene", "name": "b"})
    assert read_facts(tmp_path)["created"] == created and read_facts(tmp_path)["name"] == "b"


def test_runs_of_the_first_schema_are_opened(tmp_path: Path) -> None:
    """There "kind" said two things: that it is an image, or where a scene's cameras look."""
    scene = read_facts(written(tmp_path, OF_A_SCENE))
    assert scene["input"] == "scene" and scene["cameras_look"] == "inside" and "kind" not in scene
    assert all(scene[key] == OF_A_SCENE[key] for key in ("scene", "name", "cameras", "box"))
    image = read_facts(written(tmp_path, OF_AN_IMAGE))
    assert image["input"] == "image" and "kind" not in image and "cameras_look" not in image
    assert all(image[key] == OF_AN_IMAGE[key] for key in ("image", "name", "size"))
    write_facts(tmp_path, image)
    assert read_facts(tmp_path)["schema"] == SCHEMA and read_facts(tmp_path)["size"] == [3, 2, 3, 8]


@pytest.mark.parametrize("facts", [{"schema": SCHEMA + 1}, {}, [], 3])
def test_other_versions_are_refused_in_one_line(tmp_path: Path, facts: Any) -> None:
    with pytest.raises(UserError, match=r"run\.json has schema"):
        read_facts(written(tmp_path, facts))
