"""Parts from outside the package: files, modules, installed distributions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neurfield.errors import UserError
from neurfield.parts import load_config, plugins, read_config, save_config, whole_shelf

ENTRY_POINTS = plugins._entry_points  # of what is installed; other tests see none

LAB = '''"""A lab's parts."""
from typing import Annotated
from neurfield.parts import Number, needs


@needs("samples.gradient")
def curvature(seen, *, order: Annotated[int, Number(least=1)] = 2) -> float:
    """Bending of the surface.

    Args:
        order: of the derivative.
    """
    return 3.0 * order


class Soft:
    """A soft opacity."""

    def __init__(self, *, softness: float = 1.0) -> None:
        self.softness = softness


PARTS = {"losses.curvature": curvature, "passes.soft": Soft}
'''


@pytest.fixture
def lab(tmp_path: Path) -> str:
    """A plug-in that is a file."""
    (tmp_path / "my_lab.py").write_text(LAB)
    return str(tmp_path / "my_lab.py")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a distribution of one module, whose entry points say which parts it brings."""

    def install(name: str, text: str, **parts: str) -> None:
        site = tmp_path / "site"
        (site / f"{name}-1.dist-info").mkdir(parents=True)
        (site / f"{name}.py").write_text(text)
        (site / f"{name}-1.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
        points = [f"{key.replace('__', '.')} = {value}\n" for key, value in parts.items()]
        (site / f"{name}-1.dist-info" / "entry_points.txt").write_text(
            "[neurfield.parts]\n" + "".join(points)
        )
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setattr(plugins, "_entry_points", ENTRY_POINTS)

    return install


def complaint(*words: str) -> str:
    """What is said about plug-ins that cannot be used."""
    with pytest.raises(UserError) as caught:
        load_config("neus", plugins=words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_brings_parts_that_are_checked_as_ours(lab: str) -> None:
    more = ["losses.curvature=0.1", "losses.curvature.order=3", "passes.surface=soft"]
    config = load_config("neus", overrides=more, plugins=[lab])
    loss, opacity = config.many("losses")["curvature"], config.many("passes")["surface"]
    assert (loss.weight, loss.numbers, loss.make(seen=None)) == (0.1, {"order": 3}, 9.0)
    assert opacity.make().softness == 1.0
    assert list(config.many("losses"))[-1] == "curvature", "after our own"
    for wrong, said in (
        ("losses.curvature.order=0", "'losses.curvature.order': 0 is too small"),
        ("losses.curvture=1", "no loss is called 'curvture', did you mean 'curvature'?"),
    ):
        with pytest.raises(UserError) as caught:
            load_config("neus", overrides=["losses.curvature=1", wrong], plugins=[lab])
        assert said in str(caught.value)


def test_a_module_does_as_a_file_does(installed: Callable[..., None]) -> None:
    installed("lab_a", LAB)
    assert load_config("neus", overrides=["losses.curvature=1"], plugins=["lab_a"]).plugins == ["lab_a"]


def test_what_is_installed_is_there_and_is_run_when_it_is_used(installed: Callable[..., None]) -> None:
    installed("lab_b", LAB, losses__curvature="lab_b:curvature", passes__soft="lab_b:Soft")
    assert load_config("neus").plugins == []
    assert "lab_b" not in sys.modules
    config = load_config("neus", overrides=["losses.curvature=1"])
    assert config.many("losses")["curvature"].numbers == {"order": 2} and config.plugins == ["lab_b"]


def test_the_same_part_may_come_twice(installed: Callable[..., None]) -> None:
    installed("lab_c", LAB, losses__curvature="lab_c:curvature")
    shelf = whole_shelf(["lab_c", "lab_c"])
    assert shelf.find("losses", "curvature").load() is sys.modules["lab_c"].curvature


def test_a_run_records_the_plugins_it_used_by_name(lab: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    assert load_config("neus", plugins=[lab]).plugins == [], "asked for and not used"
    config = load_config("neus", overrides=["losses.curvature=1"], plugins=[lab])
    save_config(config, path)
    assert config.plugins == ["my_lab"] and str(tmp_path) not in path.read_text()
    assert read_config(path, plugins=[lab]) == config
    save_config(read_config(path, plugins=[lab]), tmp_path / "again.yaml")
    assert (tmp_path / "again.yaml").read_bytes() == path.read_bytes()


def test_opening_a_run_executes_nothing_and_says_what_is_missing(
    lab: str, tmp_path: Path, installed: Callable[..., None]
) -> None:
    path, proof = tmp_path / "config.yaml", tmp_path / "was_run"
    save_config(load_config("neus", overrides=["losses.curvature=1"], plugins=[lab]), path)
    installed("my_lab", f"open({str(proof)!r}, 'w')\n{LAB}")  # importable, and not asked for
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert str(caught.value) == (
        f"{path}: the plug-in 'my_lab' that this run used is missing: "
        "install it, or name its module or file with --plugin (in Python plugins=[...])"
    )
    assert not proof.exists()
    assert read_config(path, plugins=["my_lab"]).plugins == ["my_lab"] and proof.exists()


def test_a_run_of_an_installed_plugin_opens(installed: Callable[..., None], tmp_path: Path) -> None:
    installed("lab_d", LAB, losses__curvature="lab_d:curvature")
    config = load_config("neus", overrides=["losses.curvature=1"])
    save_config(config, tmp_path / "config.yaml")
    assert read_config(tmp_path / "config.yaml") == config


def test_a_preset_file_may_use_a_plugin(lab: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("like: neus\nlosses: {curvature: 0.5}\n")
    config = load_config(str(tmp_path / "mine.yaml"), plugins=[lab])
    assert config.many("losses")["curvature"].weight == 0.5
    with pytest.raises(UserError, match=r"mine\.yaml: no loss is called 'curvature'"):
        load_config(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import nowhere_at_all\n",
            "it cannot be imported (ModuleNotFoundError: No module named 'nowhere_at_all')",
        ),
        ("1 +\n", "it cannot be imported (SyntaxError"),
        ("raise ValueError('one\\ntwo')\n", "it cannot be imported (ValueError: one two)"),
        ("import sys; sys.exit(3)\n", "it cannot be imported (SystemExit: 3)"),
        ("", "it does not say which parts it brings; give it a dict such as PARTS ="),
        ("PARTS = ['losses.x']\n", "it does not say which parts it brings"),
        ("PARTS = {}\n", "it does not say which parts it brings"),
        ("PARTS = {'losses.x': 3}\n", "'losses.x' is a int, a part is a function or a class"),
        ("PARTS = {'losses.x': 'a:b'}\n", "'losses.x' is a str, a part is a function or a class"),
        (
            "PARTS = {'losses.color': print}\n",
            "brings 'losses.color', a name that neurfield itself has taken",
        ),
        (
            "PARTS = {'looses.x': print}\n",
            "brings 'looses.x', and there is no slot 'looses', did you mean 'losses'?",
        ),
        ("PARTS = {'x': print}\n", "brings 'x', which names no slot: write it as slot.name"),
        ("PARTS = {3: print}\n", "brings '3', which names no slot"),
        ("PARTS = {'losses.off': print}\n", "'off' is no name for a part"),
        ("PARTS = {'losses.weight': print}\n", "'weight' is no name for a part"),
        ("PARTS = {'losses.My Loss': print}\n", "'My Loss' is no name for a part"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad_lab.py"
    path.write_text(text)
    line = complaint(str(path))
    assert "bad_lab" in line and said in line


def test_a_plugin_that_is_not_there() -> None:
    line = complaint("nowhere_lab")
    assert "--plugin nowhere_lab: it cannot be imported (ModuleNotFoundError" in line
    assert line.endswith("install it, or give its file as --plugin path/to/nowhere_lab.py")
    assert "nowhere/lab.py: it cannot be imported (FileNotFoundError" in complaint("nowhere/lab.py")
    assert "--plugin : it cannot be imported" in complaint("")


def test_two_plugins_cannot_bring_one_name(tmp_path: Path, lab: str) -> None:
    (tmp_path / "other.py").write_text("def f(seen): ...\nPARTS = {'losses.curvature': f}\n")
    line = complaint(lab, str(tmp_path / "other.py"))
    assert "'other' brings 'losses.curvature', a name that the plug-in 'my_lab' has taken" in line


def test_two_files_of_one_name_cannot_be_told_apart(tmp_path: Path, lab: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "my_lab.py").write_text("def f(seen): ...\nPARTS = {'losses.x': f}\n")
    assert "another plug-in is called 'my_lab' already" in complaint(lab, str(tmp_path / "sub" / "my_lab.py"))


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        (LAB, "lab_e:curvatures", "(AttributeError: module 'lab_e' has no attribute 'curvatures')"),
        ("import nowhere_at_all", "lab_e:curvature", "(ModuleNotFoundError"),
        (LAB, "lab_e:PARTS", "'losses.bent', which is a dict: a part is a function or a class"),
    ],
)
def test_an_installed_plugin_that_cannot_be_used_is_named_once_it_is(
    text: str, value: str, said: str, installed: Callable[..., None]
) -> None:
    installed("lab_e", text, losses__bent=value)
    load_config("neus")
    with pytest.raises(UserError) as caught:
        load_config("neus", overrides=["losses.bent=1"])
    assert "the plug-in 'lab_e'" in str(caught.value) and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_installed_plugin_cannot_take_a_name_of_ours(installed: Callable[..., None]) -> None:
    installed("lab_f", LAB, losses__color="lab_f:curvature")
    assert "the plug-in 'lab_f' brings 'losses.color', a name that neurfield itself has taken" in complaint()


def test_numbers_of_a_plugin_must_be_declared(tmp_path: Path) -> None:
    path = tmp_path / "lab_g.py"
    path.write_text("def f(seen, *, scale=1.0): ...\nPARTS = {'losses.x': f}\n")
    with pytest.raises(UserError, match=r"'losses\.x\.scale' has no type"):
        load_config("neus", overrides=["losses.x=1"], plugins=[str(path)])


def test_our_own_parts_are_found_where_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    from neurfield.parts.shelf import SLOTS, TABLE

    assert set(TABLE) == set(SLOTS)
    for targets in TABLE.values():
        assert all(target.count(":") == 1 and target.startswith("neurfield.") for target in targets.values())


def test_a_file_is_run_once(lab: str) -> None:
    first, second = (whole_shelf([lab, lab]).find("losses", "curvature").load() for _ in range(2))
    assert first is second
