"""A page in a real browser, for tests of what people open in one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

_LOCAL = ("file", "data", "blob", "about")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Software rendering, so that WebGL 2 is there without a GPU and without a display.
_FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
_PATIENCE = 60_000  # ms: rendering in software, on a machine that does other things as well


@contextmanager
def browser_page(
    width: int = 1280,
    height: int = 900,
    *,
    scheme: str = "light",
    scale: float = 1.0,
    touch: bool = False,
    javascript: bool = True,
    strict: bool = True,
) -> Iterator[Page]:
    """A page of headless Chromium with WebGL 2; the test is skipped, and says why, where there is none.

    Nothing but files, data: addresses and this machine can be reached: any other request is refused.

    Args:
        width: of the window, CSS pixels.
        height: of the window, CSS pixels.
        scheme: "light" or "dark", what the page is told that its reader prefers.
        scale: device pixels of a CSS pixel.
        touch: whether the page is told of fingers instead of a mouse.
        javascript: without it scripts do not run.
        strict: fail at the end where the page logged an error, threw one, or asked for something that is
            not on this machine.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    executable = next((found for name in ("chromium", "chromium-browser", "google-chrome")
                       if (found := shutil.which(name))), None)  # fmt: skip
    if executable is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    complaints: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
        try:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=touch,
                device_scale_factor=scale, java_script_enabled=javascript,
            )  # fmt: skip
            context.set_default_timeout(_PATIENCE)
            context.route(lambda address: not is_local(address), lambda route: route.abort())
            page = context.new_page()
            page.on("request", lambda request: is_local(request.url) or complaints.append(
                f"asked for {request.url[:200]}"))  # fmt: skip
            page.on("pageerror", lambda error: complaints.append(f"threw {error}"))
            page.on("console", lambda said: said.type == "error" and complaints.append(f"logged {said.text}"))
            yield page
        finally:
            browser.close()
    assert not (strict and complaints), "the page " + "; ".join(complaints)


def is_local(address: str) -> bool:
    """Whether an address is a file's, a page's own, or one of this machine."""
    parts = urlsplit(address)
    return parts.scheme in _LOCAL or parts.hostname in _LOOPBACK
