"""Pictures that show nothing, or one and the same from all sides, end a fit before it begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.scenes import load_scene
from neurfield.scenes.check_pictures import findings_of_few
from tests.scenes.tiny_scenes import FOCAL, HEIGHT, WIDTH, room_cameras, write_transforms


@pytest.mark.parametrize(("level", "words"), [(0, "black"), (120, "of one colour")])
def test_pictures_that_show_nothing_end_a_fit(tmp_path: Path, level: int, words: str) -> None:
    cameras = room_cameras(6)
    noise = np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH, 3))
    write_transforms(tmp_path, cameras, {"fl_x": FOCAL}, lambda i: (level + noise).astype(np.uint8))
    (finding,) = findings_of_few(load_scene(tmp_path))
    assert finding.level == "error" and words in str(finding)


def test_the_same_picture_from_all_sides_ends_a_fit(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    write_transforms(tmp_path, room_cameras(6), {"fl_x": FOCAL}, lambda i: picture)
    (finding,) = findings_of_few(load_scene(tmp_path))
    assert finding.level == "error" and "all pictures are the same" in str(finding)


def dark(i: int) -> np.ndarray:
    coarse = np.random.default_rng(i).integers(0, 8, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def bright(i: int) -> np.ndarray:
    return np.random.default_rng(i).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def test_dark_pictures_and_others_go_on(tmp_path: Path) -> None:
    for name, paint in (("dark", dark), ("bright", bright)):
        write_transforms(tmp_path / name, room_cameras(6), {"fl_x": FOCAL}, paint)
        findings = list(findings_of_few(load_scene(tmp_path / name)))
        said = ["pictures are dark" in str(finding) for finding in findings if finding.level == "warn"]
        assert len(findings) == len(said) and said == ([True] if name == "dark" else [])
