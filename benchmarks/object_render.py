"""Posed pictures of a textured mesh, masked or before surroundings, and their `transforms.json`.

The light depends on the surface normal alone, so a point has the same colour in every picture.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.object_assets import TexturedMesh, linear_to_srgb
from neurfield.files import atomic_write
from neurfield.scenes.cameras import Cameras

# What else rays (origins [r,3], unit directions [r,3]) meet: distances [r], and linear light [r,3].
Around = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
VERSION = 1  # raise it when the pictures change: older folders are then written again
CHUNK = 65536  # rays
LIGHT_FROM = np.array([0.35, -0.45, 0.82])
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
# Corners of a 2 x 2 grid inside a pixel.
SUBPIXELS = np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])


def fibonacci_directions(n: int) -> np.ndarray:
    """`n` unit vectors [n,3] spread evenly over the sphere, none at a pole."""
    k = np.arange(n)
    z = 1 - (2 * k + 1) / n
    angle = k * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1)


def look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """world_from_cam [4,4] of a camera at `eye` that looks at `target`, upright against world z."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if np.linalg.norm(right) < 1e-6:
        right = np.array([1.0, 0.0, 0.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def orbit_cameras(
    box: np.ndarray, n: int = 64, size: int = 400, focal: float = 1.4, seed: int = 0
) -> Cameras:
    """`n` cameras all around a box [2,3], looking at its centre; its bounding sphere fits in every picture.

    `size` in pixels, `focal` in picture widths; distances vary by a tenth, so that scale is seen too.
    """
    centre = box.mean(axis=0)
    radius = np.linalg.norm(box[1] - box[0]) / 2
    nearest = 1.03 * radius / np.sin(np.arctan(0.5 / focal))
    distance = nearest * np.random.default_rng(seed).uniform(1.0, 1.1, size=n)
    eyes = centre + fibonacci_directions(n) * distance[:, None]
    one = np.ones(n)
    return Cameras(
        world_from_cam=np.stack([look_at(eye, centre) for eye in eyes]),
        fx=one * focal * size,
        fy=one * focal * size,
        cx=one * size / 2,
        cy=one * size / 2,
        width=np.full(n, size),
        height=np.full(n, size),
        distortion=None,
    )


def make_renderer(mesh: TexturedMesh, around: Around | None = None) -> Callable[[Cameras, int], np.ndarray]:
    """A function of (cameras, index) that draws one picture [h,w,4] uint8, 4 samples a pixel, alpha too.

    Alpha is the part of the samples that hit. Colours are not multiplied by it: they are the mean over the
    samples that hit, black where none did. With something around, which hides and is hidden, they are the
    mean over all samples, and alpha is the part that hit the mesh.
    """
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    surface = mesh.surface
    # Embree's tolerances suit a scene of about unit size, moved to the origin.
    centre, scale = surface.bounds.mean(axis=0), 1.0 / surface.scale
    scene = EmbreeScene()
    TriangleMesh(scene, ((surface.triangles - centre) * scale).astype(np.float32))
    corner_light = hemisphere_light(surface.vertex_normals)[surface.faces]

    def render(cameras: Cameras, index: int) -> np.ndarray:
        h, w = int(cameras.height[index]), int(cameras.width[index])
        v, u = np.mgrid[0:h, 0:w]
        uv = (np.stack([u, v], axis=-1)[:, :, None] + SUBPIXELS).reshape(-1, 2)
        origins, directions, _ = cameras.rays(np.full(len(uv), index), uv)
        origins = ((origins - centre) * scale).astype(np.float32)
        hits = scene.run(origins, directions, query="INTERSECT", output=True)
        hit = hits["primID"] >= 0
        face = hits["primID"][hit]
        weights = np.stack([1 - hits["u"] - hits["v"], hits["u"], hits["v"]], axis=1)[hit]
        colour = np.zeros((len(uv), 3), dtype=np.float32)
        texel = bilinear(mesh.texture, np.einsum("rk,rkc->rc", weights, mesh.corner_uv[face]))
        colour[hit] = texel * np.einsum("rk,rk->r", weights, corner_light[face])[:, None]
        if around is not None:
            nearest = np.where(hit, hits["tfar"] / scale, np.inf)
            hit = hit & ~_draw_around(around, origins / scale + centre, directions, nearest, colour)
        samples = hit.reshape(h, w, -1).sum(axis=2)
        count = np.maximum(samples, 1) if around is None else np.full_like(samples, len(SUBPIXELS))
        mean = colour.reshape(h, w, -1, 3).sum(axis=2) / count[..., None]
        alpha = np.round(255 * samples / len(SUBPIXELS)).astype(np.uint8)
        return np.concatenate([linear_to_srgb(mean), alpha[..., None]], axis=2)

    return render


def _draw_around(
    around: Around, origins: np.ndarray, directions: np.ndarray, nearest: np.ndarray, colour: np.ndarray
) -> np.ndarray:
    """Put what stands around into `colour` [r,3] where it is nearer than `nearest` [r]; where: bool [r]."""
    drawn = np.zeros(len(nearest), dtype=bool)
    for start in range(0, len(nearest), CHUNK):
        part = slice(start, start + CHUNK)
        distance, light = around(origins[part], directions[part])
        drawn[part] = distance < nearest[part]
        colour[part][drawn[part]] = light[drawn[part]]
    return drawn


def hemisphere_light(normals: np.ndarray) -> np.ndarray:
    """Brightness [n] under a wide soft light for unit normals [n,3]: 1 facing it, 0.5 facing away."""
    return 0.75 + 0.25 * normals @ (LIGHT_FROM / np.linalg.norm(LIGHT_FROM))


def bilinear(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Colours [r,3] of a texture [h,w,3] at coordinates [r,2]: u right, v UP, (0,0) the lower left corner."""
    h, w = texture.shape[:2]
    x = np.clip(uv[:, 0] * w - 0.5, 0, w - 1)
    y = np.clip((1 - uv[:, 1]) * h - 0.5, 0, h - 1)
    column, row = np.minimum(x.astype(int), w - 2), np.minimum(y.astype(int), h - 2)
    fx, fy = (x - column)[:, None], (y - row)[:, None]
    top = (1 - fx) * texture[row, column] + fx * texture[row, column + 1]
    bottom = (1 - fx) * texture[row + 1, column] + fx * texture[row + 1, column + 1]
    return (1 - fy) * top + fy * bottom


def write_views(folder: Path, mesh: TexturedMesh, cameras: Cameras, around: Around | None = None) -> None:
    """Write `images/000.png`..., `ground_truth.ply`, and last `transforms.json`, which says all is there.

    With something around, pictures have no alpha: nobody says where the mesh ends.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    render = make_renderer(mesh, around)
    channels = 4 if around is None else 3
    names = [f"images/{i:03d}.png" for i in range(len(cameras))]
    for i, name in enumerate(names):
        with atomic_write(folder / name) as temporary:
            pixels = np.ascontiguousarray(render(cameras, i)[..., :channels])
            Image.fromarray(pixels).save(temporary, format="png", compress_level=4)
    with atomic_write(folder / "ground_truth.ply") as temporary:
        mesh.surface.export(temporary)
    with atomic_write(folder / "transforms.json") as temporary:
        temporary.write_text(json.dumps(transforms(cameras, names), indent=1) + "\n")


def is_whole(folder: Path) -> bool:
    """Whether a folder holds views that this version of the renderer wrote to the end."""
    try:
        return json.loads((folder / "transforms.json").read_text()).get("renderer") == VERSION
    except (OSError, ValueError):
        return False


def transforms(cameras: Cameras, names: list[str]) -> dict:
    """What nerfstudio writes into `transforms.json`: OpenGL camera axes (x right, y up, z backward), metres.

    Its cx, cy count from the corner of the first pixel, as ours do.
    """
    poses = cameras.world_from_cam @ OPENGL_FROM_OPENCV
    return {
        "renderer": VERSION,
        "unit": "m",
        "camera_model": "PINHOLE",
        "fl_x": float(cameras.fx[0]),
        "fl_y": float(cameras.fy[0]),
        "cx": float(cameras.cx[0]),
        "cy": float(cameras.cy[0]),
        "w": int(cameras.width[0]),
        "h": int(cameras.height[0]),
        "frames": [{"file_path": n, "transform_matrix": p.tolist()} for n, p in zip(names, poses)],
    }
