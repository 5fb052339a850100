"""What `docs/parts.md` shows is true."""

from __future__ import annotations

import re
from pathlib import Path

from neurfield.parts import SLOTS, load_config

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "parts.md").read_text()


def test_the_preset_on_the_page_loads(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    (tmp_path / "mine.yaml").write_text(found[1])
    config = load_config(str(tmp_path / "mine.yaml"), "quick")
    losses = config.many("losses")
    assert config.train.steps == 500 and config.many("passes")["surface"].name == "volsdf"
    assert (losses["smooth"].weight, losses["dark"].name, "mask" in losses) == (0.01, "color", False)


def test_the_overrides_on_the_page_are_taken() -> None:
    overrides = re.findall(r"`--set (\S+)`", PAGE)
    assert len(overrides) == 6
    assert "fused_depth" not in load_config("neus", overrides=overrides).many("points")


def test_every_slot_is_on_the_page() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", PAGE, re.MULTILINE))
    told = {
        name: "several, weighted" if s.weighted else "several" if s.many else "one"
        for name, s in SLOTS.items()
    }
    assert rows == told
