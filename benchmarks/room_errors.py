"""How wrong what the built-in rooms give a fit is, against what is exact: the tables of docs/rooms.md.

    python -m benchmarks.room_errors [--scenes room0 ...] [--every N]

Priors' depth is measured after the best scale and shift of each image. "Repeats" is the correlation of the
errors of two views, two frames apart, where both see the same surface: 0 where one view knows nothing of the
other, 1 where both are wrong alike. Prints tables, writes JSON.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from benchmarks.common import run_script, say
from benchmarks.script import Table, arguments, report
from neurfield.scenes import load_scene
from neurfield.scenes.builtin import REPEATING, ROOMS
from neurfield.scenes.scene import Scene
from neurfield.scenes.synthesis.prior_depth import fit_scale_shift
from neurfield.scenes.synthesis.prior_normal import angle_error
from neurfield.scenes.synthesis.sensor import edges, sigma
from neurfield.scenes.synthesis.thin import thin_parts

_NEAR = 4  # pixels from an edge in depth
_APART = 2  # frames between the two views of a pair


def sensor(scene: Scene, every: int) -> dict[str, float]:
    """Noise, holes and lost edges of the depth camera."""
    rows = []
    for i in range(0, len(scene), every):
        exact, sensed = _depth(scene, i), np.asarray(scene.depth(i, "noisy"))
        border, there = edges(exact), sensed > 0
        off = np.abs(sensed - exact)[there]
        rows.append(
            {
                "deviation / sigma": float(((sensed - exact)[there] / sigma(exact[there])).std()),
                "holes %": 100 * float((~there & ~border).sum() / (~border).sum()),
                "dropped at edges %": 100 * float(border.mean()),
                "mean error mm": 1000 * float(off.mean()),
            }
        )
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def priors(scene: Scene, every: int) -> dict[str, float]:
    """Errors of depth and normals, where they are, and how far they repeat from view to view."""
    rows, scales, pairs = [], [], []
    for i in range(0, len(scene) - _APART, every):
        exact, normal = _depth(scene, i), _normal(scene, i)
        scale, shift, ratio = _aligned(scene, i, exact)
        scales.append((scale, shift))
        off, angle = 100 * np.abs(ratio - 1), angle_error(np.asarray(scene.prior_normal(i)), normal)
        near = distance_transform_edt(~edges(exact)) <= _NEAR
        thin = thin_parts(exact)[0]
        rows.append(
            {
                "depth error %": off.mean(),
                "at edges %": off[near].mean(),
                "elsewhere %": off[~near].mean(),
                "on thin parts %": off[thin].mean() if thin.any() else np.nan,
                "normals °": np.median(angle),
                "mean °": angle.mean(),
                "at edges °": angle[near].mean(),
                "elsewhere °": angle[~near].mean(),
                "on thin parts °": angle[thin].mean() if thin.any() else np.nan,
            }
        )
        pairs.append(_pair(scene, i, i + _APART, ratio))
    facts = {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}
    facts["least"], facts["most"] = _ends([row["depth error %"] for row in rows])
    shifts = np.array(scales)
    facts |= dict(zip(("scale from m", "scale to"), _ends(shifts[:, 0])))
    facts |= dict(zip(("shift from m", "shift to"), _ends(shifts[:, 1])))
    known = np.array([pair for pair in pairs if pair is not None])
    facts["views differ by %"] = 100 * float(np.std(known[:, 0]))
    facts["depth repeats"], facts["normals repeat"] = known[:, 1:].mean(axis=0).tolist()
    return facts


def _pair(scene: Scene, i: int, j: int, ratio: np.ndarray) -> tuple[float, float, float] | None:
    """Of two views: median of the log ratio, correlations of the errors of depth and of normals.

    None where they hardly overlap.
    """
    cameras, exact = scene.cameras, _depth(scene, j)
    rows, columns = (a.ravel() for a in np.mgrid[0 : ratio.shape[0] : 2, 0 : ratio.shape[1] : 2])
    uv = np.stack([columns + 0.5, rows + 0.5], axis=1)
    origins, directions, z_per_t = cameras.rays(np.full(len(uv), i), uv)
    points = origins + (_depth(scene, i)[rows, columns] / z_per_t)[:, None] * directions
    seen = np.linalg.inv(cameras.world_from_cam[j])
    inside = points @ seen[:3, :3].T + seen[:3, 3]
    z = np.maximum(inside[:, 2], 1e-6)
    u = np.floor(cameras.fx[j] * inside[:, 0] / z + cameras.cx[j]).astype(int)
    v = np.floor(cameras.fy[j] * inside[:, 1] / z + cameras.cy[j]).astype(int)
    both = (inside[:, 2] > 0.1) & (u >= 0) & (u < exact.shape[1]) & (v >= 0) & (v < exact.shape[0])
    u, v = u.clip(0, exact.shape[1] - 1), v.clip(0, exact.shape[0] - 1)
    both &= np.abs(exact[v, u] / z - 1) < 0.01
    if both.mean() < 0.1:
        return None
    here, there = ratio[rows, columns][both], _aligned(scene, j, exact)[2][v, u][both]
    here, there = (np.log(np.maximum(r, 0.1)) for r in (here, there))
    bent = [
        (np.asarray(scene.prior_normal(k)) - _normal(scene, k)) @ cameras.world_from_cam[k, :3, :3].T
        for k in (i, j)
    ]
    normals = np.corrcoef(bent[0][rows, columns][both].ravel(), bent[1][v, u][both].ravel())[0, 1]
    return float(np.median(here - there)), float(np.corrcoef(here, there)[0, 1]), float(normals)


def _aligned(scene: Scene, i: int, exact: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Best scale and shift of frame i's prior depth, and its ratio [h,w] to the exact one after them."""
    prior = np.asarray(scene.prior_depth(i))
    scale, shift = fit_scale_shift(prior, exact)
    return scale, shift, (scale * prior + shift) / np.maximum(exact, 1e-3)


def _depth(scene: Scene, i: int) -> np.ndarray:
    return np.asarray(scene.depth(i))


def _normal(scene: Scene, i: int) -> np.ndarray:
    """Exact normals [h,w,3] of frame i of a built-in room, camera frame."""
    from PIL import Image

    room = scene.path.parent if scene.name.endswith(REPEATING) else scene.path
    normal = np.asarray(Image.open(room / f"normals/{i:06d}.png"), np.float32) / 127.5 - 1
    return normal / np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)


def _ends(values: Any) -> tuple[float, float]:
    return float(np.min(values)), float(np.max(values))


def main() -> None:
    """The tables."""
    parser = arguments(__doc__, "room_errors")
    parser.add_argument("--scenes", nargs="+", choices=list(ROOMS), default=list(ROOMS))
    parser.add_argument("--every", type=int, default=3, help="every n-th frame")
    args = parser.parse_args()
    every = 20 if args.quick else args.every
    sensed, wrong = {}, {}
    for name in args.scenes:
        sensed[name] = sensor(load_scene(name), every)
        for scene in (name, name + REPEATING):
            wrong[scene] = priors(load_scene(scene), every)
            say(f"{scene}: {wrong[scene]}")
    tables = [Table("Sensor depth", *_turned(sensed)), Table("Priors", *_turned(wrong))]
    report(args.out.resolve(), tables, sensor=sensed, priors=wrong)


def _turned(facts: dict[str, dict[str, float]]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of a table with a column for each scene."""
    keys = next(iter(facts.values()))
    return ["", *facts], [[key, *(values[key] for values in facts.values())] for key in keys]


if __name__ == "__main__":
    run_script(main)
