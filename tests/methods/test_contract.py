"""What every part on the shelf keeps to, whoever brought it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fields import FieldSample
from neurfield.fitting import FitFailed
from neurfield.inputs import Run, fit
from neurfield.moment import Moment
from neurfield.parts import Config, Part, load_config, methods, needs_of, whole_shelf
from neurfield.parts.shelf import Entry
from neurfield.rays import Rays, Samples
from neurfield.rendering import Answers, Opacity
from neurfield.scenes import Scene
from tests.fitting.conftest import SMALL, write_sphere_scene
from tests.fitting.two_spheres import write_two_balls

LAB = str(Path(__file__).resolve().parents[2] / "examples" / "my_lab.py")
SHELF = whole_shelf([LAB])
ENTRIES = [entry for slot in SHELF.entries.values() for entry in slot.values()]
OPACITIES = [entry for entry in ENTRIES if entry.slot == "passes"]
LEADING = [entry for entry in OPACITIES if entry.load().leads]  # type: ignore[attr-defined]
LOSSES = [entry for entry in ENTRIES if entry.slot == "losses"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_a_part_says_what_it_is(entry) -> None:  # type: ignore[no-untyped-def]
    assert (entry.load().__doc__ or "").strip()
    for name, number in entry.numbers().items():
        assert number.explanation, f"{entry.key}.{name} has no line under Args"


@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.key)
def test_a_loss_names_what_it_looks_at(entry) -> None:  # type: ignore[no-untyped-def]
    need = needs_of(entry.load())
    assert need.required | need.optional
    heads = {"gradients", "pairs", "samples", "pixels", "passes", "points", "heads"}
    assert {name.partition(".")[0] for name in need.required | need.optional} <= heads


def sections(count: int, device: str = "cpu") -> tuple[Rays, Samples, torch.Tensor, torch.Tensor]:
    """Rays with `count` sections each that cross a surface, and sdf and gradient in their middles."""
    generator = torch.Generator().manual_seed(0)
    n_rays = 9
    directions = torch.nn.functional.normalize(torch.randn(n_rays, 3, generator=generator), dim=1)
    one = torch.ones(n_rays)
    index = torch.arange(n_rays).repeat_interleave(count)
    t = (0.01 * torch.arange(count)).repeat(n_rays)
    sdf = 0.05 - t + 0.01 * torch.randn(len(t), generator=generator)
    gradient = torch.randn(len(t), 3, generator=generator)
    packed = torch.stack([torch.arange(n_rays) * count, torch.full((n_rays,), count)], dim=1)
    rays = Rays(torch.zeros(n_rays, 3), directions, 0.0 * one, one, one)
    samples = Samples(index, t, t + 0.01, packed)
    return rays, samples, sdf, gradient


def made(entry: Entry, learn: bool) -> Opacity:
    """An opacity whose width is learnt, if it is one that may learn it."""
    return entry.load()(learn=True) if learn else entry.load()()


def answers_of(entry: Entry, samples: Samples, sdf: Tensor, gradient: Tensor) -> Answers:
    """What a field says at sections: heads that an opacity looks at are four numbers, the first the SDF."""
    names = [name.partition(".")[2] for name in needs_of(entry.load()).required if name.startswith("heads.")]
    more = 0.2 * torch.randn(len(sdf), 3, generator=torch.Generator().manual_seed(1))
    heads = {name: torch.cat([sdf[:, None], more.to(sdf)], dim=1) for name in names}
    of = entry.load().slope_of  # type: ignore[attr-defined]
    slopes = {of: torch.nn.functional.normalize(gradient.flip(1), dim=1)} if of else {}
    everywhere = FieldSample(sdf, gradient, sdf.new_zeros(len(sdf), 0), heads)
    t = 0.5 * (samples.t_starts + samples.t_ends)
    return Answers(t, sdf, gradient, heads, everywhere, slopes)


@pytest.mark.parametrize("entry", OPACITIES, ids=lambda entry: entry.key)
@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("learn", [False, True])
def test_an_opacity_lies_between_nothing_and_all(entry, progress: float, learn: bool) -> None:  # type: ignore[no-untyped-def]
    if learn and "learn" not in entry.numbers():
        return
    opacity = made(entry, learn)
    now = opacity.at(Moment(3, progress))
    rays, samples, sdf, gradient = sections(12)
    leaves = sdf.requires_grad_(), gradient.requires_grad_()
    alpha, normal = now.of_answers(answers_of(entry, samples, *leaves), rays, samples)
    assert alpha.shape == sdf.shape and normal.shape == gradient.shape
    assert (alpha >= 0.0).all() and (alpha <= 1.0).all()
    (alpha.sum() + normal.sum()).backward()
    learnt = [p for group in opacity.parameter_groups().values() for p in group]
    assert bool(learnt) == learn
    for tensor in (*leaves, *learnt):
        assert tensor.grad is not None and tensor.grad.isfinite().all()


@pytest.mark.parametrize("entry", LEADING, ids=lambda entry: entry.key)
def test_the_visibility_filter_asks_the_same_opacity(entry) -> None:  # type: ignore[no-untyped-def]
    now = entry.load()().at(Moment(3, 0.6))
    rays, samples, sdf, gradient = sections(12)
    slope = (gradient * rays.directions[samples.ray_indices]).sum(dim=1)
    by_value = now.of_values(sdf, slope, rays, samples)
    whole, _ = now.of_sections(sdf, gradient, rays, samples)
    torch.testing.assert_close(by_value, whole, atol=1e-5, rtol=1e-4)
    if not now.slope_matters:
        torch.testing.assert_close(now.of_values(sdf, 0.0 * slope, rays, samples), by_value)


@pytest.mark.parametrize("entry", LEADING, ids=lambda entry: entry.key)
@pytest.mark.parametrize("progress", [0.0, 0.7, 1.0])
def test_an_opacity_by_all_that_the_field_says_is_within_the_bounds_of_the_filter(entry, progress) -> None:  # type: ignore[no-untyped-def]
    opacity = entry.load()()
    now = opacity.at(Moment(3, progress))
    rays, samples, sdf, gradient = sections(40)
    gradient = torch.nn.functional.normalize(gradient, dim=1)
    leaves = sdf.requires_grad_(), gradient.requires_grad_()
    alpha, normal = now.of_answers(answers_of(entry, samples, *leaves), rays, samples)
    (alpha.sum() + normal.sum()).backward()
    assert (alpha >= 0.0).all() and (alpha <= 1.0).all()
    assert all(tensor.grad is None or tensor.grad.isfinite().all() for tensor in leaves)
    slope = (gradient * rays.directions[samples.ray_indices]).sum(dim=1)
    between = (slope - 0.1).clamp_min(-1.0), (slope + 0.1).clamp_max(1.0)
    most, least = now.bounds(sdf, between, rays, samples)
    assert (alpha <= most + 1e-6).all() and (alpha >= least - 1e-6).all()


@pytest.mark.parametrize("entry", OPACITIES, ids=lambda entry: entry.key)
def test_an_opacity_reads_nothing_back(entry) -> None:  # type: ignore[no-untyped-def]
    meta = torch.device("meta")
    rays, samples, sdf, gradient = sections(4)
    there = [type(one)(*(tensor.to(meta) for tensor in vars(one).values())) for one in (rays, samples)]
    opacity = made(entry, learn="learn" in entry.numbers()).to(meta)
    answers = answers_of(entry, there[1], sdf.to(meta), gradient.to(meta))
    alpha, _ = opacity.at(Moment(3, 0.5)).of_answers(answers, *there)
    assert alpha.device == meta


@pytest.mark.parametrize("method", methods("surface"))
@pytest.mark.parametrize("preset", ["quick", "default", "best"])
def test_every_preset_merges_and_its_needs_are_named(method: str, preset: str) -> None:
    config = load_config(method, preset)
    chosen = [part for slot in config.parts.values() for part in slot.values()]
    assert all(isinstance(part, Part) for part in chosen)
    assert {"field", "color", "pixels", "sampler", "mesh"} <= {part.slot for part in chosen}


FEW = ("points.fused_depth=off", "sampler.samples=2000")


@pytest.fixture(scope="module")
def sphere(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    from neurfield.scenes import load_scene

    return load_scene(write_sphere_scene(tmp_path_factory.mktemp("sphere") / "sphere"))


def _has(config: Config, override: str) -> bool:
    """Whether a method's parts have the number of an override, which are made for neus."""
    slot, _, number = override.partition("=")[0].partition(".")
    if slot not in ("color", "sampler", "polish"):
        return True
    part = config.one(slot)
    if part is None:
        return False
    return number in part.numbers and (slot != "sampler" or part.name == "marched")


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A scene that has segments."""
    from neurfield.scenes import load_scene

    return load_scene(write_two_balls(tmp_path_factory.mktemp("balls") / "balls"))


@pytest.mark.parametrize("method", methods("surface"))
def test_every_method_takes_steps(sphere: Scene, balls: Scene, method: str, tmp_path: Path) -> None:
    config = load_config(method, "default")
    without = ("data.prior_depth=false", "data.prior_normal=false")
    more = list(without if config.data.prior_depth else ())
    if config.needed("sampler").name == "error_bounded":
        more += ["sampler.rays=48", "sampler.samples=16", "sampler.evaluated=32"]
    small = [one for one in (*SMALL, *FEW) if _has(config, one)]
    scene = balls if config.data.segment else sphere
    run = fit(scene, method, steps=6, out=tmp_path, overrides=[*small, *more], quiet=True)
    lines = (run.folder / "log.jsonl").read_text().splitlines()
    first, *_, last = [json.loads(line)["losses"] for line in lines]
    assert ("s3im" in first) == (method == "s3im")
    assert ("surface_color" in last) == (config.one("polish") is not None)
    assert Run.load(run.folder).config.method == method


def test_parts_from_outside_take_steps(sphere: Scene, tmp_path: Path) -> None:
    method = str(Path(LAB).with_name("my_method.yaml"))
    run = fit(
        sphere, method, steps=6, out=tmp_path, overrides=[*SMALL, *FEW], plugins=[LAB], quiet=True
    )  # fmt: skip
    assert "bent_color" in (run.folder / "log.jsonl").read_text()
    assert run.folder.name.startswith("my_method-")
    loaded = Run.load(run.folder, plugins=[LAB])
    assert type(loaded.task.rays.passes["surface"]).__name__ == "Cauchy"
    with pytest.raises(Exception, match="no surface"):
        loaded.field.layers[-1].bias.data[0] = 5.0
        loaded.mesh(voxel=0.2)


def test_results_of_the_wrong_shape_or_not_finite_are_named(sphere: Scene, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    options = {"steps": 3, "out": tmp_path, "plugins": [str(tmp_path / "bad.py")], "quiet": True}
    overrides = [*SMALL, *FEW]
    with pytest.raises(UserError, match=r"'losses\.rows' returned \[\d+\]"):
        fit(sphere, "neus", overrides=[*overrides, "losses.rows=1"], **options)  # type: ignore[arg-type]
    with pytest.raises(FitFailed, match=r"not finite \(.*wild.*\)"):
        fit(sphere, "neus", overrides=[*overrides, "losses.wild=1"], **options)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"'passes\.surface' returned opacities"):
        fit(sphere, "neus", overrides=[*overrides, "passes.surface=tall"], **options)  # type: ignore[arg-type]
    with pytest.raises(FitFailed, match=r"passes\.surface"):
        fit(sphere, "neus", overrides=[*overrides, "passes.surface=nan"], **options)  # type: ignore[arg-type]


BAD = """
from neurfield.parts import needs
from neurfield.rendering.opacity import Opacity

@needs("passes.surface")
def rows(seen):
    return seen.rendered("surface").opacity

@needs("passes.surface")
def wild(seen):
    return seen.rendered("surface").opacity.sum() / 0.0

class Tall(Opacity):
    def alpha(self, sdf, slope, length, width, progress):
        return sdf[:, None].sigmoid()

class Nan(Opacity):
    def alpha(self, sdf, slope, length, width, progress):
        return sdf * float("nan")

PARTS = {"losses.rows": rows, "losses.wild": wild, "passes.tall": Tall, "passes.nan": Nan}
"""


def test_what_a_part_asks_of_a_fit_that_has_it_not_is_named(sphere: Scene, tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(
        "from neurfield.points import Source\n"
        "class Asking(Source):\n    def __init__(self, unit_bix): ...\n"
        "PARTS = {'points.asking': Asking}\n"
    )
    with pytest.raises(UserError, match=r"'points\.asking' asks for 'unit_bix'.*did you mean 'unit_box'"):
        fit(
            sphere, "neus", out=tmp_path, plugins=[str(tmp_path / "asking.py")], quiet=True,
            overrides=[*SMALL, "points.asking.part=asking"],
        )  # fmt: skip


def test_a_need_that_nothing_meets_is_one_line_before_the_first_step(sphere: Scene, tmp_path: Path) -> None:
    for override, line in (
        ("losses.color.at=other", r"'losses\.color' looks at passes\.other.*losses\.color=off"),
        ("losses.direct_color=1", r"'losses\.direct_color' looks at passes\.surface\.direct.*=off"),
        ("passes.occupancy={}", r"'passes\.occupancy' looks at heads\.occupancy.*passes\.occupancy=off"),
    ):
        with pytest.raises(UserError, match=line):
            fit(sphere, "neus", out=tmp_path, quiet=True, overrides=[*SMALL, override])
    assert not list(tmp_path.glob("*"))


EVEN = """
import torch
from neurfield.parts import needs
from neurfield.rendering import Samples

class Even:
    def __init__(self, unit_box, device, *, count: int = 16) -> None:
        self.device, self.count, self.words = device, count, "64 rays, evenly sampled"

    def rays(self):
        return 64

    def truncation(self, moment):
        return 0.1

    def widest(self, moment, guided):
        return 1.0

    def look(self, field, moment):
        pass

    def sample(self, pixels, field, opacity, moment):
        return pixels, self.for_picture(pixels.rays, field, opacity)

    def for_picture(self, rays, field, opacity):
        edges = torch.linspace(0.0, 1.0, self.count + 1)
        t = rays.t_min[:, None] + (rays.t_max - rays.t_min)[:, None] * edges
        index = torch.arange(len(rays))
        packed = torch.stack([index * self.count, torch.full_like(index, self.count)], dim=1)
        starts, ends = t[:, :-1].reshape(-1), t[:, 1:].reshape(-1)
        return Samples(index.repeat_interleave(self.count), starts, ends, packed)

    def state(self):
        return {}

    def load(self, state):
        pass

@needs("pairs")
def bends(seen):
    first, second = seen.pairs
    return (first - second).abs().mean()

PARTS = {"sampler.even": Even, "losses.bends": bends}
"""


def test_a_sampler_and_a_loss_on_pairs_from_outside_take_steps(
    sphere: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "even.py").write_text(EVEN)
    run = fit(
        sphere, "neus", steps=2, out=tmp_path, plugins=[str(tmp_path / "even.py")],
        overrides=[*SMALL, *FEW, "sampler=even", "losses.bends=0.1", "losses.smooth=off"],
    )  # fmt: skip
    assert "steps 0 to 2 of 64 rays, evenly sampled" in capsys.readouterr().out
    record = json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])
    assert record["rays"] <= 64 and record["samples_per_ray"] == 16 and "bends" in record["losses"]


def test_a_method_without_an_opacity_or_without_anything_to_compare_is_one_line(
    sphere: Scene, tmp_path: Path
) -> None:
    losses = [part.key for part in load_config("neus").many("losses").values()]
    left = "losses.eikonal", "losses.fused_sdf"
    off = [f"{key}=off" for key in losses if key not in left]
    with pytest.raises(UserError, match="needs an opacity"):
        fit(sphere, out=tmp_path, quiet=True, overrides=[*SMALL[:4], *off, "passes.surface=off"])
    assert not list(tmp_path.glob("*"))
    with pytest.raises(UserError, match="no loss finds anything"):
        fit(
            sphere, out=tmp_path, steps=4, quiet=True,
            overrides=[
                *SMALL, *off, "losses.eikonal=off", "points.fused_depth.alone=0",
                "points.fused_depth.until=0.5",
            ],
        )  # fmt: skip
