"""Places around a cloud: near it, with their nearest points, and moved by the field as it says."""

from __future__ import annotations

import numpy as np
import torch
import trimesh
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.fields.sdf import FieldSample
from neurfield.moment import Moment
from neurfield.points.pulled import Pulled, pulled
from neurfield.shapes import Shape, UnitShape, mend

CPU = torch.device("cpu")


class Ball:
    """The unsigned distance to a ball of radius 0.5, with gradients of length 3."""

    def query(self, points: Tensor, gradient: bool = False) -> FieldSample:
        radius = points.norm(dim=1, keepdim=True)
        away = radius - 0.5
        return FieldSample(away.abs()[:, 0], 3.0 * away.sign() * points / radius, points[:, :0])


def cloud(count: int = 3000) -> UnitShape:
    drawn = np.random.default_rng(0).normal(size=(count, 3))
    return UnitShape(mend(Shape("ball", drawn / np.linalg.norm(drawn, axis=1, keepdims=True))))


def drawn(source: Pulled, step: int = 0) -> tuple[Tensor, ...]:
    source.prepare()
    return source.draw(Moment(step, 0.0, generator=torch.Generator().manual_seed(step)))


def test_places_have_their_nearest_points_and_are_pulled_as_the_field_says() -> None:
    source = Pulled(cloud(), Ball(), CPU, 0, count=500, pool=9000)
    sets = source.sets(*drawn(source))
    queries = sets["queries"]
    distance, _ = cKDTree(source.cloud.numpy()).query(queries.points.numpy())
    away = (queries.columns["place"] - queries.columns["target"]).norm(dim=1)
    np.testing.assert_allclose(away.numpy(), distance, atol=1e-6)
    torch.testing.assert_close(sets["pulled"].points.norm(dim=1), torch.full((500,), 0.5))
    assert len(source.places[0]) == 9000


def test_places_are_as_wide_as_the_cloud_is_dense() -> None:
    wide, narrow = (Pulled(cloud(n), Ball(), CPU, 0, pool=6000).places for n in (500, 4000))
    far, near = ((places - nearest).norm(dim=1).mean() for places, nearest in (wide, narrow))
    assert far > 1.5 * near > 0.0


def test_of_a_mesh_points_are_drawn_by_area() -> None:
    ball = trimesh.creation.icosphere(3)
    shape = UnitShape(mend(Shape("ball", np.asarray(ball.vertices), np.asarray(ball.faces))))
    source = Pulled(shape, Ball(), CPU, 0, count=10, pool=2000, cloud=1000)
    assert len(source.cloud) == 1000 and len(source.places[0]) == 2000
    assert "1,000 points" in source.words


def test_the_same_seed_and_step_draw_the_same() -> None:
    first, second = (Pulled(cloud(), Ball(), CPU, 3, count=64, pool=3000) for _ in range(2))
    for a, b in zip(drawn(first, 5), drawn(second, 5)):
        assert torch.equal(a, b)
    assert not torch.equal(drawn(first, 6)[0], drawn(first, 5)[0])


def test_a_gradient_of_no_length_pulls_nowhere() -> None:
    place = torch.tensor([[0.1, 0.2, 0.3]])
    assert torch.equal(pulled(place, torch.ones(1), torch.zeros(1, 3)), place)
