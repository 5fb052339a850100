"""Losses are evaluated where there is something to look at, and count what the moment says."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.losses.seen import RaysSeen, Seen
from neurfield.losses.weighted import WeightedLoss, added, losses_of
from neurfield.moment import Moment
from neurfield.parts import Entry, Part, needs
from neurfield.pixels import Pixels
from neurfield.points import AskedPoints
from neurfield.rays import Rays

START, MIDDLE = Moment(0, 0.0), Moment(50, 0.5)


def asked(hold: float = 1.0, **columns: Tensor) -> AskedPoints:
    return AskedPoints(columns, {"band": 0.1}, torch.tensor([0.5, 1.5]), torch.ones(2, 3), hold)


def pixels(**columns: Tensor) -> Pixels:
    none, zero = torch.zeros(2, 3), torch.zeros(2)
    rays, camera = Rays(none, none, zero, zero, zero), torch.zeros(2, dtype=torch.int64)
    return Pixels(rays, camera, camera, 1, {"rgb": none, **columns})


def of_rays(heads: tuple[str, ...] = (), outlined: bool = False, **columns: Tensor) -> RaysSeen:
    """What was rendered, as far as names go."""

    class Answers:
        pass

    answers: Any = Answers()
    answers.heads = {name: torch.zeros(4, 2) for name in heads}
    samples: Any = None
    surface, density = SimpleNamespace(channels={"latent": None}), SimpleNamespace(channels={})
    passes: Any = {"surface": surface, "density": density}
    return RaysSeen(pixels(**columns), samples, answers, passes, 0.1, outlined=outlined)


@needs("points.toy")
def mean(seen: Seen, *, power: float = 1.0) -> Tensor:
    return (seen.points["toy"].sdf ** power).mean()


def test_what_a_look_offers_is_what_is_there() -> None:
    assert Seen(START).offers == frozenset()
    points = Seen(START, torch.ones(3, 3), points={"toy": asked(weight=torch.ones(2))})
    assert points.offers == {"gradients", "points.toy", "points.toy.weight"}
    near = Seen(START, pairs=(torch.ones(1, 3), torch.ones(1, 3)))
    assert near.offers == {"pairs"}
    rendered = Seen(START, of_rays=of_rays(("segment",), segment=torch.zeros(2)))
    assert rendered.offers == {
        "samples", "passes.surface", "passes.surface.latent", "passes.density", "pixels.rgb",
        "pixels.segment", "heads.segment",
    }  # fmt: skip
    assert "pixels.outline" in Seen(START, of_rays=of_rays(outlined=True)).offers


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "points.other",
        "points.toy.normal",
        "gradients",
        "pairs",
        "pixels.t_depth",
        "heads.segment",
        "passes.other",
    ],
)  # fmt: skip
def test_a_loss_that_needs_what_is_not_there_is_not_evaluated(name: str, required: bool) -> None:
    def never(seen: Seen) -> Tensor:
        raise AssertionError("evaluated")

    marked = needs(name)(never) if required else needs("points.toy", optional=(name,))(never)
    losses = {"mean": WeightedLoss(mean, 2.0, {}), "never": WeightedLoss(marked, 1.0, {})}
    found = losses_of(Seen(START, points={"toy": asked(weight=torch.ones(2))}), losses)
    assert set(found) == {"mean"} and found["mean"].item() == 2.0
    assert losses["mean"].needs == {"points.toy"} and name in losses["never"].needs


def test_numbers_of_a_loss_are_handed_to_it() -> None:
    seen = Seen(START, points={"toy": asked()})
    found = losses_of(seen, {"a": WeightedLoss(mean, 1.0, {"power": 2.0}), "b": WeightedLoss(mean, 3.0, {})})
    assert found["a"].item() == pytest.approx(1.25) and found["b"].item() == pytest.approx(3.0)


@needs("points.{of}")
class Distance:
    """A loss that asks the fit for something, and works something out once."""

    def __init__(self, seed: int, *, of: str = "toy") -> None:
        self.seed, self.of, self.prepared = seed, of, 0

    def prepare(self) -> None:
        self.prepared += 1

    def __call__(self, seen: Seen) -> Tensor:
        return self.seed * self.prepared * seen.points[self.of].sdf.mean()


def test_a_class_is_made_of_what_it_asks_for_and_called_with_what_was_seen() -> None:
    part = Part(
        "losses", "mine", "mine", {"of": "toy"}, 2.0, entry=Entry("losses", "mine", Distance, "my_lab")
    )
    loss = WeightedLoss.of(part, {"seed": lambda: 3, "scene": lambda: pytest.fail("worked out")})
    assert loss.needs == {"points.toy"}
    loss.prepare()
    seen = Seen(START, points={"toy": asked()})
    found = losses_of(seen, {"mine": loss})["mine"]
    assert found.item() == pytest.approx(2.0 * 3.0 * seen.points["toy"].sdf.mean().item())
    with pytest.raises(
        UserError, match=r"'losses\.mine' asks for 'seed', which this kind of fit does not have"
    ):
        WeightedLoss.of(part)


@pytest.mark.parametrize("decay", [0.0, 2.0])
def test_a_weight_fades_by_its_decay(decay: float) -> None:
    loss = WeightedLoss(mean, 4.0, {}, decay)
    for progress in (0.0, 0.25, 1.0):
        moment = Moment(0, progress)
        found = losses_of(Seen(moment, points={"toy": asked()}), {"mean": loss})["mean"]
        assert found.item() == pytest.approx(4.0 * math.exp(-decay * progress), rel=1e-6)


def test_a_weight_fades_as_the_points_are_let_go_of_and_only_theirs() -> None:
    @needs("gradients")
    def slope(seen: Seen) -> Tensor:
        assert seen.gradients is not None
        return seen.gradients.mean()

    seen = Seen(MIDDLE, torch.ones(2, 3), points={"toy": asked(hold=0.25), "other": asked(hold=0.5)})
    column = WeightedLoss(
        needs("points.toy.sdf", optional=("points.other",))(lambda seen: torch.ones(())), 8.0, {}
    )
    losses = {"mean": WeightedLoss(mean, 4.0, {}, decay=1.0), "slope": WeightedLoss(slope, 3.0, {})}
    found = losses_of(seen, losses)
    assert found["mean"].item() == pytest.approx(0.25 * 4.0 * math.exp(-0.5))
    assert found["slope"].item() == 3.0
    assert column.weight_at(MIDDLE, seen) == pytest.approx(0.25 * 0.5 * 8.0)


def test_looks_add_up_by_label() -> None:
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    total = added([{"a": one}, {"a": two, "b": one}, {}])
    assert {label: value.item() for label, value in total.items()} == {"a": 3.0, "b": 1.0}
    assert one.item() == 1.0  # what is added to is not changed
