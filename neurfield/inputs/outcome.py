"""What a fit has left so far, in numbers: metrics.json, and what kept a part of it from being made.

A part that fails takes no other with it: its trouble is kept, and told once everything else is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trimesh

from neurfield.files import atomic_write


@dataclass
class Outcome:
    """What a fit has left so far.

    Attributes:
        metrics: what metrics.json holds.
        mesh: as it was extracted or read, None where there is none.
        troubles: by part ("mesh", "geometry", "images"), what kept it from being made.
    """

    metrics: dict[str, Any]
    mesh: trimesh.Trimesh | None = None
    troubles: dict[str, Exception] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Make a part of the metrics; if it fails, what was there of it goes and the trouble stays.

        A file that cannot be written is no part's trouble, and raised.
        """
        try:
            yield
        except OSError:
            raise
        except Exception as trouble:
            self.metrics.pop(name, None)
            self.troubles[name] = trouble

    def write(self, folder: Path) -> None:
        """Write metrics.json, with the troubles in words."""
        self.metrics.pop("troubles", None)
        if self.troubles:
            self.metrics["troubles"] = {name: str(trouble) for name, trouble in self.troubles.items()}
        with atomic_write(folder / "metrics.json") as temporary:
            temporary.write_text(json.dumps(self.metrics, indent=1))


def read_metrics(folder: Path) -> dict[str, Any]:
    """metrics.json of a run, or an empty one."""
    path = folder / "metrics.json"
    return json.loads(path.read_text()) if path.is_file() else {"schema": 1}
