"""The browser that other tests look with draws with WebGL, reaches nothing outside, and tells of errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import browser_page, is_local

_DRAWS = """() => {
  const gl = document.createElement("canvas").getContext("webgl2");
  gl.clearColor(0, 1, 0, 1); gl.clear(gl.COLOR_BUFFER_BIT);
  const pixel = new Uint8Array(4); gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return [...pixel];
}"""


def test_it_draws_and_knows_its_window() -> None:
    with browser_page(375, 700, scheme="dark") as page:
        page.set_content("<p>here</p>")
        assert page.evaluate(_DRAWS) == [0, 255, 0, 255]
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches && innerWidth === 375")


@pytest.mark.parametrize(
    "body",
    [
        '<img alt="" src="http://example.invalid/picture.png">',
        "<script>throw new Error('mine')</script>",
        "<script>console.error('mine')</script>",
    ],
)
def test_what_a_page_does_wrong_fails_its_test(tmp_path: Path, body: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><link rel=icon href=data:,>{body}")
    with pytest.raises(AssertionError, match=r"example\.invalid|mine"), browser_page() as page:
        page.goto(file.as_uri())
    with browser_page(strict=False) as page:
        page.goto(file.as_uri())


def test_what_is_local() -> None:
    assert all(map(is_local, ("file:///a", "data:,", "http://127.0.0.1:8080/x", "ws://localhost:1/")))
    assert not any(map(is_local, ("https://example.com/", "http://127.0.0.1.example.com/", "ftp://a/")))
