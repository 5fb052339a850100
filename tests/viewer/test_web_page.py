"""The page in a real browser: a ball is drawn, layers switch, sliders ask the field, clicks are answered."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from neurfield.viewer.content import Content
from neurfield.viewer.layers import Layer, Triangles
from neurfield.viewer.session import Session
from neurfield.viewer.truth import error_colors
from tests.browser import browser_page
from tests.viewer.balls import ball_content, fitted_ball

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.slow
WIDTH, HEIGHT = 900, 620
PATIENCE = 60.0  # seconds: other things may go on on the machine


def layered_ball() -> Content:
    content = ball_content(truth=1.25)
    ball = content.surface
    assert ball is not None and content.nearest is not None
    nearest = content.nearest
    shades = Layer("normals", lambda: ball.painted(((ball.normals + 1) * 127.5).astype(np.uint8), lit=False))
    errors = Layer("error", lambda: error_colors(ball, nearest, "m"))
    return replace(content, layers=(*content.layers, shades, errors))


@contextmanager
def shown(content: Content) -> Iterator[tuple[Any, Tab, list[int]]]:
    """The tools, a browser's tab that shows the content, and the bytes that it was sent."""
    pytest.importorskip("viser", reason='pip install "neurfield[web]"')
    from neurfield.viewer.web.page import Page
    from neurfield.viewer.web.server import address, close, open_server
    from neurfield.viewer.web.tools import Tools
    from neurfield.viewer.web.traced import FieldView

    server = open_server()
    try:
        page = Page(server, content)
        session = Session(content, fitted_ball())
        tools, field = Tools(page, session), FieldView(page, session)
        sent = [0]
        with browser_page(WIDTH, HEIGHT) as tab:
            tab.on("websocket", lambda socket: socket.on("framereceived", lambda data: count(sent, data)))
            tab.on("response", lambda response: count(sent, response.headers.get("content-length", "0")))
            tab.goto(address(server))
            until(tab, lambda picture: is_ball(picture).mean() > 0.02)
            yield tools, tab, sent
        tools.stop()
        field.stop()
    finally:
        close(server)


def count(sent: list[int], data: Any) -> None:
    sent[0] += int(data) if isinstance(data, str) and data.isdigit() else len(data)


def picture_of(tab: Tab) -> np.ndarray:
    """What the scene looks like, without the panel [h, w, 3]."""
    whole = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("RGB")).astype(int)
    return whole[160:, : WIDTH - 330]


def until(tab: Tab, holds: Callable[[np.ndarray], bool]) -> np.ndarray:
    """The first picture of which something holds, once two are alike."""
    ended, before = time.monotonic() + PATIENCE, None
    while time.monotonic() < ended:
        picture = picture_of(tab)
        if holds(picture) and before is not None and np.abs(picture - before).mean() < 0.05:
            return picture
        before = picture
        tab.wait_for_timeout(300)
    raise AssertionError("the page never came to show it")


def is_ball(picture: np.ndarray) -> np.ndarray:
    """Pixels of clay: neither white nor a line's."""
    return (picture.max(axis=2) < 235) & (np.ptp(picture, axis=2) < 40) & (picture.min(axis=2) > 60)


def choose(tab: Tab, choice: str) -> None:
    tab.locator("input[role=combobox]:visible").first.click()
    tab.get_by_role("option", name=choice, exact=True).click()


def test_the_ball_is_there_and_layers_switch() -> None:
    from neurfield.viewer.web.packed import BUDGET

    with shown(layered_ball()) as (_, tab, sent):
        clay = until(tab, lambda picture: is_ball(picture).any())
        assert 10_000 < sent[0] < BUDGET
        green = (clay[..., 1] > clay[..., 0] + 60) & (clay[..., 1] > clay[..., 2] + 60)
        assert green.sum() > 100  # the box's edges
        tab.get_by_role("checkbox").first.click()
        until(tab, lambda picture: not ((picture[..., 1] > picture[..., 0] + 60).any()))
        choose(tab, "Normals as colours")
        shades = until(tab, lambda picture: np.ptp(picture, axis=2).max() > 90)
        ball = np.ptp(shades, axis=2) > 20
        # Colours come out as they are: n / 2 + 1 / 2 for units n, but where the screen has none so bright.
        normals = shades[ball] / 127.5 - 1.0
        lengths = np.linalg.norm(normals, axis=1)
        assert np.median(np.abs(lengths - 1.0)) < 0.05
        choose(tab, "Distance to the true surface")
        errors = until(tab, lambda picture: (picture[..., 0] > picture[..., 2] + 60).mean() > 0.02)
        assert not is_ball(errors).mean() > 0.02
        tab.get_by_text("0 to > ").wait_for()  # the legend
        choose(tab, "none")
        until(tab, lambda picture: (picture.min(axis=2) > 200).mean() > 0.99)


def test_the_level_is_extracted_again_and_a_click_is_answered() -> None:
    with shown(layered_ball()) as (tools, tab, _):
        first = until(tab, lambda picture: is_ball(picture).any())
        tab.get_by_text("Level", exact=True).click()
        thumb = tab.get_by_role("slider").last
        thumb.focus()
        tab.keyboard.press("End")
        larger = until(tab, lambda picture: is_ball(picture).mean() > 1.1 * is_ball(first).mean())
        # 2 % of the box's 4 m are rounded up to 0.1 m: a radius of 1.1.
        assert is_ball(larger).mean() / is_ball(first).mean() == pytest.approx(1.1**2, rel=0.04)
        assert isinstance(tools.page.replaced, Triangles)
        radius = np.linalg.norm(tools.page.replaced.vertices, axis=1)
        np.testing.assert_allclose(radius, 1.1, atol=0.01)
        tab.get_by_text("Back to the surface").click()
        until(tab, lambda picture: abs(is_ball(picture).mean() / is_ball(first).mean() - 1.0) < 0.01)

        rows, columns = np.nonzero(is_ball(first))
        x, y = float(np.median(columns)), float(np.median(rows)) + 160
        tab.mouse.click(x, y)
        tab.get_by_text("truth 25 cm away").wait_for()
        tab.mouse.click(x + 40, y)
        tab.get_by_text("apart").wait_for()
        hits = [hit.world for hit in tools._hits]
        assert [np.linalg.norm(hit) for hit in hits] == pytest.approx([1.0, 1.0], abs=0.01)
        assert 0.1 < np.linalg.norm(hits[1] - hits[0]) < 1.0


def test_a_slice_is_shown_and_views_become_a_walk(tmp_path: Any) -> None:
    from neurfield.scenes.walk_file import read_walk

    with shown(layered_ball()) as (tools, tab, _):
        choose(tab, "none")
        tab.get_by_text("Slice", exact=True).click()
        tab.get_by_role("checkbox", name="Show").click()
        until(tab, lambda picture: (picture[..., 2] > picture[..., 0] + 40).mean() > 0.002)
        tab.get_by_text("z = ", exact=False).wait_for()
        tab.get_by_text("Walk", exact=True).click()
        tab.get_by_text("Keep this view").click()
        tab.get_by_text("1 view, 0 s.").wait_for()
        tab.mouse.move(300, 400)
        tab.mouse.down()
        tab.mouse.move(420, 380, steps=4)
        tab.mouse.up()
        tab.wait_for_timeout(1500)
        tab.get_by_text("Keep this view").click()
        tab.get_by_text("2 views, 3 s.").wait_for()
        with tab.expect_download() as download:
            tab.get_by_text("Save camera_path.json").click()
        download.value.save_as(tmp_path / "camera_path.json")
        walk = read_walk(tmp_path / "camera_path.json")
        assert len(walk) == 2 and walk.duration == 3.0
        # Both look at the ball from outside the box, from elsewhere.
        for pose in walk.world_from_cam:
            assert np.linalg.norm(pose[:3, 3]) > 2.0
            assert pose[:3, 2] @ pose[:3, 3] < -0.9 * np.linalg.norm(pose[:3, 3])
        assert np.linalg.norm(np.diff(walk.world_from_cam[:, :3, 3], axis=0)) > 0.3
        assert tools.page.content.origin.tolist() == [0.0, 0.0, 0.0]


def test_the_field_is_traced_where_its_mesh_was() -> None:
    with shown(layered_ball()) as (tools, tab, _):
        mesh = is_ball(until(tab, lambda picture: is_ball(picture).any()))
        tab.get_by_role("checkbox", name="Traced").click()
        tab.get_by_text(", at rest").wait_for()
        assert tools.page.shown_skin is None

        def alike(picture: np.ndarray) -> bool:
            field = is_ball(picture)
            return bool((field & mesh).sum() > 0.93 * (field | mesh).sum())

        until(tab, alike)
        tab.mouse.move(300, 400)
        tab.mouse.down()
        tab.mouse.move(420, 380, steps=8)
        tab.get_by_text("while it moves").wait_for()
        tab.mouse.up()
        tab.get_by_text(", at rest").wait_for()
        tab.get_by_role("checkbox", name="Traced").click()
        until(tab, lambda picture: is_ball(picture).mean() > 0.02)
        assert tools.page.shown_skin == "surface"


def test_a_large_surface_is_there_coarsely_first() -> None:
    pytest.importorskip("viser", reason='pip install "neurfield[web]"')
    from neurfield.viewer.web.page import Page
    from neurfield.viewer.web.server import close, open_server

    content = layered_ball()
    assert content.surface is not None and len(content.surface.faces) > 3000
    server = open_server()
    sizes: dict[str, list[int]] = {}

    def adding(name: str, glb: bytes, **more: Any) -> Any:
        sizes.setdefault(name.split("/")[1], []).append(len(glb))
        return added(name, glb, **more)

    added, server.scene.add_glb = server.scene.add_glb, adding
    try:
        page = Page(server, content, most=600)
        page.skin("normals")
        page.refine()
        assert [len(of) for of in sizes.values()] == [2, 2]
        assert all(fine > 4 * coarse for coarse, fine in sizes.values())
        seen = {name: {node.visible for node in nodes} for name, nodes in page._nodes.items()}
        assert seen["surface"] == {False} and seen["normals"] == {True}
        page.skin("error")  # what is made later is fine at once
        assert len(sizes["error"]) == 1 and sizes["error"][0] > 4 * sizes["normals"][0]
    finally:
        close(server)
