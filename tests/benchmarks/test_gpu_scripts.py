"""The GPU's benchmarks, tiny and on the CPU: rows as wide as their columns, figures that are positive."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from benchmarks import gpu_common, gpu_room0
from benchmarks.common import Measured
from benchmarks.gpu_common import COLUMNS, Bench, Figure, Times, gpu_arguments
from neurfield.errors import UserError

SCRIPTS = {
    "encoding": {"hash grid forward", "hash grid backward", "hash grid second order"}
    | {
        f"simplex grid {n}-D {work}" for n in (3, 4) for work in ("forward", "backward", "second order")
    },
    "field": {"field query", "field step", "field values"},
    "adam": {"adam"},
    "marching": {"march", "composite forward", "composite forward, backward"},
    "extraction": {"marching cubes"},
}  # fmt: skip


def run(name: str, out: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> int:
    """The exit code of a script's main."""
    monkeypatch.setattr("sys.argv", [name, *flags, "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.gpu_{name}").main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_run_on_the_cpu(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "figures.json"
    assert run(name, out, monkeypatch, "--device", "cpu", "--tiny") == 0
    content = json.loads(out.read_text())
    figures = content["figures"]
    assert {figure["work"] for figure in figures} == SCRIPTS[name]
    assert content["tiny"] and not content["failures"] and content["machine"]["commit"]
    for figure in figures:
        assert figure["ours_ms"] > 0 and figure["peer_ms"] > 0
        assert figure["ratio"] == pytest.approx(figure["peer_ms"] / figure["ours_ms"])
    (table,) = content["tables"]
    assert all(len(row) == len(COLUMNS) for row in table["rows"])


def bench(tmp_path: Path, *flags: str) -> Bench:
    parser = gpu_arguments("", "test")
    return Bench(parser.parse_args(["--out", str(tmp_path / "x.json"), *flags]))


@pytest.fixture
def on_cpu(tmp_path: Path) -> Bench:
    return bench(tmp_path, "--device", "cpu", "--tiny")


def test_without_a_gpu_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match=r"^no CUDA device here: [^\n]*$"):
        bench(tmp_path)


def test_ratios_say_how_many_times_faster_ours_is() -> None:
    figure = Figure.of("work", "setting", Times(0.001, 0.002), "peer", Times(0.004, 0.003))
    assert (figure.ours_ms, figure.peer_ms, figure.ratio) == (1.0, 4.0, 4.0)
    assert (figure.ours_call_ms, figure.peer_call_ms, figure.call_ratio) == (2.0, 3.0, 1.5)
    alone = Figure.of("work", "setting", Times(0.001, 0.002))
    assert alone.ratio is None and len(alone.row()) == len(COLUMNS)


def fails() -> None:
    raise RuntimeError("no kernel image is available\nsecond line")


def test_a_peer_that_fails_is_a_note(on_cpu: Bench) -> None:
    on_cpu.compare("work", "setting", {"ours": lambda: lambda: 1, "peer": lambda: fails})
    assert [figure.peer for figure in on_cpu.figures] == [None] and not on_cpu.failures
    (note,) = on_cpu.notes
    assert "peer: RuntimeError: no kernel image" in note and "second line" not in note
    assert on_cpu.finish("title") == 0


def test_ours_that_fails_is_a_failure_and_the_rest_goes_on(on_cpu: Bench) -> None:
    on_cpu.compare("broken", "setting", {"ours": lambda: fails, "peer": lambda: lambda: 1})
    on_cpu.compare("work", "setting", {"ours": lambda: lambda: 1})
    assert [figure.work for figure in on_cpu.figures] == ["work"]
    assert on_cpu.finish("title") == 1
    assert json.loads(on_cpu.out.read_text())["failures"] == on_cpu.failures


def test_what_was_measured_is_kept_should_the_time_run_out(on_cpu: Bench) -> None:
    on_cpu.compare("first", "setting", {"ours": lambda: lambda: 1})
    assert [figure["work"] for figure in json.loads(on_cpu.out.read_text())["figures"]] == ["first"]


def test_the_gpus_record_is_json() -> None:
    record = gpu_common.gpu_record()
    assert json.loads(json.dumps(record)) == record and record["kernels"]


def test_a_fit_of_the_room_is_what_its_metrics_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {
        "fit": {"steps": 600, "seconds": 9.5, "kernels": "fused sm_90"},
        "geometry": {"f_score@0.05": 0.99, "f_score@0.01": 0.9, "normal_consistency": 0.93},
        "images": {"psnr": 22.0},
    }

    def pretend(command: list[str]) -> Measured:
        assert command[command.index("--device") + 1] == "cuda" and "600" in command
        run = tmp_path / "room0" / "neus-1"
        run.mkdir(parents=True)
        (run / "run.json").write_text("{}")
        (run / "metrics.json").write_text(json.dumps(metrics))
        return Measured(0, 30.0, 1.0, "")

    monkeypatch.setattr(gpu_room0, "run_measured", pretend)
    found = gpu_room0.fit("room0", "cuda", 600, tmp_path)
    assert (found["seconds"], found["F@5cm"], found["kernels"]) == (9.5, 0.99, "fused sm_90")
    assert len(found) == len(gpu_room0.COLUMNS)


def test_a_fit_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_room0, "run_measured", lambda command: Measured(1, 1.0, 0.1, "out of memory"))
    with pytest.raises(UserError, match="status 1: out of memory"):
        gpu_room0.fit("room0", "cuda", 600, tmp_path)
