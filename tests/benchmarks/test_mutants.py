"""The list of mistakes holds to the code as it is: each can be made, once, and would be looked for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.mutants.__main__ import judged
from benchmarks.mutants.catalogue import MUTANTS
from benchmarks.mutants.mutant import ROOT, Mutant
from benchmarks.mutants.native import binders
from benchmarks.mutants.results import BEGIN, END, Kept, Outcome, publish, table
from benchmarks.mutants.tree import TestRun, Tree

ONE = MUTANTS[0]


def test_every_mistake_can_be_made_in_the_code_as_it_is() -> None:
    gone = []
    for mutant in MUTANTS:
        try:
            mutant.broken()
        except LookupError as reason:
            gone.append(str(reason))
    assert not gone, "\n".join(gone)


def test_every_mistake_is_one_and_would_be_looked_for() -> None:
    for mutant in MUTANTS:
        assert mutant.why and mutant.tests and mutant.old != mutant.new
        assert all((ROOT / path.split("::")[0]).is_file() for path in mutant.tests), mutant.name
        if mutant.file.endswith(".py"):
            ast.parse(mutant.broken())  # a mistake of grammar would fail every test
            assert not mutant.built
        else:
            assert mutant.built and binders({name: (ROOT / name).read_text() for name in mutant.built})


def test_there_are_enough_and_each_once() -> None:
    assert len(MUTANTS) >= 60 and sum(bool(mutant.built) for mutant in MUTANTS) >= 15
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


def test_a_fragment_that_is_gone_or_there_twice_is_named(tmp_path: Path) -> None:
    mutant = Mutant("a.py", "x + 1", "x - 1", "minus", ())
    for text, says in (("y", "found 0 times"), ("x + 1, x + 1", "found 2 times")):
        (tmp_path / "a.py").write_text(text)
        with pytest.raises(LookupError, match=f"a.py: {says}.*benchmarks/mutants"):
            mutant.broken(tmp_path)
    (tmp_path / "a.py").write_text("return x + 1")
    assert mutant.broken(tmp_path) == "return x - 1"
    with pytest.raises(LookupError, match="no such file"):
        mutant.broken(tmp_path / "elsewhere")


def test_a_change_of_what_matters_makes_an_outcome_stale(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x + 1")
    (tmp_path / "test_a.py").write_text("")
    mutant = Mutant("a.py", "x + 1", "x - 1", "minus", ("test_a.py",))
    keys = [mutant.key(tmp_path)]
    for name, text in (("a.py", "x + 1  # why"), ("test_a.py", "assert True"), ("conftest.py", "")):
        (tmp_path / name).write_text(text)
        keys.append(mutant.key(tmp_path))
    assert len(set(keys)) == 4


def test_outcomes_are_kept_but_those_that_show_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "outcomes.jsonl"
    for state in ("killed", "survived", "error"):
        Kept(path).add(state, Outcome(state, "by", 1.0))
    assert set(Kept(path).found) == {"killed", "survived"}
    assert Kept(path).found["killed"] == Outcome("killed", "by", 1.0)
    assert not Kept(path, fresh=True).found


def test_the_table_names_survivors_and_replaces_the_one_before(tmp_path: Path) -> None:
    two = [ONE, Mutant("csrc/a.h", "a | b", "a", "no or", ("t",), ("csrc/a.cpp",))]
    text = table(two, [Outcome("killed", "t", 1.0), Outcome("survived", "", 1.0)])
    assert "2 mistakes, 1 of them in native code: **1 noticed, 1 not** (50.0 %)" in text
    assert "no or" in text and "`a \\| b`" in text and ONE.why not in text
    assert "None survives" in table(two[:1], [Outcome("killed", "t", 1.0)])
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    publish(text, page)
    assert page.read_text() == f"before\n{BEGIN}\n{text}\n{END}\nafter\n"


def test_of_sources_that_call_each_other_only_the_first_is_bound() -> None:
    outer = "void bind_a(py::module_& module) {\n    bind_b(module);\n}\n"
    inner = "void bind_b(pybind11::module_& module) { module.def(1); }\n"
    assert binders({"a.cpp": outer, "b.cpp": inner}) == ["bind_a"]
    assert binders({"b.cpp": inner}) == ["bind_b"]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """A copy of a checkout with one line of code and two tests."""
    root = tmp_path / "root"
    for name, text in (
        ("neurfield/__init__.py", "def double(x):\n    return 2 * x\n"),
        ("tests/test_double.py", "import neurfield\n\ndef test_it():\n    assert neurfield.double(3) == 6\n"),
        ("tests/test_any.py", "import neurfield\n\ndef test_it():\n    assert neurfield.double(0) == 0\n"),
        ("pyproject.toml", ""),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    copy = Tree(tmp_path / "copy", root, warm=["pytest"])
    yield copy
    copy.close()


def test_tests_of_a_copy_see_the_copy(tree: Tree) -> None:
    tree.expect_to_be_imported()
    assert judged(tree.test(["tests"]), 1.0).state == "survived"
    tree.write("neurfield/__init__.py", "def double(x):\n    return 3 * x\n")
    assert judged(tree.test(["tests/test_any.py"]), 1.0).state == "survived"
    found = judged(tree.test(["tests/test_double.py"]), 1.0)
    assert found.state == "killed" and found.by == "tests/test_double.py::test_it"


def test_tests_that_do_not_run_kill_nothing(tree: Tree) -> None:
    tree.write("tests/test_double.py", "import nothing_of_this_name\n")
    for path in ("tests/test_double.py", "tests/test_not_there.py"):
        found = judged(tree.test([path]), 1.0)
        assert found.state == "error" and "did not run" in found.by
    tree.write("tests/test_double.py", "import os\n\ndef test_it():\n    os.abort()\n")
    assert judged(tree.test(["tests/test_double.py"]), 1.0) == Outcome("killed", "crashed", 1.0)
    assert judged(TestRun("too long", "", 1.0, ""), 1.0) == Outcome("killed", "too long", 1.0)
