"""The site of docs/ builds without a warning, all that it links to is there, and it works from the disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser import browser_page

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]
PAGES = ("index", "start", "troubleshooting", "methods", "settings", "api/fields")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("material", reason="pip install 'neurfield[docs]'")
    pytest.importorskip("mkdocstrings", reason="pip install 'neurfield[docs]'")
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0 and "WARNING" not in said, said
    return folder


class Links(HTMLParser):
    """What a page links to, loads, and can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.led: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {value for value in (given.get("id"), given.get("name")) if value}
        if tag == "a" and given.get("href"):
            self.led.append(str(given["href"]))
        loads = given.get("src") or (given.get("href") if tag == "link" else None)
        if loads:
            self.loaded.append(loads)


@cache
def links(page: Path) -> Links:
    return Links(page.read_text(encoding="utf-8"))


def broken(site: Path, page: Path, address: str) -> str | None:
    """What is wrong with an address on a page, if anything is."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None if parts.scheme in ("data", "mailto", "https") else f"{address} is of no known kind"
    there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if there.is_dir():
        there /= "index.html"
    if not there.is_file() or not there.is_relative_to(site):
        return f"{address} is not there"
    known = there.suffix != ".html" or not parts.fragment or unquote(parts.fragment) in links(there).anchors
    return None if known else f"{address} has no such anchor"


def test_all_links_and_anchors_are_there(site: Path) -> None:
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]
    assert len(pages) > 40
    wrong = {f"{page.relative_to(site)}: {trouble}" for page in pages
             for address in (*links(page).led, *links(page).loaded)
             if (trouble := broken(site, page, address))}  # fmt: skip
    assert not wrong


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not [a for a in links(page).loaded if urlsplit(a).scheme not in ("", "data")], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_every_page_is_in_the_navigation(site: Path) -> None:
    named = [urlsplit(a) for a in links(site / "start.html").led]
    led = {(site / unquote(parts.path)).resolve() for parts in named if not parts.netloc}
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]
    assert not [str(page.relative_to(site)) for page in pages if page.resolve() not in led]


def test_what_is_made_of_the_package_is_all_there(site: Path) -> None:
    import neurfield as nf
    from neurfield.parts import load_config, methods, settings_of, whole_shelf

    numbers = links_text(site / "settings.html")
    for name in ("neus", "shape", "hash"):
        own = [one.key for one in settings_of(load_config(name)).values() if not one.of]
        assert len(own) > 5 and not [key for key in own if f"<code>{key}</code>" not in numbers]
    told = links_text(site / "parts-table.html")
    entries = [e for of_slot in whole_shelf().entries.values() for e in of_slot.values() if not e.plugin]
    assert not [entry.key for entry in entries if f"<code>{entry.key}</code>" not in told]
    told = links_text(site / "methods-table.html")
    assert not [name for name in methods() if f"<code>{name}</code>" not in told]
    for package in ("encodings", "fields", "losses", "ops", "surfaces"):
        page = links(site / "api" / f"{package}.html")
        shown = {anchor.rpartition(".")[2] for anchor in page.anchors}
        assert set(getattr(nf, package).__all__) <= shown


def links_text(page: Path) -> str:
    return page.read_text(encoding="utf-8").replace("&gt;", ">")


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)
def test_pages_open_from_the_disk(site: Path, width: int, scheme: str) -> None:
    with browser_page(width, 850, scheme=scheme) as page:
        for name in PAGES:
            page.goto((site / f"{name}.html").as_uri())
            assert page.locator("h1").first.is_visible()
            wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{name} is {wide} pixels wider than the window"
            shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
            light = sum(int(number) for number in re.findall(r"\d+", shade)[:3]) > 3 * 128
            assert light == (scheme == "light"), f"{name} is {shade}"
            pictures = "Array.from(document.images).filter(i => i.loading !== 'lazy' && !i.naturalWidth)"
            assert page.evaluate(f"{pictures}.length") == 0


def test_search_works_from_the_disk(site: Path) -> None:
    with browser_page() as page:
        page.goto((site / "settings.html").as_uri())
        page.click(".md-search__input")
        page.wait_for_function(
            "document.querySelector('.md-search-result__meta').textContent.includes('Type to start')"
        )
        page.keyboard.type("eikonal")
        page.wait_for_selector(".md-search-result__article")
        found = page.locator(".md-search-result__item a").first.get_attribute("href") or ""
        page.goto(found)
        assert "eikonal" in page.inner_text("article").lower()
