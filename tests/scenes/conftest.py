"""Makes the tiny scenes importable from the tests beside this file, and gives one as a fixture."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def replica(tmp_path: Path) -> Path:
    """A scene in Replica's layout."""
    from tiny_scenes import write_replica

    return write_replica(tmp_path / "room7")
