"""Which cameras are rendered: an orbit of the run, those of its scene, or a walk that somebody recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurfield.errors import UserError
from neurfield.inputs.run import Run
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.rays import UnitFrame
from neurfield.scenes import Cameras, load_scene
from neurfield.scenes.box import cameras_in_box_view
from neurfield.scenes.orbits import USUAL_TILT, around, tilt_of, within
from neurfield.scenes.walk_file import read_walk
from neurfield.scenes.walks import Walk
from neurfield.surfaces.extractors import is_unsigned

FPS, CAMERAS_FPS = 30.0, 10.0
AROUND_SECONDS, WITHIN_SECONDS = 6.0, 12.0
_LONGEST = 640  # pixels, of an orbit without a size
_SAME_SHAPE = 0.02  # by which the sides of a picture may be out of proportion
LARGEST = 16384
UPS = {"y": np.array([0.0, 1.0, 0.0]), "z": np.array([0.0, 0.0, 1.0])}
_CELLS = 48  # along the longest side, where a run's surface is looked for


@dataclass(frozen=True)
class Way:
    """The cameras of a rendering.

    Attributes:
        name: of its folder.
        cameras: one a picture, all of one size.
        fps: of a film of them.
        numbers: of the pictures' files.
        frames: the frame of `run.used` that each camera took; None: of no frame.
        walk: between whose keys they lie, if they do.
    """

    name: str
    cameras: Cameras
    fps: float
    numbers: list[int]
    frames: list[int] | None = None
    walk: Walk | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return int(self.cameras.width[0]), int(self.cameras.height[0])


def way_of(
    run: Run,
    walk: str | Path | Walk,
    frames: str,
    size: tuple[int, int] | None,
    fps: float | None,
    seconds: float | None,
    up: str | None = None,
) -> Way:
    """The cameras that were asked for.

    Args:
        run: loaded.
        walk: "orbit", "cameras", a camera_path.json, a scene (its folder, transforms.json or traj.txt), whose
            cameras stand in the run's world, or a `Walk`.
        frames: with "cameras": "all", "held-out", "fitted", or indices as "0,8,16".
        size: width and height in pixels; None: as the walk says, for an orbit about 640 pixels wide.
        fps: pictures a second; None: as the walk says, else 30.
        seconds: of the walk; None: as it says.
        up: which axis of the world is up for an orbit, "y" or "z"; None: as the run knows, else z.

    Raises:
        UserError: the run has no cameras or no such frames, a number is none, or the file is no walk.
    """
    if size is not None and not all(1 <= side <= LARGEST for side in size):
        raise UserError(f"--size {size[0]}x{size[1]}: give 1 to {LARGEST} pixels a side")
    for flag, value in (("--fps", fps), ("--seconds", seconds)):
        if value is not None and not 0.0 < value < 1e6:
            raise UserError(f"{flag} {value:g}: give a positive number")
    if up is not None and walk != "orbit":
        raise UserError(f"--up {up}: is for --walk orbit")
    if walk == "cameras":
        if seconds is not None:
            raise UserError("--seconds: the scene's cameras are a picture each: leave it out")
        return _of_cameras(run, frames, size, fps or CAMERAS_FPS)
    if frames != "all":
        raise UserError(f"--frames {frames}: is for --walk cameras")
    if isinstance(walk, (str, Path)) and walk != "orbit" and _is_scene(Path(walk)):
        if seconds is not None:
            raise UserError("--seconds: a scene's cameras are a picture each: leave it out")
        return _of_scene(Path(walk), size, fps or CAMERAS_FPS)
    if isinstance(walk, Walk):
        name, chosen = "walk", walk
    elif walk == "orbit":
        name, chosen = "orbit", orbit_of(run, size, up)
    else:
        name, chosen = Path(walk).stem, read_walk(walk)
    chosen = chosen if seconds is None else chosen.lasting(seconds)
    cameras = chosen.cameras(size, fps)
    return Way(name, cameras, fps or chosen.fps, list(range(len(cameras))), walk=chosen)


def orbit_of(run: Run, size: tuple[int, int] | None = None, up: str | None = None) -> Walk:
    """A round in a room, clear of its walls, or a turntable around an object.

    Args:
        run: loaded.
        size: width and height in pixels; None: of the shape of the scene's pictures, about 640 wide.
        up: "y" or "z" of the world; None: as the run knows, else z.
    """
    opened = run.input
    given = None if up is None else UPS[up]
    if not isinstance(opened, OpenedScene):
        upwards = next(way for way in (given, opened.up, UPS["z"]) if way is not None)
        return around(_places(run), upwards, USUAL_TILT, AROUND_SECONDS, size or (640, 480), FPS)
    scene = opened.task.scene
    upwards = scene.up if given is None else given
    size = size or _usual_size(scene.cameras)
    if scene.kind == "outside":
        tilt = tilt_of(scene.cameras, scene.box.mean(axis=0), upwards)
        return around(_places(run), upwards, tilt, AROUND_SECONDS, size, FPS)
    clear = clearance(run)
    return within(scene.box, upwards, clear, scene.cameras.centers, WITHIN_SECONDS, size, FPS)


def clearance(run: Run) -> Callable[[np.ndarray], np.ndarray]:
    """How far points [n,3] of the world are from a run's surface [n], world lengths, as its field says."""
    surface: Any = run.input.surface()
    frame = UnitFrame.around(surface.box)

    @torch.no_grad()
    def far(points: np.ndarray) -> np.ndarray:
        surface.field.active_levels = surface.field.encoding.levels
        unit = torch.from_numpy(frame.unit_from_world(points)).float().to(surface.device)
        return np.asarray(surface.field.sdf(unit).cpu().numpy() * frame.half, np.float64)

    return far


def _places(run: Run) -> np.ndarray:
    """Middles [k,3] of the cells in which the run's surface may be; the corners of its box, if in none."""
    low, high = np.asarray(run.input.surface().box, np.float64)
    cell = float((high - low).max()) / _CELLS
    axes = [np.arange(low[k] + cell / 2, high[k], cell) for k in range(3)]
    middles = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    near = middles[np.abs(clearance(run)(middles)) < cell * 3**0.5 / 2]
    if len(near):
        return near
    return np.stack(np.meshgrid(*np.stack([low, high]).T, indexing="ij"), axis=-1).reshape(-1, 3)


def warnings_of(run: Run, way: Way) -> list[str]:
    """What is to be said of cameras that see nothing of the run, or stand in its walls."""
    if way.frames is not None:
        return []
    surface, centers = run.input.surface(), way.cameras.centers
    inside = ((centers > surface.box[0]) & (centers < surface.box[1])).all(axis=1)
    room = isinstance(run.input, OpenedScene) and run.input.task.scene.kind == "inside"
    some = way.cameras.select(np.unique(np.linspace(0, len(centers) - 1, 24).astype(int)))
    lost = "is the walk of another scene, or of other coordinates?"
    if not cameras_in_box_view(some, surface.box).any():
        return [f"warning: no camera of the walk sees the box of the run: {lost}"]
    if room and not inside.any():
        return [f"warning: all cameras of the walk stand outside the box of the room: {lost}"]
    if is_unsigned(surface.field) or not inside.any():
        return []
    rows = np.flatnonzero(inside)
    walled = rows[clearance(run)(centers[rows]) < 0.0]
    if not len(walled):
        return []
    return [
        f"warning: {len(walled)} of {len(centers)} cameras stand inside the surface (pictures "
        f"{way.numbers[walled[0]]} to {way.numbers[walled[-1]]}): they see it from behind"
    ]


def _of_cameras(run: Run, frames: str, size: tuple[int, int] | None, fps: float) -> Way:
    opened = run.input
    if not isinstance(opened, OpenedScene):
        raise UserError(
            f"{run.folder}: a fit of {opened.called} has no cameras: --walk orbit goes around it, "
            "--walk FILE takes those of a camera_path.json"
        )
    count, held = len(opened.used), opened.held_out.tolist()
    if frames == "all":
        chosen = list(range(count))
    elif frames == "held-out":
        if not held:
            raise UserError(f"{run.folder}: no frame was held out of this fit: --frames all or indices")
        chosen = held
    elif frames == "fitted":
        chosen = sorted(set(range(count)) - set(held))
    else:
        words = [word.strip() for word in frames.split(",")]
        if not all(word.isdigit() and int(word) < count for word in words):
            raise UserError(
                f"--frames {frames}: give all, held-out, fitted or indices from 0 to {count - 1}, as 0,8,16"
            )
        chosen = sorted({int(word) for word in words})
    cameras = _resized(opened.cameras_now.select(np.array(chosen)), size)
    return Way("cameras", cameras, fps, chosen, chosen)


def _is_scene(path: Path) -> bool:
    return path.name in ("transforms.json", "traj.txt") or path.is_dir()


def _of_scene(path: Path, size: tuple[int, int] | None, fps: float) -> Way:
    """The cameras of another scene, a picture each."""
    scene = load_scene(path.parent if path.name == "traj.txt" else path)
    sizes = {(int(w), int(h)) for w, h in zip(scene.cameras.width, scene.cameras.height)}
    if len(sizes) > 1:
        raise UserError(f"{path}: its pictures have {len(sizes)} sizes: a walk has one")
    cameras = _resized(scene.cameras, size)
    return Way(scene.name, cameras, fps, list(range(len(cameras))))


def _resized(cameras: Cameras, size: tuple[int, int] | None) -> Cameras:
    """The same cameras with pictures of another size, which shows the same."""
    if size is None:
        return cameras
    w, h = int(cameras.width[0]), int(cameras.height[0])
    if abs(size[0] * h / (size[1] * w) - 1.0) > _SAME_SHAPE:
        fits = max(1, round(size[0] * h / w))
        raise UserError(
            f"--size {size[0]}x{size[1]}: the cameras take pictures of {w}x{h}: give {size[0]}x{fits}"
        )
    across, down = size[0] / cameras.width, size[1] / cameras.height
    return replace(
        cameras, fx=cameras.fx * across, cx=cameras.cx * across, fy=cameras.fy * down, cy=cameras.cy * down,
        width=np.full(len(cameras), size[0]), height=np.full(len(cameras), size[1]),
    )  # fmt: skip


def _usual_size(cameras: Cameras) -> tuple[int, int]:
    """Even sides of the shape of the scene's pictures, the longer one at most 640."""
    w, h = float(cameras.width[0]), float(cameras.height[0])
    scale = min(1.0, _LONGEST / max(w, h))
    return max(2, 2 * round(scale * w / 2)), max(2, 2 * round(scale * h / 2))
