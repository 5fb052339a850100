"""A colour in two factors: each depends on its own alone, and is held against its own picture."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from neurfield.fields import Intrinsic
from neurfield.losses.of_pixels import intrinsic

SIZES: dict[str, Any] = {"levels": 4, "log2_table_size": 10, "finest_resolution": 32, "hidden": (16,)}


def asked(count: int = 9) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    points = torch.rand(count, 3, generator=random) - 0.5
    normal, views = (torch.nn.functional.normalize(torch.randn(count, 3, generator=random), dim=1)
                     for _ in range(2))  # fmt: skip
    return points, torch.randn(count, 8, generator=random), normal, views


def test_reflectance_knows_neither_normal_nor_view_nor_picture() -> None:
    torch.manual_seed(0)
    color = Intrinsic(0, feature_dim=8, codes=3, **SIZES)
    points, feature, normal, views = asked()
    first = color(points, feature, normal, color.encode_views(views))
    # Unlit at first: the colour is the reflectance.
    torch.testing.assert_close(first.rgb, first.channels["reflectance"])
    torch.nn.init.normal_(color.shade[2].weight)
    before = color(points, feature, normal, color.encode_views(views))
    other = feature.clone()
    other[:, 5:] += 1.0  # the picture's codes
    after = color(points, other, -normal, color.encode_views(-views))
    torch.testing.assert_close(after.channels["reflectance"], before.channels["reflectance"])
    assert (after.channels["shading"] - before.channels["shading"]).abs().min() > 0.0
    torch.testing.assert_close(after.rgb, after.channels["reflectance"] * after.channels["shading"])
    other = feature.clone()
    other[:, :5] += 1.0  # the field's
    moved = color(points, other, normal, color.encode_views(views))
    torch.testing.assert_close(moved.channels["shading"], before.channels["shading"])


def test_samples_that_do_not_count_are_black() -> None:
    torch.manual_seed(0)
    color = Intrinsic(0, feature_dim=8, **SIZES)
    points, feature, normal, views = asked()
    counted = torch.tensor([0, 5])
    some = color(points, feature, normal, color.encode_views(views), rays=torch.arange(9), counted=counted)
    whole = color(points, feature, normal, color.encode_views(views))
    torch.testing.assert_close(some.rgb[counted], whole.rgb[counted])
    assert not some.rgb[[1, 2, 3, 4, 6, 7, 8]].any() and not some.channels["shading"][1].any()


@pytest.mark.parametrize(("of", "width"), [("reflectance", 3), ("shading", 1)])
def test_a_picture_of_a_factor_says_it_up_to_a_scale_of_each_image(of: str, width: int) -> None:
    random = torch.Generator().manual_seed(0)
    rendered = (0.1 + torch.rand(40, width, generator=random)).requires_grad_()
    group = torch.arange(40) % 2
    told = (rendered.detach() * torch.tensor([0.5, 2.0])[group][:, None]).expand(40, 3).clone()
    told[:4] = 0.0  # says nothing
    pixels = SimpleNamespace(columns={of: told}, group=group, groups=2)
    seen: Any = SimpleNamespace(
        pixels=pixels, rendered=lambda label: SimpleNamespace(channels={of: rendered})
    )
    assert intrinsic(seen, of=of).item() < 1e-6  # type: ignore[arg-type]
    told[4:20] *= 1.5
    loss = intrinsic(seen, of=of)  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(loss, rendered)
    assert loss.item() > 0.05 and not gradient[:4].any() and gradient[4:].abs().min() > 0.0
