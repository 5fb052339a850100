"""Light is neither made nor lost: paths against what is known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.errors import UserError
from neurfield.light.lights import BallLight, Environment, QuadLight
from neurfield.light.lit import LitScene, Material, Region
from neurfield.light.materials import Bsdf, Shading, returned
from neurfield.light.mesh import MeshTraced
from neurfield.light.paths import Draws, radiance_along
from neurfield.light.sphere import SphereTraced
from tests.light.test_traced import CUBE, Distances, ball

WHITE = (1.0, 1.0, 1.0)
SKY = Environment(np.ones((4, 8, 3), np.float32))


def mesh_of(mesh: trimesh.Trimesh) -> MeshTraced:
    return MeshTraced(mesh.vertices, mesh.faces, np.asarray(mesh.vertex_normals))


def floor(side: float = 20.0) -> MeshTraced:
    plate = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * side / 2
    return mesh_of(trimesh.Trimesh(plate, [[0, 1, 2], [0, 2, 3]], process=False))


def uneven_sky() -> Environment:
    image = np.random.default_rng(0).random((8, 16, 3)).astype(np.float32)
    image[2, 3] = 60.0  # a sun
    return Environment(image)


def mean(scene: LitScene, origins: Tensor, directions: Tensor, samples: int, seed: int = 0, **how) -> Tensor:
    """Radiance along rays, the mean of some samples."""
    draws = Draws(len(origins), samples, seed)
    return (
        sum(radiance_along(scene, origins, directions, draws.of(s), **how) for s in range(samples)) / samples
    )


def onto(point: tuple[float, float, float], count: int, away: float = 3.0) -> tuple[Tensor, Tensor]:
    """Rays to a point of the floor from above, from all around."""
    turn = torch.linspace(0.0, 2.0 * math.pi, count + 1)[:-1]
    eye = torch.stack([away * turn.cos(), away * turn.sin(), torch.full((count,), away)], dim=1)
    target = torch.tensor(point)
    return eye, normalize(target - eye, dim=1)


@pytest.mark.parametrize("roughness", [None, 0.2, 0.7])
def test_a_white_thing_in_a_white_world_is_not_to_be_seen(roughness: float | None) -> None:
    """The furnace: a diffuse ball, bare or under a gloss, returns all light, as a field and as a mesh."""
    field = SphereTraced(Distances(ball(0.6)), None, CUBE)
    solid = mesh_of(trimesh.creation.icosphere(4, 0.6))
    eye = torch.tensor([[3.0, 0.2, 0.1]]).repeat(300, 1)
    spot = 0.4 * torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    for surface in (field, solid):
        scene = LitScene([(surface, Material(WHITE, roughness))], environment=SKY)
        seen = mean(scene, eye, normalize(spot - eye, dim=1), 32, depth=64)
        assert seen.mean() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("roughness", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("metal", [0.0, 1.0])
def test_gloss_makes_no_light_and_loses_what_the_table_says(roughness: float, metal: float) -> None:
    """A white metal returns what single scattering leaves of it; a white ground under gloss returns all."""
    count = 40000
    cosine = torch.linspace(0.1, 1.0, 4).repeat_interleave(count // 4)
    towards = torch.stack([(1 - cosine**2).sqrt(), torch.zeros(count), cosine], dim=1)
    ones = torch.ones(count)
    shading = Shading(torch.ones(count, 3), roughness * ones, metal * ones, torch.zeros(count, 3))
    bsdf = Bsdf(shading, torch.tensor([[0.0, 0.0, 1.0]]).repeat(count, 1), towards)
    u = torch.rand(3, count, generator=torch.Generator().manual_seed(1))
    direction, weight, density = bsdf.sample(*u)
    value, again = bsdf.at(direction)
    drawn = density > 0
    assert torch.allclose(density[drawn], again[drawn], rtol=2e-3, atol=1e-4)
    assert torch.allclose(weight[drawn] * density[drawn, None], value[drawn], rtol=2e-3, atol=1e-4)
    came = weight.mean(dim=1).view(4, -1).mean(dim=1)
    wanted = returned(cosine, roughness * ones, 1.0).view(4, -1)[:, 0] if metal else torch.ones(4)
    assert (came - wanted).abs().max() < 0.03 and came.max() < 1.02
    if metal and roughness == 1.0:
        assert came.min() < 0.75  # a rough metal does lose light
    # As much by directions that are drawn evenly: density and value are those of the hemisphere.
    even = normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(2)), dim=1)
    even[:, 2] = even[:, 2].abs()
    value, density = bsdf.at(even)
    if roughness >= 0.5:
        by_hand = (2.0 * math.pi * value).mean(dim=1).view(4, -1).mean(dim=1)
        assert (by_hand - wanted)[1:].abs().max() < 0.05
        # Rough gloss draws some that lead below the surface.
        assert (2.0 * math.pi * density).mean() == pytest.approx(float(drawn.float().mean()), abs=0.05)


def test_two_materials_answer_both_ways_alike() -> None:
    """Reciprocity: swapping light and eye changes nothing but the cosine."""
    count = 500
    generator = torch.Generator().manual_seed(3)
    a, b = (normalize(torch.randn(count, 3, generator=generator), dim=1) for _ in range(2))
    a[:, 2], b[:, 2] = a[:, 2].abs() + 0.05, b[:, 2].abs() + 0.05
    a, b = normalize(a, dim=1), normalize(b, dim=1)
    half = torch.full((count,), 0.4)
    shading = Shading(torch.rand(count, 3, generator=generator), half, half, torch.zeros(count, 3))
    up = torch.tensor([[0.0, 0.0, 1.0]]).repeat(count, 1)
    there = Bsdf(shading, up, a).at(b)[0] / b[:, 2:]
    back = Bsdf(shading, up, b).at(a)[0] / a[:, 2:]
    assert torch.allclose(there, back, rtol=1e-3, atol=1e-5)


def lamps() -> list[QuadLight | BallLight]:
    quad = QuadLight(
        np.array([-0.5, -0.5, 2.0]), np.array([0, 1.0, 0]), np.array([1.0, 0, 0]), 5.0 * np.ones(3)
    )
    return [quad, BallLight(np.array([1.5, 0.5, 1.0]), 0.4, np.array([4.0, 3.0, 2.0]))]


@pytest.mark.parametrize("roughness", [None, 0.3])
def test_lights_asked_and_lights_met_come_to_the_same(roughness: float | None) -> None:
    globe = mesh_of(trimesh.creation.icosphere(3, 0.4))
    surfaces = [
        (floor(), Material((0.7, 0.5, 0.3), roughness)),
        (globe, Material((0.2, 0.6, 0.9), roughness)),
    ]
    scene = LitScene(surfaces, lamps(), uneven_sky())
    eyes, ahead = onto((0.5, 0.4, 0.0), 1500)
    both, asked, met = (
        mean(scene, eyes, ahead, 32, depth=3, **how).mean(dim=0)
        for how in ({}, {"surfaces": False}, {"lights": False})
    )
    assert torch.allclose(both, asked, rtol=0.03) and torch.allclose(both, met, rtol=0.06)


def test_a_flat_lamp_is_asked_less_from_aside() -> None:
    up, across = np.array([0.0, 0.1, 0.0]), np.array([0.1, 0.0, 0.0])
    down = QuadLight(np.array([-0.05, -0.05, 2.0]), up, across, np.ones(3))  # shines along -z
    ball = BallLight(np.array([0.0, 0.0, 2.0]), 0.05, np.ones(3))
    scene = LitScene([(floor(), Material(WHITE))], [down, ball])
    turn = torch.linspace(0.0, math.pi, 7)
    around = torch.stack([turn.sin(), torch.zeros(7), 1.0 - turn.cos()], dim=1) + torch.tensor(
        [0.0, 0.0, 1.0]
    )
    asked = scene.chances(around)[:, 0]
    assert (asked[:-1] >= asked[1:]).all() and asked[0] > 3.0 * asked[3] > 0.0
    assert asked[-1] == 0.0  # from behind
    torch.testing.assert_close(scene.chances(around).sum(dim=1), torch.ones(7))


def test_a_small_lamp_falls_off_with_the_square_of_its_distance() -> None:
    """E = L A cos cos / r^2, by a parallelogram and by a ball (its disc)."""
    for height in (1.0, 2.0, 4.0):
        side = 0.02
        corner, edges = np.array([-side / 2, -side / 2, height]), side * np.eye(3)
        quad = QuadLight(corner, edges[1], edges[0], np.full(3, 1e4))
        globe = BallLight(np.array([0.0, 0.0, height]), side / 2, np.full(3, 1e4))
        for lamp, area in ((quad, side**2), (globe, math.pi * side**2 / 4)):
            scene = LitScene([(floor(), Material((0.5, 0.5, 0.5)))], [lamp])
            eyes, ahead = onto((0.0, 0.0, 0.0), 64)
            seen = mean(scene, eyes, ahead, 16, depth=1)
            assert seen.mean() == pytest.approx(0.5 / math.pi * 1e4 * area / height**2, rel=0.02)


def test_a_large_lamp_is_as_bright_as_its_form_factor_says() -> None:
    """A square of side 2 over the middle at height 1: F = 0.5541 (four corners of Lambert's formula)."""
    x = 1.0 / math.sqrt(2.0)
    factor = 4.0 * (2.0 * x * math.atan(x)) / (2.0 * math.pi)
    quad = QuadLight(np.array([-1.0, -1.0, 1.0]), np.array([0, 2.0, 0]), np.array([2.0, 0, 0]), np.ones(3))
    eyes, ahead = onto((0.0, 0.0, 0.0), 500, away=0.5)
    scene = LitScene([(floor(), Material(WHITE))], [quad])
    assert mean(scene, eyes, ahead, 64, depth=1).mean() == pytest.approx(factor, rel=0.01)


def test_a_field_and_its_mesh_are_lit_alike() -> None:
    field = SphereTraced(Distances(ball(0.6)), None, CUBE)
    solid = mesh_of(trimesh.creation.icosphere(5, 0.6))
    ground = (floor(), Material((0.5, 0.5, 0.5)))
    under = LitScene([(field, Material((0.8, 0.2, 0.2), 0.3)), ground], lamps(), uneven_sky())
    other = LitScene([(solid, Material((0.8, 0.2, 0.2), 0.3)), ground], lamps(), uneven_sky())
    eye = torch.tensor([[3.0, 1.0, 1.5]]).repeat(900, 1)
    spot = 0.5 * torch.randn(900, 3, generator=torch.Generator().manual_seed(0))
    seen, wanted = (mean(scene, eye, normalize(spot - eye, dim=1), 24, depth=3) for scene in (under, other))
    assert torch.allclose(seen.mean(dim=0), wanted.mean(dim=0), rtol=0.03)
    assert (seen - wanted).abs().mean() < 0.12 * wanted.mean()


def test_seeds_reproduce_and_differ_and_more_samples_are_nearer() -> None:
    scene = LitScene([(floor(), Material((0.5, 0.5, 0.5)))], lamps(), uneven_sky())
    eyes, ahead = onto((0.5, 0.4, 0.0), 200)
    one, same, other = (mean(scene, eyes, ahead, 4, seed) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    true = mean(scene, eyes, ahead, 256, 3)
    few, many = ((mean(scene, eyes, ahead, n, 4) - true).square().mean() for n in (4, 64))
    assert many < 0.35 * few


def test_sparks_are_clamped_and_only_from_the_second_surface_on() -> None:
    scene = LitScene([(floor(), Material((0.5, 0.5, 0.5)))], lamps())
    eyes, ahead = onto((0.5, 0.4, 0.0), 100)
    free, held = (mean(scene, eyes, ahead, 8, depth=1, clamp=c) for c in (None, 1e-3))
    assert torch.equal(free, held)
    room = LitScene([(mesh_of(inverted_box()), Material((0.8, 0.8, 0.8)))], lamps())
    eye, d = torch.zeros(100, 3) + 0.3, normalize(torch.randn(100, 3), dim=1)
    free, held = (mean(room, eye, d, 8, clamp=c).mean() for c in (None, 0.05))
    assert held < 0.9 * free


def inverted_box() -> trimesh.Trimesh:
    box = trimesh.creation.box([5.0, 5.0, 5.0])
    box.invert()
    return box


def test_a_part_may_shine_by_itself_and_be_made_of_something_else() -> None:
    region = Region(np.array([[0.0, -1.0, -1.0], [1.0, 1.0, 1.0]]) + 7.0, Material(emission=(2.0, 1.0, 0.5)))
    shifted = floor()
    shifted.origin, shifted.box = shifted.origin + 7.0, shifted.box + 7.0
    scene = LitScene([(shifted, Material((0.0, 0.0, 0.0)))], regions=[region], origin=np.full(3, 7.0))
    down = torch.tensor([[0.0, 0.0, -1.0]]).repeat(2, 1)
    seen = mean(scene, torch.tensor([[0.5, 0.0, 1.0], [-0.5, 0.0, 1.0]]), down, 1)
    assert seen.tolist() == [[2.0, 1.0, 0.5], [0.0, 0.0, 0.0]]


def test_no_light_is_one_line_and_no_rays_are_no_light() -> None:
    with pytest.raises(UserError, match="nothing shines"):
        LitScene([(floor(), Material())])
    with pytest.raises(UserError, match="nothing shines"):
        LitScene([(floor(), Material())], [BallLight(np.zeros(3), 1.0, np.zeros(3))])
    scene = LitScene([(floor(), Material())], environment=SKY)
    none = torch.zeros(0, 3)
    assert radiance_along(scene, none, none, Draws(0, 1, 0).of(0)).shape == (0, 3)
