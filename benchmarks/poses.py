"""What poses that are off cost, and what refining them brings back.

    python -m benchmarks.poses [--scenes ketchup ...] [--degrees 0.5] [--share 0.01] [--steps 1000] [--quick]

Every camera of an object is turned by so many degrees about an axis of its own, and moved by a share of its
distance from the object. Fitted are the true poses, these, these with `poses=refined`, and those found again
from the pictures (which masked objects rarely have the texture for), from masked pictures alone, every eighth
of which is held out. Pose errors are of the cameras aligned as a whole (turned,
moved, scaled); how far points of the true surface land from where they are seen says both at once. Objects
are those of `benchmarks.object_assets`, or folders of yours with a true surface. Prints a table, writes JSON.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.common import run_script, say
from benchmarks.object_assets import SOURCES, Unavailable
from benchmarks.object_views import make_views
from benchmarks.script import Table, arguments, report
from neurfield.errors import UserError
from neurfield.evaluation import evaluate_mesh, pose_errors
from neurfield.inputs import fit
from neurfield.inputs.scene.scores import image_scores
from neurfield.posing import poses_from_pictures
from neurfield.scenes import Cameras, Scene, load_scene

COLUMNS = (
    "scene", "poses", "degrees off", "place off %", "pixels off", "Chamfer-L1 mm", "normals",
    "PSNR dB, held out", "fit s",
)  # fmt: skip
FOUND_AGAIN = "off, found again before the fit"
ROWS = {"true": [], "off": [], "off, refined": ["poses=refined"], FOUND_AGAIN: []}
_QUIET = ["train.save_every=0", "train.preview_every=0", "data.holdout_every=8", "data.sensor_depth=off"]
_POINTS = 500


def disturbed(cameras: Cameras, middle: np.ndarray, degrees: float, share: float, seed: int = 0) -> Cameras:
    """Each camera turned about an axis by chance, and moved by a share of its distance from `middle` [3]."""
    random = np.random.default_rng(seed)
    axes, ways = (random.normal(size=(len(cameras), 3)) for _ in range(2))
    axes, ways = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (axes, ways))
    poses = cameras.world_from_cam.copy()
    poses[:, :3, :3] = Rotation.from_rotvec(np.radians(degrees) * axes).as_matrix() @ poses[:, :3, :3]
    distance = np.linalg.norm(cameras.centers - middle, axis=1)
    poses[:, :3, 3] += share * distance[:, None] * ways
    return replace(cameras, world_from_cam=poses)


def pixels_off(cameras: Cameras, true: Cameras, points: np.ndarray) -> float:
    """How far points [k,3] land from where true cameras see them: median of the frames' medians."""
    off = [
        np.linalg.norm(cameras.project(i, points)[0] - true.project(i, points)[0], axis=1)
        for i in range(len(true))
    ]
    return float(np.median([np.nanmedian(one) for one in off]))


def measured(scene: Scene, true: Cameras, overrides: list[str], args: Any) -> list[Any]:
    """The numbers of a fit to a scene whose cameras ought to be the true ones."""
    before = time.perf_counter()
    run = fit(
        scene, "neus", steps=args.steps, out=args.out.parent / "poses", quiet=True,
        overrides=[*_QUIET, *overrides],
    )  # fmt: skip
    seconds = time.perf_counter() - before
    fitted = np.setdiff1d(np.arange(len(scene)), run.held_out)
    now, known = run.cameras_now.select(fitted), true.select(fitted)
    middle, truth = scene.box.mean(axis=0), scene.ground_truth
    assert truth is not None
    degrees, place = pose_errors(now.world_from_cam, known.world_from_cam)
    distance = float(np.linalg.norm(known.centers - middle, axis=1).mean())
    points = np.asarray(truth.vertices, np.float64)
    points = points[:: max(1, len(points) // _POINTS)]
    shape = evaluate_mesh(run.mesh(resolution=256), truth, true)
    return [
        float(np.median(degrees)), 100 * float(np.median(place)) / distance, pixels_off(now, known, points),
        1000 * shape["chamfer_l1"], shape["normal_consistency"], image_scores(run.input).get("psnr"),
        round(seconds, 1),
    ]  # fmt: skip


def rows_of(name: str, args: Any) -> list[list[Any]]:
    """The rows of one object.

    Raises:
        Unavailable: the package with the scan cannot be downloaded.
    """
    scene = load_scene(make_views(name) if name in SOURCES else name)
    scene = scene.with_box(scene.box).without(*(scene.sources - {"image", "mask"}))
    true = scene.cameras
    off = disturbed(true, scene.box.mean(axis=0), args.degrees, args.share)
    rows = []
    for words, overrides in ROWS.items():
        cameras = true if words == "true" else off
        if words == FOUND_AGAIN:
            try:
                cameras = poses_from_pictures(scene.seen_by(off, scene.files, None)).cameras
            except UserError as reason:
                rows.append([scene.name, f"{words}: {reason}"[:120], *[None] * (len(COLUMNS) - 2)])
                continue
        seen = scene.seen_by(cameras, scene.files, None)
        rows.append([scene.name, words, *measured(seen, true, overrides, args)])
        say(str(rows[-1]))
    return rows


def main() -> None:
    parser = arguments(__doc__, "poses")
    parser.add_argument("--scenes", nargs="+", default=["ketchup", "porcelain_mug"])
    parser.add_argument("--degrees", type=float, default=0.5)
    parser.add_argument("--share", type=float, default=0.01, help="of the distance from the object")
    parser.add_argument("--steps", type=int, default=1000)
    args = parser.parse_args()
    if args.quick:
        args.scenes, args.steps = args.scenes[:1], min(args.steps, 300)
    rows = []
    for name in args.scenes:
        try:
            rows += rows_of(name, args)
        except Unavailable as reason:
            say(f"SKIPPED {name}: {reason}")
    if not rows:
        return
    title = f"poses off by {args.degrees:g} degrees and {100 * args.share:g} %, {args.steps} steps"
    report(args.out, [Table(title, COLUMNS, rows)])


if __name__ == "__main__":
    run_script(main)
