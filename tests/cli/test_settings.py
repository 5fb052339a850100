"""`neurfield settings`: every number by its key, what it may be, and who changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.parts import load_config, methods, said_by_methods, settings_of, settings_of_part, whole_shelf
from neurfield.parts.yaml_text import write_value
from tests.parts.test_verbs import complaint, said

LAB = 'def f(seen, *, bend: float = 0.5):\n    """Mine.\n\n    Args:\n        bend: of it.\n    """\n'


@pytest.mark.parametrize("method", methods())
def test_every_number_of_a_method_has_a_key_that_sets_it_and_a_meaning(method: str) -> None:
    config = load_config(method)
    found = settings_of(config)
    again = [f"{key}={write_value(one.value)}" for key, one in found.items() if one.value is not None]
    assert load_config(method, overrides=again) == config
    for slot, parts in config.parts.items():
        for part in parts.values():
            assert all(f"{part.key}.{name}" in found for name in part.numbers), slot
    assert not [key for key, one in found.items() if not one.number.explanation]


def test_who_changes_a_number_is_what_their_configurations_say() -> None:
    shelf = whole_shelf()
    steps = said_by_methods("train.steps", shelf)
    for method in ("neus", "hash", "shape"):
        assert steps[method] == {p: load_config(method, p).train.steps for p in ("quick", "default", "best")}
    repeats = said_by_methods("losses.s3im.repeats", shelf)
    assert set(repeats) <= {"s3im"}
    assert set(said_by_methods("losses.s3im.weight", shelf)) == {"s3im"}
    assert said_by_methods("train.no_such_number", shelf) == {}


def test_a_part_that_no_method_has_is_there_with_its_defaults() -> None:
    found = settings_of_part(whole_shelf().find("losses", "s3im"))
    assert found["losses.s3im.kernel"].value == found["losses.s3im.kernel"].number.default
    assert found["losses.s3im.weight"].value is None


def test_all_groups_have_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "settings")
    assert "seed" in shown and "train key allowed default in neus what it means" in shown
    assert "losses: what a step's error is made of" in shown and "color.weight" in shown
    assert "s3im" not in shown  # neus does not have it
    assert "sensor_depth" in shown and "finest_resolution" in shown


def test_a_group_and_a_part(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # which tests that run side by side are given
    shown = said(capsys, "settings", "train")
    assert "steps int >= 1 5000 2000, quick 800, best 10000 of the whole fit" in shown
    assert "losses" not in shown
    part = said(capsys, "settings", "losses.s3im")
    assert "repeats int >= 1 10" in part and "weight float >= 0 must be given" in part
    assert "neurfield parts losses" in said(capsys, "settings", "losses")
    assert "in hash" in said(capsys, "settings", "encoding")
    assert "in shape" in said(capsys, "settings", "points.mesh_samples")
    assert "in s3im" in said(capsys, "settings", "losses.s3im")  # a method that has it
    assert "in volsdf" in said(capsys, "settings", "train", "--method", "volsdf")


def test_a_number_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "settings", "train.steps")
    assert shown.startswith(
        "train.steps: of the whole fit allowed int >= 1 default 5000 in neus 2000, quick 800"
    )
    assert "monosdf 1200 5900 23500" in shown
    assert "neurfield fit --scene room0 --method neus --set train.steps=2000" in shown
    assert "in neus the same" in said(capsys, "settings", "train.warmup")
    assert "random" in said(capsys, "settings", "seed")
    assert "--set 'field.hidden=[64, 64]'" in said(capsys, "settings", "field.hidden")


def test_numbers_of_a_plugin(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "my_lab.py").write_text(LAB + 'PARTS = {"losses.mine": f}\n')
    shown = said(capsys, "settings", "losses.mine.bend", "--plugin", str(tmp_path / "my_lab.py"))
    assert shown.startswith("losses.mine.bend: of it allowed float default 0.5")
    assert "in no method" in shown and "neurfield parts losses" in shown


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("train.stepz",), "no setting is called 'train.stepz', did you mean 'train.steps'?"),
        (("trane",), "no setting is called 'trane', did you mean 'train'?"),
        (("losses.s3m",), "no setting is called 'losses.s3m', did you mean 'losses.s3im'?"),
        (("losses.colr.weight",), "did you mean 'losses.color.weight'?"),
        (("train", "--method", "nues"), "no method is called 'nues', did you mean 'neus'?"),
    ],
)
def test_a_typo_is_one_line(words: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert line in complaint(capsys, "settings", *words)
