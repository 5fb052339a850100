"""The hull of masks, and the stretch of each ray in which it may be met."""

from __future__ import annotations

import pytest
import torch

from neurfield.errors import UserError
from neurfield.stereo import scene_pictures, visual_hull
from neurfield.stereo.hull import _largest_around
from neurfield.stereo.ranges import search_of_hull
from tests.stereo import made


def mug():
    scene = made.mug("plain")
    views = scene_pictures(scene.scene(masks=True), 1024)
    return scene, views.pictures.halved(), visual_hull(views.pictures.halved(), scene.box)


def test_the_true_depth_lies_in_the_stretch_and_the_stretch_is_short() -> None:
    scene, pictures, hull = mug()
    size = float((scene.box[1] - scene.box[0]).max())
    assert hull.cell < size / 60
    held, thick = [], []
    for i in range(0, 24, 5):
        near, far = hull.depths(pictures, i)
        true = torch.from_numpy(scene.depth[i][1::2, 1::2].copy())
        both = (true > 0) & pictures.inside[i]
        held.append(((true >= near - 1e-6) & (true <= far + 1e-6))[both].float().mean())
        thick.append((far - near)[both].median())
        missed = far[~torch.from_numpy(scene.mask[i][::2, ::2].copy())] == 0
        assert missed.float().mean() > 0.8
    assert min(held) > 0.995 and max(thick) < size


def test_planes_between_first_and_last_are_those_in_the_stretch() -> None:
    _, pictures, hull = mug()
    references = torch.tensor([3, 7])
    search = search_of_hull(pictures, references.numpy(), hull)
    chosen = torch.tensor([1])
    planes = search.planes(chosen, 48)
    assert (planes.diff(dim=1) > 0).all()
    first, last = search.intervals(pictures, references, chosen, planes)
    near, far = hull.depths(pictures, 7)
    inside = pictures.inside[7] & (far > 0)
    assert (last[0][~pictures.inside[7]] < first[0][~pictures.inside[7]]).all()
    assert first.dtype == torch.int16 and (first[0][inside] <= last[0][inside]).all()
    step = float(planes[0, 1] - planes[0, 0])
    low, high = planes[0][first[0][inside].long()], planes[0][last[0][inside].long()]
    assert (low <= 1 / far[inside] + 1e-5).all() and (high >= 1 / near[inside] - 1e-5).all()
    assert (1 / far[inside] - low).max() <= step * 1.01 and (high - 1 / near[inside]).max() <= step * 1.01
    bounds = search.bounds(pictures, references, chosen)[0]
    assert (bounds[..., 1] < bounds[..., 0])[~pictures.inside[7]].all()
    assert torch.allclose(bounds[..., 0][inside], 1 / far[inside])


def test_masks_that_meet_nowhere_leave_nothing() -> None:
    scene, pictures, _ = mug()
    inside = torch.zeros_like(pictures.inside)
    inside[:, :2, :2] = True
    with pytest.raises(
        UserError, match=r"no place of the box \(.*\) to \(.*\) is inside the masks.*beside the object"
    ):
        visual_hull(type(pictures)(pictures.grey, pictures.lens, pictures.cam_from_world, inside), scene.box)


def test_one_bad_mask_in_many_cuts_nothing_away() -> None:
    scene, pictures, _ = mug()
    inside = pictures.inside.clone()
    inside[4] = False
    bad = type(pictures)(pictures.grey, pictures.lens, pictures.cam_from_world, inside)
    again = visual_hull(bad, scene.box)
    for i in (0, 12):
        near, far = again.depths(pictures, i)
        true = torch.from_numpy(scene.depth[i][1::2, 1::2].copy())
        both = (true > 0) & pictures.inside[i]
        assert ((true >= near) & (true <= far))[both].float().mean() > 0.98


@pytest.mark.parametrize("reach", [0, 1, 2, 3, 5])
def test_the_largest_around_is_that_of_a_square(reach: int) -> None:
    values = torch.rand(9 + 2 * reach, 7 + 2 * reach, generator=torch.Generator().manual_seed(reach))
    found = _largest_around(values, reach)
    wanted = torch.nn.functional.max_pool2d(values[None, None], 2 * reach + 1, stride=1)[0, 0]
    assert torch.equal(found, wanted)
