"""Stereo alone against exact depth: seconds, errors and completeness, on objects and rooms.

OpenSfM's PatchMatch, where it is given, does a run of neighbouring frames that ours does once more beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import neurfield as nf
from benchmarks import object_table, object_views
from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from benchmarks.photos import ours
from benchmarks.photos.exact import SURE, DepthErrors, exact_views
from benchmarks.photos.peer import run_peer
from benchmarks.script import Table
from neurfield.scenes.scene import Scene

if TYPE_CHECKING:
    from neurfield.stereo import StereoMaps

COLUMNS = (
    "scene", "method", "frames", "size", "wall s", "CPU s", "answered %", "within 1 %", "within 2 %",
    "median %", "90 % below", "normals deg", "planar %", "undecided %", "sure %", "sure within 2 %",
)  # fmt: skip
NOTE = (
    "answered, within: shares of the pixels with exact depth; median and 90 %: of the error of the "
    "answered, in percent of the depth; planar, undecided: shares of the pixels by the maps' own flags;"
    f" sure: confidence of at least {SURE:g}, of the answered. Seconds include reading the pictures. "
    "Every second frame of a scene of 80 and more has a map by default; `every=1` has one for each."
)
PEER_FRAMES, PEER_SOURCES = 16, 6


@dataclass(frozen=True)
class Work:
    """A scene to match: its label, and the settings that differ from the default."""

    label: str
    scene: Scene
    settings: dict[str, Any]


def errors_of(scene: Scene, maps: StereoMaps, every: int = 1) -> dict[str, float | None]:
    """How far maps are from the exact surface, over every so many of them."""
    chosen = range(0, len(maps), every)
    exact = exact_views(scene, maps.frames[list(chosen)])
    errors = DepthErrors()
    for k, view in zip(chosen, exact):
        own = maps.frame(k)
        errors.add(own.depth, view, own.normal, own.confidence >= SURE)
    return errors.numbers()


def row_of(work: Work, method: str, maps: StereoMaps, wall: float, cpu: float, every: int) -> list[Any]:
    """A row of the table."""
    from neurfield.stereo import Flag

    found = errors_of(work.scene, maps, every)
    size = f"{int(work.scene.cameras.width[0])}x{int(work.scene.cameras.height[0])}"
    flags = [100 * maps.share(flag) for flag in (Flag.PLANAR, Flag.UNDECIDED)]
    errors = [found[key] for key in ("answered", "within_1", "within_2", "median", "p90", "normals")]
    sure = [found["sure"], found["sure_within_2"]]
    return [work.label, method, len(maps), size, wall, cpu, *errors, *flags, *sure]


def our_row(work: Work, every: int = 1) -> tuple[list[Any], StereoMaps]:
    """The row of our stereo, and its maps."""
    maps, wall, cpu = ours.stereo_maps(work.scene, **work.settings)
    return row_of(work, "ours", maps, wall, cpu, every), maps


def peer_rows(work: Work, modules: Path) -> list[list[Any]]:
    """OpenSfM and ours on the same few neighbouring frames.

    Raises:
        Unavailable: OpenSfM's module fails.
    """
    scene = work.scene.with_frames(np.arange(min(PEER_FRAMES, len(work.scene)))).with_box(work.scene.box)
    few = Work(f"{work.label}, {len(scene)} frames", scene, {"every": 1})
    row, maps = our_row(few)
    cameras, box = scene.cameras, scene.box
    corners = np.array([[box[(i >> a) & 1, a] for a in range(3)] for i in range(8)])
    depths = [scene.cameras.project(i, corners)[1] for i in range(len(scene))]
    far = float(np.max(depths))
    given = {
        "grey": ours.grey_of(*(scene.image(i) for i in range(len(scene)))),
        "lens": np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy], axis=1),
        "cam_from_world": np.linalg.inv(cameras.world_from_cam),
        "sources": maps.sources[:, :PEER_SOURCES], "far": np.array(far),
        "near": np.array(max(float(np.min(depths)), 0.05 * far)), "consistent": np.array(3),
    }  # fmt: skip
    try:
        answer = run_peer("opensfm", modules, given, threads=1)
    except RuntimeError as reason:
        raise Unavailable(f"OpenSfM's stereo ended with: {reason}") from reason
    errors = DepthErrors()
    for depth, view in zip(answer["depth"], exact_views(scene, np.arange(len(scene)))):
        errors.add(np.where(view.depth > 0, depth, 0) if "mask" in scene.sources else depth, view)
    found = errors.numbers()
    shares = [found[key] for key in ("answered", "within_1", "within_2", "median", "p90")]
    theirs = [
        few.label,
        "OpenSfM PatchMatch",
        len(scene),
        row[3],
        float(answer["wall"]),
        float(answer["cpu"]),
    ]
    return [row, [*theirs, *shares, *([None] * 5)]]


def works(objects: list[str], rooms: list[str], quick: bool) -> list[Work]:
    """The scenes that are to be matched; an object that cannot be had is said and left out."""
    found = []
    for name in objects:
        try:
            found.append(Work(name, nf.load_scene(object_views.make_views(name)), {}))
            if not quick:
                scene = nf.load_scene(object_table.make_views(name))
                found.append(Work(f"{name} on a table", scene, {}))
        except Unavailable as reason:
            say(f"SKIPPED {name}: {reason}")
    for name in rooms:
        room = nf.load_scene(name).without("depth", "sensor_depth", "prior_depth", "prior_normal", "segment")
        found.append(Work(name, room, {}))
        if not quick:
            found.append(Work(f"{name}, every=1", room, {"every": 1}))
    return found


def measure(
    objects: list[str], rooms: list[str], opensfm: Path | None, quick: bool
) -> tuple[Table, list[str], dict[str, Any]]:
    """The table, its notes, and scenes with their maps for pictures."""
    rows, kept = [], {}
    for work in works(objects, rooms, quick):
        row, maps = our_row(work, every=8 if quick else 1)
        say(str(row))
        rows.append(row)
        kept[work.label] = (work.scene, maps)
        if opensfm is not None and not quick and not work.settings and " on a table" not in work.label:
            try:
                rows += peer_rows(work, opensfm)
            except Unavailable as reason:
                say(f"{work.label}: {reason}")
    return Table("Stereo alone against exact depth", COLUMNS, rows), [NOTE], kept
