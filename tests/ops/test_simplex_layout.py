"""Where the simplex grid's entries lie: no vertex of the cube shares one, and hardly any is left over."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neurfield.ops.simplex_layout import SimplexLayout, dense_numbering, skew_matrix


def vertices_met(dimensions: int, scale: float, count: int = 200_000) -> np.ndarray:
    """Vertices [M, n] of the simplices that points of the closed cube fall into, found by looking: inside, on
    all faces, edges and corners."""
    rng = np.random.default_rng(0)
    points = [rng.random((count, dimensions))]
    for fixed in itertools.product((None, 0.0, 1.0), repeat=dimensions):
        some = rng.random((count // 8, dimensions))
        for axis, value in enumerate(fixed):
            if value is not None:
                some[:, axis] = value
        points.append(some)
    lattice = np.concatenate(points) @ skew_matrix(dimensions) * scale + 0.5
    cell = np.floor(lattice)
    order = np.argsort(-(lattice - cell), axis=1, kind="stable")
    found = [cell]
    for axis in range(dimensions):
        step = np.zeros_like(cell)
        np.put_along_axis(step, order[:, axis : axis + 1], 1.0, axis=1)
        found.append(found[-1] + step)
    return np.unique(np.concatenate(found).astype(np.int64), axis=0)


@pytest.mark.parametrize(
    ("dimensions", "scale", "used"),
    [
        (2, 3.0, 0.7),
        (2, 15.0, 0.93),
        (2, 40.3, 0.93),
        (3, 3.0, 0.7),
        (3, 15.0, 0.93),
        (3, 21.7, 0.93),
        (4, 5.0, 0.6),
    ],
)
def test_numbers_the_cubes_vertices_without_collision_or_waste(
    dimensions: int, scale: float, used: float
) -> None:
    numbering = dense_numbering(dimensions, scale, 2**24)
    assert numbering is not None
    size, factors = numbering
    vertices = vertices_met(dimensions, scale)
    entries = vertices @ np.array(factors) % size
    assert len(np.unique(entries)) == len(vertices)
    assert len(vertices) >= used * size


def test_row_by_row_most_entries_would_be_wasted() -> None:
    size, _ = dense_numbering(3, 40.0, 2**24) or (0, ())
    assert size < 0.35 * 42**3


def test_a_level_that_does_not_fit_is_hashed() -> None:
    layout = SimplexLayout(levels=6, log2_table_size=12, base_resolution=8, growth=1.6)
    assert layout.hashed == (False, False, False, True, True, True)
    sizes = np.diff(layout.offsets)
    assert (sizes[3:] == 4096).all() and (sizes[:3] < 4096).all()
    assert layout.steps[3] == () and layout.steps[0][0] == 1
    assert layout.vertices == 4 and layout.simplex


@pytest.mark.parametrize("dimensions", [2, 3, 4])
def test_equal_density_has_as_many_vertices_as_cubes_have(dimensions: int) -> None:
    layout = SimplexLayout(1, 1, 24, 24, dimensions=dimensions, equal_density=True)
    vertices = layout.scales[0] ** dimensions * np.linalg.det(skew_matrix(dimensions))
    assert vertices == pytest.approx(23.0**dimensions, rel=1e-5)


@pytest.mark.parametrize("dimensions", [2, 3, 4])
def test_the_skew_maps_the_cubes_diagonal_onto_itself(dimensions: int) -> None:
    skew = skew_matrix(dimensions)
    np.testing.assert_allclose(np.ones(dimensions) @ skew, 1.0)
    assert np.linalg.det(skew) == pytest.approx((dimensions + 1) ** (-(dimensions - 1) / 2))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"levels": 0}, "SimplexLayout: levels must be at least 1, got 0"),
        ({"dimensions": 5}, "dimensions must be 2, 3 or 4, got 5"),
        ({"features": 3}, "features must be 1, 2 or 4, got 3"),
        (
            {"log2_table_size": 18.5},
            r"log2_table_size must be a whole number, got 18.5; a table's size is 2\*\*",
        ),
    ],
)
def test_refuses_what_it_cannot_lay_out(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SimplexLayout(**wrong)  # type: ignore[arg-type]
