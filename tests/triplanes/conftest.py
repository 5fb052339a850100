"""Small shapes, and small fields fitted to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trimesh

from neurfield.triplanes.build import build
from neurfield.triplanes.recipe import RECIPES

TINY = replace(
    RECIPES["quick"], points=4000, inside_points=4000, batch=800, steps=40, unsigned_steps=40, together=3,
    resolution=8, channels=4, hidden=16, octaves=4,
)  # fmt: skip


def write_balls_and_boxes(folder: Path, train: int = 3, others: int = 1) -> Path:
    """Two classes of closed meshes, of several proportions; boxes have a part a side, balls one."""
    for label in ("ball", "box"):
        number = 0
        for split, count in (("train", train), ("val", others), ("test", others)):
            (folder / label / split).mkdir(parents=True)
            for _ in range(count):
                number += 1
                if label == "ball":
                    mesh = trimesh.creation.icosphere(2)
                    parts = [0] * len(mesh.faces)
                else:
                    mesh = trimesh.creation.box((1.0, 1.0, 1.0))
                    parts = [1 if normal[2] > 0.5 else 2 for normal in mesh.face_normals]
                share = 0.618 * number % 1.0  # so that no split has other proportions than another
                mesh.apply_scale([1.0, 0.8 + 0.4 * share, 1.3 - 0.5 * share])
                path = folder / label / split / f"{label}_{number}.off"
                mesh.export(path)
                path.with_suffix(".seg").write_text("\n".join(map(str, parts)))
    (folder / "parts.json").write_text('{"ball": {"skin": 0}, "box": {"lid": 1, "wall": 2}}')
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_balls_and_boxes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def fields(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of their tri-planes."""
    out = tmp_path_factory.mktemp("fields")
    build(shapes, out, "sdf", TINY, cells=0)
    return out
