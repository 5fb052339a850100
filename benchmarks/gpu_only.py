"""A pytest plugin: of tests/cuda only what runs on a GPU, `-p benchmarks.gpu_only [--few N]`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--few", type=int, default=0, help="only the first N cases of each test, 0 for all")


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Leaves out other devices; tests without a device stay."""
    few = config.getoption("--few")
    counts: dict[str, int] = defaultdict(int)
    kept, left_out = [], []
    for item in items:
        device = item.callspec.params.get("device") if hasattr(item, "callspec") else None
        function = item.nodeid.partition("[")[0]
        if device not in (None, "cuda") or (few and (device is None or counts[function] >= few)):
            left_out.append(item)
        else:
            counts[function] += 1
            kept.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
