"""`make gpu-check`: limits are kept, what fails is reported, the file has all of it; without a GPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import gpu_check, gpu_stages, gpu_wanted
from benchmarks.gpu_check import Outcome
from benchmarks.gpu_stages import Stage
from benchmarks.gpu_wanted import FIT_SECONDS, WANTED, Wanted, judged

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs and results go to a folder of the test's own."""
    for module in (gpu_check, gpu_stages):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "logs")
    monkeypatch.setattr(gpu_check, "RESULTS", tmp_path / "results")
    return tmp_path


def python(name: str, code: str, limit: float = 20.0, **more: object) -> Stage:
    return Stage(name, "a test", limit, (sys.executable, "-S", "-c", code), **more)  # type: ignore[arg-type]


def test_a_stage_passes_fails_or_is_left_out() -> None:
    passed = gpu_check.run_stage(python("a", "print('hello')"), {}, 20)
    assert passed.result == "passed" and passed.seconds > 0
    assert (gpu_stages.FOLDER / "a.log").read_text() == "hello\n"
    failed = gpu_check.run_stage(python("b", "raise SystemExit(3)"), {}, 20)
    assert failed.result == "failed" and "exit code 3" in failed.why
    missing = gpu_check.run_stage(python("c", "", needs=("GPU", "nvcc")), {"nvcc": "here", "GPU": None}, 20)
    assert missing.result == "left out" and missing.why == "not here: GPU"
    spared = gpu_check.run_stage(python("d", "raise SystemExit(1)", spared_by="room0"), {"room0": "here"}, 20)
    assert spared.result == "left out" and "room0" in spared.why
    late = gpu_check.run_stage(python("e", "raise SystemExit(1)"), {}, 0.5)
    assert late.result == "left out" and "used up" in late.why


def test_a_stage_that_overruns_is_stopped_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that does not listen to SIGTERM."""
    monkeypatch.setattr(gpu_check, "LEAST", 0.1)
    monkeypatch.setattr(gpu_check, "GRACE", 0.3)
    pid = tmp_path / "pid"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = subprocess.Popen(['sleep', '60'])\nopen({str(pid)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    started = time.perf_counter()
    outcome = gpu_check.run_stage(python("long", code), {}, 1.5)
    assert outcome.result == "overran" and "1.5" not in outcome.why
    assert time.perf_counter() - started < 20
    state = Path(f"/proc/{pid.read_text()}/stat")

    def ended() -> bool:
        try:
            return state.read_text().split()[2] in "ZX"
        except OSError:
            return True

    patience = time.perf_counter() + 10.0  # a process that was killed still has to be taken down
    while not ended() and time.perf_counter() < patience:
        time.sleep(0.05)
    assert ended()


def test_settings_reach_the_command_and_stale_figures_go() -> None:
    stage = python("env", "import os; print(os.environ['WORD'])", settings={"WORD": "said"})
    gpu_stages.FOLDER.mkdir(parents=True)
    stage.json.write_text("{}")
    gpu_check.run_stage(stage, {}, 20)
    assert stage.log.read_text() == "said\n" and not stage.json.exists()


XML = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


def test_counts_of_tests() -> None:
    stage = python("tests", "")
    write = f"open({str(stage.counts)!r}, 'w').write({XML.format(9, 1, 1, 2)!r})"
    outcome = gpu_check.run_stage(python("tests", write), {}, 20)
    assert outcome.counts == {"passed": 5, "failed": 2, "skipped": 2}
    none = f"open({str(stage.counts)!r}, 'w').write({XML.format(4, 0, 0, 4)!r})"
    outcome = gpu_check.run_stage(python("tests", none), {}, 20)
    assert outcome.result == "failed" and "not a single test" in outcome.why
    assert gpu_check.test_counts(gpu_stages.FOLDER / "nothing.xml") == {}


def test_the_file_has_stages_figures_and_what_is_wanted() -> None:
    figure = {
        "work": "hash grid forward", "setting": "s", "peer": gpu_wanted.FLOAT32,
        "ours_ms": 1.0, "peer_ms": 1.2, "ratio": 1.2,
    }  # fmt: skip
    stage = python("encoding", "")
    gpu_stages.FOLDER.mkdir(parents=True)
    stage.json.write_text(json.dumps({"figures": [figure], "notes": ["a note"], "failures": ["a failure"]}))
    outcomes = [Outcome("encoding", "passed", "", 3.0, 45.0, "python")]
    content = json.loads(json.dumps(gpu_check.result_of(outcomes, [stage], {"GPU": "NVIDIA X"})))
    assert content["figures"] == [figure] and content["stages"][0]["seconds"] == 3.0
    assert content["notes"] == ["a note", "FAILED: a failure"] and content["parts"]["GPU"] == "NVIDIA X"
    verdicts = {w["claim"]: w["verdict"] for w in content["wanted"]}
    assert sorted(set(verdicts.values())) == ["met", "not measured"] and len(verdicts) == len(WANTED)
    assert "met" in gpu_check.summary(outcomes, content["wanted"])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("NVIDIA H200", "gpu-nvidia-h200.json"), ("NVIDIA RTX 4090 (x)", "gpu-nvidia-rtx-4090-x.json")],
)  # fmt: skip
def test_the_files_name_is_the_gpus(name: str, wanted: str) -> None:
    assert gpu_check.results_file(name).name == wanted


class TestWanted:
    def test_at_least_and_more_than(self) -> None:
        def judge(value: float | None, strictly: bool) -> str:
            return str(Wanted("", 1.0, lambda facts: value, strictly).judge({})["verdict"])

        assert [judge(v, False) for v in (0.99, 1.0, 1.01)] == ["missed", "met", "met"]
        assert [judge(v, True) for v in (1.0, 1.01)] == ["missed", "met"]
        assert judge(None, False) == "not measured"

    def test_the_worst_setting_counts(self) -> None:
        figures = [
            {"work": "w", "peer": "p", "ratio": ratio} for ratio in (1.5, 0.8, 1.1)
        ] + [{"work": "w", "peer": "other", "ratio": 0.1}]  # fmt: skip
        assert gpu_wanted.ratio("w", "p")({"figures": figures}) == 0.8
        assert gpu_wanted.ratio("v", "p")({"figures": figures}) is None

    def test_a_slow_fit_does_not_count(self) -> None:
        room0 = WANTED[-1].reached
        fits = [{"seconds": FIT_SECONDS + 1, "F@5cm": 0.99}]
        assert room0({"fits": []}) is None and room0({"fits": fits}) == 0.0
        assert room0({"fits": [*fits, {"seconds": 9.0, "F@5cm": 0.96}]}) == 0.96

    def test_every_claim_is_measured_by_a_script(self) -> None:
        """The works and peers that claims name are those of the scripts."""
        peers = [gpu_wanted.FLOAT32, gpu_wanted.SEPARATE, gpu_wanted.TORCH, "hash grid"]
        works = [f"hash grid {w}" for w in ("forward", "backward", "second order")] + ["field step"]
        works += [f"simplex grid {n}-D {w}" for n in (3, 4) for w in ("forward", "backward")]
        figures = [{"work": w, "peer": p, "ratio": 9.0} for w in works for p in peers]
        facts = {"figures": figures, "fits": [{"seconds": 1.0, "F@5cm": 1.0}]}
        assert {w["verdict"] for w in judged(facts)} == {"met"}


class TestStages:
    def test_names_are_unique_and_commands_are_there(self) -> None:
        names = [stage.name for stage in gpu_stages.stages()]
        assert len(set(names)) == len(names)
        for stage in gpu_stages.stages():
            if "-m" in stage.command[:2] and stage.command[2].startswith("benchmarks."):
                assert (ROOT / (stage.command[2].replace(".", "/") + ".py")).is_file()
                assert str(stage.json) in stage.command, "figures are read from where the stage says"

    def test_parts_cover_what_stages_ask_for(self) -> None:
        here = gpu_stages.parts()
        for stage in gpu_stages.stages():
            assert {*stage.needs, *stage.peers} <= set(here)
            assert stage.spared_by is None or stage.spared_by in here

    def test_what_must_be_known_fits_into_the_time(self) -> None:
        first = [
            stage
            for stage in gpu_stages.stages()
            if stage.name in ("cuda-build", "tests", "encoding", "field")
        ]
        assert sum(stage.limit for stage in first) < 60 * gpu_check.MINUTES

    def test_the_plugin_leaves_only_what_runs_on_a_gpu(self) -> None:
        command = [sys.executable, "-m", "pytest", "tests/cuda/test_adam.py", "--collect-only"]
        command += ["-o", "addopts=-q --import-mode=importlib"]  # the names, one a line
        plugin = ["-p", "no:cacheprovider", "-p", "benchmarks.gpu_only"]
        ran = subprocess.run([*command, *plugin], cwd=ROOT, capture_output=True, text=True)
        items = [line for line in ran.stdout.splitlines() if "::" in line]
        assert items and all("cuda" in line.partition("[")[2] for line in items)
        assert not any("emulated" in line or "[cpu" in line for line in items)
        few = subprocess.run([*command, *plugin, "--few", "2"], cwd=ROOT, capture_output=True, text=True)
        assert len([line for line in few.stdout.splitlines() if "::" in line]) == 2 < len(items)


class TestMain:
    def test_without_a_gpu_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gpu_check, "parts", lambda: {"GPU": None})
        monkeypatch.setattr("sys.argv", ["gpu_check"])
        with pytest.raises(gpu_check.UserError, match=r"^gpu-check: no NVIDIA GPU [^\n]*$"):
            gpu_check.main()

    def test_goes_on_after_a_failure_and_ends_in_time(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        chosen = [
            python("bad", "raise SystemExit(1)"), python("long", "import time; time.sleep(60)", limit=1.0),
            python("good", "print(1)"), python("never", "import time; time.sleep(60)"),
            python("too-late", "print(1)"),
        ]  # fmt: skip
        monkeypatch.setattr(gpu_check, "parts", lambda: {"GPU": "NVIDIA Test"})
        monkeypatch.setattr(gpu_check, "stages", lambda: chosen)
        monkeypatch.setattr(gpu_check, "SPARE", 0.0)
        monkeypatch.setattr(gpu_check, "GRACE", 0.2)
        monkeypatch.setattr(gpu_check, "LEAST", 0.5)
        monkeypatch.setattr("sys.argv", ["gpu_check", "--minutes", str(6 / 60)])
        started = time.perf_counter()
        with pytest.raises(SystemExit) as ended:
            gpu_check.main()
        assert ended.value.code == 1 and time.perf_counter() - started < 20
        content = json.loads((folder / "results" / "gpu-nvidia-test.json").read_text())
        results = {stage["name"]: stage["result"] for stage in content["stages"]}
        assert results == {
            "bad": "failed", "long": "overran", "good": "passed", "never": "overran", "too-late": "left out",
        }  # fmt: skip
        assert "too-late" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("flags", [["--dry-run"], ["-n"], ["-n", "-k"]])
def test_make_lists_the_stages(flags: list[str]) -> None:
    settings = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    command = ["make", "gpu-check", *flags, f"PYTHON={sys.executable}"]
    ran = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    for stage in gpu_stages.stages():
        assert f"\n{stage.name}: {stage.measures}\n" in f"\n{ran.stdout}"
    assert "limit 90 s" in ran.stdout and "Wanted:" in ran.stdout
