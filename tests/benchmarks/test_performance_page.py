"""Results replace their own block of the page, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import performance_page
from benchmarks.performance_page import PAGE, publish
from neurfield.errors import UserError

MACHINE = {
    "time": "2026-01-02T03:04:05Z", "commit": "abc", "cpu": "a processor", "threads": 2, "isa": "avx2",
    "versions": {"torch": "2"}, "yardstick_gflops": 100.0,
}  # fmt: skip
TEXT = """# Page
<!-- figures: one -->
old
<!-- end -->
between
<!-- figures: two -->
old too
<!-- end -->
end
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "docs" / "performance.md"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def result(folder: Path, name: str, **content: object) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"machine": MACHINE, **content}))
    return path


def test_one_block_changes(page: Path, tmp_path: Path) -> None:
    tables = [{"title": "Title", "columns": ["a", "b"], "rows": [["x", 1.5]]}]
    found = result(tmp_path, "one", tables=tables, notes=["A note."])
    publish([found], page)
    text = page.read_text()
    assert "**Title**" in text and "| x   | 1.50 |" in text and "A note." in text and "commit `abc`" in text
    assert text.startswith("# Page\n<!-- figures: one -->\n") and "\nold\n" not in text
    assert text.endswith("<!-- end -->\nbetween\n<!-- figures: two -->\nold too\n<!-- end -->\nend\n")
    publish([found], page)
    assert page.read_text() == text


def test_a_single_table_without_a_title(page: Path, tmp_path: Path) -> None:
    publish([result(tmp_path, "two", columns=["a"], rows=[["x"]])], page)
    assert "| x   |" in page.read_text() and "****" not in page.read_text()


def test_pictures_come_along(page: Path, tmp_path: Path) -> None:
    found = result(tmp_path, "one", columns=["a"], rows=[["x"]])
    found.with_suffix(".png").write_bytes(b"picture")
    publish([found], page)
    assert "![one](images/bench_one.png)" in page.read_text()
    assert (page.parent / "images" / "bench_one.png").read_bytes() == b"picture"


def test_what_cannot_be_published_changes_nothing(page: Path, tmp_path: Path) -> None:
    good = result(tmp_path, "one", columns=["a"], rows=[["x"]])
    large = result(tmp_path, "two", columns=["a"], rows=[["x"]])
    large.with_suffix(".png").write_bytes(bytes(performance_page.LARGEST_PICTURE + 1))
    for poor, says in (
        (result(tmp_path, "three", columns=["a"], rows=[["x"]]), "figures: three"),
        (result(tmp_path, "other"), "not a benchmark"),
        (large, "too large"),
    ):
        with pytest.raises(UserError, match=says):
            publish([good, poor], page)
        assert page.read_text() == TEXT


def test_the_page_has_a_block_for_every_benchmark() -> None:
    marks = {match[1] for match in performance_page._BLOCK.findall(PAGE.read_text())}
    scripts = {p.stem.removeprefix("bench_") for p in (PAGE.parents[1] / "benchmarks").glob("bench_*.py")}
    assert scripts <= marks
