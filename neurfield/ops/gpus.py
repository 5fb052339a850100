"""Which NVIDIA GPUs a machine has, also where torch cannot tell: without CUDA, or under an old driver."""

from __future__ import annotations

import re
from pathlib import Path

import torch

_DRIVER = Path("/proc/driver/nvidia")


def present() -> bool:
    """Whether there is a GPU, whoever can use it."""
    return bool(names())


def names() -> list[str]:
    """A line for each GPU: its name and, where torch sees it, compute capability and memory."""
    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        return [f"{p.name}, sm_{p.major}{p.minor}, {p.total_memory / 2**30:.0f} GiB" for p in found]
    models = []
    for path in sorted((_DRIVER / "gpus").glob("*/information")):
        model = re.search(r"Model:\s*(.+)", _text(path))
        models.append(model[1].strip() if model else "a GPU without a name")
    return models


def driver() -> str | None:
    """The driver's version, or None without one."""
    version = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", _text(_DRIVER / "version"))
    return version[1] if version else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
