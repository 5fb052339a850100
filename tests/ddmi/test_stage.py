"""A stage of a training: which network is kept, when it ends, that a stop changes none of this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurfield.ddmi import stage
from neurfield.ddmi.stage import Best, Log, learn


def log_of(*values: float) -> Log:
    return [{"step": 100.0 * (k + 1), "val": value} for k, value in enumerate(values)]


def test_the_best_is_the_best_and_of_equals_the_last() -> None:
    log = log_of(3.0, 1.0, 2.0, 1.0, 5.0)
    assert Best("val", rises=False).step(log, 500) == 400
    assert Best("val", rises=True).step(log, 500) == 500
    assert Best("val", rises=False, first=0.9).step(log, 500) == 500
    assert Best("val", rises=False, first=0.9).step(log[:4], 500) == 0
    assert Best("val", rises=False).step([], 500) == 0


def test_a_stage_has_settled_after_its_patience() -> None:
    best = Best("val", rises=False, patience=0.2)
    log = log_of(2.0, 1.0, 3.0, 3.0)
    assert best.settled(log, 1000) and not best.settled(log[:3], 1000) and not best.settled([], 1000)
    assert not Best("val", rises=False).settled(log_of(1.0, *[2.0] * 9), 1000)


class Walk(nn.Module):
    """One number, which walks on with each step; best where it is 1."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))


def walked(folder: Path, patience: float, average: float = 0.0, told: Any = lambda line: None) -> Any:
    def loss(network: Any, step: int, generator: torch.Generator) -> Tensor:
        return 5.0 - network.place

    def judged(network: Any) -> dict[str, float]:
        return {"val": float((network.place.detach() - 1.0).abs())}

    best = Best("val", rises=False, patience=patience)
    path = folder / "stage.safetensors"
    return learn(path, {"seed": 0}, Walk(), 40, 0.1, loss, judged, best, average, told)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "EVERY", 2)


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_not_the_last_is_kept_but_the_best(average: float, tmp_path: Path) -> None:
    network, log = walked(tmp_path, 1.0, average)
    least = min(entry["val"] for entry in log)
    assert log[-1]["step"] == 40 and log[-1]["val"] > 3.0 * least
    assert abs(network.place.item() - 1.0) == pytest.approx(least)


def test_it_ends_where_nothing_gets_better(tmp_path: Path) -> None:
    network, log = walked(tmp_path, 0.2)
    values = [entry["val"] for entry in log]
    assert len(log) < 20 and values.index(min(values)) == len(values) - 5  # 8 steps of 40 are 4 entries
    again, same = walked(tmp_path, 0.2)
    assert again.place.item() == network.place.item() and same == log


def test_a_stop_changes_nothing_of_what_is_kept(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    for kill_at in ("8", "18"):  # before the best, and after it

        def dies(line: str, at: str = kill_at) -> None:
            if line.startswith(f"stage step {at:>5} "):
                raise Killed

        with pytest.raises(Killed):
            walked(tmp_path / kill_at, 0.2, told=dies)
        network, log = walked(tmp_path / kill_at, 0.2)
        whole, expected = walked(tmp_path / "whole", 0.2)
        assert network.place.item() == whole.place.item()
        assert [e["val"] for e in log] == [e["val"] for e in expected]
