"""Names of instances, and which part of the true surface each is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.scenes import load_scene
from neurfield.scenes.instances import instance_names, instance_truth
from tests.fitting.two_spheres import BALLS, ROOM, write_two_balls


def test_each_part_of_the_truth_is_an_instance(tmp_path: Path) -> None:
    scene = load_scene(write_two_balls(tmp_path / "balls", frames=3))
    truth, names = instance_truth(scene), instance_names(scene)
    assert set(truth) == {0, 5, 9} and names[5] == "red ball"
    assert len(truth[0].vertices) < 700 and np.ptp(truth[0].bounds) == pytest.approx(2 * ROOM, rel=0.01)
    for instance, (centre, radius) in BALLS.items():
        distance = np.linalg.norm(truth[instance].vertices - centre, axis=1)
        np.testing.assert_allclose(distance, radius, rtol=1e-4)


def test_what_is_not_there_is_nothing_and_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    folder = write_two_balls(tmp_path / "balls", frames=3)
    scene = load_scene(folder)
    np.savez(folder / "instances.npz", face_instance=np.zeros(7, np.int32), names=np.array(["a"]))
    with pytest.raises(UserError, match="whose 7 faces are"):
        instance_truth(scene)
    (folder / "instances.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="not readable as instances"):
        instance_names(scene)
    (folder / "instances.npz").unlink()
    assert instance_truth(scene) == {} and instance_names(scene) == {}
