"""The volume to start from counts fully, then less, then not at all; and never more than fully."""

from __future__ import annotations

import pytest

from neurfield.errors import UserError
from neurfield.moment import Moment
from tests.points.test_true_volume import source


@pytest.mark.parametrize(("alone", "until"), [(0.25, 0.0), (0.1, 0.4), (0.3, 0.3), (0.3, 0.2), (0.0, 0.5)])
def test_a_volume_never_counts_more_than_fully_nor_less_than_nothing(alone: float, until: float) -> None:
    of = source()
    of._alone, of.until = alone, until  # also what no file may say
    held = [of.hold(Moment(0, progress / 100.0)) for progress in range(101)]
    assert all(0.0 <= h <= 1.0 for h in held) and held == sorted(held, reverse=True)
    assert held[0] == 1.0 and held[-1] == (1.0 if until == 0.0 else 0.0)


@pytest.mark.parametrize(("alone", "until"), [(0.3, 0.3), (0.3, 0.2), (0.25, 0.1)])
def test_a_volume_that_would_be_gone_before_rays_come_is_refused(alone: float, until: float) -> None:
    with pytest.raises(UserError, match=r"until.*above alone, or to 0") as caught:
        source(alone=alone, until=until)
    assert "\n" not in str(caught.value)
    source(alone=alone, until=0.0)
