"""A volume that is true costs a true field nothing; how much it counts follows its schedule."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from neurfield.config import Config, load_config
from neurfield.fields import SDFField
from neurfield.fitting.volume_losses import SMOOTH_STEP, draw_points, volume_losses
from neurfield.fitting.warm_start import VolumePoints
from tests.fitting.round_scenes import ExactField

RADIUS, BAND, FREE_HALF = 0.6, 0.05, 0.04


def exact(radius: float = RADIUS) -> Any:
    return ExactField(SDFField(hidden=(16,)), radius, inside=False)


def volume(count: int = 2000) -> VolumePoints:
    """Points around a sphere, half of them trusted twice as much as the others, and free cubes outside it."""
    random = torch.Generator().manual_seed(0)
    normal = normalize(torch.randn(count, 3, generator=random), dim=1)
    sdf = BAND * (2.0 * torch.rand(count, generator=random) - 1.0)
    weight = torch.where(torch.arange(count) % 2 == 0, 1.0, 0.5)
    free = 0.8 * normalize(torch.randn(300, 3, generator=random), dim=1)
    return VolumePoints(
        points=(RADIUS + sdf)[:, None] * normal, sdf=sdf, weight=weight, normal=normal, normal_weight=weight,
        band=BAND, free=free, free_half=FREE_HALF, words="a sphere",
    )  # fmt: skip


def config(*overrides: str) -> Config:
    plain = (
        "loss.fused_sdf=1",
        "loss.fused_free=1",
        "loss.fused_normal=1",
        "loss.eikonal=1",
        "loss.smooth=1",
    )
    return load_config("neus", overrides=[*plain, "warm.points=500", "warm.free_points=200", *overrides])


def losses(field: Any, settings: Config, progress: float = 0.0) -> dict[str, float]:
    known, random = volume(), torch.Generator().manual_seed(1)
    drawn = draw_points(known, settings, progress, random)
    if not drawn:
        return {}
    return {k: float(v) for k, v in volume_losses(field, known, settings, progress, *drawn).items()}


def test_the_true_field_costs_nothing() -> None:
    found = losses(exact(), config())
    assert set(found) == {"fused_sdf", "fused_free", "fused_normal", "eikonal", "smooth"}
    assert found.pop("smooth") < 1.1 * 2.0 * SMOOTH_STEP / RADIUS  # the sphere itself turns a little
    assert max(found.values()) < 1e-5


def test_another_field_costs_what_it_is_off() -> None:
    found = losses(exact(RADIUS - 0.02), config())
    assert found["fused_sdf"] == pytest.approx(0.02 / BAND, rel=1e-3) and found["fused_normal"] < 1e-5
    inside_out = exact()
    inside_out.sign = -1.0
    found = losses(inside_out, config())
    assert found["fused_normal"] > 3.0 and found["fused_free"] > 3.0


def test_free_space_keeps_half_a_cubes_half_from_the_surface() -> None:
    # Every free point is at least 0.8 - sqrt(3) * 0.04 from the middle.
    nearest = 0.8 - 3.0**0.5 * FREE_HALF
    assert losses(exact(nearest - 0.5 * FREE_HALF), config())["fused_free"] == 0.0
    found = losses(exact(0.8), config())["fused_free"]  # half of the points within, half without
    assert 0.7 < found < 1.4


def test_neighbours_lie_within_a_small_cube() -> None:
    asked = []
    field = exact()
    query = field.query
    field.query = lambda points, gradient=False: asked.append(points) or query(points, gradient)
    losses(field, config())
    points, near = asked[0], 1000  # twice the points while alone
    pairs = len(points) - near - 200
    apart = (points[near + 200 :] - points[:pairs]).abs()
    assert apart.max() <= SMOOTH_STEP * 1.001 and apart.max() > 0.95 * SMOOTH_STEP
    assert apart.mean() == pytest.approx(SMOOTH_STEP / 2, rel=0.05)


def test_what_is_drawn_is_of_the_volume() -> None:
    known, random = volume(), torch.Generator().manual_seed(0)
    index, free, _ = draw_points(known, config(), 0.9, random)
    assert len(index) == 500 and len(free) == 200
    assert index.min() >= 0 and index.max() < len(known.points)
    middle = (free[:, None] - known.free[None]).abs().amax(dim=2).amin(dim=1)
    assert middle.max() <= FREE_HALF and middle.max() > 0.9 * FREE_HALF
    assert draw_points(None, config(), 0.0, random) == ()


def test_the_volume_lets_go_evenly() -> None:
    settings = config("warm.alone=0.2", "warm.until=0.6")
    held = {p: losses(exact(RADIUS - 0.02), settings, p).get("fused_sdf") for p in (0.1, 0.2, 0.4, 0.5, 0.6)}
    assert held.pop(0.6) is None
    expected = {p: k * 0.02 / BAND for p, k in ((0.1, 1.0), (0.2, 1.0), (0.4, 0.5), (0.5, 0.25))}
    assert held == pytest.approx(expected, rel=1e-3)
    for_ever = losses(exact(RADIUS - 0.02), config("warm.until=0"), 1.0)["fused_sdf"]
    assert for_ever == pytest.approx(0.02 / BAND, rel=1e-3)


def test_free_points_fill_their_cubes_and_stay_inside() -> None:
    nothing, centre = torch.zeros(0), torch.tensor([[0.2, -0.1, 0.3]])
    volume = VolumePoints(torch.zeros(0, 3), nothing, nothing, None, None, 0.1, centre, 0.05, "one cube")
    offset = volume.draw_free(2000, torch.Generator().manual_seed(0)) - centre
    assert offset.abs().max() <= 0.05 + 1e-6
    assert (offset.amin(dim=0) < -0.049).all() and (offset.amax(dim=0) > 0.049).all()
