"""Distances of objects: the scene's within the place of each, and a place that labels say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.encodings import HashGrid
from neurfield.fields import Labels, ObjectsField, SDFField, distances_of
from neurfield.fields.labels import LENGTH
from neurfield.fields.objects import NEAR
from neurfield.surfaces import extract_level_set

IDS = (3, 8, 40)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_field() -> ObjectsField:
    """A field whose objects are all over the place."""
    torch.manual_seed(1)
    grid = HashGrid(levels=4, log2_table_size=10, finest_resolution=16, interpolation="smoothstep")
    labels = Labels(4, levels=4, log2_table_size=10, finest_resolution=16, hidden=(16,))
    field = ObjectsField(IDS, grid, (16,), feature_dim=3, labels=labels)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.normal_(std=0.4)
    return field


def points(count: int = 400) -> Tensor:
    return (2.0 * random(count, 3, seed=2) - 1.0).float()


class Halves(Labels):
    """Labels of two: what is left of a plane is the background's, what is right of it the object's."""

    def __init__(self, steep: float) -> None:
        super().__init__(2, levels=1, log2_table_size=4, finest_resolution=16)
        self.steep = steep

    def forward(self, points: Tensor) -> Tensor:
        """As of `Labels`."""
        return self.steep * torch.stack([-points[:, 0], points[:, 0]], dim=1)


def ball(steep: float) -> ObjectsField:
    """A ball of radius 0.5, whose right half is an object."""
    grid = HashGrid(levels=2, log2_table_size=8, finest_resolution=16, interpolation="smoothstep")
    return ObjectsField([4], grid, labels=Halves(steep))


def test_distances_are_by_hand() -> None:
    labels = torch.tensor([[1.0, 5.0, 2.0], [1.0, 5.0, 2.0], [3.0, 3.0, 0.0]])
    found = distances_of(torch.tensor([-0.01, 0.02, -1.0]), labels)
    wanted = torch.tensor(
        [[4 * LENGTH, -0.01, 3 * LENGTH], [0.02, 0.02, 0.02], [0.0, 0.0, 3 * LENGTH]],
    )
    torch.testing.assert_close(found, wanted)


def test_the_least_is_the_scenes_outside_matter_and_no_two_are_at_one_place() -> None:
    sdf, labels = 0.2 * random(500) - 0.1, 20.0 * random(500, 5, seed=1)
    distances = distances_of(sdf, labels)
    two, owner = distances.topk(2, dim=1, largest=False)
    least, second = two[:, 0], two[:, 1]
    free = sdf >= 0.0
    torch.testing.assert_close(least[free], sdf[free])
    assert (least[~free] <= 0.0).all() and (least >= sdf).all()
    assert (owner[:, 0] == labels.argmax(dim=1))[~free].all()
    assert (second + least >= -1e-12).all()  # ObjectSDF++, Eq. 9
    deep = LENGTH * (labels.topk(2, dim=1).values @ torch.tensor([1.0, -1.0]).double()) > -sdf
    torch.testing.assert_close(least[deep], sdf[deep])  # and within it where a place is clearly somebody's


def test_gradients_are_those_of_the_values() -> None:
    sdf, labels = (random(20) - 0.5).requires_grad_(), random(20, 4, seed=1).mul(100.0).requires_grad_()
    assert torch.autograd.gradcheck(distances_of, (sdf, labels))


def test_the_field_is_its_sdf_and_its_labels() -> None:
    field, at = small_field(), points()
    distances = field.distances(at)
    torch.testing.assert_close(distances, distances_of(field.sdf(at), field.labels(at)))
    assert distances.shape == (400, 4) and len(set(field.owner(at).tolist())) > 2
    assert ball(5.0).owner(torch.tensor([[0.3, 0.0, 0.0], [-0.3, 0.0, 0.0]])).tolist() == [1, 0]
    assert field.objects == 4 and "3 objects" in field.words
    groups = field.parameter_groups()
    every = [id(p) for group in groups.values() for p in group]
    assert sorted(every) == sorted(map(id, field.parameters())) and set(groups) == {
        "table",
        "network",
        "labels",
    }
    assert any(p is field.labels.encoding.table for p in groups["table"])


def test_labels_take_no_random_numbers_of_others_and_are_differentiable() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    labels = Labels(3, levels=2, log2_table_size=8, finest_resolution=16)
    assert torch.equal(torch.rand(2), wanted)
    at = points(50)
    labels(at).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in labels.parameters())
    torch.manual_seed(4)
    again = Labels(3, levels=2, log2_table_size=8, finest_resolution=16)
    assert torch.equal(again(at), labels(at))
    assert labels(torch.zeros(0, 3)).shape == (0, 3)


def test_an_object_is_asked_alone() -> None:
    field, at = small_field(), points()
    scene = field.query(at, gradient=True)
    for index in range(4):
        one, own = field.one(index), field.distances(at)[:, index]
        sample = one.query(at, gradient=True)
        torch.testing.assert_close(sample.sdf.detach(), own)
        assert scene.gradient is not None and sample.gradient is not None
        torch.testing.assert_close(sample.gradient, scene.gradient)
        bound = one.sdf(at)
        clear = own.abs() > 1e-6
        assert (bound.sign() == own.sign())[clear].all()
        assert (bound <= field.sdf(at).clamp_min(0.0) + NEAR + 1e-6).all()
        near = (field.sdf(at).abs() < NEAR) & (own <= 0.0)
        torch.testing.assert_close(bound[near], field.sdf(at)[near])
    with pytest.raises(IndexError, match="object 4 of a field that has 4"):
        field.one(4)


@pytest.mark.parametrize("steep", [5.0, 500.0])
def test_an_objects_mesh_is_closed_where_another_goes_on(steep: float) -> None:
    field, box = ball(steep), np.array([[-1.0] * 3, [1.0] * 3])
    left, right = (extract_level_set(field.one(k).sdf, box, 0.02) for k in (0, 1))
    for (vertices, faces), side in ((left, -1.0), (right, 1.0)):
        assert len(vertices) - len(faces) // 2 == 2  # closed, in one piece
        assert (side * vertices[:, 0]).min() > -0.03
        round_ = side * vertices[:, 0] > 0.04
        sdf = field.sdf(torch.from_numpy(vertices[round_]).float())
        assert float(sdf.abs().max()) < 2e-3  # the scene's surface itself
        corner = vertices[faces]
        volume = np.einsum("fi,fi->f", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6.0
        assert volume == pytest.approx(2.0 / 3.0 * np.pi * 0.5**3, rel=0.15)


def test_it_starts_as_the_scene_does() -> None:
    grids = [HashGrid(levels=2, log2_table_size=8, finest_resolution=16, seed=5) for _ in range(2)]
    torch.manual_seed(0)
    alone = SDFField(grids[0])
    torch.manual_seed(0)
    field = ObjectsField(IDS, grids[1])
    for one in (alone, field):
        one.start_as_sphere(0.8, inside=True, seed=2)
    at = points(30)
    assert torch.equal(alone.query(at).sdf, field.query(at).sdf)
    assert torch.equal(alone.query(at).feature, field.query(at).feature)
