"""Files beside the pictures that are not what one would think: their sizes, turns, copies, ceilings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurfield.scenes.finding import Finding
from neurfield.scenes.frames import spread
from neurfield.scenes.images import file_size, orientation
from neurfield.scenes.scene import Scene

_MOST_FRAMES = 100
_MOST_MAPS = 30
_MOST_LISTED = 3
_CEILING = 0.005  # of the depth there is: more pixels than this do not share the largest value by chance
_FAR = 1.5  # times what nearly all depth is; a wall that fills the far end is no ceiling


def file_findings(scene: Scene) -> Iterator[Finding]:
    """Findings about sizes, EXIF turns, copies and depth's largest value, in that order."""
    yield from _sizes(scene)
    yield from _turns(scene)
    yield from _copies(scene)
    yield from _ceiling(scene)


def _frames(scene: Scene) -> list[int]:
    """Some frames to look at, evenly spread."""
    return spread(len(scene), _MOST_FRAMES).tolist()


def _sizes(scene: Scene) -> Iterator[Finding]:
    """Files that are resized to their camera's pixels."""
    for source in sorted(scene.sources - {"image"}):
        other: dict[str, int] = defaultdict(int)
        for i in _frames(scene):
            path = scene.files[source].paths[i]
            if path is not None:
                width, height = file_size(path)
                camera = scene.file_size(source, i)
                if (width, height) != camera:
                    other[f"{width}x{height} pixels for cameras of {camera[0]}x{camera[1]}"] += 1
        for sizes, count in other.items():
            yield Finding("ok", f"{count} files of {sizes}: each pixel takes the nearest", source)


def _turns(scene: Scene) -> Iterator[Finding]:
    """Pictures that EXIF turns: whether they belong to the upright picture only their cameras can tell."""
    turned, unsure = [], []
    for i in _frames(scene):
        path = scene.files["image"].paths[i] if "image" in scene.files else None
        if path is None or orientation(path) == 1:
            continue
        turned.append(path)
        if scene.cameras.width[i] == scene.cameras.height[i] or orientation(path) <= 4:
            unsure.append(path)
    if not turned:
        return
    what = f"{len(turned)} pictures have EXIF orientation {orientation(turned[0])}"
    if unsure:
        what += " and are turned upright; nothing tells whether the poses belong to the upright picture"
        todo = "if they belong to the stored one, take the orientation out (exiftool -Orientation= -n)"
        yield Finding("warn", what, "image", todo)
    else:
        yield Finding("ok", f"{what}; they are shown as their cameras' sizes say", "image")


def _copies(scene: Scene) -> Iterator[Finding]:
    """One picture under two poses: a file named twice, or two neighbours of the same bytes.

    Neighbours alone, because a video's frames are taken twice, while views from all around may be alike by
    symmetry.
    """
    if "image" not in scene.files:
        return
    paths = scene.files["image"].paths
    first: dict[Path, int] = {}
    twice = []
    for i, path in enumerate(paths):
        if path is None:
            continue
        before = first.setdefault(path.resolve(), i)
        if before == i and i and _same_bytes(paths[i - 1], path):
            before = i - 1
        poses = scene.cameras.world_from_cam
        if before != i and not np.allclose(poses[before], poses[i], atol=1e-6):
            twice.append((before, i))
    for before, i in twice[:_MOST_LISTED]:
        what = f"the same picture as frame {before}, from another pose"
        yield Finding("warn", what, f"frame {i}", "correct its file_path, or take it out")
    if len(twice) > _MOST_LISTED:
        yield Finding("warn", f"{len(twice)} frames like these", "image", "take them out")


def _same_bytes(a: Path | None, b: Path) -> bool:
    return a is not None and a.stat().st_size == b.stat().st_size and a.read_bytes() == b.read_bytes()


def _ceiling(scene: Scene) -> Iterator[Finding]:
    """Whether many pixels share the largest depth of all: a sensor's "nothing", not a surface."""
    for source in ("depth", "sensor_depth"):
        if source not in scene.sources:
            continue
        frames = _frames(scene)[:: max(1, len(_frames(scene)) // _MOST_MAPS)]
        maps = [scene.array(source, i) for i in frames]
        measured = [depth[depth > 0] for depth in maps if depth is not None]
        values = np.concatenate(measured) if measured else np.zeros(0)
        if not len(values):
            continue
        most = values.max()
        share = float((values == most).mean())
        below = values[values < most]
        if share > _CEILING and len(below) and most > _FAR * np.percentile(below, 99.0):
            what = f"{100 * share:.2g} % of it is {most:.4g}, the largest value, far beyond the rest"
            yield Finding("warn", what, source, "write 0 where nothing was measured")
