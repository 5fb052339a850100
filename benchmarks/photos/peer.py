"""One peer of dense stereo in a process of its own: OpenCV's SGBM, or OpenSfM's PatchMatch.

    python -m benchmarks.photos.peer sgbm|opensfm --modules FOLDER --given in.npz --out out.npz

FOLDER holds the peer's Python module and is looked into by this process alone. Seconds are those of the
matching itself, of the wall and of the processor.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import CHECKOUT

Arrays = dict[str, np.ndarray]


def run_peer(peer: str, modules: Path, given: Arrays, threads: int) -> Arrays:
    """What a peer answers, asked in a process of its own.

    Raises:
        RuntimeError: it failed; with the last line of its complaint.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "given.npz", Path(folder) / "out.npz"
        np.savez(asked, threads=np.array(threads), **given)
        command = [sys.executable, "-m", "benchmarks.photos.peer", peer, "--modules", str(modules)]
        command += ["--given", str(asked), "--out", str(answered)]
        result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError((result.stderr.strip().splitlines() or ["it ended without a word"])[-1])
        with np.load(answered, allow_pickle=False) as arrays:
            return dict(arrays)


def sgbm(given: Arrays) -> Arrays:
    """Disparities of a rectified pair by OpenCV's semi-global block matching, 8 paths, in several ways.

    Hirschmueller 2008 with blocks, by OpenCV's own settings (samples/python/stereo_match.py) but for the
    paths, the block's size and the search, which starts at 0.

    Args:
        given: left, right uint8 [h,w,3] RGB; most (numDisparities); blocks int [k]; filtered bool [k].

    Returns:
        disparity float32 [k,h,w], NaN where it gives none; wall [k], cpu [k] seconds.
    """
    import cv2  # type: ignore[import-not-found]

    cv2.setNumThreads(int(given["threads"]))
    most = int(given["most"])
    # It gives no answer in the first `most` columns; a border lets it.
    left, right = (
        cv2.copyMakeBorder(given[k], 0, 0, most, 0, cv2.BORDER_REPLICATE) for k in ("left", "right")
    )
    found, wall, cpu = [], [], []
    for block, filtered in zip(given["blocks"].tolist(), given["filtered"].tolist()):
        matcher = cv2.StereoSGBM_create(
            minDisparity=0, numDisparities=most, blockSize=block, P1=8 * 3 * block**2,
            P2=32 * 3 * block**2, disp12MaxDiff=1 if filtered else -1, preFilterCap=63,
            uniquenessRatio=10 if filtered else 0, speckleWindowSize=100 if filtered else 0, speckleRange=2,
            mode=cv2.STEREO_SGBM_MODE_HH,
        )  # fmt: skip
        disparity, seconds, busy = _timed(lambda matcher=matcher: matcher.compute(left, right))
        sixteenths = disparity[:, most:].astype(np.float32)
        found.append(np.where(sixteenths > 0, sixteenths / 16, np.nan).astype(np.float32))
        wall.append(seconds)
        cpu.append(busy)
    return {"disparity": np.stack(found), "wall": np.array(wall), "cpu": np.array(cpu)}


def opensfm(given: Arrays) -> Arrays:
    """Depth of several views by OpenSfM's PatchMatch with its default settings, then its cleaner.

    Shen 2013 as OpenSfM has it (opensfm/dense.py, config.py): PATCH_MATCH_SAMPLE, 3 iterations, 7 x 7
    windows, scores above 0.1; kept is what `consistent` views say within 1 % (its default is 3).

    Args:
        given: grey uint8 [n,h,w], lens [n,4] (centres at +0.5), cam_from_world [n,4,4], sources int [n,s]
            (-1: none), near, far (depths of the search), consistent.

    Returns:
        depth float32 [n,h,w], 0 where it gives none; wall, cpu seconds.
    """
    import pydense  # type: ignore[import-not-found]

    grey, near, far = given["grey"], float(given["near"]), float(given["far"])
    masks, lens = np.ones_like(grey[0]), given["lens"].astype(np.float64)
    # It counts pixels from the centre of the first one.
    matrices = [np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]]) for fx, fy, cx, cy in lens]
    turns = [np.ascontiguousarray(pose[:3, :3]) for pose in given["cam_from_world"]]
    shifts = [np.ascontiguousarray(pose[:3, 3]) for pose in given["cam_from_world"]]

    def views(i: int) -> list[int]:
        return [i, *(int(s) for s in given["sources"][i] if s >= 0)]

    def estimate(i: int) -> np.ndarray:
        estimator = pydense.DepthmapEstimator()
        estimator.set_depth_range(near, far, 100)
        estimator.set_patchmatch_iterations(3)
        estimator.set_patch_size(7)
        estimator.set_min_patch_sd(1.0)
        for k in views(i):
            estimator.add_view(matrices[k], turns[k], shifts[k], np.ascontiguousarray(grey[k]), masks)
        depth, _, score, _ = estimator.compute_patch_match_sample()
        return np.where((score > 0.1) & (depth > near) & (depth < far), depth, 0).astype(np.float32)

    def clean(i: int) -> np.ndarray:
        cleaner = pydense.DepthmapCleaner()
        cleaner.set_same_depth_threshold(0.01)
        cleaner.set_min_consistent_views(int(given["consistent"]))
        for k in views(i):
            cleaner.add_view(matrices[k], turns[k], shifts[k], depths[k])
        return np.asarray(cleaner.clean(), dtype=np.float32)

    count = range(len(grey))
    depths, wall, cpu = _timed(lambda: [estimate(i) for i in count])
    if int(given["consistent"]) > 1:
        depths, more_wall, more_cpu = _timed(lambda: [clean(i) for i in count])
        wall, cpu = wall + more_wall, cpu + more_cpu
    return {"depth": np.stack(depths), "wall": np.array(wall), "cpu": np.array(cpu)}


PEERS: dict[str, Callable[[Arrays], Arrays]] = {"sgbm": sgbm, "opensfm": opensfm}


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What some work gives, and the seconds it took, of the wall and of the processor."""
    started, busy = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - started, time.process_time() - busy


def main() -> None:
    parser = argparse.ArgumentParser(description="one peer of dense stereo")
    parser.add_argument("peer", choices=list(PEERS))
    parser.add_argument("--modules", type=Path, required=True, help="the folder with its Python module")
    parser.add_argument("--given", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    sys.path.insert(0, str(args.modules))
    with np.load(args.given, allow_pickle=False) as arrays:
        given = dict(arrays)
    answer = PEERS[args.peer](given)
    np.savez(args.out, **answer)
    print(json.dumps({"wall": answer["wall"].tolist()}))


if __name__ == "__main__":
    main()
