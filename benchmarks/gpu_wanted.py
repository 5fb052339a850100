"""What the CUDA kernels are wanted to reach, and what a run of the benchmarks reached of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu_common import FLOAT32, SEPARATE, TORCH

Facts = dict[str, Any]  # "figures": dictionaries of `gpu_common.Figure`; "fits": of `gpu_room0.fit`


@dataclass(frozen=True)
class Wanted:
    """A claim: `reached` finds the number in the facts (None: not measured), at least `least` is wanted."""

    claim: str
    least: float
    reached: Callable[[Facts], float | None]
    strictly: bool = False

    def judge(self, facts: Facts) -> Facts:
        """The claim with the number beside it: "met", "missed" or "not measured"."""
        value = self.reached(facts)
        if value is None:
            verdict = "not measured"
        else:
            verdict = "met" if value > self.least or (value == self.least and not self.strictly) else "missed"
        return {"claim": self.claim, "wanted": self.least, "reached": value, "verdict": verdict}


def ratio(work: str, peer: str) -> Callable[[Facts], float | None]:
    """The least ratio of the GPU's work among a work's settings, against one peer."""

    def find(facts: Facts) -> float | None:
        ratios = [f["ratio"] for f in facts["figures"] if f["work"] == work and f["peer"] == peer]
        return min(ratios, default=None)

    return find


FIT_SECONDS = 15.0


def _room0(facts: Facts) -> float | None:
    """The best F-score within the wanted seconds; 0 where every fit took longer."""
    if not facts["fits"]:
        return None
    scores = [f["F@5cm"] for f in facts["fits"] if f["seconds"] <= FIT_SECONDS and f["F@5cm"] is not None]
    return max(scores, default=0.0)


WANTED: Sequence[Wanted] = (
    *(
        Wanted(
            f"hash grid {work}, times tiny-cuda-nn's speed (float32)", least,
            ratio(f"hash grid {work}", FLOAT32), strictly=least == 1.0,
        )
        for work, least in (("forward", 0.9), ("backward", 0.9), ("second order", 1.0))
    ),
    Wanted("fused field step, times separate kernels' speed", 2.0, ratio("field step", SEPARATE)),
    Wanted("fused field step, times plain torch's speed", 2.0, ratio("field step", TORCH)),
    *(
        Wanted(
            f"simplex grid in {n}-D {work}, times the hash grid's speed", 1.0,
            ratio(f"simplex grid {n}-D {work}", "hash grid"), strictly=True,
        )
        for n in (3, 4)
        for work in ("forward", "backward")
    ),
    Wanted(f"room0: F@5cm after at most {FIT_SECONDS:.0f} s of fitting", 0.95, _room0),
)  # fmt: skip


def judged(facts: Facts) -> list[Facts]:
    """All claims with what was reached."""
    return [wanted.judge(facts) for wanted in WANTED]
