"""The benchmarks are scripts of the checkout, not part of the package: importable wherever pytest runs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
