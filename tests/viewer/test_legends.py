"""What colours of a screenshot mean stands on it."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.viewer.content import Content
from neurfield.viewer.layers import Layer, triangles_of
from neurfield.viewer.legends import with_legends
from neurfield.viewer.offscreen import _scales
from neurfield.viewer.palettes import Scale

ERROR = Scale(0.0, 0.05, "m", "distance to the true surface")
FIELD = Scale(-0.2, 0.2, "m", "the field", two_sided=True)


@pytest.mark.parametrize("size", [(1280, 800), (640, 400), (200, 120), (16, 16)])
def test_each_scale_is_drawn_and_the_rest_stays(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, (10, 200, 10))
    one, both = (np.asarray(with_legends(picture, scales)) for scales in ([ERROR], [ERROR, FIELD]))
    assert one.shape == both.shape == (size[1], size[0], 3)
    changed = [(drawn != np.asarray(picture)).any(axis=2) for drawn in (one, both)]
    assert changed[0].any() and changed[1].sum() >= changed[0].sum()
    if size[0] >= 640:
        assert changed[1].sum() > 1.5 * changed[0].sum()
        assert not changed[1][:, size[0] // 2 :].any() and not changed[1][: size[1] // 2].any()
        # The ends of both strips are there, exactly.
        for scale in (ERROR, FIELD):
            for color in scale.colors(np.array([scale.low, scale.high])):
                assert (both == color).all(axis=2).any(), scale
    assert with_legends(picture, []) == picture


def test_scales_are_those_of_layers_that_are_drawn() -> None:
    ball = triangles_of(trimesh.creation.icosphere(1), np.zeros(3))
    painted = ball.painted(np.zeros((len(ball.vertices), 3), np.uint8), ERROR)
    layers = Layer("surface", lambda: ball, on=True), Layer("error", lambda: painted)
    content = Content("ball", layers, np.array([[-1.0] * 3, [1.0] * 3]), "outside", np.array([0.0, 0.0, 1.0]))
    assert _scales(content, None) == [] and _scales(content, ("error",)) == [ERROR]
