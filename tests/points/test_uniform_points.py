"""Points anywhere in the box, and their neighbours."""

from __future__ import annotations

import torch

from neurfield.fitting.scene import _beside
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.points import Beside, Uniform

BOX = [-1.0, -0.5, 0.0, 1.0, 0.5, 0.2]
CPU = torch.device("cpu")


def moment() -> Moment:
    return Moment(0, 0.0, generator=torch.Generator().manual_seed(0))


def test_points_have_neighbours_where_they_are_asked_for() -> None:
    plain = Uniform(BOX, CPU, Beside(8, 0.01), count=50)
    assert "pairs" not in plain.offers and plain.sets(*plain.draw(moment()))["uniform"].beside is None
    paired = Uniform(BOX, CPU, Beside(8, 0.01), count=50, neighbours=True)
    one = paired.sets(*paired.draw(moment()))["uniform"]
    assert "pairs" in paired.offers and one.unit_slope and one.beside is not None
    off = (one.beside - one.points).abs()
    assert one.points.shape == (50, 3) and 0.005 < float(off.max()) <= 0.01
    # The points themselves are those that are drawn without neighbours.
    assert torch.equal(one.points, plain.draw(moment())[0])


def test_the_paper_s_preset_draws_as_many_neighbours_as_the_paper() -> None:
    config = load_config("monosdf-paper", "default")
    assert _beside(config).pairs == 1024 and config.many("points")["uniform"].numbers["neighbours"]
