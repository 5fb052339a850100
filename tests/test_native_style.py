"""csrc/ is written as .clang-format says, by the version of clang-format that the dev extra pins."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.search(r"^clang-format==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
SUFFIXES = {".h", ".cpp", ".cu"}


def clang_format(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the environment's clang-format; skips where it is not, or is another version."""
    program = Path(sys.executable).with_name("clang-format")
    if not program.is_file():
        pytest.skip("clang-format is not installed: pip install -c constraints.txt 'neurfield[dev]'")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert PINNED is not None
    if PINNED[1] not in version:
        pytest.skip(f"clang-format {PINNED[1]} is wanted, here is {version.strip()}")
    return subprocess.run([program, *arguments], capture_output=True, text=True, cwd=ROOT)


def test_every_native_source_is_formatted() -> None:
    sources = sorted(str(p) for p in (ROOT / "csrc").rglob("*") if p.suffix in SUFFIXES)
    assert len(sources) > 100
    ran = clang_format("--dry-run", "--Werror", *sources)
    assert ran.returncode == 0, ran.stderr


def test_another_style_is_noticed(tmp_path: Path) -> None:
    source = tmp_path / "other.cpp"
    source.write_text("int  f( int a ){\n  return a ;\n}\n")
    ran = clang_format(f"--style=file:{ROOT / '.clang-format'}", "--dry-run", "--Werror", str(source))
    assert ran.returncode != 0 and "clang-format" in ran.stderr


def test_every_style_is_pinned_alike() -> None:
    assert PINNED is not None
    assert f'"clang-format=={PINNED[1]}"' in (ROOT / "pyproject.toml").read_text()
