from __future__ import annotations

import pytest

from neurfield.errors import UserError
from neurfield.viewer.display import check_display


@pytest.mark.parametrize("over_ssh", [False, True])
def test_without_a_display_what_needs_none_is_named(monkeypatch, over_ssh):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    if over_ssh:
        monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22")
    with pytest.raises(UserError, match=r"no display here.*--web.*--screenshot") as told:
        check_display()
    assert ("ssh -L" in str(told.value)) == over_ssh
