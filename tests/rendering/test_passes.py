"""Several opacities on the same samples cost one query, and each draws what it draws alone; heads come
along."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.encodings import HashGrid
from neurfield.fields import Radiance, SDFField, Shaded
from neurfield.ops.sections import section_midpoints
from neurfield.rendering import Answers
from neurfield.rendering.opacity import NeuS, Opacity, OpacityNow, VolSDF
from neurfield.rendering.volume import COLOR_WEIGHT, render, render_passes
from tests.rendering.test_distances import some_sections
from tests.rendering.test_visibility import GRID, sphere_and_rays


def test_two_passes_ask_once_and_draw_what_each_draws_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    field, rays = sphere_and_rays(80)
    torch.manual_seed(0)
    color, samples = Radiance(HashGrid(**GRID), hidden=(16,)), some_sections(rays)
    passes = {"sharp": OpacityNow(NeuS(), 0.005), "soft": OpacityNow(VolSDF(), 0.3)}
    alone = {label: render(field, color, rays, samples, now) for label, now in passes.items()}
    asked: list[str] = []
    query, forward = SDFField.query, Radiance.forward

    def queried(self: SDFField, points: Tensor, gradient: bool = False) -> Any:
        asked.append("field")
        return query(self, points, gradient)

    def colored(self: Radiance, *args: Any, **more: Any) -> Tensor:
        asked.append("color")
        return forward(self, *args, **more)

    monkeypatch.setattr(SDFField, "query", queried)
    monkeypatch.setattr(Radiance, "forward", colored)
    together = render_passes(field, color, rays, samples, passes)
    assert sorted(asked) == ["color", "field"] and list(together) == ["sharp", "soft"]
    assert together["sharp"].answers is together["soft"].answers
    for label, one in alone.items():
        both = together[label]
        for name in ("distance", "normal", "opacity", "weights"):
            torch.testing.assert_close(getattr(both, name), getattr(one, name), rtol=1e-6, atol=1e-7)
        # A pass alone does not ask for colours that weigh less than this in it.
        assert (both.rgb - one.rgb).abs().max() <= 12 * COLOR_WEIGHT
    sharp, soft = together["sharp"], together["soft"]
    assert (sharp.opacity - soft.opacity).abs().max() > 0.2  # they are not the same picture


def test_the_losses_of_two_passes_add_up_in_the_gradient() -> None:
    field, rays = sphere_and_rays(30)
    torch.manual_seed(0)
    color, samples = Radiance(HashGrid(**GRID), hidden=(16,)), some_sections(rays)
    passes = {"sharp": OpacityNow(NeuS(), 0.02), "soft": OpacityNow(VolSDF(), 0.3)}

    def by_field(*distances: Tensor) -> list[Tensor]:
        found = torch.autograd.grad(sum(d.sum() for d in distances), list(field.layers.parameters()))  # type: ignore[arg-type]
        return list(found)

    together = render_passes(field, color, rays, samples, passes)
    both = by_field(*(one.distance for one in together.values()))
    each = [by_field(render(field, color, rays, samples, now).distance) for now in passes.values()]
    for whole, a, b in zip(both, *each):
        torch.testing.assert_close(whole, a + b, rtol=1e-3, atol=1e-4)


def test_heads_are_answered_at_the_samples() -> None:
    torch.manual_seed(0)
    _, rays = sphere_and_rays(25)
    field = SDFField(HashGrid(**GRID), hidden=(16,), heads={"segment": 3, "rough": 1})
    plain = SDFField(HashGrid(**GRID), hidden=(16,))
    assert field.layers[-1].out_features == plain.layers[-1].out_features + 4
    color, samples = Radiance(HashGrid(**GRID), hidden=(16,)), some_sections(rays)
    extra = torch.rand(7, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    rendered = render(field, color, rays, samples, OpacityNow(NeuS(), 0.05), extra_points=extra)
    points, _ = section_midpoints(
        rays.origins, rays.directions, samples.ray_indices, samples.t_starts, samples.t_ends, extra=extra
    )
    there = field.query(points)
    answers, count = rendered.answers, len(samples.t_starts)
    assert {name: tuple(head.shape) for name, head in answers.heads.items()} == {
        "segment": (count, 3), "rough": (count, 1),
    }  # fmt: skip
    for name, head in answers.heads.items():
        torch.testing.assert_close(head, there.heads[name][:count], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            answers.everywhere.heads[name][count:], there.heads[name][count:], rtol=1e-4, atol=1e-5
        )
    assert there.feature.shape[1] == 15 and torch.equal(there.sdf, field.sdf(points))
    (by_last,) = torch.autograd.grad(answers.heads["segment"].sum(), field.layers[-1].bias)
    assert by_last[1:4].eq(count).all() and not by_last[0] and not by_last[4:].any()


class ByHead(Opacity):
    """Opaque where a head is negative, with the normals of that head."""

    slope_of = "rough"

    def of_answers(
        self, answers: Answers, rays: Any, samples: Any, width: Any, progress: float
    ) -> tuple[Tensor, Tensor]:
        alpha = torch.sigmoid(-20.0 * answers.heads["rough"][:, 0])
        return alpha, torch.nn.functional.normalize(answers.slopes["rough"], dim=1)


def test_a_pass_may_be_made_of_a_head_and_its_gradient() -> None:
    torch.manual_seed(0)
    _, rays = sphere_and_rays(25)
    field = SDFField(HashGrid(**GRID), hidden=(16,), heads={"segment": 3, "rough": 1})
    assert field.row_of("segment") == 1 and field.row_of("rough") == 4
    color, samples = Radiance(HashGrid(**GRID), hidden=(16,)), some_sections(rays)
    passes = {"surface": OpacityNow(VolSDF(), 0.05), "other": OpacityNow(ByHead(), 0.05)}
    rendered = render_passes(field, color, rays, samples, passes)
    answers = rendered["other"].answers
    middles = rays.origins[samples.ray_indices] + answers.t[:, None] * rays.directions[samples.ray_indices]

    def rough(points: Tensor) -> Tensor:
        return field.query(points).heads["rough"][:, 0]

    step = 1e-3 * torch.eye(3)
    numeric = torch.stack([rough(middles + s) - rough(middles - s) for s in step], dim=1) / 2e-3
    assert (answers.slopes["rough"] - numeric).norm(dim=1).median() < 0.02 * numeric.norm(dim=1).median()
    # Both the head's value and its gradient train the field.
    (by_layer,) = torch.autograd.grad(rendered["other"].normal.sum(), field.layers[-1].weight)
    assert by_layer[4].abs().max() > 0.0


class Painted(Radiance):
    """Colours of a channel: what the samples' colours are is turned into two numbers and back."""

    channels = {"pair": 2, "direct": 3}  # noqa: RUF012

    def forward(self, *args: Any, **more: Any) -> Any:
        rgb = super().forward(*args, **more)
        pair = torch.stack([rgb[:, 0], 1.0 - rgb[:, 1]], dim=1)
        return Shaded(rgb, {"pair": pair}, lambda of, opacity: of["pair"][:, [0, 0, 1]] * 0.5)


def test_what_a_colour_says_beside_rgb_is_rendered_too_and_may_make_the_pixels() -> None:
    torch.manual_seed(0)
    field, rays = sphere_and_rays(25)
    plain, samples = Radiance(HashGrid(**GRID), hidden=(16,)), some_sections(rays)
    painted = Painted(plain.encoding, hidden=(16,))
    painted.load_state_dict(plain.state_dict())
    now = OpacityNow(VolSDF(), 0.05)
    rendered, before = (render(field, color, rays, samples, now) for color in (painted, plain))
    torch.testing.assert_close(rendered.channels["direct"], before.rgb)
    red = rendered.channels["pair"][:, 0]
    torch.testing.assert_close(red, before.rgb[:, 0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(rendered.rgb, 0.5 * rendered.channels["pair"][:, [0, 0, 1]])
    # Geometry learns by channels as it does by colours.
    layer = field.layers[-1].bias
    by_pair, by_rgb = (
        torch.autograd.grad(v.sum(), layer, retain_graph=True)[0] for v in (red, before.rgb[:, 0])
    )
    torch.testing.assert_close(by_pair, by_rgb, rtol=1e-3, atol=1e-6)
