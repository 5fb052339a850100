"""The pictures of a scene as a fit compares them, and a fit that does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.fitting.compared_views import compared_views
from neurfield.fitting.scene import SceneTask
from neurfield.inputs import fit
from neurfield.parts import load_config
from neurfield.scenes import Scene
from tests.fitting.conftest import SIZE, SMALL

FEW = (*SMALL, "points.fused_depth=off", "sampler.samples=0", "losses.patch_warp=0.1", "device=cpu")


def test_each_picture_is_compared_with_others_that_see_the_same(sphere_scene: Scene) -> None:
    views = compared_views(sphere_scene)
    n = len(sphere_scene)
    assert views.pictures.grey.shape == (n, SIZE, SIZE) and len(views.sources) == n
    compared = views.sources >= 0
    assert compared.any(dim=1).float().mean() > 0.5 and views.sources.max() < n
    assert not (views.sources == torch.arange(n)[:, None]).any()
    directions = torch.from_numpy(sphere_scene.cameras.view_directions)
    cosine = (directions[views.sources.clamp_min(0)] * directions[:, None]).sum(dim=2)
    assert cosine[compared].min() > 0.4  # never from the other side
    assert 0.0 < views.comparable <= 1.0


def test_it_knows_what_pictures_see_where_the_scene_does(sphere_scene: Scene) -> None:
    depth = compared_views(sphere_scene).depth
    assert depth is not None
    np.testing.assert_allclose(depth[3], sphere_scene.array("sensor_depth", 3), atol=1e-6)
    assert compared_views(sphere_scene.without("sensor_depth")).depth is None


def test_pictures_are_read_once_and_only_if_they_are_compared(
    sphere_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    monkeypatch.setattr(
        "neurfield.fitting.scene.compared_views",
        lambda scene, stereo: (reads.append(scene), compared_views(scene, stereo))[1],
    )
    for overrides, count in (
        (("losses.patch_warp=off",), 0),
        (("losses.again={part: patch_warp, weight: 1}",), 1),
    ):
        task = SceneTask(sphere_scene, load_config("neus", overrides=[*FEW, *overrides]), torch.device("cpu"))
        assert not reads
        task.prepare()
        assert len(reads) == count


def test_a_fit_that_compares_pictures_takes_steps(sphere_scene: Scene, tmp_path: Path) -> None:
    scene = sphere_scene.without("sensor_depth")
    more = (
        "losses.surface_bias=0.01",
        "points.stencils={}",
        "losses.stochastic_eikonal=0.1",
        "color.view_from=0.5",
        "polish.share=0",
    )
    run = fit(scene, "neus", steps=6, out=tmp_path, quiet=True, overrides=[*FEW, *more])
    losses = json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])["losses"]
    assert 0.0 < losses["patch_warp"] < 0.1
    assert {"surface_bias", "stochastic_eikonal"} <= losses.keys()
