"""The colour of IDR: what it depends on, and only of samples that count."""

from __future__ import annotations

import torch

from neurfield.fields.idr import Idr


def asked(color: Idr, count: int = 7) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(1)
    points, normal, views = (torch.nn.functional.normalize(torch.randn(count, 3, generator=random), dim=1)
                             for _ in range(3))  # fmt: skip
    return points, torch.randn(count, color.feature_dim - 2, generator=random), normal, views


def test_colours_depend_on_all_that_is_handed_over() -> None:
    torch.manual_seed(0)
    color = Idr(6, hidden=(16,), octaves=2)
    inputs = [tensor.requires_grad_() for tensor in asked(color)]
    points, feature, normal, views = inputs
    rgb = color(points, feature, normal, color.encode_views(views))
    assert rgb.shape == (7, 3) and (rgb > 0).all() and (rgb < 1).all()
    for gradient in torch.autograd.grad(rgb.sum(), inputs):
        assert (gradient.norm(dim=1) > 0).all()
    learnt = color.parameter_groups()["network"]
    assert len(learnt) == 4 and all(g.abs().sum() > 0 for g in torch.autograd.grad(
        color(points, feature, normal, color.encode_views(views)).sum(), learnt))  # fmt: skip


def test_samples_that_do_not_count_are_black_and_others_see_their_ray() -> None:
    torch.manual_seed(0)
    color = Idr(6, hidden=(16,), octaves=2)
    points, feature, normal, views = asked(color)
    rays = torch.tensor([0, 0, 1, 1, 2, 2, 2])
    counted = torch.tensor([1, 4, 6])
    encoded = color.encode_views(views[:3])
    rgb = color(points, feature, normal, encoded, rays=rays, counted=counted)
    whole = color(points, feature, normal, color.encode_views(views[:3][rays]))
    torch.testing.assert_close(rgb[counted], whole[counted])
    assert not rgb[torch.tensor([0, 2, 3, 5])].any()
