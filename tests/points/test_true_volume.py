"""A volume that is true costs a true field nothing; how much it counts follows its schedule."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from neurfield.fields import SDFField
from neurfield.fitting.points_step import look_at_points
from neurfield.losses import of_field, of_points
from neurfield.losses.weighted import WeightedLoss, losses_of
from neurfield.moment import Moment
from neurfield.points import Beside, FusedDepth
from neurfield.points.fuse_scene import VolumePoints
from neurfield.rays import UnitFrame
from tests.fitting.round_scenes import ExactField

RADIUS, BAND, FREE_HALF, ALONE = 0.6, 0.05, 0.04, 0.25
SMOOTH_STEP = Beside().distance
LOSSES = {
    function.__name__: WeightedLoss(function, 1.0, {})
    for function in (
        of_points.fused_sdf, of_points.fused_free, of_points.fused_normal, of_field.eikonal, of_field.smooth,
    )
}  # fmt: skip


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


def source(known: VolumePoints | None = None, pairs: int = 512, **numbers: float) -> FusedDepth:
    """Of a volume that is known already."""
    nowhere: Any = None  # there is nothing to fuse
    frame = UnitFrame(torch.zeros(3).numpy(), 1.0)
    numbers = {"count": 500, "free": 200, "alone": ALONE, **numbers}
    made = FusedDepth(nowhere, frame, torch.device("cpu"), None, Beside(pairs), **numbers)  # type: ignore[arg-type]
    made.__dict__["volume"] = volume() if known is None else known
    return made


def moment(of: FusedDepth, progress: float, seed: int = 1) -> Moment:
    return Moment(
        0, progress, of.alone, of.warm, generator=torch.Generator().manual_seed(seed)
    )  # fmt: skip


def losses(field: Any, of: FusedDepth, progress: float = 0.0) -> dict[str, float]:
    now = moment(of, progress)
    drawn = of.draw(now)
    if not drawn:
        return {}
    seen = look_at_points(field, of, now, drawn)
    return {name: float(value) for name, value in losses_of(seen, LOSSES).items()}


def test_the_true_field_costs_nothing() -> None:
    found = losses(exact(), source())
    assert set(found) == {"fused_sdf", "fused_free", "fused_normal", "eikonal", "smooth"}
    assert found.pop("smooth") < 1.1 * 2.0 * SMOOTH_STEP / RADIUS  # the sphere itself turns a little
    assert max(found.values()) < 1e-5


def test_another_field_costs_what_it_is_off() -> None:
    found = losses(exact(RADIUS - 0.02), source())
    assert found["fused_sdf"] == pytest.approx(0.02 / BAND, rel=1e-3) and found["fused_normal"] < 1e-5
    inside_out = exact()
    inside_out.sign = -1.0
    found = losses(inside_out, source())
    assert found["fused_normal"] > 3.0 and found["fused_free"] > 3.0


def test_free_space_keeps_half_a_cubes_half_from_the_surface() -> None:
    # Every free point is at least 0.8 - sqrt(3) * 0.04 from the middle.
    nearest = 0.8 - 3.0**0.5 * FREE_HALF
    assert losses(exact(nearest - 0.5 * FREE_HALF), source())["fused_free"] == 0.0
    found = losses(exact(0.8), source())["fused_free"]  # half of the points within, half without
    assert 0.7 < found < 1.4


def test_neighbours_lie_within_a_small_cube() -> None:
    asked = []
    field = exact()
    query = field.query
    field.query = lambda points, gradient=False: asked.append(points) or query(points, gradient)
    losses(field, source())
    points, near = asked[0], 1000  # twice the points while alone
    pairs = len(points) - near - 200
    apart = (points[near + 200 :] - points[:pairs]).abs()
    assert apart.max() <= SMOOTH_STEP * 1.001 and apart.max() > 0.95 * SMOOTH_STEP
    assert apart.mean() == pytest.approx(SMOOTH_STEP / 2, rel=0.05)


def test_what_is_drawn_is_of_the_volume() -> None:
    of, known = source(), volume()
    index, free, _ = of.draw(moment(of, 0.9, seed=0))
    assert len(index) == 500 and len(free) == 200
    assert index.min() >= 0 and index.max() < len(known.points)
    middle = (free[:, None] - known.free[None]).abs().amax(dim=2).amin(dim=1)
    assert middle.max() <= FREE_HALF and middle.max() > 0.9 * FREE_HALF
    nothing = source()
    nothing.__dict__["volume"] = None
    assert nothing.draw(moment(nothing, 0.0)) == () and not nothing.warm and nothing.alone == 0.0


def test_the_volume_lets_go_evenly() -> None:
    fading, off = source(alone=0.2, until=0.6), exact(RADIUS - 0.02)
    found = {p: losses(off, fading, p) for p in (0.1, 0.2, 0.4, 0.5, 0.6)}
    held = {p: values.get("fused_sdf") for p, values in found.items()}
    assert held.pop(0.6) is None
    expected = {p: k * 0.02 / BAND for p, k in ((0.1, 1.0), (0.2, 1.0), (0.4, 0.5), (0.5, 0.25))}
    assert held == pytest.approx(expected, rel=1e-3)
    for_ever = losses(exact(RADIUS - 0.02), source(until=0.0), 1.0)["fused_sdf"]
    assert for_ever == pytest.approx(0.02 / BAND, rel=1e-3)


def test_free_points_fill_their_cubes_and_stay_inside() -> None:
    nothing, centre = torch.zeros(0), torch.tensor([[0.2, -0.1, 0.3]])
    volume = VolumePoints(torch.zeros(0, 3), nothing, nothing, None, None, 0.1, centre, 0.05, "one cube")
    offset = volume.draw_free(2000, torch.Generator().manual_seed(0)) - centre
    assert offset.abs().max() <= 0.05 + 1e-6
    assert (offset.amin(dim=0) < -0.049).all() and (offset.amax(dim=0) > 0.049).all()
