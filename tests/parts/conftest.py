from __future__ import annotations

import pytest

from neurfield.parts import plugins, shelf
from tests.parts import stand_ins


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shelf of stand-ins, and no plug-ins but those of a test."""
    monkeypatch.setattr(shelf, "TABLE", stand_ins.TABLE)
    monkeypatch.setattr(plugins, "_entry_points", lambda: [])
