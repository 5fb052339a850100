"""Fields and meshes answer rays alike, and as formulas do."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.errors import UserError
from neurfield.fields import SDFField
from neurfield.light.mesh import MeshTraced
from neurfield.light.sphere import SphereTraced
from neurfield.surfaces import extract_surface

CUBE = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])


class Distances:
    """A field of a formula; its gradient is torch's own. Its `steep` times the distance."""

    def __init__(self, distance, steep: float = 1.0) -> None:
        self.distance, self.steep = distance, steep

    def sdf(self, points: Tensor) -> Tensor:
        return self.steep * self.distance(points)

    def query(self, points: Tensor, gradient: bool = False) -> SimpleNamespace:
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            sdf = self.sdf(points)
            (slope,) = torch.autograd.grad(sdf.sum(), points)
        return SimpleNamespace(sdf=sdf.detach(), gradient=slope, feature=points.detach()[:, :0])


def ball(radius: float):
    return lambda points: points.norm(dim=1) - radius


def block(half: float):
    def distance(points: Tensor) -> Tensor:
        off = points.abs() - half
        return off.clamp_min(0.0).norm(dim=1) + off.amax(dim=1).clamp_max(0.0)

    return distance


def rays(count: int = 400, away: float = 2.5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    origins = away * normalize(torch.randn(count, 3, generator=generator), dim=1)
    targets = 0.6 * torch.randn(count, 3, generator=generator)
    return origins, normalize(targets - origins, dim=1)


@pytest.mark.parametrize("steep", [0.3, 1.0, 3.0])
def test_a_ball_is_met_where_the_formula_says(steep: float) -> None:
    """Also by a field that is flatter, or steeper, than a distance."""
    surface = SphereTraced(Distances(ball(0.6), steep), None, 4.0 * CUBE + 10.0)
    assert surface.slope > 0.95 * steep
    o, d = rays()
    o = 4.0 * o
    hits = surface.first_hits(o, d)
    b, c = (o * d).sum(dim=1), o.square().sum(dim=1) - (4.0 * 0.6) ** 2
    root = b.square() - c
    clear = root.abs() > 0.05
    assert (hits.hit == (root > 0))[clear].all() and 50 < int(hits.hit.sum()) < 350
    both = hits.hit & clear
    assert (hits.t[both] - (-b - root.clamp_min(0).sqrt())[both]).abs().max() < 1e-3
    assert (hits.normal[both] - normalize(hits.position[both], dim=1)).abs().max() < 1e-3
    assert torch.isinf(hits.t[~hits.hit]).all() and (hits.position[~hits.hit] == 0).all()
    assert (surface.occluded(o, d, torch.full((len(o),), 100.0)) == hits.hit).all()
    short = torch.where(hits.hit, 0.9 * hits.t, 1.0)
    assert not surface.occluded(o, d, short).any() and not surface.first_hits(o, d, short).hit.any()


def test_field_and_mesh_of_it_agree() -> None:
    voxel = 0.02
    field = Distances(block(0.5))
    made = extract_surface(field, CUBE, voxel)
    mesh = trimesh.Trimesh(made.vertices, made.faces, process=False)
    traced = SphereTraced(field, None, CUBE)
    solid = MeshTraced(made.vertices, made.faces, np.asarray(mesh.vertex_normals))
    o, d = rays()
    of_field, of_mesh = (
        traced.first_hits(o, d),
        solid.first_hits(o - torch.from_numpy(solid.origin).float(), d),
    )
    both = of_field.hit & of_mesh.hit
    assert int((of_field.hit != of_mesh.hit).sum()) < 0.02 * len(o) and both.sum() > 100
    off = (of_field.t - of_mesh.t)[both].abs()
    assert off.median() < 0.05 * voxel and off.quantile(0.95) < 0.5 * voxel
    flat = (of_field.position[both].abs() < 0.45).sum(dim=1) == 2
    assert (of_field.normal[both] - of_mesh.normal[both])[flat].abs().max() < 1e-3


def test_a_fitted_network_is_met_where_it_is_zero() -> None:
    torch.manual_seed(0)
    field = SDFField()
    field.start_as_sphere(0.5, inside=False)
    traced = SphereTraced(field, None, CUBE)
    o, d = rays(200)
    hits = traced.first_hits(o, d)
    assert hits.hit.sum() > 30
    assert field.sdf(hits.position[hits.hit]).abs().max() < 1e-4
    assert ((hits.normal * d).sum(dim=1)[hits.hit] < 0.0).all()
    ahead = o + 0.5 * hits.t.nan_to_num(posinf=0.0)[:, None] * d
    assert (field.sdf(ahead[hits.hit]) > 0).all()


def test_rays_that_begin_in_matter_meet_the_surface_from_behind() -> None:
    """A camera inside a wall, of a field and of its mesh."""
    made = extract_surface(Distances(ball(0.6)), CUBE, 0.05)
    mesh = trimesh.Trimesh(made.vertices, made.faces, process=False)
    for surface in (
        SphereTraced(Distances(ball(0.6)), None, CUBE),
        MeshTraced(made.vertices, made.faces, np.asarray(mesh.vertex_normals)),
    ):
        d = normalize(torch.randn(50, 3), dim=1)
        hits = surface.first_hits(torch.zeros(50, 3) + 0.1, d)
        assert hits.hit.all() and ((hits.normal * d).sum(dim=1) > 0.5).all()
        assert (hits.position.norm(dim=1) - 0.6).abs().max() < 5e-3


def test_a_ray_that_leaves_the_surface_does_not_meet_it_again() -> None:
    traced = SphereTraced(Distances(ball(0.6)), None, CUBE)
    o, d = rays()
    hits = traced.first_hits(o, d)
    start = (hits.position + traced.margin * hits.normal)[hits.hit]
    out = normalize(hits.normal[hits.hit] + 0.999 * normalize(torch.randn(len(start), 3), dim=1), dim=1)
    assert not traced.occluded(start, out, torch.full((len(start),), 10.0)).any()


def test_no_rays_no_hits_and_rays_that_miss_the_box() -> None:
    mesh = trimesh.creation.box()
    none = torch.zeros(0, 3)
    for surface in (
        SphereTraced(Distances(ball(0.6)), None, CUBE),
        MeshTraced(mesh.vertices, mesh.faces, np.asarray(mesh.vertex_normals)),
    ):
        assert len(surface.first_hits(none, none).t) == 0
        assert len(surface.occluded(none, none, torch.zeros(0))) == 0
        away = surface.first_hits(torch.full((3, 3), 5.0), normalize(torch.ones(3, 3), dim=1))
        assert not away.hit.any() and (surface.seen(away, torch.ones(3, 3)) == 0).all()
        nowhere, black = surface.pictured(torch.full((3, 3), 5.0), normalize(torch.ones(3, 3), dim=1))
        assert not nowhere.hit.any() and (black == 0).all()


def test_edges_of_a_coarse_mesh_stay_sharp_and_its_colours_are_linear_light() -> None:
    mesh = trimesh.creation.box()
    gray = np.full((len(mesh.vertices), 3), 0.5)
    box = MeshTraced(mesh.vertices, mesh.faces, np.asarray(mesh.vertex_normals), gray)
    hits = box.first_hits(torch.tensor([[0.1, 0.4, 3.0]]), torch.tensor([[0.0, 0.0, -1.0]]))
    assert hits.normal.tolist() == [[0.0, 0.0, 1.0]]
    assert hits.albedo[0, 0] == pytest.approx(0.2140, abs=1e-3)
    assert box.seen(hits, hits.normal)[0, 0] == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(UserError, match="no faces"):
        MeshTraced(mesh.vertices, mesh.faces[:0], np.asarray(mesh.vertex_normals))


def test_distances_without_a_sign_are_refused() -> None:
    field = Distances(lambda points: (points.norm(dim=1) - 0.5).abs())
    field.sign = "unsigned"
    with pytest.raises(UserError, match="no sign"):
        SphereTraced(field, None, CUBE)
