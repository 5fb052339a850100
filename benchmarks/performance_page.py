"""Writes what benchmarks found into docs/performance.md or another page: tables, notes, pictures, sources.

`python -m benchmarks.performance_page runs/bench/*.json` replaces what stands between the marks
`<!-- figures: NAME -->` and `<!-- end -->`, NAME being that of the file; blocks without a file stay as they
are, with the commit they were measured at. `neurfield bench --all --publish` measures and does this.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import summary
from benchmarks.common import CHECKOUT, markdown_table, run_script, say
from neurfield.errors import UserError
from neurfield.files import atomic_write

PAGE = CHECKOUT / "docs" / "performance.md"
LARGEST_PICTURE = 100_000  # bytes
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def source_line(machine: Mapping[str, Any]) -> str:
    """Commit, machine and day of a measurement, in a sentence."""
    threads = machine["threads"]
    return (
        f"*Measured on {machine['time'][:10]} at commit `{machine['commit']}`: {machine['cpu']}, "
        f"{threads} thread{'s' if threads > 1 else ''}, {machine['isa']} kernels, "
        f"torch {machine['versions']['torch']}; a plain 2048³ matrix product ran at "
        f"{machine['yardstick_gflops']:.0f} GFLOP/s then.*"
    )


def block_of(data: Mapping[str, Any], picture: str | None) -> str:
    """What stands between the marks: the picture, the tables, the notes, the source."""
    tables = data.get("tables") or [{"title": "", "columns": data["columns"], "rows": data["rows"]}]
    parts = [picture] if picture else []
    for table in tables:
        title = f"**{table['title']}**\n\n" if table["title"] else ""
        parts.append(title + markdown_table(table["columns"], table["rows"]))
    parts += [*data.get("notes", ()), source_line(data["machine"])]
    return "\n" + "\n\n".join(parts) + "\n\n"


def fill(page: str, blocks: Mapping[str, str]) -> str:
    """The page with these blocks replaced.

    Raises:
        UserError: the page has no marks for one of them.
    """
    marked = {match[2] for match in _BLOCK.finditer(page)}
    for name in blocks:
        if name not in marked:
            raise UserError(
                f"the page has no `<!-- figures: {name} -->`; there are: {', '.join(sorted(marked))}"
            )
    return _BLOCK.sub(lambda m: m[1] + blocks.get(m[2], m[3]) + m[4], page)


def publish(results: list[Path], page: Path = PAGE) -> None:
    """Write the results into the page, and copy the pictures beside them into the folder images next to it.

    Raises:
        UserError: a file is no benchmark's result, a picture is too large, or the page lacks a mark.
    """
    blocks, pictures, read = {}, {}, {}
    for path in results:
        name, picture, line = path.stem, path.with_suffix(".png"), None
        if picture.is_file():
            if picture.stat().st_size > LARGEST_PICTURE:
                raise UserError(
                    f"{picture}: larger than {LARGEST_PICTURE // 1000} kB, too large for the page"
                )
            pictures[picture] = page.parent / "images" / f"bench_{name}.png"
            line = f"![{name.replace('_', ' ')}](images/bench_{name}.png)"
        try:
            read[name] = json.loads(path.read_text())
            blocks[name] = block_of(read[name], line)
        except (OSError, ValueError, KeyError, TypeError) as trouble:
            raise UserError(
                f"{path}: not a benchmark's JSON ({type(trouble).__name__}: {trouble})"
            ) from trouble
    if set(summary.NEEDED) <= read.keys():  # of one run each, so that the claims are told of one machine
        rows = summary.summary_rows(read)
        source = source_line(read[summary.NEEDED[0]]["machine"])
        blocks["summary"] = f"\n{markdown_table(summary.COLUMNS, rows)}\n\n{source}\n\n"
    filled = fill(page.read_text(), blocks)
    for picture, target in pictures.items():
        with atomic_write(target) as temporary:
            shutil.copyfile(picture, temporary)
    with atomic_write(page) as temporary:
        temporary.write_text(filled)
    say(f"{page}: {', '.join(blocks)}")


def main() -> None:
    """Publish the files named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+", metavar="FILE", help="JSON files of benchmarks")
    parser.add_argument("--page", type=Path, default=PAGE, help="with marks for them")
    args = parser.parse_args()
    publish(args.results, args.page)


if __name__ == "__main__":
    run_script(main)
