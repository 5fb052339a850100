"""What pages name exists: files, rooms of the house, keys of `--set`, methods."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurfield.parts import about, load_config, methods, whole_shelf
from tests.test_imports import MAY_IMPORT

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [path for at in ("", "docs/", "notes/", "benchmarks/", "data/") for path in ROOT.glob(f"{at}*.md")]
)
HOMES = (ROOT, ROOT / "neurfield", ROOT / "tests", ROOT / "docs", ROOT / "csrc")
OF_OTHERS = {
    "replica_eval/cull_mesh.py",
    "scannet_eval/evaluate.py",
    "scripts/dtu_eval.py",
    "src/tools/cull_mesh.py",
}  # in other repositories
SHOWN = {"add-a-kernel.md": "bent", "add-a-part.md": "level_or_upright"}  # what a page itself makes
DESIGN = (ROOT / "docs" / "design.md").read_text()
NOTES = (ROOT / "notes" / "decisions.md").read_text()


def written(page: Path) -> str:
    """A page's text without what scripts print into it."""
    return re.sub(r"<!-- (figures|mutants).*?<!-- end.*?-->", "", page.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`((?:[\w.*-]+/)+[\w.*-]+\.(?:py|pyi|cpp|h|cu|md|sh))(?:::\w+)?`", written(page))
    gone = [name for name in named if not any(list(home.glob(name)) for home in HOMES)]
    own = SHOWN.get(page.name)
    assert not [name for name in gone if name not in OF_OTHERS and not (own and own in name)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_a_page_names_are_there(page: Path) -> None:
    for name, test in re.findall(r"`((?:\w+/)*test_\w+\.py)::(\w+)", written(page)):
        (path,) = [home / name for home in (ROOT, ROOT / "tests") if (home / name).is_file()]
        assert f"def {test}(" in path.read_text(), f"{name}::{test}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_keys_that_a_page_sets_are_there(page: Path) -> None:
    for key, value in re.findall(r"--set '?([\w.]+)=(\S+?)['`;,)]*(?=[\s`;,)]|$)", written(page)):
        own = SHOWN.get(page.name) in key.split(".")
        if key not in ("key", "group.key") and "..." not in value and not own:
            load_config("monosdf", overrides=[f"{key}={value}"])


def test_scripts_that_make_pictures_are_told_once_with_how_they_are_called() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    scripts = sorted(path.stem for path in ROOT.glob("scripts/*_pictures.py"))
    rows = re.findall(r"python -m scripts\.(\w+_pictures) RUN.*?` \| `(docs/\w+\.md)`", text)
    assert scripts and sorted(name for name, _ in rows) == scripts
    for name, page in rows:
        source = (ROOT / "scripts" / f"{name}.py").read_text()
        assert f"python -m scripts.{name} runs/" in source and f"{page}" in source.splitlines()[0]
        made = re.findall(r'"(\w+\.jpg)"', source)
        shown = re.findall(r"\]\(images/(\w+\.jpg)\)", (ROOT / page).read_text())
        assert set(made) == set(shown) and f"scripts/{name}.py" in (ROOT / page).read_text()


def test_parts_and_numbers_that_decisions_name_are_there() -> None:
    shelf = whole_shelf()
    named = re.findall(r"`(losses|points|passes)\.(\w+)(?:\.(\w+))?`", DESIGN + NOTES)
    assert named
    for slot, name, number in named:
        entries = [shelf.find(slot, name)] if name != "surface" else list(shelf.entries[slot].values())
        assert not number or any(number in entry.numbers() for entry in entries), f"{slot}.{name}.{number}"


def test_every_method_is_in_the_readme_with_its_own_words() -> None:
    text = (ROOT / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*?) \|", text, re.MULTILINE))
    assert {name: words for name, words in rows.items() if name in methods()} == {
        m: about(m) for m in methods()
    }


def test_the_house_of_the_page_is_the_house() -> None:
    floors = {
        room: int(number)
        for number, rooms in re.findall(r"^\| (\d+) \| (.*) \|$", DESIGN, re.MULTILINE)
        for room in re.findall(r"`(\w+)`", rooms)
    }
    packages = {path.parent.name for path in (ROOT / "neurfield").glob("*/__init__.py")} | {"viewer"}
    assert set(floors) == packages - {"configs"}
    for room, imports in MAY_IMPORT.items():
        for other in imports & set(floors):
            assert room not in floors or floors[other] < floors[room], f"{room} imports {other}"


def test_the_field_of_the_readme_trains() -> None:
    import torch

    import neurfield as nf

    (code,) = (
        c
        for c in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
        if "SDFField" in c
    )
    names = {"nf": nf, "points": torch.rand(64, 3, generator=torch.Generator().manual_seed(0)) - 0.5}
    exec(code, names)
    assert names["field"].layers[0].weight.grad.any() and names["sample"].feature.shape == (64, 15)


def test_pieces_that_the_readme_names_are_of_the_package() -> None:
    import neurfield as nf

    for words in re.findall(r"`?\bnf\.([\w.]+)", (ROOT / "README.md").read_text()):
        found: object = nf
        for word in words.rstrip(".").split("."):
            found = getattr(found, word)
