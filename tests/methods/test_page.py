"""Every method for surfaces and shapes has its section in docs/methods.md, which names its parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurfield.parts import load_config, methods, whole_shelf
from neurfield.parts.yaml_text import read_mapping

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "methods.md").read_text()
SECTIONS = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
NAMES = [*methods("surface"), *methods("shape"), *methods("slices")]
PIECES = ("Adds", "Equation", "Source", "Preset", "Results", "Limits")


def parts_of(method: str) -> set[str]:
    """The parts of a method, such as losses.color."""
    return {f"{slot}.{p.name}" for slot, parts in load_config(method).parts.items() for p in parts.values()}


def test_sections_are_those_of_the_methods() -> None:
    assert set(SECTIONS) == set(NAMES)
    assert len(re.findall(r"^## ", PAGE, re.M)) == len(SECTIONS)


@pytest.mark.parametrize("method", NAMES)
def test_a_section_has_all_pieces_and_names_preset_and_parts(method: str) -> None:
    section = SECTIONS[method]
    assert re.findall(r"^\*\*(\w+)\.\*\*", section, re.M) == list(PIECES)
    for piece in re.split(r"^\*\*\w+\.\*\*", section, flags=re.M)[1:]:
        assert piece.strip()
    file = f"configs/methods/{method}.yaml"
    assert f"`{file}`" in section and (ROOT / file).is_file()
    like = read_mapping(ROOT / file).get("like")
    own = parts_of(method) - (parts_of(like) if like else set())
    assert not {part for part in own if f"`{part}`" not in section}
    assert like is None or like in section


def test_parts_that_the_page_names_are_on_the_shelf() -> None:
    shelf = whole_shelf()
    named = [words for words in re.findall(r"`(\w+)\.(\w+)`", PAGE) if words[0] in shelf.entries]
    assert len(named) > 20
    for slot, name in named:
        shelf.find(slot, name)
