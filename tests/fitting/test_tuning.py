"""Colours of tiny networks are fitted to pictures: where rays meet them, through exposure, beside masks."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.fields.kilo_color import KiloColor
from neurfield.fitting import tuning
from neurfield.fitting.distill import Distillation, Student
from neurfield.fitting.teaching import Teacher
from neurfield.fitting.tuning import Tuning
from neurfield.pixels import Pixels
from neurfield.rays import Rays
from tests.fitting.spheres import RADIUS, Normals, Sphere

BOX = [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]


def stripes(points: Tensor) -> Tensor:
    """What pictures show: finer than the teacher's colour, and another one."""
    waves = (15.0 * points[:, :1]).sin()
    return (0.5 + 0.3 * torch.cat([waves, -waves, torch.zeros_like(waves)], dim=1)).clamp(0.0, 1.0)


class Reader:
    """Pixels of cameras around the sphere."""

    def __init__(self, masked: bool = False) -> None:
        self.masked = masked

    def batch(self, step: int, rays: int) -> Pixels:
        generator = torch.Generator().manual_seed(step)
        out = normalize(torch.randn(rays, 3, generator=generator), dim=1)
        at = Sphere().centre.detach() + 0.55 * torch.randn(rays, 3, generator=generator)
        origins = 0.98 * normalize(out, dim=1)
        along = normalize(at - origins, dim=1)
        o = origins - Sphere().centre.detach()
        half = (o * along).sum(dim=1)
        root = half.square() - o.square().sum(dim=1) + RADIUS**2
        met = (root > 0.0) & (half < 0.0)
        t = -half - root.clamp_min(0.0).sqrt()
        rgb = torch.where(met[:, None], stripes(origins + t[:, None] * along), 0.0)
        columns = {"rgb": rgb}
        if self.masked:
            left = origins[:, 1] < 0.0
            columns |= {"mask": left.float(), "rgb": torch.where(left[:, None], rgb, 1.0)}
        lines = Rays(origins, along, torch.zeros(rays), torch.full((rays,), 3.0), torch.ones(rays))
        camera = torch.zeros(rays, dtype=torch.int64)
        return Pixels(lines, camera, camera, 1, columns)


def rays_of(**parts: Any) -> Any:
    usual = {"reader": Reader(), "poses": None, "exposure": None, "transients": None}
    return SimpleNamespace(**{**usual, **parts})


@pytest.fixture(scope="module")
def taught() -> Student:
    return Distillation(teacher(), BOX, 3, 60).run()


@pytest.fixture
def student(taught: Student, monkeypatch: pytest.MonkeyPatch) -> Student:
    monkeypatch.setattr(tuning, "PIXELS", 3000)
    monkeypatch.setattr(tuning, "ELSEWHERE", 1)  # the teacher tells other colours than the pictures here
    return deepcopy(taught)


def teacher() -> Teacher:
    return Teacher(Sphere(), Normals())  # type: ignore[arg-type]


def colors_of(student: Student, count: int = 2000) -> tuple[Tensor, Tensor]:
    """Places of the sphere and the student's colours there, seen head-on."""
    out = normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(9)), dim=1)
    points = Sphere().centre.detach() + RADIUS * out
    with torch.no_grad():
        sample = student.field.query(points, gradient=True)
        assert student.color is not None and sample.gradient is not None
        views = student.color.encode_views(-out)
        return points, student.color(points, sample.feature, normalize(sample.gradient, dim=1), views)


def test_colours_become_those_of_the_pictures_and_the_surface_stays(student: Student) -> None:
    before = {name: tensor.clone() for name, tensor in student.field.state_dict().items()}
    points, taught = colors_of(student)
    Tuning(student, teacher(), rays_of()).run(60)
    _, found = colors_of(student)
    assert all(torch.equal(before[name], tensor) for name, tensor in student.field.state_dict().items())
    off, was = ((colors - stripes(points)).abs().mean() for colors in (found, taught))
    assert off < 0.06 and off < 0.3 * was
    figures = student.figures
    assert figures.tuned == 60 and figures.psnr is not None and figures.psnr[1] > figures.psnr[0] + 5.0
    assert student.color is not None
    assert all(torch.equal(p, p.half().float()) for p in student.color.parameters())


def test_what_a_mask_leaves_out_is_not_learnt(student: Student) -> None:
    Tuning(student, teacher(), rays_of(reader=Reader(masked=True))).run(40)
    points, found = colors_of(student)
    assert not (found > 0.95).all(dim=1).any()  # white beyond the mask
    seen = points[:, 1] < -0.2
    assert (found - stripes(points))[seen].abs().mean() < 0.12


def test_exposure_stands_between_colours_and_pictures(student: Student) -> None:
    class Half:
        def shown(self, rgb: Tensor, opacity: Tensor, camera: Tensor) -> Tensor:
            return torch.where(camera[:, None] < 0, rgb, 0.5 * rgb + 0.5)

    class Washed(Reader):
        def batch(self, step: int, rays: int) -> Pixels:
            pixels = super().batch(step, rays)
            return pixels.having(rgb=0.5 * pixels.rgb + 0.5)

    Tuning(student, teacher(), rays_of(reader=Washed(), exposure=Half())).run(60)
    points, found = colors_of(student)
    assert (found - stripes(points)).abs().mean() < 0.1


def test_where_pictures_differ_the_teacher_is_asked(student: Student) -> None:
    appearance = SimpleNamespace(codes_of=lambda camera: None, shown=lambda rgb, opacity, camera: rgb)
    one = Tuning(student, teacher(), rays_of(exposure=appearance))
    assert not one.from_pictures
    one.run(30)
    points, found = colors_of(student)
    normal = (points - Sphere().centre.detach()) / RADIUS
    assert (found - (0.5 + 0.5 * normal)).abs().mean() < 0.05
    walked = rays_of(transients=SimpleNamespace(learns=True))
    assert not Tuning(student, teacher(), walked).from_pictures


def test_a_stop_keeps_colours_as_far_as_they_came(student: Student) -> None:
    def stop(words: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    Tuning(student, teacher(), rays_of()).run(20, stop)
    assert 0 < student.figures.tuned < 20 and student.figures.psnr is not None


def test_a_colour_without_texture_learns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "PIXELS", 500)
    student = Distillation(teacher(), BOX, 2, 10, color=KiloColor(octaves=3)).run()
    Tuning(student, teacher(), rays_of()).run(3)
    assert student.figures.tuned == 3
