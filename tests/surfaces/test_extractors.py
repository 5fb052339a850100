"""Which extractor a field gets, what is said of it, and what does not go together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.surfaces import Extracted, LevelSet, extract_level_set, extract_surface, smallest_cell
from tests.surfaces.unsigned_shapes import (
    BOX,
    Query,
    edge_uses,
    euler,
    field_of,
    hemisphere,
    moebius,
    noisy,
    sphere,
)


class Field:
    def __init__(self, query: Query, sign: str | None = None) -> None:
        self._query = query
        if sign:
            self.sign = sign

    def sdf(self, points: Tensor) -> Tensor:
        return self._query(points)[0]

    def query(self, points: Tensor, gradient: bool = False) -> Any:
        value, slope = self._query(points)
        return SimpleNamespace(value=value, gradient=slope if gradient else None)


def ball(points: Tensor) -> tuple[Tensor, Tensor]:
    distance = points.norm(dim=1)
    return distance - 0.6, points / distance[:, None]


@pytest.mark.parametrize("sign", [None, "signed"])
def test_fields_with_a_sign_go_through_marching_cubes_as_ever(sign: str | None) -> None:
    field = Field(ball, sign)
    made = extract_surface(field, BOX, 0.1)
    vertices, faces = extract_level_set(field.sdf, BOX, 0.1)
    assert made.extractor == "marching-cubes" and made.why == ""
    assert (made.vertices == vertices).all() and (made.faces == faces).all()
    dual = extract_surface(field, BOX, 0.1, "dual-contouring")
    assert dual.extractor == "dual-contouring" and euler(dual.faces) == 2


def test_fields_without_one_by_their_noise() -> None:
    exact, rough = field_of(hemisphere()), noisy(field_of(sphere(0.4)), 0.004, 0.002, 400.0)
    made = extract_surface(Field(exact, "unsigned"), BOX, 0.06)
    assert made.extractor == "dual-mesh" and "no sign" in made.why and "up to 0.25" in made.why
    made = extract_surface(Field(rough, "unsigned"), BOX, 2.0 / 64)
    assert made.extractor == "mesh-udf" and "more than 0.25" in made.why
    assert (edge_uses(made.faces)[1] == 2).all()
    made = extract_surface(Field(exact, "unsigned"), BOX, 0.06, "mesh-udf")
    assert made.extractor == "mesh-udf" and made.why == ""


def test_cells_are_no_smaller_than_noise_allows() -> None:
    # A wave of a long wavelength moves the surface and tears nothing; a short one is no surface's.
    finest = 2.0 / 256
    for query in (field_of(sphere(0.4)), noisy(field_of(sphere(0.4)), 0.004, 0.002)):
        assert smallest_cell(Field(query, "unsigned"), BOX) == pytest.approx(finest)
    little, more = (Field(noisy(field_of(sphere(0.4)), n, 0.5 * n, 400.0), "unsigned") for n in (0.004, 0.01))
    cell = smallest_cell(little, BOX)
    assert 4.0 * finest < cell < smallest_cell(more, BOX)
    made = extract_surface(little, BOX, cell)
    assert (edge_uses(made.faces)[1] == 2).all() and euler(made.faces) == 2
    assert "holes" not in made.why and "holes" in extract_surface(little, BOX, 0.2 * cell).why


def test_a_field_through_zero_is_measured_and_others_are_tried() -> None:
    def layer(points: Tensor) -> tuple[Tensor, Tensor]:
        """Half a ball whose distance is 0 in a layer of uneven thickness, as that of a fit to points."""
        value, slope = field_of(hemisphere())(points)
        thick = 0.02 * (1.0 + torch.sin(60.0 * points).prod(dim=1))
        return (value.reshape(-1) - thick).clamp_min(0.0), slope

    torn, through = Field(layer, "unsigned"), Field(field_of(hemisphere()), "unsigned")
    through.sided = True  # type: ignore[attr-defined]
    assert smallest_cell(through, BOX) == pytest.approx(2.0 / 256)
    assert smallest_cell(Field(field_of(hemisphere()), "unsigned"), BOX) == pytest.approx(2.0 / 256)
    cell = smallest_cell(torn, BOX)
    assert cell > 2.0 / 128
    fine, chosen = (border(extract_surface(torn, BOX, size)) for size in (2.0 / 256, cell))
    assert chosen < 2.0 * border(extract_surface(through, BOX, cell)) < fine


def border(made: Extracted) -> float:
    """The length of the edges that have one face."""
    edges, uses = edge_uses(made.faces)
    ends = made.vertices[edges[uses == 1]]
    return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).sum())


def test_a_surface_of_one_side_is_told() -> None:
    made = extract_surface(Field(field_of(moebius(count=1000)), "unsigned"), BOX, 0.1, "dual-mesh")
    assert "1 pieces have but one side" in made.why


@pytest.mark.parametrize(
    ("sign", "extractor", "says"),
    [
        ("signed", "dual-mesh", "is for fields without a sign, and this one has one: take marching-cubes"),
        ("unsigned", "marching-cubes", "is for fields with a sign, and this one has none: take dual-mesh"),
        ("signed", "tetrahedra", "there is no extractor 'tetrahedra': take marching-cubes"),
    ],
)
def test_what_does_not_go_together_is_one_line(sign: str, extractor: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as told:
        extract_surface(Field(ball, sign), BOX, 0.1, extractor)
    assert "\n" not in str(told.value)


def test_a_field_that_is_wrong_is_one_line() -> None:
    with pytest.raises(UserError, match="it has a sign"):
        extract_surface(Field(ball, "unsigned"), BOX, 0.1)
    flat = Field(lambda p: (p[:, 0] * 0.0, p * 0.0), "unsigned")
    for extractor in ("auto", "dual-mesh", "mesh-udf"):
        with pytest.raises(UserError, match="nothing tells where the surface is"):
            extract_surface(flat, BOX, 0.1, extractor)


@pytest.mark.parametrize("extractor", ["marching-cubes", "dual-contouring", "dual-mesh", "mesh-udf"])
def test_who_waits_is_told_what_goes_on(extractor: str) -> None:
    told: list[tuple[str, float]] = []
    unsigned = extractor in ("dual-mesh", "mesh-udf")
    field = Field(field_of(hemisphere()), "unsigned") if unsigned else Field(ball)
    part = LevelSet(extractor=extractor)  # type: ignore[arg-type]
    part.extract(field, BOX, 0.1, "cpu", tell=lambda *what: told.append(what))  # type: ignore[arg-type]
    assert len({stage for stage, _ in told}) > 1 and all(0.0 <= share <= 1.0 for _, share in told)


def test_a_methods_part_tells_what_it_took() -> None:
    part = LevelSet()
    _, faces = part.extract(Field(ball), BOX, 0.1, "cpu")  # type: ignore[arg-type]
    assert len(faces) and part.told == ""
    part.extract(Field(field_of(hemisphere()), "unsigned"), BOX, 0.1, "cpu")  # type: ignore[arg-type]
    assert part.told.startswith("dual-mesh: the field has no sign")
    part = LevelSet(extractor="dual-contouring")
    part.extract(Field(ball), BOX, 0.1, "cpu")  # type: ignore[arg-type]
    assert part.told == "dual-contouring"
