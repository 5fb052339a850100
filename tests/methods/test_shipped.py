"""The methods that are shipped, with the parts that are: they load, are written, and are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.cli.main import main
from neurfield.parts import load_config, methods, read_config, save_config, spelled_out
from neurfield.parts.yaml_text import read_text


def test_every_method_loads_under_every_preset() -> None:
    assert {"neus", "volsdf", "monosdf"} <= set(methods())
    for method in methods():
        steps = [load_config(method, preset).train.steps for preset in ("quick", "default", "best")]
        assert steps == sorted(steps) and steps[0] < steps[2]


def test_every_number_is_written_and_read_back_to_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "config.yaml", tmp_path / "again.yaml"
    for method in methods():
        more = (
            ["field.radius=1e-7", "background=off"] if method in methods("surface") else ["field.hidden=[3]"]
        )
        config = load_config(method, "best", ["seed=5", *more])
        save_config(config, first)
        again = read_config(first)
        save_config(again, second)
        assert again == config and first.read_bytes() == second.read_bytes()
        for part in [part for parts in config.parts.values() for part in parts.values()]:
            assert set(part.numbers) == set(part.entry.numbers())


@pytest.mark.parametrize("preset", ["quick", "default", "best"])
def test_a_method_is_shown_as_a_preset_file(
    preset: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for method in methods():
        assert main(["methods", method, "--preset", preset]) == 0
        shown = capsys.readouterr().out
        config = load_config(method, preset)
        assert read_text(shown, "x") == spelled_out(config)
        (tmp_path / "mine.yaml").write_text(shown)
        mine = load_config(str(tmp_path / "mine.yaml"))
        assert (mine.parts, mine.data, mine.train) == (config.parts, config.data, config.train)
