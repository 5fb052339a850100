"""Where a training step would make the host wait for a GPU: all such places, each with its reason.

Where the step only does so on the CPU is left out by name (`ONLY_ON_THE_CPU`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from neurfield.fitting.fitter import Fitter
from neurfield.fitting.image import ImageTask
from neurfield.images import open_image
from neurfield.images.pool import HeldPixels
from neurfield.inputs.scene import SceneInput
from neurfield.parts import load_config
from neurfield.points import Picture
from neurfield.points.picture_pixels import ResidentPixels
from neurfield.scenes import load_scene
from tests.cuda.strict_device import Watch
from tests.fitting.conftest import SMALL, write_sphere_scene
from tests.images.conftest import smooth

ONLY_ON_THE_CPU = (
    "ops.ray_march.march_rays: cpu",  # the CPU's kernels take the box as a tensor
    "ops.points.check_points",  # whether points are finite is not asked on other devices
    "ops.ray_march._check",  # nor whether the box is
    "ops.kernel_lookup.serves",  # on other devices memory and version tell whether centres have changed
    "ops.kernel_lookup._by_scipy",  # where no kernels are built
)
MADE_ON_THE_HOST = {
    "rays.unit_lines: as_tensor",  # and uploaded from pinned memory
    "ops.ray_march.march_rays: as_tensor",  # six numbers of a box, which kernels take as numbers
}

# The number of sections that rays take: memory is allocated by it.
MARCHED = {"ops.ray_march.march_rays: samples are counted": 1}
# Each leaves out samples: most of them before gradients are asked for, then most before colours are. Without
# these two reads a step would compute many times as much.
CHOSEN = {"rendering.visibility.select: nonzero": 1, "rendering.volume.render_passes: nonzero": 1}
TRANSIENTS = ["transients=dual", "transients.start=0"]
UNCERTAIN = [
    "heads.uncertainty={}", "passes.surface=bias_aware", "passes.surface.begins=0",
    "passes.surface.whole=0.01", "losses.smooth_where_sure.weight=1",
    "losses.smooth_where_sure.after=0",
]  # fmt: skip
# A partner is asked on the same samples, and for the colours of those that weigh something there.
TWICE = {**CHOSEN, "rendering.volume.render_passes: nonzero": 2}
# A learnt background is asked only where the field lets light through.
LIT = {"fitting.rays_step.behind: nonzero": 1}
# Rays with depth are sampled along it, the others marched: how many of each there are.
SPLIT = {"rendering.marched.sample: _local_scalar_dense": 1}
# A learnt width decides how far apart samples are.
WIDTH = {"rendering.opacity.number: _local_scalar_dense": 1}
# The cells to ask again, near the surface and of all, every `sampler.occupancy_every` steps.
OCCUPANCY = {"rendering.occupancy.refresh: nonzero": 2}


def watched(fitter: Fitter, step: int) -> dict[str, int]:
    """What a step reads that does not look at the loss, as nine of ten on a GPU do not."""
    fitter.look_every = 1 << 30
    fitter.step = step - 1
    fitter._one_step()  # what is made once
    with Watch() as watch:
        fitter._one_step()
    assert set(watch.made) <= MADE_ON_THE_HOST
    return {place: n for place, n in watch.reads.items() if not place.startswith(ONLY_ON_THE_CPU)}


@pytest.fixture(scope="module")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sphere_scene(tmp_path_factory.mktemp("strict") / "sphere")


@pytest.mark.parametrize(
    ("overrides", "step", "expected"),
    [
        ([], 3, {}),  # fused depth alone
        ([], 50, {**MARCHED, **CHOSEN}),
        (["passes.surface=volsdf"], 50, {**MARCHED, **CHOSEN}),
        (["data.sensor_depth=off"], 50, {**MARCHED, **CHOSEN}),
        (["data.sensor_depth=off", *UNCERTAIN], 50, {**MARCHED, **CHOSEN}),
        (["data.sensor_depth=off", "background=contracted"], 50, {**MARCHED, **CHOSEN, **LIT}),
        (["data.sensor_depth=off", *TRANSIENTS], 50, {**MARCHED, **TWICE}),
        (["data.sensor_depth=off", *TRANSIENTS, "transients.partner=field"], 51, {**MARCHED, **TWICE}),
        (["data.sensor_depth=off"], 48, {**MARCHED, **CHOSEN, **OCCUPANCY}),
        (["points.fused_depth=off"], 50, {**SPLIT, **MARCHED, **CHOSEN}),
        (["data.sensor_depth=off", "passes.surface.learn=true"], 50, {**WIDTH, **MARCHED, **CHOSEN}),
        ([], 90, {}),  # colour alone; rays of many steps are followed at once, on the host
    ],
)
def test_scene(scene_folder: Path, overrides: list[str], step: int, expected: dict[str, int]) -> None:
    config = load_config("neus", "default", [*SMALL, "train.steps=100", *overrides])
    run = SceneInput.of(config, load_scene(scene_folder))
    fitter = Fitter(run.task, config.train, scene_folder, quiet=True)
    fitter.prepare()
    assert watched(fitter, step) == expected


@pytest.mark.parametrize("kind", ["hash", "simplex", "rbf"])
@pytest.mark.parametrize("resident", [False, True])
def test_image(tmp_path: Path, kind: str, resident: bool) -> None:
    small = ["encoding.levels=6", "field.hidden=[32]", "points.picture.count=512", "train.preview_every=0"]
    config = load_config(kind, "default", small)
    cpu = torch.device("cpu")
    task = ImageTask(open_image(smooth(40, 61)), config, cpu)
    if resident:
        (source,) = task.sources
        assert isinstance(source, Picture) and isinstance(source.pool, HeldPixels)
        source.step_pixels = ResidentPixels(source.pool, 512, cpu, pin=torch.clone)
    assert watched(Fitter(task, config.train, tmp_path, quiet=True), 1) == {}


def test_what_it_finds() -> None:
    x = torch.arange(4.0)
    with Watch() as watch:
        torch.zeros(3)
        torch.zeros(3, device=x.device)
        torch.tensor([1.0], device=x.device)
        x[x > 1.0]
        bool(x.any())
        float(x.sum())
        x.tolist()
        x.nonzero()
        x.requires_grad_().square().sum().backward()
    assert watch.made == {"elsewhere: zeros": 1}
    assert watch.reads.total() >= 6
