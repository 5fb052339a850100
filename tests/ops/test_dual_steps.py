"""Steps of dual meshing: what is between two points, the published filter, a field's answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.ops import native
from neurfield.ops.dual_steps import (
    APART,
    CORNER,
    EDGE,
    LIKELY,
    PLANE,
    TURNED,
    UNCLEAR,
    crossing_turns,
    field_answers,
    filtered_quads,
)
from neurfield.ops.reference import dual_steps as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels")


def units(generator: np.random.Generator, count: int) -> np.ndarray:
    ways = generator.normal(size=(count, 3))
    return ways / np.linalg.norm(ways, axis=1, keepdims=True)


def random_stretches(count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Points, distances, normals, and the rows of ends of stretches half a cell long."""
    generator = np.random.default_rng(seed)
    low = generator.random((count, 3)) * 4.0
    high = low + 0.5 * np.eye(3)[generator.integers(0, 3, count)]
    normals = units(generator, count)
    turned = generator.choice([-1.0, 1.0], count)[:, None] * normals + 0.3 * generator.normal(size=(count, 3))
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    order = generator.permutation(2 * count)
    back = np.argsort(order)
    points = np.concatenate([low, high])[order]
    distances = (generator.random(2 * count) * 0.5)[order]
    return points, distances, np.concatenate([normals, turned])[order], back[:count], back[count:]


@needs_native
@pytest.mark.parametrize("count", [0, 1, 7, 9001])
def test_native_turns_are_the_reference(count: int) -> None:
    stretches = random_stretches(count, count)
    for noise in (0.0, 0.1):
        got = crossing_turns(*stretches, 0.5, noise)
        assert got.dtype == np.uint8
        assert np.array_equal(got, reference.crossing_turns(*stretches, 0.5, noise))
    if count > 1000:
        assert set(got.tolist()) == {APART, TURNED, UNCLEAR, LIKELY}


def test_a_plane_between_turns_and_one_beside_does_not() -> None:
    points = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    low, high = np.array([0]), np.array([1])

    def turn(distances: list[float], normals: list[list[float]]) -> int:
        return int(crossing_turns(points, np.array(distances), np.array(normals), low, high, 1.0, 0.0)[0])

    assert turn([0.4, 0.6], [[0, 0, -1.0], [0, 0, 1.0]]) == TURNED
    assert turn([0.2, 1.2], [[0, 0, 1.0], [0, 0, 1.0]]) == APART
    assert turn([0.4, 0.9], [[0, 0, -1.0], [0, 0, 1.0]]) == APART  # too far for what is between
    assert turn([0.3, 0.3], [[1.0, 0, 0], [1.0, 0, 0]]) == UNCLEAR  # along a sheet that may hide another
    assert turn([0.4, 0.4], [[0, 0, -1.0], [0.8, 0, 0.6]]) == LIKELY


def random_quads(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    flat = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    corners = flat + generator.normal(size=(count, 4, 3)) * generator.choice([0.05, 0.5], (count, 1, 1))
    turn = np.linalg.qr(generator.normal(size=(count, 3, 3)))[0]
    directions = np.concatenate([units(generator, 4 * count)[: 2 * count], np.zeros((2 * count, 3))])
    directions[2 * count :] = (np.array([0, 0, 1.0]) + 0.4 * generator.normal(size=(2 * count, 3))).reshape(
        -1, 3
    )
    directions = generator.permutation(directions) if count else directions
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    directions = np.einsum("qkx,qyx->qky", directions.reshape(count, 4, 3), turn)
    ranks = generator.choice(np.array([PLANE, PLANE, EDGE, CORNER], dtype=np.uint8), 4 * count)
    places = np.einsum("qkx,qyx->qky", corners, turn)
    return places.reshape(-1, 3), ranks, directions.reshape(-1, 3), np.arange(4 * count).reshape(-1, 4)


@needs_native
@pytest.mark.parametrize("count", [0, 1, 5, 6001])
def test_the_native_filter_is_the_reference(count: int) -> None:
    vertices, ranks, directions, quads = random_quads(count, count)
    got = filtered_quads(vertices, ranks, directions, quads)
    wanted = reference.filtered_quads(vertices[quads], ranks[quads], directions[quads])
    assert all(np.array_equal(a, b) and a.dtype == bool for a, b in zip(got, wanted, strict=True))
    if count > 1000:
        assert 0.05 < got[0].mean() < 0.95 and 0.05 < got[1].mean() < 0.95


def test_a_flat_quad_faces_as_its_planes_say() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    up, across = np.tile([0.0, 0, 1], (4, 1)), np.tile([1.0, 0, 0], (4, 1))
    quads = np.arange(4)[None]
    planes, edges = np.full(4, PLANE, dtype=np.uint8), np.full(4, EDGE, dtype=np.uint8)
    for ranks, directions, kept in ((planes, up, True), (planes, across, False), (edges, across, True)):
        assert filtered_quads(vertices, ranks, directions, quads)[0].tolist() == [kept]


@needs_native
@pytest.mark.parametrize("count", [0, 1, 9001])
def test_native_answers_are_the_reference(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    values = torch.rand(count, generator=generator)
    gradients = torch.randn(count, 3, generator=generator)
    gradients[::7] = 0.0
    *got, wrong = field_answers(values, gradients, 0.07, -0.007)
    wanted = reference.field_answers(values.numpy(), gradients.numpy(), 0.07)
    assert wrong is None
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape and a.dtype == np.float64 and np.abs(a - b).max(initial=0.0) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("value", "slope"), [(float("nan"), 1.0), (-1.0, 1.0), (0.5, float("inf"))])
def test_the_first_wrong_answer_is_named(dtype: torch.dtype, value: float, slope: float) -> None:
    values, gradients = torch.full((9000,), 0.5, dtype=dtype), torch.ones(9000, 3, dtype=dtype)
    for row in (8000, 4321):
        values[row], gradients[row, 1] = value, slope
        assert field_answers(values, gradients, 0.1, -0.01)[3] == row
    assert field_answers(torch.tensor([-0.001], dtype=dtype), gradients[:1], 0.1, -0.01)[0].tolist() == [0.0]


def test_rows_that_there_are_not_are_refused() -> None:
    points, distances, normals, low, high = random_stretches(5, 0)
    with pytest.raises(ValueError, match="high must be 0 to 9"):
        crossing_turns(points, distances, normals, low, high + 10, 0.5, 0.0)
    vertices, ranks, directions, quads = random_quads(3, 0)
    with pytest.raises(ValueError, match="quads must be of vertices 0 to 11"):
        filtered_quads(vertices, ranks, directions, quads + 1)
