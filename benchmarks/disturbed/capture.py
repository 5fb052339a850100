"""A scanned object on a newspaper in a hall, walked around with a phone; each disturbance has its own switch.

Every eighth picture is kept from fits. Those are clean whatever is switched on: mean exposure, nobody in
them, true poses. So held-out scores ask for the scene as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from benchmarks import object_assets, object_render, object_table
from benchmarks.common import say
from benchmarks.object_assets import linear_to_srgb, srgb_to_linear
from benchmarks.poses import disturbed
from neurfield.files import atomic_write
from neurfield.pixels import fitted_and_held_out
from neurfield.scenes import Cameras, Scene, load_scene
from neurfield.scenes.room.materials import srgb
from neurfield.scenes.room.noise import hash01_cells, layered2
from neurfield.scenes.room.patterns import Rgb, flat, mix

HELD_OUT_EVERY = 8
DISTURBANCES = ("background", "exposure", "passers-by", "poses")
# Of the walk: how far its heights are above the table (degrees), how far hands turn and lift a phone.
_HEIGHTS, _SWAY = (28.0, 52.0), 4.0
_ROLL, _AIM = 3.0, 0.12  # degrees; of the object's radius
_DISTANCE = 1.3  # times that from which the object's sphere fills the picture
_TURNS = 2  # times around the object, once at each height
_EVERY = 3  # every so-maniest picture has somebody in it


@dataclass(frozen=True)
class Capture:
    """What is disturbed, and how much.

    Attributes:
        views: pictures.
        size: of a picture, pixels; it is four to three.
        stops: from the darkest exposure to the brightest.
        degrees: by which cameras are turned.
        share: of their distance from the object by which they are moved.
        disturbances: those that are switched on, of `DISTURBANCES`.
    """

    views: int = 40
    size: int = 320
    stops: float = 0.5
    degrees: float = 0.5
    share: float = 0.01
    disturbances: frozenset[str] = frozenset(DISTURBANCES)


@dataclass(frozen=True)
class Newspaper:
    """Columns of words and headlines, and coloured pictures between them, of which no two are alike."""

    paper: Rgb
    ink: Rgb
    word: float = 0.009  # metres
    picture: float = 0.07

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        u, v = flat(points, normals)
        row = np.floor(v / np.float32(0.7 * self.word))
        # Words of a line begin where those of the next do not.
        shift = hash01_cells(row, np.zeros_like(row), 1)
        words = hash01_cells(np.floor(u / np.float32(self.word) + shift), row, 2)
        colour = mix(self.paper, self.ink, np.where(words < 0.5, words, 0.0) * 1.8)
        i, j = np.floor(u / np.float32(self.picture)), np.floor(v / np.float32(self.picture))
        printed = hash01_cells(i, j, 3) < 0.4
        tones = [layered2(u * 40, v * 40, 3, seed) for seed in (4, 5, 6)]
        spots = np.clip(0.4 * np.stack(tones, axis=1) + 1.4 * tones[0][:, None] - 0.6, 0.03, 0.8)
        return np.where(printed[:, None], spots, colour).astype(np.float32)


NEWSPAPER = Newspaper(srgb("#d9d5c8"), srgb("#26262a"))


def walk(box: np.ndarray, views: int, size: int, seed: int = 0) -> Cameras:
    """Cameras of a walk around a box [2,3], at two heights, held by hand: none quite where it was meant."""
    random = np.random.default_rng(seed)
    centre, radius = box.mean(axis=0), np.linalg.norm(box[1] - box[0]) / 2
    width, height, focal = size, size * 3 // 4, 1.2 * size
    far = _DISTANCE * radius / np.sin(np.arctan(0.5 * height / focal))
    along = np.arange(views) / views * _TURNS
    turn = 2 * np.pi * along + random.normal(size=views) * np.radians(_SWAY)
    # From one height to the other within half a turn, as nobody climbs a step.
    rise = np.clip(2 * (along - 0.75), 0, 1)
    up = np.radians(_HEIGHTS[0] + rise * (_HEIGHTS[1] - _HEIGHTS[0]) + random.normal(size=views) * _SWAY)
    ways = np.stack([np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up)], axis=1)
    eyes = centre + ways * (far * random.uniform(0.95, 1.1, views))[:, None]
    aims = centre + _AIM * radius * random.normal(size=(views, 3))
    poses = np.stack([object_render.look_at(eye, aim) for eye, aim in zip(eyes, aims)])
    roll = np.radians(_ROLL) * random.normal(size=views)
    poses[:, :3, :3] @= Rotation.from_rotvec(roll[:, None] * [0.0, 0.0, 1.0]).as_matrix()
    one = np.ones(views)
    return Cameras(
        poses, one * focal, one * focal, one * width / 2, one * height / 2,
        np.full(views, width), np.full(views, height),
    )  # fmt: skip


def gains(views: int, stops: float) -> np.ndarray:
    """What each picture's light is multiplied by [n]: a drift whose mean over the fitted pictures is one.

    The mean is of logarithms, as exposure is learnt.
    """
    fitted, held_out = fitted_and_held_out(views, HELD_OUT_EVERY)
    drift = np.sin(2 * np.pi * 1.5 * np.arange(views) / views)
    drift -= drift[fitted].mean()
    drift *= stops / max(np.ptp(drift[fitted]), 1e-12)
    drift[held_out] = 0.0
    return np.exp2(drift)


def visited(views: int) -> np.ndarray:
    """Which pictures have somebody in them, bool [n]: a third of those that are fitted."""
    fitted, _ = fitted_and_held_out(views, HELD_OUT_EVERY)
    with_somebody = np.zeros(views, bool)
    with_somebody[fitted[1::_EVERY]] = True
    return with_somebody


def passer_by(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Somebody who walks through a picture: colours uint8 [h,w,3], and where, bool [h,w].

    Somewhere, somehow large, in clothes of their own: a head over a striped body that stands on the lower
    edge. Between camera and object, so that nothing hides them.
    """
    random = np.random.default_rng([seed, 7])
    rows, columns = np.mgrid[:height, :width] + 0.5
    middle, half = random.uniform(0.1, 0.9) * width, random.uniform(0.06, 0.11) * width
    top = random.uniform(0.15, 0.45) * height
    head = np.hypot(columns - middle, 0.8 * (rows - top - 0.6 * half)) < 0.55 * half
    lean = middle + random.uniform(-0.15, 0.15) * (rows - top)
    body = (np.abs(columns - lean) < half * np.clip((rows - top - half) / half, 0, 1) ** 0.5) & (
        rows > top + half
    )
    clothes, other, skin = (random.integers(low, high, 3) for low, high in ((0, 256), (0, 256), (120, 220)))
    stripes = np.sin(rows * random.uniform(0.3, 0.9) + columns * random.uniform(-0.3, 0.3)) > 0.3
    colours = np.where(stripes[..., None], clothes, other)
    colours = np.where(head[..., None], skin, colours) * (0.8 + 0.2 * np.cos(columns - lean))[..., None]
    return colours.clip(0, 255).astype(np.uint8), head | body


def clean_views(name: str, capture: Capture, folder: Path) -> Scene:
    """The object's pictures without any disturbance but what is around it, rendered on first use.

    Raises:
        Unavailable: the package with the scan cannot be downloaded.
    """
    if not object_render.is_whole(folder):
        mesh = object_assets.load(name)
        box = mesh.surface.bounds
        cameras = walk(box, capture.views, capture.size)
        around = object_table.Surroundings(np.array([*box.mean(axis=0)[:2], box[0, 2]]), NEWSPAPER)
        say(f"{name}: rendering {capture.views} views into {folder}")
        object_render.write_views(
            folder, mesh, cameras, around if "background" in capture.disturbances else None
        )
    return load_scene(folder)


def make_capture(name: str, capture: Capture, folder: Path) -> tuple[Scene, Scene]:
    """The disturbed scene and the clean one, with the same frames; files under a folder.

    Raises:
        UserError: there are too few views.
        Unavailable: the package with the scan cannot be downloaded.
    """
    alone = "" if "background" in capture.disturbances else "_alone"
    clean = clean_views(name, capture, folder / f"{name}_{capture.views}_{capture.size}{alone}")
    words = "_".join(sorted(capture.disturbances - {"background"})) or "clean"
    return write_disturbed(clean, capture, folder / f"{clean.path.name}_{words}"), clean


def write_disturbed(clean: Scene, capture: Capture, folder: Path) -> Scene:
    """Write a scene's pictures and poses as a capture disturbs them."""
    gain = gains(len(clean), capture.stops if "exposure" in capture.disturbances else 0.0)
    somebody = visited(len(clean)) & ("passers-by" in capture.disturbances)
    names = [f"images/{i:03d}.png" for i in range(len(clean))]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        picture = clean.image(i)
        if somebody[i]:
            colours, where = passer_by(*picture.shape[:2], seed=i)
            picture = np.where(where[..., None], colours, picture)
        if gain[i] != 1.0:
            picture = linear_to_srgb(gain[i] * srgb_to_linear(picture))
        with atomic_write(folder / name) as temporary:
            Image.fromarray(picture).save(temporary, format="png", compress_level=4)
    cameras = clean.cameras
    if "poses" in capture.disturbances:
        cameras = off_where_fitted(cameras, clean.box.mean(axis=0), capture)
    with atomic_write(folder / "transforms.json") as temporary:
        temporary.write_text(json.dumps(object_render.transforms(cameras, names), indent=1) + "\n")
    return load_scene(folder)


def off_where_fitted(cameras: Cameras, middle: np.ndarray, capture: Capture) -> Cameras:
    """Cameras turned and moved by chance, but for those that are held out."""
    _, held_out = fitted_and_held_out(len(cameras), HELD_OUT_EVERY)
    poses = disturbed(cameras, middle, capture.degrees, capture.share).world_from_cam.copy()
    poses[held_out] = cameras.world_from_cam[held_out]
    return replace(cameras, world_from_cam=poses)
