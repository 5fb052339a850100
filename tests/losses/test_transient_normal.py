"""Prior normals with errors of each picture's own: turns explain them, and outliers do not pull."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from neurfield.losses.transient_normal import TransientNormal, least_of, turned

CPU = torch.device("cpu")


class Pixels(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.camera)


class Cameras(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.world_from_cam)


def part(count: int = 2, **numbers: Any) -> TransientNormal:
    poses = np.eye(4)[None].repeat(count, axis=0)
    return TransientNormal(Cameras(world_from_cam=poses), CPU, 0, **numbers)  # type: ignore[arg-type]


def seen(normal: torch.Tensor, prior: torch.Tensor, camera: torch.Tensor, opacity: float = 1.0) -> Any:
    directions = torch.tensor([[0.0, 0.0, 1.0]]).repeat(len(prior), 1)
    pixels = Pixels(
        columns={"prior_normal": prior}, camera=camera, rays=SimpleNamespace(directions=directions)
    )
    rendered = SimpleNamespace(normal=normal, opacity=torch.full((len(prior),), opacity))
    return SimpleNamespace(pixels=pixels, rendered=lambda label: rendered)


def facing(count: int, seed: int = 0) -> torch.Tensor:
    random = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return normalize(0.4 * random + torch.tensor([0.0, 0.0, -1.0]), dim=1)


def test_turns_are_rotations() -> None:
    random = torch.Generator().manual_seed(0)
    turns = torch.randn(20, 3, generator=random, dtype=torch.float64)
    vectors = torch.randn(20, 3, generator=random, dtype=torch.float64)
    zero = torch.zeros(20, dtype=torch.float64)
    x, y, z = turns.unbind(1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    expected = torch.einsum("rij,rj->ri", torch.linalg.matrix_exp(cross), vectors)
    torch.testing.assert_close(turned(vectors, turns), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(turned(vectors, 0.0 * turns), vectors, rtol=1e-5, atol=1e-5)


def test_it_begins_as_the_plain_loss_of_what_faces_the_camera() -> None:
    normal, prior = facing(40, 1), facing(40, 2)
    prior[:4] *= -1.0  # of the far side: they say nothing
    loss = part(kept=1.0)(seen(3.0 * normal, prior, torch.zeros(40, dtype=torch.int64)))
    weight = torch.exp(prior[4:, 2].abs())
    error = (normal - prior).abs().sum(1) + 1.0 - (normal * prior).sum(1)
    assert loss.item() == pytest.approx(float((weight * error[4:]).sum() / weight.sum()), rel=1e-4)
    assert part()(seen(normal, prior, torch.zeros(40, dtype=torch.int64), opacity=0.2)).item() == 0.0


def test_the_greatest_errors_do_not_pull() -> None:
    error = torch.tensor([0.1, 5.0, 0.2, 0.3, 0.4, 9.0])
    there = torch.tensor([True, True, True, True, True, False])
    assert least_of(error, there, 0.8).tolist() == [True, False, True, True, True, False]
    assert not least_of(error, there & False, 0.8).any()
    normal = facing(50, 1).requires_grad_()
    prior = normal.detach().clone()
    prior[:8] = facing(8, 7)
    loss = part(kept=0.8)(seen(normal, prior, torch.zeros(50, dtype=torch.int64)))
    (gradient,) = torch.autograd.grad(loss, normal)
    assert gradient[:8].abs().max() == 0.0


def test_a_picture_s_own_turn_is_learnt_and_the_surface_keeps_its_normals() -> None:
    truth, camera = facing(400), torch.arange(400) % 2
    angle = torch.tensor([0.3, -0.3])[camera]
    prior = turned(truth, angle[:, None] * torch.tensor([[0.0, 1.0, 0.0]]))
    loss = part(pull=0.01)
    normal = truth.clone()
    adam = torch.optim.Adam(loss.parameters(), lr=0.02)
    start = loss(seen(normal, prior, camera)).item()
    for _ in range(150):
        adam.zero_grad()
        value = loss(seen(normal, prior, camera))
        value.backward()
        adam.step()
    assert value.item() < 0.2 * start
    ahead = torch.tensor([[0.0, 0.0, 1.0]]).repeat(400, 1)
    found = loss.turns(camera, ahead).detach()
    torch.testing.assert_close(found[:, 1], angle, rtol=0.2, atol=0.05)
    # Turns cost: where that outweighs what they explain there are none.
    heavy = part(pull=50.0)
    adam = torch.optim.Adam(heavy.parameters(), lr=0.002)
    for _ in range(50):
        adam.zero_grad()
        heavy(seen(normal, prior, camera)).backward()
        adam.step()
    assert heavy.turns(camera, ahead).abs().max() < 0.03
    assert not part(codes=0).parameter_groups()
