"""How OpenMP's threads wait and how many there should be: what is decided before torch loads its runtime.

torch and the native kernels share one runtime and one pool of threads. As that runtime starts it reads how
waiting threads wait. Left alone they spin, which on a busy machine takes the processor from the very thread
that they wait for: a step becomes many times slower. Asleep they cost a fraction of a millisecond a step.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_asleep = False


def let_threads_sleep() -> None:
    """Ask for threads that sleep as they wait, unless the user says how or torch is loaded already."""
    global _asleep
    if any(name in os.environ for name in _SETTINGS) or "torch" in sys.modules:
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    _asleep = True


def how_threads_wait() -> str:
    """In words, for `neurfield doctor`."""
    said = [f"{name}={os.environ[name]}" for name in _SETTINGS if name in os.environ]
    if _asleep:
        return "waiting ones sleep"
    if said:
        return f"waiting ones as {' '.join(said)} says"
    return "waiting ones spin, since torch was imported before neurfield"


def spins() -> bool:
    """Whether waiting threads spin, as far as can be told."""
    policy = os.environ.get("OMP_WAIT_POLICY", "").upper()
    return not (_asleep or policy == "PASSIVE" or os.environ.get("GOMP_SPINCOUNT") == "0")


def processors() -> int:
    """Processors for this process: those that it is tied to, but no more than its container's share."""
    tied = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = _container_share()
    return tied if share is None else max(1, min(tied, int(share)))


def free_processors(window: float = 0.2) -> int:
    """Of those, how many others leave idle, measured over `window` seconds; at least one."""
    before = _idle_seconds()
    time.sleep(window)
    after = _idle_seconds()
    if before is None or after is None:
        return processors()
    return max(1, min(processors(), round((after - before) / window)))


def default_threads() -> int:
    """Threads of a verb that is not told how many.

    Threads that sleep gain from every processor, also from busy ones; those that spin take the free ones.
    """
    return free_processors() if spins() else processors()


def _container_share(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Processors that the container's quota is worth; None without one."""
    try:
        quota, period = (root / "cpu.max").read_text().split()[:2]  # cgroup v2
    except (OSError, ValueError):
        try:  # v1
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def _idle_seconds(stat: Path = Path("/proc/stat")) -> float | None:
    """How long the processors that this process may use have idled since the machine started, together."""
    try:
        lines = stat.read_text().splitlines()
    except OSError:
        return None
    mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    rows = [words for words in map(str.split, lines) if words and words[0] in mine]
    return sum(int(words[4]) + int(words[5]) for words in rows) / os.sysconf("SC_CLK_TCK")
