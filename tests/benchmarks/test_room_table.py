"""Every row's command is one that exists; runs are found and read, mistakes are said."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest

from benchmarks import room_table
from neurfield.errors import UserError
from neurfield.parts import load_config
from neurfield.scenes.builtin import BUILTIN

OURS = {name: row for name, row in room_table.ROWS.items() if row.ours}


def finished_run(folder: Path, seconds: float) -> Path:
    folder.mkdir(parents=True)
    for name in ("run.json", "mesh.ply"):
        (folder / name).write_text("{}")
    fit = {"steps": 10, "seconds": seconds, "peak_memory_gb": 1.5}
    (folder / "metrics.json").write_text(json.dumps({"schema": 1, "fit": fit}))
    return folder


@pytest.mark.parametrize("name", OURS)
def test_flags_of_our_rows_are_a_configuration_that_differs_from_the_others(name: str) -> None:
    words = OURS[name].flags.split()
    method = words[words.index("--method") + 1]
    overrides = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    config = load_config(method, "default", overrides)
    assert config.data.sensor_depth == {"ours-exact": "exact", "ours-noisy": "noisy"}.get(name, "off")
    assert config.data.prior_depth == (name in ("ours-priors", "ours-repeating"))
    assert OURS[name].repeating == (name == "ours-repeating")


def test_the_newest_run_is_taken_with_the_seconds_and_memory_it_tells(tmp_path: Path) -> None:
    old = finished_run(tmp_path / "room0" / "neus-2", seconds=7)
    new = finished_run(tmp_path / "room0" / "neus-1", seconds=12.5)
    os.utime(old / "run.json", (1, 1))
    assert room_table.newest_run(tmp_path) == new
    facts = room_table.facts_of_run(new)
    assert (facts["fit_seconds"], facts["peak_gb"]) == (12.5, 1.5) and Path(facts["mesh"]).is_file()


def test_an_unfinished_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run in it"):
        room_table.newest_run(tmp_path)
    run = finished_run(tmp_path / "run", seconds=1)
    for name in ("metrics.json", "mesh.ply"):
        (run / name).unlink()
        with pytest.raises(UserError, match=f"no {name}"):
            room_table.facts_of_run(run)


@pytest.mark.parametrize("item", ["ours-exact", "nobody=runs/x", "tsdf-exact-1cm=runs/x"])
def test_reuse_names_one_of_our_rows(item: str) -> None:
    with pytest.raises(UserError, match="NAME=RUN-FOLDER"):
        room_table.reused([item])


def test_reuse_takes_a_folder_with_equal_signs(tmp_path: Path) -> None:
    assert room_table.reused(["ours-noisy=runs/a=b"]) == {"ours-noisy": Path("runs/a=b")}


def test_a_row_has_a_cell_for_every_header() -> None:
    numbers = dict.fromkeys(("fit_seconds", "f_score@0.05", "f_score@0.01", "accuracy", "completeness"), 0.5)
    row = {"scene": "room1", "title": "x", **numbers, "normal_consistency": 0.9, "faces": 3, "peak_gb": None}
    cells = room_table.cells(row)
    assert len(cells) == len(room_table.HEADERS)
    assert cells[5] == 50.0 and cells[-1] is None


def test_a_failing_row_ends_in_one_line(tmp_path: Path) -> None:
    args = argparse.Namespace(out=tmp_path / "out", steps=None)
    with pytest.raises(UserError, match=r"row tsdf-exact-2cm of .* ended with status"):
        room_table.make_mesh("tsdf-exact-2cm", str(tmp_path / "no-such-room"), args)


def test_rows_of_repeating_priors_ask_the_room_for_them() -> None:
    asked = {name: row.scene_of("room1") for name, row in room_table.ROWS.items()}
    assert {name for name, scene in asked.items() if scene == "room1-repeating"} == {
        "ours-repeating",
        "tsdf-repeating",
    }
    assert set(asked.values()) == {"room1", "room1-repeating"} and set(asked.values()) <= set(BUILTIN)
