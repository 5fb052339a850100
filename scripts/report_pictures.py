"""Draw docs/images/report_*.jpg: what the report of a run looks like, in Chromium, in light and in dark.

python scripts/report_pictures.py runs/room0/latest/report.html
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


def main(report: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        light, dark = (opened(browser, report, scheme) for scheme in ("light", "dark"))
        save([shot(light)], "report_light")
        choose(dark, "#viewer", "clay")
        first = shot(dark)
        choose(dark, ".compare", "2")
        dark.evaluate("document.querySelector('.compare').scrollIntoView()")
        save([first, shot(dark)], "report_dark")
        phone = opened(browser, report, "light", (375, 760))
        shots = [shot(phone)]
        for part in (".compare", ".charts"):
            phone.evaluate("part => document.querySelector(part).scrollIntoView()", part)
            shots.append(shot(phone))
        save(shots, "report_phone")
        browser.close()


def opened(browser: Browser, report: Path, scheme: str, size: tuple[int, int] = (1200, 1010)) -> Page:
    """A page with the report, its mesh drawn."""
    viewport = {"width": size[0], "height": size[1]}
    phone = size[0] < 600
    page = browser.new_page(
        viewport=viewport, color_scheme=scheme, has_touch=phone, device_scale_factor=1.5 if phone else 1.0,
        reduced_motion="reduce",
    )  # fmt: skip
    page.goto(report.resolve().as_uri())
    page.wait_for_selector("#viewer[data-ready]", timeout=60_000)
    return page


def choose(page: Page, part: str, value: str) -> None:
    page.locator(f"{part} input[value='{value}']").check(force=True)


def shot(page: Page) -> Image.Image:
    page.wait_for_timeout(500)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(pictures: list[Image.Image], name: str) -> None:
    """Beside each other in one file."""
    gap = 16
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, pictures[0].height), "#8a8a8a")
    x = 0
    for picture in pictures:
        sheet.paste(picture, (x, 0))
        x += picture.width + gap
    sheet.save(OUT / f"{name}.jpg", quality=84)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
