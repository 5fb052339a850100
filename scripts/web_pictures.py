"""The pictures of docs/web.md: the page of `neurfield view --web`, in Chromium.

    python -m scripts.web_pictures runs/room0/latest

It tells what the page was sent and how long it took.
"""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.viewer.web.serve import Served
from neurfield.viewer.web.server import address
from scripts.pictures import arguments
from tests.browser import browser_page

WIDTH, HEIGHT = 1360, 860
PATIENCE = 120.0  # seconds


def settled(tab: Any) -> Image.Image:
    """The page once two pictures are alike and not white."""
    ended, before = time.monotonic() + PATIENCE, None
    while time.monotonic() < ended:
        tab.wait_for_timeout(700)
        picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
        now = np.asarray(picture).astype(int)
        filled = (now[:, : WIDTH - 340].min(axis=2) < 200).mean() > 0.1
        if filled and before is not None and np.abs(now - before).mean() < 0.02:
            return picture
        before = now
    raise SystemExit("the page never came to rest")


def main(run: Path, to: Path) -> None:
    started = time.monotonic()
    served = Served(str(run))
    print(f"the page is there after {time.monotonic() - started:.1f} s")
    sent = [0]
    with browser_page(WIDTH, HEIGHT, strict=False) as tab:
        tab.on("websocket", lambda socket: socket.on("framereceived", lambda data: add(sent, len(data))))
        opened = time.monotonic()
        tab.goto(address(served.server))
        tab.locator(".mantine-Notification-closeButton").first.click()  # that there is no GPU
        picture = settled(tab)
        print(f"at rest {time.monotonic() - opened:.1f} s after it was opened, sent {sent[0] / 1e6:.1f} MB")
        picture.save(to / "web_room0.jpg", quality=88)
        for name in ("Cameras", "Box"):
            tab.get_by_role("checkbox", name=name).click()
        tab.locator("input[role=combobox]:visible").first.click()
        tab.get_by_role("option", name="Distance to the true surface").click()
        tab.get_by_text("0 to > ").wait_for(timeout=PATIENCE * 1e3)
        tab.get_by_text("Slice", exact=True).click()
        tab.get_by_role("checkbox", name="Show").click()
        tab.get_by_text("z = ").wait_for()
        settled(tab).save(to / "web_errors.jpg", quality=88)
    served.close()


def add(sent: list[int], count: int) -> None:
    sent[0] += count


if __name__ == "__main__":
    given = arguments(str(__doc__), run="a run of room0")
    main(given.run, given.to)
