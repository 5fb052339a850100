"""The page holds what the folder holds, and needs nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from neurfield.errors import UserError
from neurfield.report import write_report
from neurfield.report.meanings import MEANINGS, key_of
from tests.report.conftest import write_run


class Balance(HTMLParser):
    """Checks that every element is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a whole run."""
    return write_report(write_run(tmp_path_factory.mktemp("report")))


def test_everything_is_on_the_page(page: Path) -> None:
    text = page.read_text()
    assert page.name == "report.html"
    for part in (
        "&lt;ball&gt; · neus",
        "F-score at 5 cm",
        "0.981",
        "27.5 dB",
        "1 min 15 s",
        "5.1 mm",
        "held out frames",
    ):
        assert part in text
    assert text.count("data:image/webp;base64,") == 1 + 4 + 2 * 4  # the mesh; its sides; two frames
    assert text.count("<svg") == 6  # loss, PSNR, speed, samples, two terms
    flag = '<span class="flag">--set</span>'
    assert f"--seed</span> 3 {flag} data.mask=false {flag} &#x27;field.hidden=[32, 32]&#x27;" in text
    assert "softplus_beta" in text  # config.yaml
    assert Image.open(page.parent / "previews" / "mesh.jpg").width == 1280


def test_nothing_comes_from_elsewhere(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"""\bsrc=["'](?!data:)""", text)
    assert not re.search(r"https?://|@import|url\(|fetch\(|import\(", text)
    links = set(re.findall(r"""href=["']([^"']*)""", text)) - {"data:,"}
    beside = {link for link in links if not link.startswith("#")}
    assert "mesh.ply" in beside and all((page.parent / link).is_file() for link in beside)
    assert {link[1:] for link in links - beside} <= set(re.findall(r'id="([^"]*)"', text))


def test_every_number_is_explained(page: Path) -> None:
    text = page.read_text()
    assert text.count("<small>") >= 5 and MEANINGS["f_score"][1] in text
    for key in ("psnr", "normal_consistency", "loss-eikonal"):
        assert f'href="#{key}"' in text and f'<dt id="{key}">' in text


def test_elements_are_balanced_and_names_escaped(page: Path) -> None:
    text = page.read_text()
    checker = Balance()
    checker.feed(text)
    assert checker.open == []
    assert "<ball>" not in text


def test_a_run_that_was_cut_short_still_gets_a_page(run_folder: Path) -> None:
    for name in ("mesh.ply", "metrics.json", "log.jsonl"):
        (run_folder / name).unlink()
    for strip in (run_folder / "previews").glob("*.png"):
        strip.unlink()
    text = write_report(run_folder).read_text()
    assert 'neurfield fit <span class="flag">--scene</span>' in text
    assert "<svg" not in text and "<img" not in text and 'id="viewer"' not in text


def test_metrics_that_are_no_numbers(run_folder: Path) -> None:
    (run_folder / "mesh.ply").unlink()
    (run_folder / "metrics.json").write_text(
        '{"images": {"psnr": Infinity, "frames": "fitted"}, "geometry": []}'
    )
    assert "inf dB" in write_report(run_folder).read_text()


def test_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run of neurfield"):
        write_report(tmp_path)


def test_damaged_mesh(run_folder: Path) -> None:
    (run_folder / "mesh.ply").write_bytes(b"ply\nformat nonsense")
    with pytest.raises(UserError, match=r"mesh\.ply"):
        write_report(run_folder)
    assert not (run_folder / "report.html").exists()


def test_keys_are_found_by_their_stem() -> None:
    assert (
        key_of("f_score@0.05") == "f_score" and key_of("accuracy_mm") == "accuracy" and key_of("steps") == ""
    )
