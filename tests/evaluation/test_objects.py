"""An object is measured within its own box, as seen and as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.evaluation import evaluate_object
from neurfield.evaluation.objects import cropped
from neurfield.scenes import Cameras


def ball(radius: float = 0.3, x: float = 0.0) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    mesh.apply_translation([x, 0.0, 2.0])
    return mesh


def camera() -> Cameras:
    """One at the origin that looks along z."""
    return Cameras(np.eye(4)[None], 50.0, 50.0, 32.0, 32.0, 64, 64)


def test_the_same_is_perfect_and_what_lies_beyond_its_box_does_not_count() -> None:
    both = trimesh.util.concatenate([ball(), ball(x=3.0)])
    found = evaluate_object(both, ball(), camera(), samples=2000)
    assert found == {
        "f_score@0.05": 1.0, "f_score@0.01": 1.0, "whole_f_score@0.05": 1.0, "whole_f_score@0.01": 1.0
    }  # fmt: skip
    whole = cropped(both, ball().bounds, 0.05)
    assert whole is not None and len(whole.faces) == len(ball().faces)


def test_a_side_that_no_picture_shows_counts_in_the_whole_alone() -> None:
    half = ball()
    half.update_faces(half.triangles_center[:, 2] < 2.0)  # what faces the camera
    found = evaluate_object(half, ball(), camera(), samples=4000)
    assert found is not None
    assert found["f_score@0.01"] > 0.97 and found["whole_f_score@0.01"] == pytest.approx(2 / 3, abs=0.03)


def test_what_is_two_centimetres_off_counts_at_five_alone() -> None:
    found = evaluate_object(ball(0.32), ball(), None, samples=2000)
    assert found is not None and found["f_score@0.05"] == 1.0 and found["f_score@0.01"] == 0.0


def test_nothing_there_is_zero_and_nothing_seen_is_not_measured() -> None:
    for mesh in (None, ball(x=5.0)):
        found = evaluate_object(mesh, ball(), camera(), samples=500)
        assert found is not None and set(found.values()) == {0.0}
    assert evaluate_object(ball(x=9.0), ball(x=9.0), camera(), samples=500) is None
    hidden = ball()
    hidden.update_faces(hidden.triangles_center[:, 2] > 2.0)  # the far side, seen from within
    assert evaluate_object(hidden, ball(), camera(), samples=2000) is not None
