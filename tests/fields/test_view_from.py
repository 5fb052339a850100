"""Colour without the view until a share of the steps, then more and more of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.encodings import HashGrid
from neurfield.fields import Radiance
from neurfield.moment import END, Moment

GENERATOR = torch.Generator().manual_seed(0)
POINTS, FEATURE = torch.rand(20, 3, generator=GENERATOR), torch.randn(20, 5, generator=GENERATOR)
NORMAL, HERE, THERE = (normalize(torch.randn(20, 3, generator=GENERATOR), dim=1) for _ in range(3))


def radiance(view_from: float) -> Radiance:
    torch.manual_seed(1)
    grid = HashGrid(levels=2, log2_table_size=8, finest_resolution=32)
    return Radiance(grid, feature_dim=5, hidden=(16,), view_from=view_from)


def seen(color: Radiance, directions: Tensor) -> Tensor:
    return color(POINTS, FEATURE, NORMAL, color.encode_views(directions))


def learnt(color: Radiance) -> Radiance:
    """With numbers as after a fit in which views counted."""
    with torch.no_grad():
        color.layers[0].weight.normal_(generator=torch.Generator().manual_seed(2))
    return color


@pytest.mark.parametrize(
    ("view_from", "progress", "share"),
    [
        (0.0, 0.0, 1.0), (0.6, 0.0, 0.0), (0.6, 0.6, 0.0), (0.6, 0.7, 0.5), (0.6, 0.8, 1.0), (0.6, 1.0, 1.0),
        (0.9, 0.95, 0.5), (0.9, 1.0, 1.0), (1.0, 0.9, 0.0), (1.0, 1.0, 0.0),
    ],
)  # fmt: skip
def test_the_share_of_the_view(view_from: float, progress: float, share: float) -> None:
    color = learnt(radiance(view_from))
    color.at(Moment(0, progress))
    assert color.view_share == pytest.approx(share)
    assert torch.equal(seen(color, HERE), seen(color, THERE)) == (share == 0.0)


def test_by_default_nothing_changes() -> None:
    color = radiance(0.0)
    before = color.encode_views(HERE)
    color.at(Moment(0, 0.1))
    assert torch.equal(color.encode_views(HERE), before)
    assert color.layers[0].weight[:, -8:].abs().min() > 0


def test_a_colour_that_was_not_fitted_to_views_yet_does_not_depend_on_them() -> None:
    color = radiance(0.6)  # as one that is read back from a checkpoint of before: at the end of a fit
    assert color.view_share == 1.0 and torch.equal(seen(color, HERE), seen(color, THERE))
    color.at(Moment(0, 0.7))
    seen(color, HERE).sum().backward()
    of_views = color.layers[0].weight.grad[:, -8:]
    assert (of_views.abs().sum(dim=0) > 0).all()  # and learns it from then on


def test_the_end_of_a_fit_is_what_pictures_are_of() -> None:
    for view_from in (0.0, 0.6, 0.9, 1.0):
        color = radiance(view_from)
        made = color.view_share
        color.at(END)
        assert color.view_share == made
