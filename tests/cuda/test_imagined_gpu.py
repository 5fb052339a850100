"""Whole training steps on a device without numbers: torch's "meta" tensors have a device and a shape, do not
meet those of another device, and cannot be read.

So a tensor that a step makes in the wrong place, or reads, is an error here, in the backward too. Our kernels
cannot take part, the reference does. Where a size follows from values, an upper bound stands in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurfield.encodings import OneBlob, RadialBasis, SphericalHarmonics, TriPlane
from neurfield.fields import SDFField
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.image import ImageTask
from neurfield.fitting.scene import SceneTask
from neurfield.fitting.task import Task
from neurfield.images import open_image
from neurfield.losses import priors
from neurfield.ops.kernel_lookup import KernelLookup
from neurfield.ops.reference import compositing
from neurfield.parts import load_config
from neurfield.pixels import flat_images, used_sources
from neurfield.points import picture_pixels
from neurfield.rendering import sampling
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.scenes import load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene
from tests.images.conftest import smooth

META = torch.device("meta")
PER_RAY = 5


nonzero = Tensor.nonzero


def every_place(self: Tensor) -> Tensor:
    if self.device != META:
        return nonzero(self)
    return torch.zeros(self.numel(), self.ndim, dtype=torch.int64, device=self.device)


def some_march(origins: Tensor, *others: Any) -> tuple[Tensor, ...]:
    """PER_RAY sections a ray, once it is clear that all tensors lie where the origins do."""
    assert all(t.device == origins.device for t in others if isinstance(t, Tensor))
    rays = torch.arange(len(origins), device=origins.device)
    t = origins.new_zeros(len(origins) * PER_RAY)
    info = torch.stack([rays * PER_RAY, torch.full_like(rays, PER_RAY)], dim=1)
    return rays.repeat_interleave(PER_RAY), t, t + 1.0, info


def some_weights(alpha: Tensor, packed_info: Tensor) -> tuple[Tensor, Tensor]:
    assert alpha.device == packed_info.device
    return alpha * 0.5, alpha * 0.5


def some_sums(weights: Tensor, values: Tensor, packed_info: Tensor) -> Tensor:
    assert weights.device == values.device == packed_info.device
    return (weights[:, None] * values).sum(0).expand(len(packed_info), -1)


@pytest.fixture(autouse=True)
def sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would have to be read is guessed."""
    monkeypatch.setattr(Tensor, "nonzero", every_place)
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: self)
    monkeypatch.setattr(sampling, "march_rays", some_march)
    monkeypatch.setattr(compositing, "weights_and_transmittance", some_weights)
    monkeypatch.setattr(compositing, "accumulate", some_sums)


@pytest.mark.parametrize("kind", ["hash", "simplex"])
@pytest.mark.parametrize("room", [False, True])
def test_an_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, room: bool) -> None:
    monkeypatch.setattr(picture_pixels, "has_room", lambda *_: room)
    monkeypatch.setattr(Task, "_generator", lambda self, step: torch.Generator().manual_seed(step))
    config = load_config(
        kind, "default", ["encoding.levels=4", "field.hidden=[16]", "points.picture.count=512"]
    )
    task = ImageTask(open_image(smooth(40, 61)), config, META)
    fitter = Fitter(task, config.train, tmp_path, quiet=True)
    fitter.look_every = 1 << 30
    fitter.step = 1
    for _ in range(7):  # more than a round
        report = fitter._one_step()
        assert report.total().device == META
    fixed = task.fixed(0, 0.0)
    assert fixed is not None and all(t.device == META for t in fixed.inputs)


LATER = "pixels.at=[1]"  # maps are brought to the host, at a few steps of a fit
NO_PRIORS = ["data.prior_depth=false", "data.prior_normal=false", "data.stereo=false", "background=off"]


@pytest.mark.parametrize(
    ("method", "overrides", "resident"),
    [
        ("neus", [], True),
        ("neus", ["data.sensor_depth=off"], False),
        ("neus", ["data.sensor_depth=off", "field.encoding=triplane"], True),
        ("neus", ["data.sensor_depth=off", "field.encoding=frequency"], False),
        ("volsdf", ["data.sensor_depth=off"], True),
        ("debsdf", ["data.sensor_depth=off", *NO_PRIORS, "passes.surface.begins=0", LATER], True),
        ("neus", ["data.sensor_depth=off", "background=contracted", "exposure=appearance"], True),
        ("neus", ["data.sensor_depth=off", "background=inverted_sphere", "exposure=affine"], True),
        ("neus", ["data.sensor_depth=off", "transients=dual", "transients.start=0"], True),
    ],
)
def test_a_scene(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: str, overrides: list[str], resident: bool
) -> None:
    monkeypatch.setattr(flat_images, "has_room", lambda *_: resident)
    monkeypatch.setattr(Task, "_generator", lambda self, step: torch.Generator().manual_seed(step))
    monkeypatch.setattr(SDFField, "start_as_sphere", lambda *_, **__: None)  # drawn and solved on the CPU
    monkeypatch.setattr(OccupancyGrid, "has_values", True, raising=False)
    few = ["field.levels=2", "field.start_levels=1", "color.levels=2", "train.steps=100"]
    config = load_config(method, "default", [*SMALL, *few, *overrides])
    scene = used_sources(load_scene(write_sphere_scene(tmp_path / "sphere")), config.data)
    task = SceneTask(scene, config, META)
    fitter = Fitter(task, config.train, tmp_path, quiet=True)
    fitter.prepare()
    fitter.look_every = 1 << 30
    for step in (3, 48):
        fitter.step = step
        report = fitter._one_step()
        assert all(loss.device == META for loss in report.losses.values())
        assert all(f.device == META for f in report.figures.values() if isinstance(f, Tensor))


@pytest.mark.parametrize("kind", ["blob", "harmonics", "planes", "kernels"])
def test_other_encodings(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(KernelLookup, "__init__", lambda self, centres: setattr(self, "_centres", centres))
    monkeypatch.setattr(
        KernelLookup,
        "nearest",
        lambda self, points, count: torch.zeros(len(points), count, dtype=torch.int32, device=points.device),
    )
    made: dict[str, nn.Module] = {
        "blob": OneBlob(3), "harmonics": SphericalHarmonics(3), "planes": TriPlane(3, [4, 8], 4),
        "kernels": RadialBasis(30, dimensions=3, neighbours=8, blend=True),
    }  # fmt: skip
    field = SDFField(made[kind], (16,), 3).to(META)  # type: ignore[arg-type]
    for levels in (None, 1):
        field.active_levels = levels or field.encoding.levels
        found = field.query(torch.empty(9, 3, device=META), gradient=True)
        assert found.gradient is not None
        (found.sdf.sum() + found.gradient.norm(dim=1).sum()).backward()
    assert all(p.grad is None or p.grad.device == META for p in field.parameters())


def test_priors() -> None:
    rays = [torch.empty(12, device=META) for _ in range(3)]
    group = torch.zeros(12, dtype=torch.int64, device=META)
    rays[1].requires_grad_()
    priors.ambiguous_depth(*rays, group, 3).backward()
    normals = [torch.empty(12, 3, device=META) for _ in range(2)]
    assert priors.prior_normals(*normals, rays[2]).device == META


def test_occupancy_is_refreshed_where_it_is() -> None:
    grid = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 8, device=META)
    grid.update(lambda points: points.norm(dim=1))
    grid.refresh(lambda points: points.norm(dim=1), 3, near=1, far=5)
    assert grid.has_values and grid.values.device == META
