"""Tiny networks learn a sphere: what they say, where they are, that they do not jump, and what is refused."""

from __future__ import annotations

import pytest
import torch

from neurfield.errors import UserError
from neurfield.fields.cells import Cells
from neurfield.fields.kilo import KiloSDF, keeping
from neurfield.fields.kilo_color import KiloColor
from neurfield.fitting.distill import Distillation, Student, refuse_memory, usual_color
from neurfield.fitting.teaching import Teacher, cells_of, faces_of
from tests.fitting.spheres import RADIUS, Normals, Sphere, Wrinkled

BOX = [-1.0, -0.9, -0.8, 1.0, 0.9, 0.8]


@pytest.fixture(scope="module")
def taught() -> Student:
    teacher = Teacher(Sphere(), Normals())  # type: ignore[arg-type]
    return Distillation(teacher, BOX, 4, 150).run()


def on_sphere(count: int, seed: int = 3) -> torch.Tensor:
    directions = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(directions, dim=1) * RADIUS + Sphere().centre.detach()


def test_the_student_says_what_the_teacher_says(taught: Student) -> None:
    points = on_sphere(2000)
    with torch.no_grad():
        sample = taught.field.query(points, gradient=True)
    assert sample.gradient is not None and taught.color is not None
    assert sample.sdf.abs().mean() < 0.005
    normal = torch.nn.functional.normalize(sample.gradient, dim=1)
    true = (points - Sphere().centre.detach()) / RADIUS
    assert ((normal * true).sum(dim=1) > 0.98).float().mean() > 0.9
    with torch.no_grad():
        rgb = taught.color(points, sample.feature, normal, taught.color.encode_views(-normal))
    assert (rgb - (0.5 + 0.5 * true)).abs().mean() < 0.08
    assert taught.figures.distance < 0.005 and taught.figures.jump[0] < 0.01


def test_cells_that_are_asked_alike_on_their_faces_jump_less(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    together = Distillation(Teacher(Wrinkled(), None), BOX, 2, 150).run().figures
    monkeypatch.setattr("neurfield.fitting.distill.OF_VALUE_JUMP", 0.0)
    monkeypatch.setattr("neurfield.fitting.distill.OF_NORMAL_JUMP", 0.0)
    apart = Distillation(Teacher(Wrinkled(), None), BOX, 2, 150).run().figures
    assert together.jump[0] < 0.8 * apart.jump[0]
    assert together.turn[0] < 0.8 * apart.turn[0]


def test_signs_are_right_everywhere(taught: Student) -> None:
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(1)) * 2.2 - 1.1  # some outside
    true = Sphere().sdf(points.clamp(-1.0, 1.0))
    sure = true.abs() > 0.02
    assert torch.equal(taught.field.sdf(points)[sure] > 0, true[sure] > 0)


def test_cells_far_from_the_surface_have_no_network() -> None:
    cells, lattice = cells_of(Teacher(Sphere(), None), BOX, 8)
    x, y, z = cells.table.shape
    assert (x, y, z) == (8, 8, 7) and lattice.shape == (17, 17, 15)
    middles = torch.cartesian_prod(*(torch.arange(n) + 0.5 for n in (x, y, z))) * cells.edge + cells.frame[:3]
    sdf, table = Sphere().sdf(middles).view(x, y, z), cells.table
    assert (table[sdf.abs() < 0.25 * cells.edge] >= 0).all()
    assert (table[sdf.abs() > 2.0 * cells.edge] < 0).all()
    assert (table[sdf < -2.0 * cells.edge] == -2).all() and (table[sdf > 2.0 * cells.edge] == -1).all()
    assert 0 < cells.networks < 0.6 * table.numel()
    a, b, place, along = faces_of(cells)
    for axis in range(3):
        rows = along == axis
        neighbour = place[rows].clone()
        neighbour[:, axis] += 1
        assert torch.equal(table[tuple(place[rows].unbind(1))].long(), a[rows])
        assert torch.equal(table[tuple(neighbour.unbind(1))].long(), b[rows])


def test_a_state_of_sixteen_bits_makes_the_same_field(taught: Student) -> None:
    state = keeping(taught.field.state_dict(), torch.float16)
    again = KiloSDF(5)
    again.load_state_dict(state)
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(2)) * 2.0 - 1.0
    assert torch.equal(again.sdf(points), taught.field.sdf(points))
    assert taught.color is not None
    color = usual_color(taught.field, 5)
    small = keeping(taught.color.state_dict(), torch.float16)
    assert small["texture.table"].dtype == torch.float16
    color.load_state_dict(small)
    assert all(torch.equal(a, b) for a, b in zip(color.parameters(), taught.color.parameters()))


def test_the_gradient_is_that_of_the_distance(taught: Student) -> None:
    points = on_sphere(200) * 1.02
    sample = taught.field.query(points, gradient=True)  # composed: it trains
    with torch.no_grad():
        fused = taught.field.query(points, gradient=True)
    assert sample.gradient is not None and fused.gradient is not None and sample.sdf.requires_grad
    torch.testing.assert_close(sample.sdf.detach(), fused.sdf, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(sample.gradient.detach(), fused.gradient, atol=1e-3, rtol=1e-3)
    doubles = KiloSDF().double()
    doubles.load_state_dict(taught.field.state_dict())
    at = points.double()
    with torch.no_grad():
        slope = doubles.query(at, gradient=True).gradient
    assert slope is not None
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = 1e-6
        rise = (doubles.sdf(at + step) - doubles.sdf(at - step)) / 2e-6
        inside = (rise - slope[:, axis]).abs() < 1e-3
        assert inside.float().mean() > 0.97  # others lie astride of a face


def test_points_of_any_shape_or_none(taught: Student) -> None:
    assert taught.field.sdf(torch.zeros(0, 3)).shape == (0,)
    assert taught.field.sdf(torch.zeros(2, 5, 3)).shape == (2, 5)
    sample = taught.field.query(torch.zeros(2, 5, 3), gradient=True)
    assert sample.gradient is not None and sample.gradient.shape == (2, 5, 3)
    assert sample.feature.shape == (2, 5, 15)
    with pytest.raises(ValueError, match="no heads"):
        taught.field.query(torch.zeros(2, 3), row=torch.zeros(2, dtype=torch.int64))


def test_a_stop_leaves_a_student_as_far_as_it_came() -> None:
    def stop(words: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    student = Distillation(Teacher(Sphere(), None), BOX, 3, 20).run(stop)
    assert 0 < student.figures.steps < 20
    assert student.color is None and student.field.sdf(on_sphere(9)).isfinite().all()


def test_what_cannot_be_distilled_is_said() -> None:
    far = Sphere((9.0, 0.0, 0.0))
    with pytest.raises(UserError, match="surface is empty"):
        Distillation(Teacher(far, None), BOX, 4, 10)
    with pytest.raises(UserError, match="has not converged"):
        Distillation(Teacher(Sphere(steep=2.0), None), BOX, 4, 10)
    with pytest.raises(UserError, match=r"--cells 1000: some 6,000,000 networks.* give at most"):
        Distillation(Teacher(Sphere(), None), BOX, 1000, 10, memory=8e9)
    refuse_memory(100, 3000, 4, 8e9)


def test_no_fit_teaches_them() -> None:
    with pytest.raises(UserError, match="neurfield distill"):
        KiloSDF().parameter_groups()
    with pytest.raises(UserError, match="neurfield distill"):
        KiloColor().parameter_groups()


def test_a_grid_finds_cells_and_moves_points_into_itself() -> None:
    cells = Cells(torch.tensor([[[0, 1], [-1, 2]]]), [0.0, 0.0, 0.0], 1.0)
    points = torch.tensor([[0.5, 0.5, 1.5], [0.5, 1.5, 0.5], [-3.0, 0.5, 0.25], [0.5, 1.2, 7.0]])
    assert cells.numbers(points).tolist() == [1, -1, 0, 2]
    binned = cells.binned(cells.inside(points))
    assert binned.rows.tolist() == [2, 0, 3] and binned.starts.tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(binned.local[0], torch.tensor([-1.0, 0.0, -0.5]))
