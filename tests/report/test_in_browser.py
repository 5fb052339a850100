"""The page in a real browser: the mesh turns, pictures swipe, dark is dark, a phone is wide enough."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.images.strip import write_strip
from neurfield.report import write_report
from tests.browser import browser_page
from tests.report.conftest import write_run
from tests.report.test_shown_mesh import ball_in_glass, painted_floor

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run whose true surface is known, with pictures to be compared."""
    folder = write_run(tmp_path_factory.mktemp("report"))
    shade = np.tile(np.linspace(0, 255, 60, dtype=np.uint8)[None, :, None], (40, 1, 3))
    columns = {"true picture": shade, "rendered": 255 - shade, "normals": shade // 2, "depth": shade}
    inside = np.hypot(*np.mgrid[-1:1:40j, -1:1:60j]) < 0.7
    for i in range(2):
        write_strip(folder / "previews" / f"frame-{i:06d}.png", columns, inside)
    true = SimpleNamespace(ground_truth=trimesh.creation.icosphere(subdivisions=3, radius=0.9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurfield.inputs.scene.page.load_scene", lambda place: true)
        return write_report(folder)


def opened(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    page.wait_for_selector("#viewer[data-ready]")


def pixels(page: Page, selector: str) -> np.ndarray:
    shot = page.locator(selector).first.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def test_the_mesh_is_drawn_turns_and_changes_its_colours(report: Path) -> None:
    with browser_page(900, 900) as page:
        opened(page, report)
        first = pixels(page, "#viewer canvas")
        middle = first[first.shape[0] // 2, first.shape[1] // 3 : -first.shape[1] // 3]
        assert (np.ptp(middle, axis=1) > 60).mean() > 0.5  # red and blue, where its ground is grey
        canvas = page.locator("#viewer canvas")
        canvas.focus()
        for _ in range(8):
            page.keyboard.press("ArrowRight")
        turned = pixels(page, "#viewer canvas")
        assert np.abs(turned - first).max(axis=2).mean() > 5
        page.keyboard.press("+")
        page.keyboard.press("0")
        again = pixels(page, "#viewer canvas")[8:-8, 8:-8]  # without the ring that says where keys go
        assert np.abs(again - first[8:-8, 8:-8]).mean() < 0.5
        box = canvas.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 120, y + 30, steps=3)
        page.mouse.up()
        assert np.abs(pixels(page, "#viewer canvas") - first).max(axis=2).mean() > 5
        page.get_by_role("button", name="Reset").click()
        page.wait_for_timeout(100)
        shown = {"colors": first}
        for mode in ("clay", "normals", "distance"):
            page.locator(f"#viewer input[value={mode}]").check(force=True)
            page.wait_for_selector(f"#viewer[data-mode={mode}]")
            shown[mode] = pixels(page, "#viewer canvas")
            assert all(
                np.abs(shown[mode] - other).mean() > 1 for name, other in shown.items() if name != mode
            )
        assert page.locator("#viewer .scale").is_visible()


def test_what_lies_in_glass_is_seen(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    write_report(folder, ball_in_glass())
    with browser_page(900, 900) as page:
        opened(page, folder / "report.html")
        drawn = pixels(page, "#viewer canvas")
    h, w = drawn.shape[:2]
    middle = drawn[h // 2, w // 2 - 40 : w // 2 + 40]
    assert (np.abs(middle[:, 0] - middle[:, 2]) > 60).mean() > 0.5  # red and blue, through green
    green = (drawn[..., 1] > drawn[..., 0] + 8) & (drawn[..., 1] > drawn[..., 2] + 8)
    assert green.mean() > 0.1
    assert drawn[green][:, 0].mean() > 90  # and the ground behind it


def test_fingers_turn_and_zoom(report: Path) -> None:
    with browser_page(375, 700, touch=True) as page:
        opened(page, report)
        first = pixels(page, "#viewer canvas")
        page.evaluate(
            """() => {
                const canvas = document.querySelector("#viewer canvas"), at = canvas.getBoundingClientRect();
                const say = (kind, id, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {
                    pointerId: id, pointerType: "touch", bubbles: true,
                    clientX: at.x + x, clientY: at.y + y }));
                canvas.setPointerCapture = () => {};
                say("pointerdown", 1, 100, 100); say("pointerdown", 2, 200, 200);
                say("pointermove", 1, 50, 50); say("pointermove", 2, 250, 250);
                say("pointerup", 1, 50, 50); say("pointerup", 2, 250, 250);
            }"""
        )
        page.wait_for_timeout(200)
        nearer = pixels(page, "#viewer canvas")
        coloured = [(np.ptp(image, axis=2) > 60).mean() for image in (first, nearer)]
        assert coloured[1] > 1.5 * coloured[0]


def test_a_swipe_shows_more_of_the_true_picture_and_layers_change(report: Path) -> None:
    with browser_page(900, 900) as page:
        opened(page, report)
        before = pixels(page, ".layers")
        page.locator(".layers input").first.focus()
        for _ in range(40):
            page.keyboard.press("ArrowRight")
        after = pixels(page, ".layers")
        h, w = after.shape[:2]
        there = np.s_[h // 2 - 30, int(0.55 * w) : int(0.65 * w)]
        assert np.abs(before[there] - (255 - after[there])).mean() < 12  # the rendered one is the negative
        page.locator(".compare input[value='1']").check(force=True)
        assert page.locator(".layers .tag.right").first.text_content() == "normals"
        visible = page.locator(".layers").first.locator("img.over:visible")
        assert visible.count() == 1 and "normals" in str(visible.get_attribute("alt"))


def test_a_curve_says_the_value_under_the_hand(report: Path) -> None:
    with browser_page(900, 900) as page:
        opened(page, report)
        chart = page.locator(".chart", has_text="PSNR").first
        last = chart.locator("b").text_content()
        chart.locator("svg").hover(position={"x": 60, "y": 50})
        assert chart.locator("b").text_content() == "20 dB at step 1"
        page.mouse.move(5, 5)
        assert chart.locator("b").text_content() == last == "22 dB"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_ground_is_another_than_the_pages(report: Path, scheme: str) -> None:
    with browser_page(900, 900, scheme=scheme) as page:
        opened(page, report)
        page.locator(".sides").scroll_into_view_if_needed()
        grounds = [pixels(page, at) for at in ("body", ".stage", ".sides figure", ".layers")]
        for ground in grounds:
            h, w = ground.shape[:2]
            inset = max(4, min(h, w) // 12)  # within rounded corners
            corners = ground[[inset, inset], [inset, -inset]]
            assert (corners.mean() < 70) if scheme == "dark" else (corners.mean() > 200)
        whole = pixels(page, "main")
        assert (whole.mean() < 90) if scheme == "dark" else (whole.mean() > 180)


def test_a_phone_needs_no_scrolling_aside_and_fingers_hit_what_they_mean(report: Path) -> None:
    with browser_page(375, 700, touch=True) as page:
        opened(page, report)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        heights = page.evaluate(
            """[...document.querySelectorAll(".switch label, .bar button:not([hidden])")]
            .map(e => e.offsetHeight)"""
        )
        assert heights and min(heights) >= 44


def test_without_scripts_pictures_are_there(report: Path) -> None:
    with browser_page(900, 900, javascript=False) as page:
        page.goto(report.as_uri())
        still = pixels(page, ".stage")
        assert (np.ptp(still, axis=2) > 60).mean() > 0.1
        assert not page.locator("#viewer .bar").is_visible()
        assert page.locator(".layers").first.locator("img:visible").count() == 5


@pytest.mark.slow
def test_a_large_mesh_makes_a_page_that_can_be_sent(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    floor = painted_floor(700)
    random = np.random.default_rng(0)
    vertices = np.array(floor.vertices) + random.normal(0, 2e-4, (len(floor.vertices), 3))
    colors = random.integers(0, 255, (len(vertices), 3), np.uint8)  # the worst there can be
    trimesh.Trimesh(vertices, floor.faces, vertex_colors=colors, process=False).export(folder / "mesh.ply")
    report = write_report(folder)
    assert report.stat().st_size < 8e6
    with browser_page(900, 900) as page:
        opened(page, report)
