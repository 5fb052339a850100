"""A level is a level: a constant added to the field and to the level changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

from neurfield.surfaces import extract_level_set

BOX = np.array([[-1.0, -1.1, -0.9], [1.0, 1.2, 1.0]])


def test_a_field_far_from_zero_is_extracted_as_well() -> None:
    def sphere(points: Tensor) -> Tensor:
        return points.norm(dim=1)

    for voxel in (0.01, 0.05):  # the finer of which begins with coarse blocks
        plain, faces = extract_level_set(sphere, BOX, voxel, level=0.5)
        moved, moved_faces = extract_level_set(lambda p: sphere(p) + 8.0, BOX, voxel, level=8.5)
        assert len(faces) > 500 and len(moved_faces) == pytest.approx(len(faces), rel=0.01)
        for vertices in (plain, moved):
            np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 0.5, atol=voxel**2)
