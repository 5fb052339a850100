"""Real pairs: the two cameras, what both see, what counts as wrong, and peers in their processes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.object_assets import Unavailable
from benchmarks.photos import downloads, pairs, pictures
from benchmarks.photos.pair_data import Pair
from benchmarks.photos.pairs import Answer
from benchmarks.photos.peer import run_peer

H, W = 40, 60


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A block with disparity 12 before a wall with disparity 4; a column of unknown truth."""
    random = np.random.default_rng(0)
    disparity = np.full((H, W), 4.0, dtype=np.float32)
    disparity[10:30, 25:40] = 12.0
    disparity[:, 50] = np.nan
    left, right = random.integers(0, 255, size=(2, H, W, 3), dtype=np.uint8)
    return Pair("made", left, right, disparity, 100.0, 0.2, 10.0, 16)


def test_depth_and_disparity_are_the_same_thing_through_the_cameras(pair: Pair) -> None:
    v, u = np.mgrid[0:H, 0:W] + 0.5
    depth = pair.focal * pair.baseline / (pair.disparity + pair.offset)
    assert np.allclose(pair.disparity_of(depth)[:, :50], pair.disparity[:, :50], atol=1e-4)
    assert np.isnan(pair.disparity_of(np.zeros((H, W)))).all()
    cameras = pair.cameras
    origins, directions, z_per_t = cameras.rays(np.zeros(H * W, int), np.stack([u, v], -1).reshape(-1, 2))
    points = origins + directions * (depth.ravel() / z_per_t)[:, None]
    known = np.isfinite(depth.ravel())
    uv, z = cameras.project(1, points[known])
    assert np.allclose(z, depth.ravel()[known], rtol=1e-5)
    assert np.allclose(u.ravel()[known] - uv[:, 0], pair.disparity.ravel()[known], atol=1e-3)
    assert np.allclose(uv[:, 1], v.ravel()[known], atol=1e-3)
    scene = pair.scene
    low, high = scene.box[:, 2]
    assert low < np.nanmin(depth) and high > np.nanmax(depth) and len(scene) == 2
    reach = pair.range_points[:, 2]
    assert np.isclose(reach.min(), pair.nearest) and np.isclose(reach.max(), pair.farthest)
    uv, _ = cameras.project(0, pair.range_points)
    assert (uv > 0).all() and (uv < [W, H]).all()
    assert (scene.image(0) == pair.left).all() and (scene.image(1) == pair.right).all()


def test_what_the_block_hides_from_the_right_camera_is_not_asked_for(pair: Pair) -> None:
    both = pairs.seen_by_both(pair.disparity)
    assert both[10:30, 25:40].all()
    # The block moves 8 columns further than the wall, over what is to the left of it.
    assert not both[10:30, 17:25].any() and both[10:30, 4:17].all() and both[:10, 17:25].all()
    assert not both[:, :4].any() and not both[:, 50].any()


def test_missing_answers_are_bad_where_all_pixels_count(pair: Pair) -> None:
    truth, known = pair.disparity, np.isfinite(pair.disparity)
    answer = truth.copy()
    answer[:10] = np.nan  # no answer
    answer[10:14] += 2.5  # wrong
    answer[14:20] += 1.9  # near enough
    assert np.isclose(pairs.bad_share(answer, truth, known), 14 / 40)
    assert np.isclose(pairs.bad_share(answer, truth, known & np.isfinite(answer)), 4 / 30)
    assert pairs.bad_share(answer, truth, np.zeros_like(known)) is None


def test_rows_compare_ours_with_the_filtered_peer_where_both_answer(pair: Pair) -> None:
    good, half = pair.disparity.copy(), pair.disparity.copy()
    half[:20] = np.nan
    good[:20] += 5.0
    answers = [Answer("ours", good, 1.0, 2.0), Answer("OpenCV SGBM, block 5", half, 3.0, 4.0)]
    answers.append(Answer("OpenCV SGBM, all pixels, block 5", pair.disparity, 5.0, 6.0))
    rows = pairs.rows_of(pair, answers, ["OpenSfM: not given"])
    assert all(len(row) == len(pairs.COLUMNS) for row in rows) and len(rows) == 4
    assert [row[2] for row in rows[:3]] == pytest.approx([50, 50, 0])
    assert rows[0][4] == rows[1][4] == 0 and rows[2][4] is None  # the lower half, which both have right
    assert [row[5] for row in rows[:3]] == pytest.approx([100, 50, 100])
    assert rows[0][-2:] == [1.0, 2.0] and rows[3][1] == "OpenSfM: not given"


CV2 = """
import numpy as np
BORDER_REPLICATE, STEREO_SGBM_MODE_HH = 1, 2
def setNumThreads(n): assert n == 1
def copyMakeBorder(a, top, bottom, left, right, kind):
    return np.pad(a, ((top, bottom), (left, right), (0, 0)), mode="edge")
class StereoSGBM_create:
    def __init__(self, **asked): self.asked = asked
    def compute(self, left, right):
        assert self.asked["numDisparities"] == 16 and left.shape == right.shape
        columns = np.arange(left.shape[1], dtype=np.int16) * 16  # sixteenths: the column itself
        found = np.broadcast_to(columns, left.shape[:2]).copy()
        found[0] = -16
        return found + self.asked["blockSize"] - 5
"""

PYDENSE = """
import numpy as np
class DepthmapEstimator:
    def __init__(self): self.views = []
    def set_depth_range(self, near, far, planes): self.far = far
    def set_patchmatch_iterations(self, n): pass
    def set_patch_size(self, n): pass
    def set_min_patch_sd(self, sd): pass
    def add_view(self, K, R, t, grey, mask): self.views.append((K, R, t, grey))
    def compute_patch_match_sample(self):
        K, R, t, grey = self.views[0]
        depth = np.full(grey.shape, 0.5 + K[0, 2])  # the principal point comes back
        score = np.ones(grey.shape); score[0] = 0.0
        return depth, None, score, len(self.views)
class DepthmapCleaner:
    def __init__(self): self.depths = []
    def set_same_depth_threshold(self, t): pass
    def set_min_consistent_views(self, n): self.views = n
    def add_view(self, K, R, t, depth): self.depths.append(depth)
    def clean(self): return self.depths[0] + len(self.depths) * 10 + self.views * 100
"""


def test_disparities_lose_the_border_and_the_sixteenths(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text(CV2)
    given = {
        "left": pair.left, "right": pair.right, "most": np.array(16), "blocks": np.array([5, 9]),
        "filtered": np.array([True, False]),
    }  # fmt: skip
    answer = run_peer("sgbm", tmp_path, given, threads=1)
    assert answer["disparity"].shape == (2, H, W) and (answer["wall"] > 0).all()
    assert np.isnan(answer["disparity"][0, 0]).all()
    assert np.allclose(answer["disparity"][0, 1], 16 + np.arange(W))
    assert np.allclose(answer["disparity"][1, 1], 16.25 + np.arange(W))


def test_opensfm_gets_pixels_counted_from_a_centre_and_its_cleaner_the_same_views(tmp_path: Path) -> None:
    (tmp_path / "pydense.py").write_text(PYDENSE)
    given = {
        "grey": np.zeros((3, 6, 8), np.uint8), "lens": np.tile([10.0, 10.0, 4.0, 3.0], (3, 1)),
        "cam_from_world": np.tile(np.eye(4), (3, 1, 1)), "sources": np.array([[1, -1], [0, 2], [1, -1]]),
        "near": np.array(0.1), "far": np.array(50.0), "consistent": np.array(1),
    }  # fmt: skip
    raw = run_peer("opensfm", tmp_path, given, threads=1)["depth"]
    assert raw.shape == (3, 6, 8) and (raw[:, 0] == 0).all() and np.allclose(raw[:, 1:], 4.0)
    clean = run_peer("opensfm", tmp_path, {**given, "consistent": np.array(3)}, threads=1)["depth"]
    assert np.allclose(clean[:, 5, 5], [324.0, 334.0, 324.0])


def test_a_peer_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="pydense"):
        run_peer("opensfm", tmp_path, {"grey": np.zeros((1, 2, 2), np.uint8)}, threads=1)


@pytest.mark.parametrize("fetch", [downloads.aloe, downloads.motorcycle, downloads.opencv])
def test_a_package_that_cannot_be_had_is_said_and_nothing_is_left(
    fetch: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(command: list[str], **options: object) -> subprocess.CompletedProcess:
        return subprocess.CompletedProcess(command, 1, b"", b"Reading lists...\nE: no such package here\n")

    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(Unavailable, match="E: no such package here"):
        fetch()  # type: ignore[operator]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_picture_shows_truth_and_answers_with_wrong_pixels_marked(pair: Pair, tmp_path: Path) -> None:
    wrong = pair.disparity.copy()
    wrong[:10] += 3.0
    path = pictures.save_pair(tmp_path, pair, [Answer("ours", wrong, 1.0, 1.0)])
    picture = np.asarray(pictures.Image.open(path))
    assert picture.shape == (H, 3 * W, 3)
    assert (picture[:9, 2 * W : 2 * W + 50] == pictures.UNDECIDED).all()
    assert (picture[20:, 2 * W : 2 * W + 50] == picture[20:, W : W + 50]).all()
    assert (picture[:, W + 50] == pictures.GROUND).all()
