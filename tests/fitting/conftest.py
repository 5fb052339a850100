"""A sphere in front of a few cameras, small enough that a fit takes seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.scenes import Scene, load_scene

SIZE, FOCAL, DISTANCE, RADIUS, CENTRE = 48, 60.0, 1.5, 0.4, np.array([0.2, -0.1, 0.3])


def _pose(direction: np.ndarray) -> np.ndarray:
    """world_from_cam of a camera at CENTRE + DISTANCE * direction that looks at CENTRE."""
    z = -direction
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    pose[:3, 3] = CENTRE + DISTANCE * direction
    return pose


def write_sphere_scene(folder: Path, frames: int = 12) -> Path:
    """transforms.json with masked pictures of a coloured sphere, exact depth, and its mesh as ground
    truth."""
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    entries = []
    v, u = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5, indexing="ij")
    in_cam = np.stack([(u - SIZE / 2) / FOCAL, (v - SIZE / 2) / FOCAL, np.ones_like(u)], axis=-1)
    for i in range(frames):
        direction = random.normal(size=3) * [1, 1, 0.6]
        pose = _pose(direction / np.linalg.norm(direction))
        ray = in_cam @ pose[:3, :3].T
        to_centre = pose[:3, 3] - CENTRE
        a, b, c = (ray**2).sum(-1), ray @ to_centre, to_centre @ to_centre - RADIUS**2
        inside = b**2 - a * c > 0
        z = np.where(inside, (-b - np.sqrt(np.maximum(b**2 - a * c, 0.0))) / a, 0.0)
        normal = (to_centre + z[..., None] * ray) / RADIUS
        color = np.where(inside[..., None], 0.5 + 0.4 * np.sin(4.0 * normal), 0.0)
        rgba = np.concatenate([color, inside[..., None]], axis=-1)
        Image.fromarray((rgba * 255).astype(np.uint8)).save(folder / "images" / f"{i:03d}.png")
        Image.fromarray((z * 1000.0).astype(np.uint16)).save(folder / "images" / f"depth_{i:03d}.png")
        opengl = pose @ np.diag([1.0, -1.0, -1.0, 1.0])
        entries.append(
            {
                "file_path": f"images/{i:03d}.png",
                "depth_file_path": f"images/depth_{i:03d}.png",
                "transform_matrix": opengl.tolist(),
            }
        )
    camera = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": SIZE / 2, "cy": SIZE / 2, "w": SIZE, "h": SIZE}
    (folder / "transforms.json").write_text(json.dumps({**camera, "frames": entries}))
    return folder


@pytest.fixture(scope="session")
def sphere_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return load_scene(write_sphere_scene(tmp_path_factory.mktemp("sphere") / "sphere"))


@pytest.fixture(scope="session")
def sphere_mesh() -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS)
    mesh.apply_translation(CENTRE)
    return mesh


SMALL = (
    "field.levels=6", "field.log2_table_size=13", "field.finest_resolution=64", "field.hidden=[32,32]",
    "color.hidden=[32]", "sampler.rays=512", "points.uniform.count=256",
    "sampler.occupancy_resolution=32", "passes.surface.width_end=0.01", "train.preview_every=0",
    "polish.pixels=1024",
)  # fmt: skip
