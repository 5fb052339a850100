"""Pages of the site that do not lie in docs/: what is made of the package, and files of the repository.

mkdocs.yml names this file as a hook. `docs_tables.py` writes the pages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import docs_tables
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
BESIDE = {  # files of the repository that are pages, too
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/README.md": "examples.md",
}
MADE = {
    "settings.md": docs_tables.settings,
    "parts-table.md": docs_tables.parts,
    "methods-table.md": docs_tables.methods,
}
HOME = {page: path for path, page in BESIDE.items()}  # where a page lies in the repository, if not in docs/


def on_config(config: Any) -> Any:
    """Adds a page for each package to the reference."""
    (reference,) = (entry["Reference"] for entry in config.nav if "Reference" in entry)
    reference.append({"API": [{package: f"api/{package}.md"} for package in docs_tables.packages()]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that do not lie in docs/."""
    for path, page in BESIDE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    for page, write in MADE.items():
        files.append(File.generated(config, page, content=write()))
    for package in docs_tables.packages():
        files.append(File.generated(config, f"api/{package}.md", content=docs_tables.api(package)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Leads links to where files of the repository are in the site; of what is no page the path is left."""
    uri = page.file.src_uri
    home = posixpath.dirname(HOME.get(uri, f"docs/{uri}"))

    def led(found: re.Match[str]) -> str:
        words, target, anchor = found["words"], found["target"], found["anchor"] or ""
        path = posixpath.normpath(posixpath.join(home, target))
        if path.startswith("docs/"):
            there = path.removeprefix("docs/")
        elif path in BESIDE or path == "README.md":
            there = BESIDE.get(path, "index.md")
        else:
            return f"`{path}`"
        return f"[{words}]({posixpath.relpath(there, posixpath.dirname(uri) or '.')}{anchor})"

    links = r"(?<!!)\[(?P<words>[^\]\n]+)\]\((?P<target>[\w./-]+\.\w+)(?P<anchor>#[\w.+-]+)?\)"
    return re.sub(links, led, markdown)
