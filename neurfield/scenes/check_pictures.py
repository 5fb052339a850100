"""Pictures that are blurred, jump in brightness, or are there twice: all are looked at once, small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from neurfield.scenes.cameras import Cameras
from neurfield.scenes.finding import Finding, Level, listed
from neurfield.scenes.frames import spread
from neurfield.scenes.scene import Scene

_MOST_FRAMES = 300
_MOST_LISTED = 5
_LONGEST = 1600  # pixels of a side in which sharpness is measured: larger ones are sharp only with luck
_SMALL = (48, 36)  # of the pictures that are compared with each other
_NEIGHBOURS, _TURN = 8, 45.0  # frames whose sharpness tells what is usual here, degrees between them
_BLURRED = 0.3  # of what is usual
_FLAT = 4.0  # variance, squared levels: of less nothing is sharp or blurred
# How much of a strong edge two pixels hold of what four do: 1 if it is sharp, 1/2 if it is a ramp. A blur of
# two pixels' standard deviation leaves 0.56 (erf(1 / (s sqrt 2)) / erf(2 / (s sqrt 2))).
_SOFT = 0.57
_STRONG = 0.01  # of all edges: noise makes no strong ones
_ALIKE = 1.5  # levels between pictures that are one
_LEAST_CONTRAST = 5.0  # levels
_FEW = 12  # pictures that are looked at before a fit
_NOTHING = 2.0  # levels of contrast up to which a picture shows nothing
_DARK = 40.0  # levels: a room of at most 25 lost its surface within 40 steps, to the black of an empty box
_SAME, _TURNED = 0.25, 0.01  # levels between pictures; of the entries of their poses
_SAME_TURN = 0.05  # degrees
_SAME_PLACE = 1e-4  # of how far cameras stand apart
_TELL = {"mask", "depth", "sensor_depth", "prior_depth", "prior_normal"}  # of a surface, without pictures


@dataclass(frozen=True)
class _Looks:
    """What is kept of each of n pictures.

    Attributes:
        frames: [n] of the scene.
        light: [n] mean level, and one.
        sharpness: [n] variance of the Laplacian over that of the picture; NaN: it is flat.
        edges: [n] how much of a strong edge two pixels hold of what four do; NaN: it is flat.
        small: [n,k] levels of the small picture.
    """

    frames: np.ndarray
    light: np.ndarray
    sharpness: np.ndarray
    edges: np.ndarray
    small: np.ndarray


def picture_findings(scene: Scene) -> Iterator[Finding]:
    """Findings about brightness, blur and copies, in that order; reads up to 300 pictures."""
    looks = _looked_at(scene)
    if looks.light.max() < 4.0:
        yield Finding("error", "all images are black", "image", "write them again")
        return
    yield from _exposure(looks)
    yield from _blur(scene, looks)
    yield from _twice(scene, looks)


def findings_of_few(scene: Scene) -> Iterator[Finding]:
    """Findings that end a fit before it begins: pictures that show nothing, or all the same from all sides.

    Reads a dozen pictures. Where masks, depth or priors are there, these are warnings: they tell the surface.
    """
    if "image" not in scene.sources or len(scene) < 2:
        return
    level: Level = "warn" if scene.sources & _TELL else "error"
    chosen = spread(len(scene), _FEW)
    small = np.stack([_small(scene.image(int(i))) for i in chosen])
    contrast = np.ptp(np.percentile(small, [2.0, 98.0], axis=1), axis=0)
    if contrast.max() <= _NOTHING:
        dark = small.max() <= _NOTHING + 1.0
        what = "all pictures are black" if dark else "all pictures are of one colour"
        yield Finding(level, what, "image", "write them again: they show nothing that could be fitted")
    elif level == "error" and (brightest := float(np.percentile(small, 98.0))) < _DARK:
        what = f"pictures are dark: hardly any level is above {brightest:.0f} of 255"
        todo = "brighten all of them alike: an empty box looks nearly like them, and the surface may get lost"
        yield Finding("warn", what, "image", todo)
    elif len(scene) > 2 and np.abs(small - small[0]).mean(axis=1).max() < _SAME:
        centers = scene.cameras.centers[chosen]
        turned = np.abs(scene.cameras.world_from_cam[chosen] - scene.cameras.world_from_cam[chosen[0]]).max()
        if np.ptp(centers, axis=0).max() > 0.0 and turned > _TURNED:
            what = "all pictures are the same, from cameras that stand elsewhere"
            yield Finding(level, what, "image", "correct their file paths")


def _small(picture: np.ndarray) -> np.ndarray:
    """The levels [k] of a picture uint8 [h, w, 3], small."""
    grey = Image.fromarray(picture).convert("L")
    return np.asarray(grey.resize(_SMALL, Image.Resampling.BOX), dtype=np.float32).ravel()


def _looked_at(scene: Scene) -> _Looks:
    frames = spread(len(scene), _MOST_FRAMES)
    rows = [_look(scene.image(int(i))) for i in frames]
    light, sharpness, edges, small = (np.array(column) for column in zip(*rows))
    return _Looks(frames, light, sharpness, edges, small)


def _look(picture: np.ndarray) -> tuple[float, float, float, np.ndarray]:
    light = float(picture[::4, ::4].mean()) + 1.0
    grey = Image.fromarray(picture).convert("L")
    small = np.asarray(grey.resize(_SMALL, Image.Resampling.BOX), dtype=np.float32).ravel()
    longest = max(grey.size)
    if longest > _LONGEST:
        grey = grey.resize([max(8, side * _LONGEST // longest) for side in grey.size], Image.Resampling.BOX)
    levels = np.asarray(grey, dtype=np.float32)
    contrast = float(levels.var())
    if contrast < _FLAT or min(levels.shape) < 8:
        return light, np.nan, np.nan, small
    return light, _laplacian(levels) / contrast, _edges(levels), small


def _edges(grey: np.ndarray) -> float:
    """The median, over the strongest edges of a picture [h,w], of what two pixels hold of what four do."""
    shares, strengths = [], []
    for levels in (grey, grey.T):
        two, four = levels[:, 3:-1] - levels[:, 1:-3], levels[:, 4:] - levels[:, :-4]
        strength = np.abs(two)
        crest = (strength[:, 1:-1] >= strength[:, :-2]) & (strength[:, 1:-1] >= strength[:, 2:])
        rows, columns = np.nonzero(crest)
        strengths.append(strength[rows, columns + 1])
        wide = np.maximum(np.abs(four[rows, columns + 1]), 1e-6)
        shares.append(np.minimum(strengths[-1] / wide, 1.0))
    strong = np.argsort(-np.concatenate(strengths), kind="stable")
    kept = strong[: max(1, int(_STRONG * len(strong)))]
    return float(np.median(np.concatenate(shares)[kept]))


def _laplacian(grey: np.ndarray) -> float:
    """Variance of the 3x3 Laplacian of a picture [h,w]."""
    middle = grey[1:-1, 1:-1]
    value = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4.0 * middle
    return float(value.var())


def _exposure(looks: _Looks) -> Iterator[Finding]:
    """Whether brightness jumps from one frame to the next."""
    stops = np.abs(np.diff(np.log2(looks.light)))
    usual = np.median(stops) if len(stops) else 0.0
    jumps = np.flatnonzero(stops > max(1.0, 6.0 * usual))
    for k in jumps[:_MOST_LISTED]:
        what = f"brightness changes by {stops[k]:.1f} stops to the next frame"
        todo = "fix exposure and white balance while recording"
        yield Finding("warn", what, f"frame {looks.frames[k]}", todo)
    if not len(jumps):
        most = f"at most {stops.max():.1f} stops from frame to frame" if len(stops) else "one frame"
        yield Finding("ok", f"brightness is steady, {most}", "image")


def _blur(scene: Scene, looks: _Looks) -> Iterator[Finding]:
    """Pictures much less sharp than those that see the same from nearby, and a capture without fine detail.

    How sharp a picture is depends on what it shows, so it is compared with its neighbours'.
    """
    textured = np.isfinite(looks.sharpness)
    if not textured.any():
        yield Finding("warn", "all pictures are flat: nothing in them can be matched", "image")
        return
    usual = _usual_sharpness(scene.cameras.select(looks.frames), looks.sharpness)
    with np.errstate(invalid="ignore"):
        blurred = np.flatnonzero(looks.sharpness < _BLURRED * usual)
    edges = float(np.median(looks.edges[textured]))
    if edges < _SOFT:
        what = f"edges are ramps ({edges:.2f} of four pixels' step in two): all are blurred or enlarged"
        todo = "use sharper pictures, or these at half the size"
        yield Finding("warn", what, "image", todo)
    if len(blurred):
        worst = blurred[np.argmin(looks.sharpness[blurred] / usual[blurred])]
        share = looks.sharpness[worst] / usual[worst]
        what = f"{listed(looks.frames[blurred])} blurred: frame {looks.frames[worst]} has {share:.2f} "
        files = [scene.files["image"].paths[looks.frames[i]] for i in blurred[:_MOST_LISTED]]
        names = ", ".join(path.name for path in files if path is not None)
        more = f" and {len(blurred) - _MOST_LISTED} more" if len(blurred) > _MOST_LISTED else ""
        yield Finding("warn", f"{what}of its neighbours' sharpness", "image", f"take out {names}{more}")
    elif edges >= _SOFT:
        least = float(np.nanmin(looks.sharpness / usual))
        yield Finding("ok", f"none is blurred: at least {least:.2f} of its neighbours' sharpness", "image")


def _usual_sharpness(cameras: Cameras, sharpness: np.ndarray) -> np.ndarray:
    """The median sharpness [n] of the frames that look the same way from the nearest places."""
    usual = np.full(len(cameras), np.nan)
    for i in range(len(cameras)):
        same_way = cameras.view_directions @ cameras.view_directions[i] > np.cos(np.radians(_TURN))
        same_way[i] = False
        others = np.flatnonzero(same_way & np.isfinite(sharpness))
        away = np.linalg.norm(cameras.centers[others] - cameras.centers[i], axis=1)
        near = others[np.argsort(away, kind="stable")[:_NEIGHBOURS]]
        usual[i] = np.median(sharpness[near]) if len(near) > 1 else sharpness[i]
    return usual


def _twice(scene: Scene, looks: _Looks) -> Iterator[Finding]:
    """Frames that stand where another stands and look the same way: they tell nothing new.

    Pictures that are alike from elsewhere are another matter (`check_files`): what is alike from several
    sides looks so.
    """
    cameras = scene.cameras.select(looks.frames)
    spread_of = float(np.linalg.norm(np.ptp(cameras.centers, axis=0)))
    rotations = cameras.world_from_cam[:, :3, :3]
    copies: list[tuple[int, int]] = []
    still: list[tuple[int, int]] = []
    for k in range(1, len(cameras)):
        apart = np.linalg.norm(cameras.centers[:k] - cameras.centers[k], axis=1)
        trace = np.einsum("nij,ij->n", rotations[:k], rotations[k])
        turn = np.degrees(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0)))
        same = np.flatnonzero((apart <= _SAME_PLACE * spread_of) & (turn < _SAME_TURN))
        if not len(same):
            continue
        differ = np.abs(looks.small[same] - looks.small[k]).mean(axis=1)
        j = same[differ.argmin()]
        alike = differ.min() < _ALIKE and looks.small[k].std() > _LEAST_CONTRAST
        (copies if alike else still).append((looks.frames[k], looks.frames[j]))
    for pairs, what in (
        (copies, "the same picture and pose as"),
        (still, "the same pose, another picture as"),
    ):
        for i, j in pairs[:_MOST_LISTED]:
            todo = "take one of them out" if pairs is copies else "correct one of the poses"
            yield Finding("warn", f"{what} frame {j}", f"frame {i}", todo)
        if len(pairs) > _MOST_LISTED:
            yield Finding("warn", f"{len(pairs)} frames like these", "image", "do the same for all of them")
