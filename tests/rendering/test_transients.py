"""Masks of what only some pictures show: what they learn, what they begin with, and when they are used."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.pixels import Patches, Pixels
from neurfield.rays import Rays
from neurfield.rendering import Dual
from neurfield.rendering.residuals import Residuals
from neurfield.rendering.transients import SHARE
from neurfield.scenes import Cameras

CPU, BOX = torch.device("cpu"), [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]
PICTURES, ROWS, COLUMNS = 8, 24, 32


def cameras() -> Cameras:
    return Cameras(np.tile(np.eye(4), (PICTURES, 1, 1)), 30.0, 30.0, 16.0, 12.0, COLUMNS, ROWS)


def dual(found: Any = None, **numbers: Any) -> Dual:
    made = Dual(cameras(), lambda _: found, BOX, CPU, **numbers)
    made.prepare()
    return made


def told(transient: Tensor, compared: Tensor | None = None) -> SimpleNamespace:
    compared = torch.ones_like(transient) if compared is None else compared
    share = float((transient & compared).sum() / compared.sum())
    return SimpleNamespace(transient=transient, compared=compared, share=share)


def pixels_in(patch: Tensor) -> Pixels:
    none = torch.zeros(len(patch), 3)
    zero = none[:, 0]
    rays = Rays(none, none, zero, zero, zero)
    return Pixels(rays, patch // (ROWS * COLUMNS), 0 * patch, 1, {"patch": patch})


def moment(step: int, progress: float = 0.5) -> Moment:
    return Moment(step, progress, generator=torch.Generator().manual_seed(step))


BLOB, FINE = (slice(6, 16), slice(8, 20)), (slice(18, 22), slice(2, 30))


def taught(made: Dual, steps: int = 60, each: int = 2000) -> tuple[Tensor, Tensor]:
    """Residuals of some steps: all pictures show one wall, badly where it is fine; before picture 2 stands
    somebody. Returns where they stand and where it is fine, bool [n, rows, columns]."""
    blob, fine = torch.zeros(2, PICTURES, ROWS, COLUMNS, dtype=torch.bool).unbind(0)
    blob[(2, *BLOB)], fine[(slice(None), *FINE)] = True, True
    generator = torch.Generator().manual_seed(0)
    adam = torch.optim.Adam(made.parameters(), lr=0.1, betas=(0.9, 0.99))
    for step in range(steps):
        patch = torch.randint(blob.numel(), (each,), generator=generator)
        residual = 0.03 * torch.rand(each, generator=generator)
        residual += torch.where(fine.flatten()[patch], 0.2 * torch.rand(each, generator=generator), 0.0)
        residual += torch.where(
            blob.flatten()[patch], 0.15 + 0.2 * torch.rand(each, generator=generator), 0.0
        )
        within = patch % (ROWS * COLUMNS)
        place = torch.stack([within % COLUMNS / COLUMNS, within // COLUMNS / ROWS, 0.0 * within], dim=1) - 0.5
        valid = torch.ones(each, dtype=torch.bool)
        adam.zero_grad()
        made.learn(pixels_in(patch), residual, place, valid, moment(step)).backward()
        adam.step()
    return blob, fine


@pytest.mark.parametrize("masks", ["hard", "soft", "both"])
def test_somebody_in_one_picture_is_left_out_and_what_is_fine_in_all_is_not(masks: str) -> None:
    made = dual(masks=masks)
    blob, fine = taught(made)
    left_out = made.left_out() > 0.5
    assert (left_out & blob).sum() > 0.9 * blob.sum()
    assert (left_out & blob).sum() > 0.9 * left_out.sum()
    assert not (left_out & fine).any()


def test_without_the_residual_of_other_pictures_what_is_fine_is_left_out() -> None:
    """So the test above can fail: a line that is the same everywhere lies below half of what is fine."""
    made = dual(masks="hard", ratio=0.0)
    _, fine = taught(made)
    assert (made.hard() & fine).sum() > 0.5 * fine.sum()


def test_masks_begin_with_what_pictures_tell_and_residuals_can_overturn_it() -> None:
    wrong = torch.zeros(PICTURES, ROWS, COLUMNS, dtype=torch.bool)
    wrong[5, :10, :10] = True
    made = dual(told(wrong), when="measured")
    assert made.learns and "in 1 of 8 pictures" in made.words and "(transients.dual)" in made.words
    inner = torch.zeros_like(wrong)
    inner[5, :9, :9] = True
    assert made.hard()[inner].all() and (made.soft_mask()[inner] < 0.1).all()
    assert not made.hard()[~wrong].any() and (made.soft_mask()[[0, 1, 2]] > 0.9).all()
    blob, _ = taught(made)
    left_out = made.left_out() > 0.5
    assert (left_out & wrong).sum() < 0.1 * wrong.sum() and (left_out & blob).sum() > 0.9 * blob.sum()


def test_nothing_is_learnt_before_its_time_or_of_what_cannot_be_compared() -> None:
    made = dual()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    patch = torch.arange(500)
    one = torch.ones(500)
    for valid, at in ((one > 0, 0.39), (one > 2, 0.5)):
        loss = made.learn(pixels_in(patch), one, torch.zeros(500, 3), valid, moment(3, at))
        loss.backward()
        assert made.soft.grad is not None and not made.soft.grad.any() and float(loss.detach()) == 0.0
        assert all(torch.equal(before[name], tensor) for name, tensor in made.state_dict().items())


def test_hard_and_soft_take_turns_or_one_field_each() -> None:
    patch = torch.arange(PICTURES * ROWS * COLUMNS)

    def kept(made: Dual, step: int, second: bool = False) -> Tensor:
        with torch.no_grad():  # the soft one leaves out half at random, the hard one the last picture
            made.soft.zero_()
            made.residuals.patch[:] = torch.tensor([0.0, 0.0, 4.0])[:, None]
            made.residuals.patch[0, -ROWS * COLUMNS :] = 4.0
        found = made.kept(pixels_in(patch), moment(step), second)
        assert torch.equal(found, made.kept(pixels_in(patch), moment(step), second))
        return found

    def is_hard(found: Tensor) -> bool:
        hard = patch < (PICTURES - 1) * ROWS * COLUMNS
        if torch.equal(found, hard):
            return True
        assert 0.4 < found.float().mean() < 0.6
        return False

    assert [is_hard(kept(dual(), step)) for step in range(4)] == [True, False, True, False]
    assert [is_hard(kept(dual(masks="hard"), step)) for step in range(2)] == [True, True]
    assert [is_hard(kept(dual(masks="soft"), step)) for step in range(2)] == [False, False]
    two = dual(partner="field")
    assert [is_hard(kept(two, s, second)) for s in (0, 1) for second in (False, True)] == [True, False] * 2


@pytest.mark.parametrize(("share", "learns"), [(0.0, False), (0.5 * SHARE, False), (2.0 * SHARE, True)])
def test_measured_they_are_only_where_enough_is_contradicted(share: float, learns: bool) -> None:
    transient = torch.zeros(PICTURES, ROWS, COLUMNS, dtype=torch.bool)
    transient.view(-1)[: round(share * transient.numel())] = True
    made = dual(told(transient), when="measured")
    assert made.learns == learns and bool(made.words) == learns
    assert dual(told(transient)).learns
    assert dual().learns and not dual(when="measured").learns
    blank = dual(when="measured").state_dict()
    if not learns:
        assert all(torch.equal(blank[name], tensor) for name, tensor in made.state_dict().items())


def test_what_is_loaded_has_begun() -> None:
    def never(_: Patches) -> Any:
        raise AssertionError("pictures are not matched again")

    transient = torch.zeros(PICTURES, ROWS, COLUMNS, dtype=torch.bool)
    transient[0] = True
    for first in (dual(told(transient), when="measured"), dual(when="measured")):
        again = Dual(cameras(), never, BOX, CPU, when="measured")
        again.load_state_dict(first.state_dict())
        again.prepare()
        assert again.learns == first.learns and torch.equal(again.hard(), first.hard())


def test_residuals_of_a_place_are_of_all_pictures_and_none_outweighs_the_others() -> None:
    residuals = Residuals(4, BOX, CPU)
    place = torch.zeros(4, 3)
    valid = torch.ones(4, dtype=torch.bool)
    values = torch.tensor([0.01, 0.02, 0.03, 5.0])
    expected = residuals.take_in(torch.arange(4), values, place, valid, valid)
    torch.testing.assert_close(expected, torch.full((4,), (0.06 + 0.2) / 4))
    torch.testing.assert_close(residuals.patch[0], values)
    outside = torch.tensor([[9.0, 9.0, 9.0], [torch.nan, 0.0, 0.0], [-9.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    found = residuals.take_in(torch.arange(4), values, outside, valid, valid)
    assert found.isfinite().all() and residuals.patch.isfinite().all()
    residuals.take_in(torch.arange(4), values, place, ~valid, ~valid)
    torch.testing.assert_close(residuals.patch[2], torch.full((4,), 1.9))


def test_the_soft_mask_keeps_as_often_as_it_says() -> None:
    made = dual(masks="soft")
    with torch.no_grad():
        made.soft.view(PICTURES, -1)[0], made.soft.view(PICTURES, -1)[1] = -1.0, 0.125  # sigmoid(1): 0.73
    patch = torch.arange(PICTURES * ROWS * COLUMNS)
    kept = torch.stack([made.kept(pixels_in(patch), moment(step)) for step in range(20)]).float()
    shares = kept.view(20, PICTURES, -1).mean(dim=(0, 2))
    assert shares[0] < 0.01 and 0.7 < shares[1] < 0.76 and (shares[2:] > 0.97).all()
