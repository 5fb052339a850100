"""An object on a table in a hall, disturbed in four ways, and what each part of a fit mends of it.

    python -m benchmarks.disturbed [--object ketchup] [--without passers-by ...] [--rows "all parts" ...]
                                   [--stops 0.5] [--degrees 0.5] [--share 0.01] [--quick] [--pictures FOLDER]

A walk around a scanned object on a newspaper, without masks. The hall behind it is seen, exposure drifts by
half a stop, somebody walks through a third of the pictures, and poses are off by 0.5 degrees and 1 %. Fitted
is by `photos`, with all parts that answer to that, without each of them, and without any. Every eighth
picture is held out: clean, and seen from where the truth says, laid into the fit's world by all of its
cameras. Prints tables of poses and fits, writes JSON. Where the scan cannot be had, says so and ends with
exit code 0.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import object_assets
from benchmarks.common import run_script, say
from benchmarks.disturbed.capture import DISTURBANCES, HELD_OUT_EVERY, Capture, make_capture
from benchmarks.disturbed.scores import fit_numbers, pose_numbers
from benchmarks.script import Table, arguments, report, text_row
from neurfield.errors import UserError
from neurfield.fitting.surface_watch import SurfaceLeft
from neurfield.inputs import fit
from neurfield.parts.shelf import SLOTS
from neurfield.pixels import fitted_and_held_out
from neurfield.posing import poses_from_pictures
from neurfield.scenes import Cameras, Scene

POSES = ("poses", "degrees off", "place off %", "pixels off", "s")
COLUMNS = (
    "fit", "PSNR dB, held out", "the same, aligned to the field", "Chamfer %", "F@1%", "normals",
    "degrees off", "place off %", "pixels off", "fit s",
)  # fmt: skip
BACKGROUND, EXPOSURE, DUAL, REFINEMENT = "background", "exposure", "dual training", "refinement"
IN_FIT = "refined in the fit"
# Parts by what leaves them out of a fit; poses are found again before it.
# The preset has the others, and tells by what it measures whether they are wanted.
OFF = {BACKGROUND: "background=constant", EXPOSURE: "exposure=off", DUAL: "transients=off", REFINEMENT: ""}
_QUIET = ["train.save_every=0", "train.preview_every=0", f"data.holdout_every={HELD_OUT_EVERY}"]
NOTE = (
    "Refinement: poses found again from the fitted pictures before the fit (`neurfield scene convert "
    "--poses-from-pictures`); in the fit: `poses=refined` in place of that; matched again: another fit, "
    "from the poses that it left (`--poses RUN/poses.json`). Without background: black behind the box. "
    "Pixels off: how far points of the true surface land from where they are seen, once cameras are laid on "
    "the true ones as a whole. The object alone is measured, as in benchmarks.photos."
)


@dataclass(frozen=True)
class Row:
    """A fit: its parts, whether of the clean pictures, what else is set, and whose cameras it begins with."""

    parts: tuple[str, ...]
    clean: bool = False
    overrides: tuple[str, ...] = ()
    after: str = ""

    def settings(self) -> list[str]:
        """As `neurfield fit --set` takes them."""
        left = set(OFF) - set(self.parts) - set(missing())
        return [*(words for part, words in OFF.items() if part in left and words), *self.overrides]


def missing() -> tuple[str, ...]:
    """Parts that are not on the shelf."""
    return () if "transients" in SLOTS else (DUAL,)


def all_parts() -> tuple[str, ...]:
    """Those that there are."""
    return tuple(part for part in OFF if part not in missing())


def rows() -> dict[str, Row]:
    """All fits by their names."""
    parts = all_parts()
    each = {f"without {part}": Row(tuple(one for one in parts if one != part)) for part in OFF}
    in_fit = tuple(part for part in parts if part != REFINEMENT)
    return {
        "undisturbed": Row((BACKGROUND, EXPOSURE), clean=True),
        "all parts": Row(parts),
        **each,
        IN_FIT: Row(in_fit, overrides=("poses=refined",)),
        "the same, matched again": Row(in_fit, after=IN_FIT),
        "no part": Row(()),
    }


def found_again(scene: Scene) -> Cameras:
    """Cameras whose poses the fitted pictures tell; those that are held out take no part, and stay.

    Raises:
        UserError: they tell no poses.
    """
    fitted, _ = fitted_and_held_out(len(scene), HELD_OUT_EVERY)
    poses = scene.cameras.world_from_cam.copy()
    poses[fitted] = poses_from_pictures(scene.with_frames(fitted)).cameras.world_from_cam
    return replace(scene.cameras, world_from_cam=poses)


def pose_table(scene: Scene, clean: Scene) -> tuple[Table, Cameras]:
    """How far poses are off as they are given and once they were found again, and these."""
    lines = [["as given", *pose_numbers(scene.cameras, clean), None]]
    before, cameras = time.perf_counter(), scene.cameras
    try:
        cameras = found_again(scene)
        seconds = round(time.perf_counter() - before, 1)
        lines.append(["found again from the pictures", *pose_numbers(cameras, clean), seconds])
    except UserError as reason:
        lines.append(text_row(POSES, str(reason)[:100]))
    return Table("Poses before a fit", POSES, lines), cameras


def fitted_row(
    name: str, row: Row, given: Scene, clean: Scene, args: Any
) -> tuple[list[Any], list[np.ndarray], Cameras | None]:
    """The numbers of a fit, strips of its held-out pictures (true, laid, aligned), and its cameras."""
    before = time.perf_counter()
    try:
        run = fit(
            given, "photos", preset=args.preset, steps=args.steps, quiet=True,
            out=args.out.parent / "disturbed" / "runs", overrides=[*_QUIET, *row.settings(), *args.set],
        )  # fmt: skip
        seconds = round(time.perf_counter() - before, 1)
        numbers, strips = fit_numbers(run, clean)
    except (SurfaceLeft, UserError) as reason:
        return text_row(COLUMNS, f"{name}: {str(reason)[:80]}"), [], None
    return [name, *numbers, *pose_numbers(run.cameras_now, clean), seconds], strips, run.cameras_now


def save_strips(folder: Path, strips: dict[str, list[np.ndarray]]) -> Path:
    """The first held-out pictures of each fit below each other."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "disturbed.jpg"
    Image.fromarray(np.vstack([np.hstack(each[:2]) for each in strips.values()])).save(path, quality=90)
    return path


def main() -> None:
    parser = arguments(__doc__, "disturbed")
    names = list(rows())
    usual = Capture()
    parser.add_argument("--object", choices=list(object_assets.SOURCES), default="ketchup")
    parser.add_argument("--rows", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--without", nargs="+", choices=DISTURBANCES, default=[], help="disturbances left out"
    )
    parser.add_argument("--views", type=int, default=usual.views)
    parser.add_argument("--size", type=int, default=usual.size, help="of a picture, pixels")
    parser.add_argument("--stops", type=float, default=usual.stops)
    parser.add_argument("--degrees", type=float, default=usual.degrees)
    parser.add_argument("--share", type=float, default=usual.share, help="of the distance from the object")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--steps", type=int, help="not given: those of the preset")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="as in `neurfield fit`")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures")
    args = parser.parse_args()
    if args.quick:
        args.views, args.preset = min(args.views, 24), "quick"
    on = frozenset(DISTURBANCES) - set(args.without)
    capture = Capture(args.views, args.size, args.stops, args.degrees, args.share, on)
    try:
        scene, clean = make_capture(args.object, capture, args.out.parent / "disturbed")
    except object_assets.Unavailable as reason:
        say(f"SKIPPED {args.object}: {reason}")
        return
    poses, found = pose_table(scene, clean)
    say(poses.markdown())
    lines: list[list[Any]] = []
    strips: dict[str, list[np.ndarray]] = {}
    left: dict[str, Cameras | None] = {}
    for name in args.rows:
        row = rows()[name]
        cameras = left.get(row.after) if row.after else found if REFINEMENT in row.parts else scene.cameras
        if name.removeprefix("without ") in missing() or cameras is None:
            reason = "there is no such part yet" if cameras is not None else f"needs the row {row.after}"
            lines.append(text_row(COLUMNS, f"{name}: {reason}"))
            continue
        given = clean if row.clean else scene.seen_by(cameras, scene.files, None)
        line, drawn, left[name] = fitted_row(name, row, given, clean, args)
        lines.append(line)
        say(str(line))
        if drawn:
            strips[name] = drawn
    title = f"{args.object}, {args.views} views with {', '.join(sorted(on)) or 'no'} disturbed"
    tables = [poses, Table(title, COLUMNS, lines)]
    notes = [NOTE]
    if args.pictures and strips:
        notes.append(f"Pictures: {save_strips(args.pictures, strips)}: true, laid, aligned.")
    report(args.out, tables, notes)


if __name__ == "__main__":
    run_script(main)
