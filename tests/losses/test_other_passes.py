"""Losses on a pass that does not lead, and on channels of the one that does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from neurfield.losses import of_pixels, of_priors
from neurfield.losses.seen import RaysSeen, Seen
from neurfield.moment import Moment
from neurfield.pixels import Pixels
from neurfield.rays import Rays

RAYS = 12


def seen(leading_opacity: float, other_opacity: float, compared: torch.Tensor | None = None) -> Seen:
    """A leading pass that agrees with the priors, and another one that does not."""
    generator = torch.Generator().manual_seed(0)
    depth = 1.0 + torch.rand(RAYS, generator=generator)
    normal = torch.nn.functional.normalize(torch.randn(RAYS, 3, generator=generator), dim=1)
    none, one = torch.zeros(RAYS, 3), torch.ones(RAYS)
    rays, camera = Rays(none, none, 0.0 * one, one, one), torch.zeros(RAYS, dtype=torch.int64)
    known = {"prior_depth": 0.5 * depth + 0.1, "prior_normal": normal, "rgb": none}
    direct = torch.arange(3.0 * RAYS).view(RAYS, 3) / (3.0 * RAYS)
    passes: Any = {
        "surface": SimpleNamespace(
            rgb=none, distance=depth, normal=normal, opacity=leading_opacity * one,
            channels={"direct": direct},
        ),
        "other": SimpleNamespace(
            rgb=none, distance=depth + 0.3 * depth.square().sin(), normal=normal.flip(1),
            opacity=other_opacity * one, channels={},
        ),
    }  # fmt: skip
    of: Any = None
    pixels = Pixels(rays, camera, camera, 1, known)
    return Seen(Moment(0, 0.0), of_rays=RaysSeen(pixels, of, of, passes, 0.1, compared=compared))


@pytest.mark.parametrize("loss", [of_priors.prior_depth, of_priors.prior_normal])
def test_a_pass_does_not_escape_priors_by_being_transparent(loss: Any) -> None:
    """Where the leading pass has a surface, all passes are compared; elsewhere none is."""
    opaque = loss(seen(1.0, 1.0), at="other")
    assert opaque > 0.01 and loss(seen(1.0, 1.0), at="surface") < 1e-5
    torch.testing.assert_close(loss(seen(1.0, 0.05), at="other"), opaque)
    assert loss(seen(0.05, 1.0), at="other") == 0.0


def test_direct_colours_are_those_of_the_channel() -> None:
    half = (torch.arange(RAYS) % 2).bool()
    mean = of_pixels.direct_color(seen(1.0, 1.0))
    torch.testing.assert_close(mean, torch.arange(3.0 * RAYS).mean() / (3.0 * RAYS))
    some = of_pixels.direct_color(seen(1.0, 1.0, compared=half))
    torch.testing.assert_close(some, mean + 1.5 / (3.0 * RAYS))
    assert of_pixels.color(seen(1.0, 1.0)) == 0.0
