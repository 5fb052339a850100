"""Plain regions: planes from their rims, and those that nothing decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.stereo import complete_planes
from neurfield.stereo.planar import regions

H, W = 60, 80
ROWS, COLUMNS = np.mgrid[:H, :W]
FIT = (0.5, 0.001, -0.002)
PLANE = FIT[0] + FIT[1] * COLUMNS + FIT[2] * ROWS


def picture(box=(15, 45, 20, 60), grey=180.0, shade=0.05):
    """A plain rectangle in texture: grey, kappa, and exact planes everywhere but in the rectangle."""
    rng = np.random.default_rng(0)
    levels = rng.uniform(40, 220, (H, W))
    plain = np.zeros((H, W), bool)
    plain[box[0] : box[1], box[2] : box[3]] = True
    levels = np.where(plain, grey + shade * COLUMNS, levels)
    kappa = np.where(plain, 0.01, 0.9)
    planes = np.stack([PLANE, np.full((H, W), FIT[1]), np.full((H, W), FIT[2])], axis=2)
    planes[plain] = 0.0
    return (
        torch.from_numpy(levels).byte(),
        torch.from_numpy(kappa).float(),
        torch.from_numpy(planes).float(),
        plain,
    )


def complete(grey, kappa, planes, inside=None, alone=False, seed=0):
    return complete_planes(grey, kappa, planes, inside, object_alone=alone, seed=seed)


def test_a_plain_region_takes_the_plane_of_its_rim() -> None:
    grey, kappa, planes, plain = picture()
    done = complete(grey, kappa, planes)
    filled = done.planes.numpy()
    assert (filled[..., 0] > 0).sum() > 0.9 * plain.sum() and not (filled[..., 0] > 0)[~plain].any()
    at = filled[..., 0] > 0
    assert np.abs(filled[..., 0] / PLANE - 1)[at].max() < 2e-3
    assert np.abs(filled[at][:, 1:] - FIT[1:]).max() < 2e-4 and not done.undecided.any()


def test_matches_that_are_off_do_not_tilt_it() -> None:
    grey, kappa, planes, _ = picture()
    wild = torch.from_numpy(np.random.default_rng(1).random((H, W)) < 0.3) & (planes[..., 0] > 0)
    off = torch.from_numpy(np.random.default_rng(2).uniform(1.1, 1.6, (H, W))).float()
    planes[..., 0] = torch.where(wild, off * planes[..., 0], planes[..., 0])
    filled = complete(grey, kappa, planes).planes.numpy()
    at = filled[..., 0] > 0
    assert at.any() and np.abs(filled[..., 0] / PLANE - 1)[at].max() < 0.01


def test_two_planes_meet_in_a_region_and_each_pixel_takes_the_nearer_rims() -> None:
    grey, kappa, planes, plain = picture()
    right = 0.5 + 0.001 * 40 - 0.004 * (COLUMNS - 40) - 0.002 * ROWS
    truth = np.where(COLUMNS < 40, PLANE, right)
    planes[..., 0] = torch.where(planes[..., 0] > 0, torch.from_numpy(truth).float(), torch.zeros(()))
    filled = complete(grey, kappa, planes).planes.numpy()[..., 0]
    error = np.abs(filled / truth - 1)[plain & (filled > 0)]
    assert (filled > 0)[plain].mean() > 0.9 and (error < 0.01).mean() > 0.85


def test_a_rim_that_is_not_planar_decides_nothing() -> None:
    grey, kappa, planes, plain = picture()
    planes[..., 0] = torch.where(
        planes[..., 0] > 0,
        torch.from_numpy(np.random.default_rng(2).uniform(0.2, 1, (H, W))).float(),
        torch.zeros(()),
    )
    done = complete(grey, kappa, planes)
    assert (
        not done.planes.any()
        and done.undecided.numpy()[plain].mean() > 0.9
        and not done.undecided.numpy()[~plain].any()
    )


def test_a_rim_on_one_side_is_not_enough() -> None:
    grey, kappa, planes, plain = picture()
    planes[:, 15:] = 0.0
    done = complete(grey, kappa, planes)
    assert not done.planes.any() and done.undecided.numpy()[plain].mean() > 0.9


def test_what_goes_on_beyond_the_picture_is_left_alone() -> None:
    grey, kappa, planes, plain = picture(box=(0, 40, 0, 80))
    done = complete(grey, kappa, planes)
    assert not done.planes.any() and done.undecided.numpy()[plain].mean() > 0.9


def test_black_is_undecided_even_where_something_was_matched() -> None:
    grey, kappa, planes, plain = picture(grey=2.0, shade=0.0)
    lid = np.stack([PLANE, 0 * PLANE, 0 * PLANE], axis=2)
    planes = torch.where(torch.from_numpy(plain)[..., None], torch.from_numpy(lid).float(), planes)
    done = complete(grey, kappa, planes)
    assert done.undecided.numpy()[plain].mean() > 0.9 and not done.planes.any()


def test_one_colour_is_undecided_on_an_object_and_a_wall_in_a_room() -> None:
    grey, kappa, planes, plain = picture(grey=180.0, shade=0.0)
    assert complete(grey, kappa, planes, alone=True).undecided.numpy()[plain].mean() > 0.9
    room = complete(grey, kappa, planes)
    assert not room.undecided.any() and room.planes.any()


def test_shading_is_not_one_colour() -> None:
    grey, kappa, planes, plain = picture(shade=0.4)
    assert (complete(grey, kappa, planes, alone=True).planes[..., 0] > 0).numpy()[plain].mean() > 0.8


def test_regions_end_at_steps_and_masks_and_are_not_small() -> None:
    grey, kappa, _, plain = picture()
    labels, count = regions(grey.numpy().astype(np.float32), kappa.numpy(), np.ones((H, W), bool))
    assert count == 1 and (labels > 0)[plain].mean() > 0.9 and not labels[~plain].any()
    stepped = grey.numpy().astype(np.float32)
    stepped[plain & (COLUMNS >= 40)] += 10
    assert regions(stepped, kappa.numpy(), np.ones((H, W), bool))[1] == 2
    assert regions(grey.numpy().astype(np.float32), kappa.numpy(), COLUMNS < 24)[1] == 0


def test_the_same_seed_gives_the_same_planes() -> None:
    grey, kappa, planes, _ = picture()
    first, second = complete(grey, kappa, planes, seed=3), complete(grey, kappa, planes, seed=3)
    assert torch.equal(first.planes, second.planes)


@pytest.mark.parametrize("object_alone", [True, False])
def test_black_among_black_is_undecided_whatever_was_matched_there(object_alone: bool) -> None:
    grey = torch.full((40, 40), 90, dtype=torch.uint8)
    black = torch.randint(0, 4, (20, 20), generator=torch.Generator().manual_seed(0))
    grey[10:30, 10:30] = black.to(torch.uint8)  # with noise, so that it is no region of one colour
    planes = torch.zeros(40, 40, 3)
    planes[..., 0] = 0.5
    inside = torch.ones(40, 40, dtype=torch.bool)
    done = complete_planes(grey, torch.ones(40, 40), planes, inside, object_alone=object_alone, seed=0)
    expected = torch.zeros(40, 40, dtype=torch.bool)
    expected[12:28, 12:28] = object_alone  # two pixels from what is not black
    assert torch.equal(done.undecided, expected) and not done.planes.any()
