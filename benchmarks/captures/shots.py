"""Photos of a street as a hand-held phone takes them: no poses, some blur, noise, drifting exposure, JPEG."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchmarks.captures.street import KERB, KERB_HEIGHT, STANDS_AT, Street
from benchmarks.object_assets import linear_to_srgb
from benchmarks.object_render import SUBPIXELS, fibonacci_directions, look_at
from neurfield.files import atomic_write
from neurfield.scenes.cameras import Cameras

VERSION = 1  # raise it when the photos change: older ones are then taken again
FOCAL_35MM = 26.0  # EXIF's, of a phone's main lens
BENT = -0.02  # k1 of the lens
_BAND = 150  # rows that are drawn at once
_NEAR = 0.002  # metres: reflected rays begin so far from where they are reflected
_RAYS = 160  # into the open sky, by which shade is found
_SOFT = 0.55  # pixels: the lens' blur
_NOISE = 1.6  # grey levels
_EXPOSURE = 0.25  # stops to either side, slowly


def walk(count: int, size: tuple[int, int], seed: int = 0) -> Cameras:
    """Cameras of somebody who walks once around the car, holds the phone level and looks at it.

    Distance, height, aim and roll vary as a hand and a step do; some photos are taken stooping, some with
    arms up.

    Args:
        count: of the photos.
        size: width and height, pixels.
        seed: of what varies.
    """
    rng = np.random.default_rng(seed)
    turn = 2 * np.pi * (np.arange(count) + rng.uniform(-0.25, 0.25, count)) / count
    away = rng.uniform(0.96, 1.1, count)[:, None] * np.stack([4.5 * np.cos(turn), 3.7 * np.sin(turn)], axis=1)
    height = 1.55 + 0.1 * rng.normal(size=count)
    height[2::6] += 0.55
    height[5::6] -= 0.6
    eyes = STANDS_AT + np.column_stack([away, height])
    aims = STANDS_AT + [0.0, 0.0, 0.68] + rng.normal(size=(count, 3)) * [0.15, 0.1, 0.07]
    poses = np.stack([look_at(eye, aim) for eye, aim in zip(eyes, aims)])
    roll = np.radians(1.5) * rng.normal(size=count)
    for pose, angle in zip(poses, roll):
        c, s = np.cos(angle), np.sin(angle)
        pose[:3, :3] = pose[:3, :3] @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    one = np.ones(count)
    focal = FOCAL_35MM / 36.0 * size[0]
    bent = np.zeros((count, 5))
    bent[:, 0] = BENT
    lens = (one * focal, one * focal, one * size[0] / 2, one * size[1] / 2)
    return Cameras(poses, *lens, np.full(count, size[0]), np.full(count, size[1]), bent)


def write_shots(folder: Path, street: Street, cameras: Cameras, seed: int = 0) -> None:
    """Write `photos/IMG_0000.jpg`..., and beside them what nobody has: `truth.json`, `truth.ply`, poses last.

    Args:
        folder: for them.
        street: what is there.
        cameras: where from.
        seed: of noise and exposure.
    """
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    draw = make_renderer(street)
    count = len(cameras)
    rng = np.random.default_rng(seed)
    stops = _EXPOSURE * np.sin(2 * np.pi * (np.arange(count) / count + rng.uniform()))
    exif = Image.Exif()
    exif[0x8769] = {0x920A: FOCAL_35MM / 6.0, 0xA405: round(FOCAL_35MM)}
    for i in range(count):
        light = gaussian_filter(draw(cameras, i), (_SOFT, _SOFT, 0))
        shown = linear_to_srgb(light * 2 ** stops[i]) + _NOISE * rng.normal(size=light.shape)
        picture = Image.fromarray(np.clip(np.round(shown), 0, 255).astype(np.uint8))
        with atomic_write(folder / "photos" / f"IMG_{i:04d}.jpg") as temporary:
            picture.save(temporary, format="jpeg", quality=92, exif=exif)
    with atomic_write(folder / "truth.ply") as temporary:
        street.car.export(temporary)
    record = {"version": VERSION, "world_from_cam": cameras.world_from_cam.tolist(), "size": _size(cameras)}
    with atomic_write(folder / "truth.json") as temporary:
        temporary.write_text(json.dumps(record))


def are_whole(folder: Path, cameras: Cameras) -> bool:
    """Whether a folder holds these photos, taken to the end by this version."""
    try:
        record = json.loads((folder / "truth.json").read_text())
    except (OSError, ValueError):
        return False
    wanted = [VERSION, len(cameras), _size(cameras)]
    return [record["version"], len(record["world_from_cam"]), record["size"]] == wanted


def _size(cameras: Cameras) -> list[int]:
    return [int(cameras.width[0]), int(cameras.height[0])]


def make_renderer(street: Street) -> Callable[[Cameras, int], np.ndarray]:
    """A function of (cameras, index) that draws one photo [h,w,3], linear light, 4 samples a pixel.

    Light comes from an overcast sky: a corner is as bright as the share of the sky that it sees. What is
    glossy mirrors the street and the sky once.
    """
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    scene = EmbreeScene()
    TriangleMesh(scene, (street.triangles - STANDS_AT).astype(np.float32))
    gloss = np.array([material.gloss for material in street.materials], np.float32)

    def hits_of(origins: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
        rays = ((origins - STANDS_AT).astype(np.float32), directions.astype(np.float32))
        return scene.run(*rays, query="INTERSECT", output=True)

    def open_to_sky(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        ways = fibonacci_directions(2 * _RAYS)[:_RAYS]  # upwards; the same for all, so that shade is smooth
        seen, most = np.zeros(len(points)), 0.0
        for way in ways:
            rays = np.broadcast_to(way, points.shape)
            hits = hits_of(points + _NEAR * normals + _NEAR * way, rays)
            # House fronts are far: what they hide of the sky they throw back.
            free = (hits["primID"] < 0) | (hits["tfar"] > 3.0)
            seen += np.clip(normals @ way, 0, None) * free
            most += way[2]
        return seen / most

    shade = _Shade(street, open_to_sky)

    def light_of(origins: np.ndarray, directions: np.ndarray, bounce: bool) -> np.ndarray:
        hits = hits_of(origins, directions)
        face = hits["primID"]
        light = sky(directions)
        hit = np.flatnonzero(face >= 0)
        face = face[hit]
        weights = np.stack([1 - hits["u"] - hits["v"], hits["u"], hits["v"]], axis=1)[hit]
        points = origins[hit] + directions[hit] * hits["tfar"][hit, None]
        diffuse = street.colours(face, weights, points) * shade(face, weights, points)[:, None]
        light[hit] = diffuse
        shiny = gloss[street.material[face]]
        mirror = np.flatnonzero(shiny > 0) if bounce else np.zeros(0, int)
        if len(mirror):
            normal = np.einsum("rk,rkc->rc", weights[mirror], street.normals[face[mirror]])
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
            way = directions[hit[mirror]]
            cosine = np.einsum("rk,rk->r", way, normal)
            normal *= -np.sign(cosine)[:, None]
            cosine = np.abs(cosine)
            back = way + 2 * cosine[:, None] * normal
            seen = light_of(points[mirror] + _NEAR * normal, back, False)
            share = shiny[mirror] + (1 - shiny[mirror]) * (1 - cosine) ** 5
            light[hit[mirror]] = (1 - share)[:, None] * diffuse[mirror] + share[:, None] * seen
        return light

    def draw(cameras: Cameras, index: int) -> np.ndarray:
        h, w = int(cameras.height[index]), int(cameras.width[index])
        picture = np.zeros((h, w, 3), np.float32)
        for first in range(0, h, _BAND):
            v, u = np.mgrid[first : min(first + _BAND, h), 0:w]
            uv = (np.stack([u, v], axis=-1)[:, :, None] + SUBPIXELS).reshape(-1, 2)
            origins, directions, _ = cameras.rays(np.full(len(uv), index), uv)
            light = light_of(origins, directions, True)
            picture[first : first + _BAND] = light.reshape(len(v), w, len(SUBPIXELS), 3).mean(axis=2)
        return picture

    return draw


def sky(directions: np.ndarray) -> np.ndarray:
    """Linear light [r,3] of an overcast sky in unit directions [r,3]: paler towards the horizon."""
    height = np.clip(directions[:, 2:3], 0, 1).astype(np.float32)
    return (1 - height) * np.float32([0.85, 0.88, 0.9]) + height * np.float32([0.6, 0.7, 0.85])


class _Shade:
    """How much light reaches places: found at the corners of the car's faces, and on a grid of the ground.

    The rest stands in the open.
    """

    _REACH, _CELLS = np.array([4.5, 3.0]), (180, 120)

    def __init__(self, street: Street, open_to_sky: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        self._of_car = len(street.car.faces)
        corners = street.triangles.reshape(-1, 3)[: 3 * self._of_car]
        normals = street.normals.reshape(-1, 3)[: 3 * self._of_car]
        both = [open_to_sky(corners, sign * normals) for sign in (1, -1)]
        self._corners = np.clip(0.25 + 0.75 * np.maximum(*both), 0, 1).reshape(-1, 3).astype(np.float32)
        axes = [np.linspace(-r, r, n) for r, n in zip(self._REACH, self._CELLS)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        level = np.where(grid[:, 1] > KERB, KERB_HEIGHT, 0.0)
        ground = STANDS_AT + np.column_stack([grid, level + 0.005])
        up = np.broadcast_to([0.0, 0.0, 1.0], ground.shape)
        self._ground = np.clip(0.1 + 0.9 * open_to_sky(ground, up), 0, 1).reshape(self._CELLS)
        self._normals = street.normals

    def __call__(self, face: np.ndarray, weights: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Light [r] at points [r,3] of faces [r], with barycentric weights [r,3]."""
        from scipy.ndimage import map_coordinates

        on_car = face < self._of_car
        light = np.full(len(face), 0.85, np.float32)
        own = face[on_car]
        light[on_car] = np.einsum("rk,rk->r", weights[on_car], self._corners[own])
        flat = ~on_car & (self._normals[face, 0, 2] > 0.9)
        place = (points[flat, :2] - STANDS_AT[:2] + self._REACH) / (2 * self._REACH)
        cells = place * (np.array(self._CELLS) - 1)
        light[flat] = map_coordinates(self._ground, cells.T, order=1, mode="nearest")
        return light
