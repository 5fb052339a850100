"""Priors as maps to fuse: thinned maps look along the same rays as whole ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.fusion import AlignedPriors, align_priors
from neurfield.points.aligned_maps import FINER, aligned_maps
from neurfield.scenes import Scene
from tests.fusion.test_align import FOCAL, SIZE, room_scene


@pytest.fixture(scope="module")
def aligned() -> tuple[Scene, AlignedPriors]:
    scene, _ = room_scene(8)
    return scene, align_priors(scene, scene.box)


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_a_thinned_map_holds_pixels_of_the_whole_one(
    aligned: tuple[Scene, AlignedPriors], stride: int
) -> None:
    scene, priors = aligned
    voxel = (stride + 0.5) * FINER * priors.typical_depth() / FOCAL
    frames = np.array([5, 2])
    maps = aligned_maps(scene, priors, frames, voxel)
    rows, columns = (np.arange(size)[stride // 2 :: stride] for size in SIZE)
    assert maps.depth.shape == (2, len(rows), len(columns)) and maps.normal is None
    for k, i in enumerate(frames.tolist()):
        prior = scene.prior_depth(i)
        assert prior is not None
        whole = priors.depth(i, prior)
        torch.testing.assert_close(maps.depth[k], whole[rows][:, columns])
        fx, fy, cx, cy = maps.lens[k]
        cameras = scene.cameras
        np.testing.assert_allclose(
            (np.arange(len(columns)) + 0.5 - cx) / fx, (columns + 0.5 - cameras.cx[i]) / cameras.fx[i]
        )
        np.testing.assert_allclose(
            (np.arange(len(rows)) + 0.5 - cy) / fy, (rows + 0.5 - cameras.cy[i]) / cameras.fy[i]
        )


def test_far_depth_and_ramps_count_less(aligned: tuple[Scene, AlignedPriors]) -> None:
    scene, priors = aligned
    maps = aligned_maps(scene, priors, np.arange(8), 1e-3)
    assert (maps.weight > 0).all()
    share = maps.weight * (maps.depth / priors.typical_depth()).square()  # what ramps leave of it
    assert float(share.max()) <= 1.0 + 1e-5 and float(share.median()) > 0.5
    depth, inner = maps.depth.log(), share[:, :, 3:-3]
    steep = (depth[:, :, 6:] - depth[:, :, :-6]).abs() > 0.12  # of a wall seen at an angle, over six pixels
    assert steep.any() and float(inner[steep].max()) < 0.9 < float(inner[~steep].max())
