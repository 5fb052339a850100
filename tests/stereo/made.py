"""Small scenes made of closed-form shapes, with exact depth and normals, for tests of stereo.

Each is 24 views of 160 x 120 pixels, is made once a process in well under two seconds, and is read-only:

    two_planes      two textured sheets facing the cameras, one in front of half of the other
    wallpaper       a wall whose left half repeats, before cameras about as far apart as it does
    slanted_floor   a textured floor that the middle rays meet at 70 degrees from its normal
    mug             a cup without a handle: "textured", "plain" (shaded alone) or "black inside"
    open_box        a textured box without a lid, black inside
    plain_room      plain walls with a few posters, a textured floor, a turned block
    textured_room   the same with texture everywhere
    thin_rods       rods two pixels wide before a textured wall

Light depends on the normal alone, so a point looks the same in all views: `altered` adds noise, gains that
differ from view to view, and vignetting; `passed_by` adds what only one view shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.scenes import Cameras, Scene
from neurfield.scenes.images import FileList
from neurfield.scenes.scene import Kind
from tests.scenes.tiny_scenes import look_at
from tests.stereo.shapes import Block, Paint, Plain, Posters, Repeats, Ring, Shape, Sheet, Tube, Waves

VIEWS, WIDTH, HEIGHT = 24, 160, 120
NOTHING = 255  # in `MadeScene.part`: no surface
LIGHT = np.array([0.35, -0.45, 0.82])
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
# A pixel's centre, and the four places at which its colour is taken.
SAMPLES = np.array([[0.5, 0.5], [0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
CHUNK = 3000  # rays
Within = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class MadeScene:
    """Pictures of shapes, and all that is true of them.

    Attributes:
        name: for people.
        cameras: n of them.
        colour: uint8 [n,h,w,3]; black where there is nothing.
        depth: float32 [n,h,w], z-depth at pixel centres, metres; 0 where there is nothing.
        normal: float32 [n,h,w,3], camera axes, facing the camera; 0 where there is nothing.
        part: uint8 [n,h,w], which of `parts` a pixel's centre sees; `NOTHING` where there is nothing.
        parts: names of the surfaces ("inside", "wall", ...).
        box: [2,3] that holds all surfaces, and for rooms the cameras; metres.
        kind: whether cameras stand "inside" the surface or look at it from "outside".
        solid, cavity: for objects, which of points [m,3] lie in the material, and in the hollow below the
            rim.
    """

    name: str
    cameras: Cameras
    colour: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    part: np.ndarray
    parts: tuple[str, ...]
    box: np.ndarray
    kind: Kind
    solid: Within | None = None
    cavity: Within | None = None

    @property
    def mask(self) -> np.ndarray:
        """Where a pixel's centre sees a surface: bool [n,h,w]."""
        return self.part != NOTHING

    @property
    def grey(self) -> np.ndarray:
        """Luma, uint8 [n,h,w]."""
        return np.round(self.colour @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)

    @property
    def lens(self) -> np.ndarray:
        """fx, fy, cx, cy: float32 [n,4], pixels, centres at +0.5."""
        c = self.cameras
        return np.stack([c.fx, c.fy, c.cx, c.cy], axis=1).astype(np.float32)

    @property
    def cam_from_world(self) -> np.ndarray:
        """Rigid, float64 [n,4,4]."""
        return np.linalg.inv(self.cameras.world_from_cam)

    def is_part(self, *names: str) -> np.ndarray:
        """Where a pixel's centre sees one of these parts: bool [n,h,w]."""
        return np.isin(self.part, [self.parts.index(name) for name in names])

    def scene(self, masks: bool | None = None) -> Scene:
        """The scene in memory; with masks unless it says otherwise if it is an object's."""
        names = [Path(f"{i:03d}.png") for i in range(len(self.cameras))]
        files = {"image": FileList(names, lambda path: self.colour[int(path.stem)])}
        if self.kind == "outside" if masks is None else masks:
            files["mask"] = FileList(names, lambda path: self.mask[int(path.stem)])
        return Scene(self.name, Path(self.name), self.cameras, files, box=self.box, kind=self.kind)

    def write(self, folder: Path, masks: bool | None = None) -> Path:
        """Write `images/000.png`... and `transforms.json` for commands; masks as the pictures' alpha."""
        alpha = self.kind == "outside" if masks is None else masks
        (folder / "images").mkdir(parents=True, exist_ok=True)
        frames = []
        for i, pose in enumerate(self.cameras.world_from_cam @ OPENGL_FROM_OPENCV):
            pixels = self.colour[i]
            if alpha:
                pixels = np.dstack([pixels, 255 * self.mask[i].astype(np.uint8)])
            Image.fromarray(pixels).save(folder / f"images/{i:03d}.png")
            frames.append({"file_path": f"images/{i:03d}.png", "transform_matrix": pose.tolist()})
        fx, fy, cx, cy = self.lens[0].tolist()
        h, w = self.depth.shape[1:]
        lens = {"fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "w": w, "h": h}
        said = {"camera_model": "PINHOLE", **lens, "aabb": self.box.tolist(), "frames": frames}
        (folder / "transforms.json").write_text(json.dumps(said))
        return folder

    def altered(
        self,
        noise: float = 0.0,
        gains: tuple[float, float] = (1.0, 1.0),
        vignetting: float = 0.0,
        seed: int = 0,
    ) -> tuple[MadeScene, np.ndarray]:
        """The same surfaces seen by a worse camera, and the gain of each view, float32 [n].

        noise: standard deviation in levels; gains: from, to, drawn evenly in the logarithm; vignetting: the
        share of light lost in the corners, by the square of the distance from the middle.
        """
        random = np.random.default_rng(seed)
        n, h, w = self.depth.shape
        gain = np.exp(random.uniform(*np.log(gains), size=n))
        v, u = np.mgrid[0:h, 0:w] + 0.5
        square = ((u - w / 2) ** 2 + (v - h / 2) ** 2) / ((w / 2) ** 2 + (h / 2) ** 2)
        light = gain[:, None, None] * (1 - vignetting * square)
        levels = self.colour * light[..., None] + noise * random.normal(size=self.colour.shape)
        colour = np.round(levels).clip(0, 255).astype(np.uint8)
        return replace(self, colour=_kept(colour)), gain.astype(np.float32)

    def passed_by(
        self, share: float = 1 / 3, among: Sequence[int] | None = None, seed: int = 0
    ) -> tuple[MadeScene, np.ndarray]:
        """The same with one or two textured ovals before a share of the views, and where: bool [n,h,w].

        Each is somewhere else and looks different; it is a tenth to a third of the picture wide. `among`:
        the views that may have them; None: all.
        """
        random = np.random.default_rng(seed)
        n, h, w = self.depth.shape
        views = np.arange(n) if among is None else np.asarray(among)
        v, u = np.mgrid[0:h, 0:w] + 0.5
        colour, where = self.colour.copy(), np.zeros((n, h, w), bool)
        for i in random.choice(views, round(share * len(views)), replace=False):
            for _ in range(random.integers(1, 3)):
                middle = random.uniform(0.15, 0.85, 2) * [w, h]
                half = random.uniform(0.06, 0.16, 2) * [w, 1.5 * h]
                oval = ((u - middle[0]) / half[0]) ** 2 + ((v - middle[1]) / half[1]) ** 2 < 1
                base = tuple(random.uniform(0.2, 0.8, 3))
                paint = Waves(8.0, seed=int(random.integers(10**6)), base=base)
                points = np.stack([u, v, 0 * u], axis=-1)[oval]
                colour[i][oval] = np.round(255 * paint(points, np.ones(len(points)))).clip(0, 255)
                where[i] |= oval
        return replace(self, colour=_kept(colour)), _kept(where)


@cache
def two_planes() -> MadeScene:
    """Sheets 2 m and 3 m in front of cameras that look along y; the near one covers the left."""
    front = Sheet((-2.6, 2.0, -2.0), ((2.5, 0.0, 0.0), (0.0, 0.0, 4.0)))
    back = Sheet((-4.0, 3.0, -3.0), ((8.0, 0.0, 0.0), (0.0, 0.0, 6.0)))
    things = [("front", front, Waves(0.08, seed=1)), ("back", back, Waves(0.12, seed=2))]
    box = np.array([[-4.1, -0.5, -3.1], [4.1, 3.1, 3.1]])
    return _made("two planes", _wall_of_cameras(0.12), 150.0, things, box, "inside")


@cache
def wallpaper() -> MadeScene:
    """A wall 2.5 m away whose left half repeats every 12 cm, before cameras about as far apart."""
    left = Sheet((-3.0, 2.5, -2.0), ((3.0, 0.0, 0.0), (0.0, 0.0, 4.0)))
    right = Sheet((0.0, 2.5, -2.0), ((3.0, 0.0, 0.0), (0.0, 0.0, 4.0)))
    things = [("repeats", left, Repeats(0.12)), ("waves", right, Waves(0.08, seed=5))]
    box = np.array([[-3.1, -0.5, -2.1], [3.1, 6.1, 2.1]])
    return _made("wallpaper", _wall_of_cameras(0.12), 150.0, things, box, "inside")


@cache
def slanted_floor() -> MadeScene:
    """The floor z = 0 from a metre above; above its far end, 6 m away, there is nothing."""
    floor = Sheet((-5.0, -1.0, 0.0), ((10.0, 0.0, 0.0), (0.0, 7.0, 0.0)))
    down = np.radians(20.0)
    poses = []
    for eye in _grid(0.12):
        eye = np.array([eye[0], eye[2], 1.0 + 0.3 * eye[1]])
        poses.append(look_at(eye, eye + np.array([0.0, np.cos(down), -np.sin(down)])))
    box = np.array([[-5.1, -1.1, -0.1], [5.1, 6.1, 1.5]])
    return _made("slanted floor", poses, 220.0, [("floor", floor, Waves(0.1, seed=3))], box, "inside")


MUG_AT, MUG_RADIUS, MUG_HEIGHT, MUG_WALL = (0.4, -0.3, 0.75), 0.05, 0.1, 0.005


@cache
def mug(look: str = "plain") -> MadeScene:
    """A cup 10 cm high, its wall 5 mm thick: look is "textured", "plain" or "black inside"."""
    plain, texture = Plain((0.85, 0.84, 0.8)), Waves(0.01, seed=4)
    paints: dict[str, tuple[Paint, Paint]] = {
        "textured": (texture, texture),
        "plain": (plain, plain),
        "black inside": (texture, Plain((0.0, 0.0, 0.0))),
    }
    outer, inner = paints[look]
    x, y, z = MUG_AT
    top, floor, narrow = z + MUG_HEIGHT, z + MUG_WALL, MUG_RADIUS - MUG_WALL
    things = [
        ("outside", Tube((x, y, z), (x, y, top), MUG_RADIUS), outer),
        ("outside", Ring((x, y, z), (0.0, MUG_RADIUS)), outer),
        ("rim", Ring((x, y, top), (narrow, MUG_RADIUS)), outer),
        ("inside", Tube((x, y, floor), (x, y, top), narrow), inner),
        ("inside", Ring((x, y, floor), (0.0, narrow)), inner),
    ]

    def radius(points: np.ndarray) -> np.ndarray:
        return np.hypot(points[:, 0] - x, points[:, 1] - y)

    def cavity(points: np.ndarray) -> np.ndarray:
        return (radius(points) < narrow) & (points[:, 2] > floor) & (points[:, 2] < top)

    def solid(points: np.ndarray) -> np.ndarray:
        within = (radius(points) < MUG_RADIUS) & (points[:, 2] > z) & (points[:, 2] < top)
        return within & ~cavity(points)

    box = np.array([[x - MUG_RADIUS, y - MUG_RADIUS, z], [x + MUG_RADIUS, y + MUG_RADIUS, top]])
    return _made(f"{look} mug", _dome(box), 200.0, things, box, "outside", solid, cavity)


@cache
def open_box() -> MadeScene:
    """A box of 16 x 10 x 8 cm without a lid; its walls and floor are 6 mm thick."""
    low, high, wall = np.array([0.3, -0.4, 0.75]), np.array([0.46, -0.3, 0.83]), 0.006
    hollow = np.array([low + wall, [*(high[:2] - wall), high[2]]])
    outer, black = Waves(0.01, seed=5), Plain((0.0, 0.0, 0.0))
    (x0, y0, z0), (x1, y1, z1) = low, high
    (a0, b0, c0), (a1, b1, _) = hollow
    deep, tall = z1 - c0, z1 - z0
    sheets: list[tuple[str, Sheet, Paint]] = [
        ("inside", Sheet((a0, b0, c0), ((a1 - a0, 0, 0), (0, b1 - b0, 0))), black),
        ("outside", Sheet((x0, y0, z0), ((x1 - x0, 0, 0), (0, y1 - y0, 0))), outer),
    ]
    for y, b in ((y0, b0), (y1, b1)):
        sheets.append(("outside", Sheet((x0, y, z0), ((x1 - x0, 0, 0), (0, 0, tall))), outer))
        sheets.append(("inside", Sheet((a0, b, c0), ((a1 - a0, 0, 0), (0, 0, deep))), black))
        sheets.append(("rim", Sheet((x0, min(y, b), z1), ((x1 - x0, 0, 0), (0, wall, 0))), outer))
    for x, a in ((x0, a0), (x1, a1)):
        sheets.append(("outside", Sheet((x, y0, z0), ((0, y1 - y0, 0), (0, 0, tall))), outer))
        sheets.append(("inside", Sheet((a, b0, c0), ((0, b1 - b0, 0), (0, 0, deep))), black))
        sheets.append(("rim", Sheet((min(x, a), b0, z1), ((wall, 0, 0), (0, b1 - b0, 0))), outer))

    def cavity(points: np.ndarray) -> np.ndarray:
        return ((points > hollow[0]) & (points < hollow[1])).all(axis=1)

    def solid(points: np.ndarray) -> np.ndarray:
        return ((points > low) & (points < high)).all(axis=1) & ~cavity(points)

    box = np.stack([low, high])
    return _made("open box", _dome(box), 200.0, sheets, box, "outside", solid, cavity)


ROOM = np.array([[0.0, 0.0, 0.0], [4.0, 3.4, 2.5]])
POSTERS = np.array(
    [
        [[-0.01, 0.7, 1.0], [0.01, 1.5, 1.7]], [[-0.01, 2.3, 0.6], [0.01, 2.9, 1.4]],
        [[3.99, 0.5, 0.9], [4.01, 1.4, 1.6]], [[3.99, 2.0, 1.1], [4.01, 2.8, 1.9]],
        [[0.6, -0.01, 0.8], [1.5, 0.01, 1.5]], [[2.4, -0.01, 1.1], [3.3, 0.01, 1.8]],
        [[0.8, 3.39, 1.0], [1.7, 3.41, 1.7]], [[2.5, 3.39, 0.7], [3.2, 3.41, 1.5]],
        [[1.3, 1.0, 2.49], [2.1, 1.8, 2.51]],
    ]
)  # fmt: skip


@cache
def plain_room() -> MadeScene:
    """A room of 4 x 3.4 x 2.5 m, two posters a wall and one at the ceiling, a block turned by 30 degrees."""
    return _room("plain room", Posters(Plain((0.8, 0.78, 0.72)), Waves(0.12, seed=6), POSTERS))


@cache
def textured_room() -> MadeScene:
    """The plain room with texture on all its walls."""
    return _room("textured room", Waves(0.12, seed=7))


def _room(name: str, walls: Paint) -> MadeScene:
    # The floor is a sheet just above the block's own, so that it can have its own paint.
    low, high = ROOM
    floor = Sheet((low[0], low[1], 1e-5), ((high[0], 0.0, 0.0), (0.0, high[1], 0.0)))
    block = Block((1.4, 1.4, 0.0), (2.6, 2.0, 0.55), np.radians(30.0))
    things = [
        ("wall", Block(tuple(low), tuple(high)), walls),
        ("floor", floor, Waves(0.12, seed=8, base=(0.5, 0.4, 0.3))),
        ("block", block, Waves(0.08, seed=9, base=(0.35, 0.45, 0.55))),
    ]
    middle, poses = ROOM.mean(axis=0), []
    for k in range(VIEWS):
        turn = 2 * np.pi * k / VIEWS
        offset = np.array([1.1 * np.cos(turn), 0.9 * np.sin(turn), 0.2 + 0.15 * np.sin(5 * turn)])
        # Across the middle, so that neighbours stand apart and see the same wall.
        target = np.array([0.0, 0.0, 0.1 + 0.35 * np.sin(3 * turn)])
        poses.append(look_at(middle + offset, middle + target))
    return _made(name, poses, 100.0, things, ROOM + np.array([[-0.05], [0.05]]), "inside")


@cache
def thin_rods() -> MadeScene:
    """Five rods, 1.6 cm thick and 1.2 m away: about two pixels; the wall behind them is 2 m away."""
    wall = Sheet((-4.0, 2.0, -3.0), ((8.0, 0.0, 0.0), (0.0, 0.0, 6.0)))
    things: list[tuple[str, Shape, Paint]] = [("wall", wall, Waves(0.08, seed=10))]
    for k, lean in enumerate((-0.3, 0.1, 0.0, -0.1, 0.4)):
        x = 0.22 * (k - 2)
        rod = Tube((x - lean, 1.2, -1.0), (x + lean, 1.2, 1.0), 0.008)
        things.append(("rod", rod, Waves(0.05, seed=11 + k, base=(0.75, 0.25 + 0.1 * k, 0.2))))
    box = np.array([[-4.1, -0.5, -3.1], [4.1, 2.1, 3.1]])
    return _made("thin rods", _wall_of_cameras(0.1), 150.0, things, box, "inside")


ALL: dict[str, Callable[[], MadeScene]] = {
    "two planes": two_planes,
    "slanted floor": slanted_floor,
    "plain mug": lambda: mug("plain"),
    "textured mug": lambda: mug("textured"),
    "black inside mug": lambda: mug("black inside"),
    "open box": open_box,
    "plain room": plain_room,
    "textured room": textured_room,
    "thin rods": thin_rods,
}


def _grid(step: float) -> np.ndarray:
    """Places [24,3] on a grid 6 wide and 4 high around zero, a little out of line and out of the plane."""
    random = np.random.default_rng(0)
    x, z = np.meshgrid(np.arange(6) - 2.5, np.arange(4) - 1.5)
    places = step * np.stack([x.ravel(), 0 * x.ravel(), z.ravel()], axis=1)
    return places + step * random.uniform(-0.2, 0.2, size=places.shape)


def _wall_of_cameras(step: float) -> list[np.ndarray]:
    """Poses on such a grid that look along y, a few degrees off."""
    random = np.random.default_rng(1)
    ahead = np.array([0.0, 1.0, 0.0])
    return [look_at(eye, eye + ahead + random.uniform(-0.06, 0.06, 3)) for eye in _grid(step)]


def _dome(box: np.ndarray) -> list[np.ndarray]:
    """Poses all around and above a box, 25 to 80 degrees up, that look at its middle."""
    middle, radius = box.mean(axis=0), np.linalg.norm(box[1] - box[0]) / 2
    k = np.arange(VIEWS)
    height = np.sin(np.radians(25)) + (k + 0.5) / VIEWS * (np.sin(np.radians(80)) - np.sin(np.radians(25)))
    ring, turn = np.sqrt(1 - height**2), k * np.pi * (3 - np.sqrt(5))
    eyes = middle + 3.5 * radius * np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    return [look_at(eye, middle) for eye in eyes]


def _made(
    name: str,
    poses: Sequence[np.ndarray],
    focal: float,
    things: Sequence[tuple[str, Shape, Paint]],
    box: np.ndarray,
    kind: Kind,
    solid: Within | None = None,
    cavity: Within | None = None,
) -> MadeScene:
    """See what the cameras see of these named, painted shapes."""
    cameras = Cameras(np.stack(poses), focal, focal, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    parts = tuple(dict.fromkeys(part for part, _, _ in things))
    views = [_view(cameras, i, things, parts) for i in range(len(cameras))]
    arrays = [_kept(np.stack(one)) for one in zip(*views)]
    return MadeScene(name, cameras, *arrays, parts, box, kind, solid, cavity)


def _view(
    cameras: Cameras, i: int, things: Sequence[tuple[str, Shape, Paint]], parts: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Colour, depth, normals and parts of one picture."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    uv = (np.stack([u, v], axis=-1).reshape(1, -1, 2) + SAMPLES[:, None]).reshape(-1, 2)
    pose = cameras.world_from_cam[i]
    in_cam = np.column_stack(
        [(uv - [cameras.cx[i], cameras.cy[i]]) / [cameras.fx[i], cameras.fy[i]], 0 * uv[:, 0] + 1]
    )
    # Rays one metre deep for each unit: distances along them are z-depths. A few at a time stay in the cache.
    rays = in_cam @ pose[:3, :3].T
    met = [
        _meet(things, pose[:3, 3], part, cameras.fx[i]) for part in np.array_split(rays, len(rays) // CHUNK)
    ]
    which, depth, normal, colour = (np.concatenate(one) for one in zip(*met))
    size = (HEIGHT, WIDTH)
    hit = which >= 0
    hits = hit.reshape(5, *size)[1:].sum(axis=0)[..., None]
    mean = colour.reshape(5, *size, 3)[1:].sum(axis=0) / np.maximum(hits, 1)
    first = slice(HEIGHT * WIDTH)
    part = np.array([parts.index(name) for name, _, _ in things] + [NOTHING], dtype=np.uint8)[which[first]]
    return (
        np.round(255 * mean).clip(0, 255).astype(np.uint8),
        np.where(hit, depth, 0.0)[first].reshape(size).astype(np.float32),
        (normal[first] @ pose[:3, :3]).reshape(*size, 3).astype(np.float32),
        part.reshape(size),
    )


def _meet(
    things: Sequence[tuple[str, Shape, Paint]], eye: np.ndarray, rays: np.ndarray, focal: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Which shape each ray meets first (-1: none), its depth, the normal towards the eye, and the colour."""
    origins = np.broadcast_to(eye, rays.shape)
    depth, which = np.full(len(rays), np.inf), np.full(len(rays), -1)
    normal, colour = np.zeros_like(rays), np.zeros_like(rays)
    for k, (_, shape, _) in enumerate(things):
        z, across = shape.meet(origins, rays)
        nearer = z < depth
        depth[nearer], which[nearer], normal[nearer] = z[nearer], k, across[nearer]
    normal *= -np.sign(np.einsum("rk,rk->r", normal, rays))[:, None]
    light = 0.75 + 0.25 * normal @ (LIGHT / np.linalg.norm(LIGHT))
    for k, (_, _, paint) in enumerate(things):
        on = which == k
        if on.any():
            points = eye + depth[on, None] * rays[on]
            colour[on] = light[on, None] * paint(points, depth[on] / focal)
    return which, depth, normal, colour


def _kept(array: np.ndarray) -> np.ndarray:
    """The array, which nobody may write to: scenes are shared by the tests of a process."""
    array.flags.writeable = False
    return array
