"""How threads wait is decided before OpenMP's runtime starts; how many there are, by what may be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurfield import openmp

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
SAY = "import neurfield.openmp as o; print(o.how_threads_wait(), o.spins(), sep=chr(10))"


def started(code: str, **settings: str) -> tuple[list[str], str]:
    """What a new process prints, and what the runtime says of itself as it starts."""
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment = clean | {"OMP_DISPLAY_ENV": "VERBOSE"} | settings
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return ran.stdout.split("\n"), ran.stderr


def runtime_sleeps(said: str) -> bool:
    if "OMP_WAIT_POLICY" not in said:
        pytest.skip("this OpenMP does not tell how it waits")
    return "OMP_WAIT_POLICY = 'PASSIVE'" in said and "GOMP_SPINCOUNT = '0'" in said


def test_threads_sleep_where_neurfield_comes_first() -> None:
    (words, spins, *_), said = started(f"import neurfield, torch; {SAY}")
    assert runtime_sleeps(said) and words == "waiting ones sleep" and spins == "False"


def test_what_the_user_says_of_waiting_is_left_alone() -> None:
    (words, spins, *_), said = started(f"import neurfield, torch; {SAY}", OMP_WAIT_POLICY="ACTIVE")
    assert "'ACTIVE'" in said and "OMP_WAIT_POLICY=ACTIVE" in words and spins == "True"
    (_, spins, *_), _ = started(f"import neurfield, torch; {SAY}", GOMP_SPINCOUNT="0")
    assert spins == "False"


def test_it_is_known_that_torch_came_first() -> None:
    (words, spins, *_), said = started(f"import torch, neurfield; {SAY}")
    assert not runtime_sleeps(said) and "torch was imported before" in words and spins == "True"


def test_one_runtime_serves_torch_and_the_kernels() -> None:
    code = "import neurfield.ops.native; print(open('/proc/self/maps').read())"
    if not Path("/proc/self/maps").exists():
        pytest.skip("no /proc here")
    lines, _ = started(code)
    assert len({line.split()[-1] for line in lines if "libgomp" in line or "libomp" in line}) == 1


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_containers_share(tmp_path: Path, files: dict[str, str], share: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert openmp._container_share(tmp_path) == share


@pytest.mark.parametrize(("share", "threads"), [(None, 4), (8.0, 4), (2.7, 2), (0.3, 1)])
def test_threads_fit_into_the_container(
    monkeypatch: pytest.MonkeyPatch, share: float | None, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(openmp, "_container_share", lambda: share)
    assert openmp.processors() == threads


@pytest.mark.parametrize(
    ("idle", "spins", "threads"), [(3.9, True, 4), (2.2, True, 2), (0.1, True, 1), (0.1, False, 4)]
)
def test_threads_that_spin_take_what_is_free(
    monkeypatch: pytest.MonkeyPatch, idle: float, spins: bool, threads: int
) -> None:
    seconds = iter([100.0, 100.0 + 0.2 * idle])
    monkeypatch.setattr(openmp, "_idle_seconds", lambda: next(seconds))
    monkeypatch.setattr(openmp, "processors", lambda: 4)
    monkeypatch.setattr(openmp, "spins", lambda: spins)
    assert openmp.default_threads() == threads


def test_idle_seconds_count_the_processors_that_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2}, raising=False)
    tick = os.sysconf("SC_CLK_TCK")
    rows = [f"cpu{i} 9 9 9 {10**i * tick} {tick} 9" for i in range(3)]
    (tmp_path / "stat").write_text("\n".join(["cpu 9 9 9 9 9 9", *rows, "intr 4"]))
    assert openmp._idle_seconds(tmp_path / "stat") == 1 + 100 + 2
    assert openmp._idle_seconds(tmp_path / "none") is None
