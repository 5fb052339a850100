"""Tiny networks, and folders of a few shapes and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurfield.ddmi import sizes
from tests.triplanes.conftest import write_balls_and_boxes

TINY = replace(
    sizes.SIZES["small"], resolution=16, channels=8, multiples=(1, 2), attended=(1,), latent=2, basis=4,
    hidden=16, point_hidden=8, point_blocks=2, points=256, queries=256, steps=6, batch=4, rate=3e-3, unet=8,
    unet_blocks=1, diffusion_steps=6, diffusion_batch=8,
)  # fmt: skip


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, and a size that takes no time."""
    torch.set_num_threads(1)
    monkeypatch.setitem(sizes.SIZES, "small", TINY)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_balls_and_boxes(tmp_path_factory.mktemp("shapes"), train=4)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coloured discs on white, anywhere in a folder."""
    folder = tmp_path_factory.mktemp("pictures")
    down, right = np.mgrid[:20, :24]
    for k in range(16):
        disc = np.hypot(down - 10, right - 12) < 4 + 0.3 * k
        pixels = np.where(disc[..., None], [10 * k, 80, 200], 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"disc_{k}.png")
    return folder
