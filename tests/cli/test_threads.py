"""`--threads` reaches torch and the native kernels alike."""

from __future__ import annotations

import pytest
import torch

from neurfield.cli.main import main
from neurfield.cli.threads import use_threads
from neurfield.ops import native


def test_reaches_both(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        for count in (1, 3):
            use_threads(count)
            assert torch.get_num_threads() == count
            if native.module is not None:
                assert native.module.max_threads() == count
        monkeypatch.setenv("OMP_NUM_THREADS", "7")  # the user said it to the runtime: nothing is changed
        use_threads(None)
        assert torch.get_num_threads() == 3
        monkeypatch.delenv("OMP_NUM_THREADS")
        monkeypatch.setattr("neurfield.cli.threads.default_threads", lambda: 2)
        use_threads(None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("verb", ["fit", "mesh", "eval"])
def test_less_than_one_is_a_mistake(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "--scene", "room0"] if verb == "fit" else [verb, "runs/none"]
    assert main([*words, "--threads", "0"]) == 2
    assert "--threads 0: at least 1" in capsys.readouterr().err
