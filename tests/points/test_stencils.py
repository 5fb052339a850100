"""Crosses of points, and the slope that is measured over them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.losses.of_points import stochastic_eikonal
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.points import AskedPoints, PointSet, Stencils

BOX = [-1.0, -0.6, -0.2, 1.0, 0.5, 0.3]
CPU = torch.device("cpu")


def crosses(box: list[float] = BOX, **numbers: float) -> PointSet:
    source = Stencils(box, CPU, **numbers)  # type: ignore[arg-type]
    moment = Moment(0, 0.5, generator=torch.Generator().manual_seed(0))
    return source.sets(*source.draw(moment))["stencils"]


def asked(points: PointSet, sdf: Tensor) -> Seen:
    return Seen(Moment(0, 0.5), points={"stencils": AskedPoints(points.columns, {}, sdf, None)})


@pytest.mark.parametrize("box", [BOX, [-1.0, -0.02, -1.0, 1.0, 0.02, 1.0]])
def test_they_lie_in_the_box_and_are_of_many_sizes(box: list[float]) -> None:
    found = crosses(box, count=500)
    low, high = torch.tensor(box).view(2, 3)
    assert ((found.points >= low - 1e-6) & (found.points <= high + 1e-6)).all()
    arm = found.columns["arm"].view(-1, 6)
    assert (arm == arm[:, :1]).all() and arm.min() >= 1.0 / 8192.0 and arm.max() <= 0.1
    assert arm.std() > 0.2 * arm.mean()
    ends = found.points.view(-1, 3, 2, 3)
    middle = ends.mean(dim=2)
    torch.testing.assert_close(middle[:, 0], middle[:, 2])
    torch.testing.assert_close((ends[:, :, 0] - ends[:, :, 1]).norm(dim=2), 2.0 * arm[:, :3])
    assert (middle[:, 0].amax(dim=0) - middle[:, 0].amin(dim=0) > 0.7 * (high - low - 0.2)).all()


def test_a_field_of_another_slope_than_one_pays() -> None:
    found = crosses()
    for slope, error in ((1.0, 0.0), (3.0, 4.0), (0.0, 1.0)):
        sdf = slope * (found.points @ torch.tensor([0.6, 0.0, -0.8])) + 0.3
        assert stochastic_eikonal(asked(found, sdf)).item() == pytest.approx(error, abs=1e-4)


def test_waves_that_are_shorter_than_a_cross_are_not_seen_by_it() -> None:
    fine = 1e-3 * torch.tensor([1.0, 0.0, 0.0])
    narrow, wide = crosses(least=1e-4, largest=2e-4), crosses(least=0.08, largest=0.1)
    losses = []
    for found in (narrow, wide):
        x = found.points[:, 0]
        losses.append(stochastic_eikonal(asked(found, x + fine[0] * torch.sin(x / 1e-3))).item())
    assert losses[0] > 0.3 and losses[1] < 0.02 * losses[0]


def test_it_is_differentiable() -> None:
    found = crosses(count=7)
    sdf = (2.0 * found.points[:, 0]).requires_grad_()
    stochastic_eikonal(asked(found, sdf)).backward()
    assert sdf.grad is not None and sdf.grad.isfinite().all() and bool(sdf.grad.any())


def test_numbers_that_do_not_fit_are_named() -> None:
    with pytest.raises(UserError, match=r"'points\.stencils': least 0\.2 is above largest 0\.1"):
        load_config("neus", overrides=["points.stencils.least=0.2"])
