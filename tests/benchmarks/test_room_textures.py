"""The benchmark of textures: what it reads and what it draws."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from benchmarks.room_textures import held_out_psnr, seen_share
from neurfield.scenes import Cameras


def test_the_share_is_that_of_the_texture() -> None:
    said = "  3.1% of 12 million points asked\n  texture of 64 x 64: 87% of the surface from pictures"
    assert seen_share(said) == 87.0
    assert seen_share("3.1% of 12 million") is None


@pytest.mark.parametrize("off", [0.0, 0.1])
def test_psnr_is_of_the_frames_that_were_held_out(off: float) -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    ball.visual.vertex_colors = np.tile(np.array([102, 102, 102, 255], np.uint8), (len(ball.vertices), 1))
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 1.2  # so near that the ball fills the picture
    cameras = Cameras(np.stack([pose] * 2), 60.0, 60.0, 16.0, 16.0, 32, 32)
    grey = {0: 0, 1: round(255 * (0.4 + off))}
    scene = SimpleNamespace(cameras=cameras, image=lambda i: np.full((32, 32, 3), grey[i], np.uint8))
    run = SimpleNamespace(used=scene, held_out=np.array([1]))
    found = held_out_psnr(ball, run)
    assert found == pytest.approx(20.0, abs=0.2) if off else found > 60.0


def test_the_page_has_its_place() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "results.md").read_text()
    assert "<!-- figures: room_textures -->" in page
