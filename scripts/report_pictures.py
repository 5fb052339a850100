"""The pictures of docs/report.md: the report of a run, in Chromium, in light, in dark and on a phone.

python -m scripts.report_pictures runs/room0/latest
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from scripts.pictures import arguments
from tests.browser import browser_page

if TYPE_CHECKING:
    from playwright.sync_api import Page


def main(run: Path, to: Path) -> None:
    report = run / "report.html"
    with opened(report, "light") as light:
        save([shot(light)], to / "report_light.jpg")
    with opened(report, "dark") as dark:
        choose(dark, "#viewer", "clay")
        first = shot(dark)
        choose(dark, ".compare", "2")
        show(dark, ".compare")
        save([first, shot(dark)], to / "report_dark.jpg")
    with opened(report, "light", 375, 760) as phone:
        shots = [shot(phone)]
        for part in (".compare", ".charts"):
            show(phone, part)
            shots.append(shot(phone))
        save(shots, to / "report_phone.jpg")


@contextmanager
def opened(report: Path, scheme: str, width: int = 1200, height: int = 1010) -> Iterator[Page]:
    """A page with the report, its mesh drawn; narrow ones are a phone's."""
    phone = width < 600
    with browser_page(width, height, scheme=scheme, scale=1.5 if phone else 1.0, touch=phone) as page:
        page.emulate_media(reduced_motion="reduce")
        page.goto(report.resolve().as_uri())
        page.wait_for_selector("#viewer[data-ready]")
        yield page


def show(page: Page, part: str) -> None:
    page.evaluate("part => document.querySelector(part).scrollIntoView()", part)


def choose(page: Page, part: str, value: str) -> None:
    page.locator(f"{part} input[value='{value}']").check(force=True)


def shot(page: Page) -> Image.Image:
    page.wait_for_timeout(500)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(pictures: list[Image.Image], path: Path) -> None:
    """Beside each other in one file."""
    gap = 16
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, pictures[0].height), "#8a8a8a")
    x = 0
    for picture in pictures:
        sheet.paste(picture, (x, 0))
        x += picture.width + gap
    sheet.save(path, quality=84)
    print(path, flush=True)


if __name__ == "__main__":
    given = arguments(str(__doc__), run="a run of room0")
    main(given.run, given.to)
