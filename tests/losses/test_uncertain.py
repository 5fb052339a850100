"""Priors believed as far as they are certain: who learns of an error, from when on, and in which unit."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from neurfield.fields import FieldSample
from neurfield.losses import RaysSeen, Seen, normal_smoothness
from neurfield.losses.of_priors import prior_depth, prior_normal
from neurfield.losses.priors import aligned_depth
from neurfield.losses.uncertain import (
    gaussian,
    laplace,
    smooth_where_sure,
    uncertain_depth,
    uncertain_normal,
)
from neurfield.moment import Moment
from neurfield.pixels import Pixels
from neurfield.rays import Rays, Samples
from neurfield.rendering import Answers, Rendered, uncertainties

COUNT = 200


class Case:
    """Rays of two samples each, what was rendered of them, and priors that are wrong by some."""

    def __init__(self, depth_says: float = 0.1, normal_says: float = 0.2) -> None:
        random = torch.Generator().manual_seed(0)
        self.distance = (1.0 + 2.0 * torch.rand(COUNT, generator=random)).requires_grad_()
        self.normal = torch.nn.functional.normalize(torch.randn(COUNT, 3, generator=random), dim=1)
        self.normal = (2.0 * self.normal).requires_grad_()
        said = torch.tensor([depth_says, *[normal_says] * 3])
        # Of two samples the second says nothing, and weighs nothing.
        head = torch.stack([said / 4.0, 0.0 * said], dim=0).repeat(COUNT, 1)
        self.head = (head * torch.where(torch.rand(2 * COUNT, 1, generator=random) < 0.5, -1.0, 1.0)).detach()
        self.head.requires_grad_()
        self.wrong = 0.08 * torch.where(torch.arange(COUNT) % 2 == 0, 1.0, -1.0)
        self.z_per_t = 0.8

    def at(self, progress: float, **more: Tensor) -> Seen:
        zero, one = torch.zeros(COUNT), torch.ones(COUNT)
        rays = Rays(torch.zeros(COUNT, 3), torch.zeros(COUNT, 3), zero, one, self.z_per_t * one)
        z = self.distance.detach() * self.z_per_t
        tilted = self.normal.detach() / 2.0 + 0.1 * torch.tensor([1.0, -1.0, 0.0])
        columns = {"prior_depth": (z * (1.0 + self.wrong)) / 7.0, "prior_normal": tilted}
        pixels = Pixels(rays, zero.long(), zero.long(), 1, columns)
        index = torch.arange(COUNT)
        samples = Samples(
            index.repeat_interleave(2), torch.zeros(2 * COUNT), torch.ones(2 * COUNT),
            torch.stack([2 * index, torch.full_like(index, 2)], dim=1),
        )  # fmt: skip
        nothing = torch.zeros(2 * COUNT, 3)
        heads = {"uncertainty": self.head}
        answers = Answers(
            samples.t_starts,
            nothing[:, 0],
            nothing,
            heads,
            FieldSample(nothing[:, 0], nothing, nothing, heads),
        )
        weights = torch.tensor([0.9, 0.0]).repeat(COUNT)
        rendered = Rendered(torch.zeros(COUNT, 3), self.distance, self.normal, 0.9 * one, weights, answers)
        seen = RaysSeen(pixels, samples, answers, {"surface": rendered}, 0.1, pairs=more.pop("index", None))
        return Seen(Moment(0, progress), pairs=more.get("pairs"), of_rays=seen)  # type: ignore[arg-type]


def test_an_uncertainty_is_best_where_it_is_as_large_as_the_errors() -> None:
    error = torch.tensor([0.02, 0.1, 0.3])
    u = error.mean().expand(3).clone().requires_grad_()
    laplace(error, u).sum().backward()
    assert u.grad is not None and u.grad.sum().abs() < 0.05 / error.mean()
    signed = torch.tensor([[0.1, 0.2, -0.1], [-0.3, 0.1, 0.2]])
    v = signed.square().mean(dim=0).sqrt().expand(2, 3).clone().requires_grad_()
    gaussian(signed, v).sum().backward()
    assert v.grad is not None and v.grad.sum(dim=0).abs().max() < 0.02
    more = gaussian(signed, 1.3 * v.detach()).sum(), gaussian(signed, 0.8 * v.detach()).sum()
    assert min(more) > gaussian(signed, v).sum()


def test_depth_errs_by_parts_of_itself_in_the_unit_that_is_the_papers() -> None:
    case = Case()
    seen = case.at(0.1)
    z, prior = 0.8 * case.distance.detach(), seen.pixels.columns["prior_depth"]
    target, _, _ = aligned_depth(prior, z, torch.ones(COUNT), seen.pixels.group, 1)
    error = (target / z - 1.0).abs().mean().item()
    assert 0.05 < error < 0.09  # of each ray it is 0.08, of which scale and shift take some
    expected = 2.0 * (math.log(0.1 + 1e-5) + 1.25 * error / (0.1 + 1e-5))
    assert uncertain_depth(seen).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", [uncertain_depth, uncertain_normal])
def test_field_and_certainty_learn_apart_and_the_field_not_where_priors_are_uncertain(loss) -> None:  # type: ignore[no-untyped-def]
    def learnt(case: Case, progress: float) -> tuple[Tensor, Tensor]:
        rendered = case.distance if loss is uncertain_depth else case.normal
        found = torch.autograd.grad(loss(case.at(progress)), [rendered, case.head])
        return found[0].norm(), found[1].norm()

    sure, doubtful = Case(0.1, 0.2), Case(0.2, 0.4)
    early, late, never = (learnt(sure, 0.1), learnt(sure, 0.3), learnt(doubtful, 0.3))
    assert early == late and min(early) > 0.0
    assert never[0] == 0.0 and never[1] > 0.0
    assert never[1] == learnt(doubtful, 0.1)[1]  # certainty learns of all rays, and of nothing else
    assert 0.0 < learnt(doubtful, 0.1)[0] < early[0]  # the less certain, the less the field is held
    # What one side learns does not depend on how the other's gradient would be taken: halves add up.
    case = Case()
    rendered = case.distance if loss is uncertain_depth else case.normal
    (with_both,) = torch.autograd.grad(loss(case.at(0.1)), rendered)
    case.head = case.head.detach()
    (alone,) = torch.autograd.grad(loss(case.at(0.1)), rendered)
    assert torch.equal(with_both, alone)


@pytest.mark.parametrize(
    ("uncertain", "plain"), [(uncertain_depth, prior_depth), (uncertain_normal, prior_normal)]
)
def test_plain_priors_hold_the_field_before_and_not_after(uncertain, plain) -> None:  # type: ignore[no-untyped-def]
    case = Case()
    before, after = case.at(0.02), case.at(0.025)
    rendered = case.distance if uncertain is uncertain_depth else case.normal
    of_field, of_certainty = (
        torch.autograd.grad(uncertain(before), leaf)[0] for leaf in (rendered, case.head)
    )
    assert not of_field.any() and of_certainty.any() and plain(before, until=0.025).item() > 0.0
    assert (
        torch.autograd.grad(uncertain(after), rendered)[0].any() and plain(after, until=0.025).item() == 0.0
    )
    assert plain(after).item() == plain(before).item() > 0.0


def test_surfaces_are_smoothed_near_the_rays_whose_priors_are_certain() -> None:
    random = torch.Generator().manual_seed(1)
    pairs = torch.randn(30, 3, generator=random), torch.randn(30, 3, generator=random)
    plain = normal_smoothness(*pairs)
    case = Case(0.1, 0.1)
    with torch.no_grad():
        case.head[2 * 10 :] *= 4.0  # of all rays but the first ten
    index = torch.arange(0, 40, 2)  # the last 20 pairs are of samples, half of those of rays that are sure
    before, after = (case.at(p, pairs=pairs, index=index) for p in (0.19, 0.2))  # type: ignore[arg-type]
    assert smooth_where_sure(before).item() == pytest.approx(plain.item(), rel=1e-6)
    apart = [normal_smoothness(a[None], b[None]) for a, b in zip(*pairs)]
    expected = torch.stack(apart[:20]).sum() / 30
    assert smooth_where_sure(after).item() == pytest.approx(expected.item(), rel=1e-5)
    alone = replace(after, of_rays=None)  # a step that looks at points alone
    assert smooth_where_sure(alone).item() == pytest.approx(plain.item(), rel=1e-6)


def test_uncertainty_is_never_negative_and_four_times_what_the_head_says() -> None:
    assert torch.equal(
        uncertainties(torch.tensor([[-0.5, 0.25, 0.0, 1.0]])), torch.tensor([[2.0, 1.0, 0.0, 4.0]])
    )
