"""YAML as people mean it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from neurfield.errors import UserError
from neurfield.parts.yaml_text import read_mapping, read_text, write_text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("off", "off"), ("on", "on"), ("no", "no"), ("yes", "yes"), ("y", "y"), ("NO", "NO"), ("true", True),
        ("False", False), ("1e-3", 0.001), ("1.5e3", 1500.0), (".5", 0.5), ("2.", 2.0), ("-3", -3),
        ("010", 10),
        ("1:30", "1:30"), ("2021-01-01", "2021-01-01"), ("1_000", "1_000"), ("0x10", "0x10"), ("'12'", "12"),
        ("null", None), ("", None), ("[1, 2.5]", [1, 2.5]), ("{a: off}", {"a": "off"}),
    ],
)  # fmt: skip
def test_words_stay_words_and_numbers_are_decimal(text: str, meant: Any) -> None:
    found = read_text(text, "x")
    assert found == meant and type(found) is type(meant)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "x, line 3: 'a' is given twice"),
        ("losses:\n  color: 1\n  'color': 2\n", "x, line 3: 'color' is given twice"),
        ("on: 1\n'on': 2\n", "x, line 2: 'on' is given twice"),
        ("{a: {b: 1, b: 2}}", "x: 'b' is given twice"),
        ("a: [1,\nb", "x, line 2: "),
        ("[1]: 2", "x: a key is a word"),
        ("a: !!python/object/apply:os.system [true]", "x: could not determine a constructor"),
        ("a: \x00", "x: not readable as YAML"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_text(text, "x")
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=8) | st.sampled_from(
    ["off", "1e-3", "1e3", "12", "null", "~", "true", "y", "1:30", "<<", ".nan", "0.5"]
)
VALUES = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS


@given(st.dictionaries(WORDS, VALUES | st.lists(VALUES) | st.dictionaries(WORDS, VALUES)))
def test_what_is_written_is_read_as_the_same(content: dict[str, Any]) -> None:
    text = write_text(content)
    assert read_text(text, "x") == content
    assert write_text(read_text(text, "x")) == text


def test_other_readers_see_words_too() -> None:
    assert yaml.safe_load(write_text({"a": "off", "b": "no", "c": "1:30"})) == {
        "a": "off",
        "b": "no",
        "c": "1:30",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"), (b"\xff\xfe\xfa", "it is no text"), (b"", "this is nothing"),
        (b"- 1", "this is a list"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_mapping_is_named(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        read_mapping(path)
    assert str(caught.value).startswith(str(path))
