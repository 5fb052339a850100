"""Whole training steps with the CUDA kernels: the same losses as with the CPU's, step after step.

The source that a GPU runs, run on the CPU: pixels and noise are the same, so the two fits may differ by
float32's rounding alone, which a few steps do not amplify. Depth is fused by the CPU's kernels for both, as
it is for a GPU.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import pytest
import torch

from neurfield.fitting.fitter import Fitter, Task
from neurfield.fitting.image import ImageTask
from neurfield.fitting.scene import SceneTask
from neurfield.images import open_image
from neurfield.ops import native
from neurfield.parts import load_config
from neurfield.parts.groups import Train
from neurfield.pixels import used_sources
from neurfield.scenes import load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene
from tests.images.conftest import smooth

CPU = torch.device("cpu")
STEPS = 4
# A step of some dozens of rays: emulated threads are slow.
FEW = [
    "sampler.rays=48", "points.uniform.count=48", "sampler.occupancy_resolution=8", "train.steps=100",
    "field.levels=4", "points.fused_depth.count=200",
]  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(native.module is None, reason="no native kernels here"),
]


def losses_of(task: Task, config: Train, folder: Path, kernels: ModuleType | None) -> list[dict[str, float]]:
    """Of some steps of a new task, with these kernels instead of the CPU's."""
    fitter = Fitter(task, config, folder, quiet=True)
    fitter.prepare()
    with native.emulating(kernels) if kernels else nullcontext():
        return steps_of(fitter)


def steps_of(fitter: Fitter) -> list[dict[str, float]]:
    found = []
    for step in range(STEPS):
        # Both halves of a fit: the start from the volume, and the rays that come after it.
        fitter.step = step if step < STEPS // 2 else 60 + step
        found.append({name: float(loss.detach()) for name, loss in fitter._one_step().losses.items()})
    return found


def compare(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    for step, (mine, wanted) in enumerate(zip(ours, theirs)):
        assert mine.keys() == wanted.keys() and mine, step
        for name in mine:
            assert mine[name] == pytest.approx(wanted[name], rel=2e-3, abs=2e-5), (step, name)


@pytest.mark.parametrize(
    ("method", "overrides"),
    [
        ("neus", []),
        ("neus", ["data.sensor_depth=off", "field.encoding=simplex"]),
        ("volsdf", ["data.sensor_depth=off", "passes.surface.learn=true"]),
        ("neus", ["field.encoding=triplane"]),
        ("neus", ["field.precision=float16"]),
    ],
)
def test_a_scene(emulation: ModuleType, tmp_path: Path, method: str, overrides: list[str]) -> None:
    config = load_config(method, "default", [*SMALL, *FEW, *overrides])
    scene = used_sources(load_scene(write_sphere_scene(tmp_path / "sphere", frames=4)), config.data)
    found = []
    for emulated in (True, False):
        if not emulated and config.one("field").numbers["precision"] == "float16":
            config = load_config(method, "default", [*SMALL, *FEW])  # the CPU has no such products
        task = SceneTask(scene, config, CPU)
        found.append(losses_of(task, config.train, tmp_path, emulation if emulated else None))
    compare(*found)


@pytest.mark.parametrize("kind", ["hash", "simplex", "rbf"])
def test_an_image(emulation: ModuleType, tmp_path: Path, kind: str) -> None:
    small = ["field.hidden=[16]", "points.picture.count=128", "train.steps=100"]
    small += ["encoding.kernels=60"] if kind == "rbf" else ["encoding.levels=4"]
    config = load_config(kind, "default", small)
    found = []
    for kernels in (emulation, None):
        task = ImageTask(open_image(smooth(40, 61)), config, CPU)
        found.append(losses_of(task, config.train, tmp_path, kernels))
    compare(*found)
