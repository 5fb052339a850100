"""A run's folder as a fit leaves it, without fitting anything."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.parts import load_config, save_config


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return write_run(tmp_path)


def write_run(tmp_path: Path) -> Path:
    """config.yaml, run.json, log.jsonl, metrics.json, mesh.ply and two previews of a run named <ball>."""
    folder = tmp_path / "runs" / "<ball>" / "neus-1"
    (folder / "previews").mkdir(parents=True)
    config = load_config("neus", "quick", ["seed=3", "data.mask=false", "field.hidden=[32,32]"])
    config.train.steps = 200
    save_config(config, folder / "config.yaml")
    facts = {
        "schema": 1, "scene": str(tmp_path / "a ball"), "name": "<ball>", "kind": "outside",
        "box": [[-1, -1, -1], [1, 1, 1]], "created": "2026-01-01T00:00:00",
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts))
    entries = [
        {
            "step": step, "seconds": 0.1 * step, "loss": 10.0 / step, "psnr": 20.0 + step / 100,
            "rays": 100.0, "samples_per_ray": 12.0, "losses": {"color": 5.0 / step, "eikonal": 0.01},
        }
        for step in (1, 100, 200)
    ]  # fmt: skip
    lines = [json.dumps(entry) for entry in entries]
    (folder / "log.jsonl").write_text("\n".join([*lines, '{"step": 201, "se']))
    metrics = {
        "schema": 1,
        "mesh": {"vertices": 642, "faces": 1280, "seconds": 1.5, "voxel": 0.02},
        "geometry": {
            "accuracy": 0.004,
            "chamfer_l1": 0.0051,
            "normal_consistency": 0.95,
            "f_score@0.05": 0.981,
        },
        "images": {"psnr": 27.5, "ssim": 0.9, "frames": "held out", "count": 2},
        "fit": {"steps": 200, "seconds": 75.0, "peak_memory_gb": 1.5},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    coloured_ball().export(folder / "mesh.ply")
    for i in range(2):
        strip = np.full((20, 90, 3), 40 * i, np.uint8)
        Image.fromarray(strip).save(folder / "previews" / f"frame-{i:06d}.png")
    return folder


def coloured_ball() -> trimesh.Trimesh:
    """A unit sphere, red where x > 0 and blue elsewhere."""
    ball = trimesh.creation.icosphere(subdivisions=3)
    red = np.asarray(ball.vertices)[:, :1] > 0
    ball.visual.vertex_colors = np.where(red, [255, 0, 0, 255], [0, 0, 255, 255]).astype(np.uint8)
    return ball


def room(side: float = 2.0) -> trimesh.Trimesh:
    """A cube whose normals point into it, with a small ball on its floor."""
    walls = trimesh.creation.box([side] * 3)
    walls.invert()
    ball = trimesh.creation.icosphere(radius=0.2)
    ball.apply_translation([0, 0, 0.2 - side / 2])
    return trimesh.util.concatenate([walls, ball])
