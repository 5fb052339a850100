"""A scene's SDF with each encoding that the configuration names."""

from __future__ import annotations

import dataclasses
import importlib.util

import pytest
import torch
from torch import nn

from neurfield.encodings import Frequency, HashGrid, SimplexGrid, TriPlane
from neurfield.errors import UserError
from neurfield.fields import EncodingSizes, SDFField, make_encoding
from neurfield.fields.scene_encodings import encoding_groups, first_levels
from neurfield.fitting.optimizer import groups_of
from neurfield.fitting.scene import SceneTask, make_field, make_fields
from neurfield.parts import Config, load_config
from neurfield.parts.groups import Train
from neurfield.scenes import Scene

SMALL = EncodingSizes(levels=6, log2_table_size=12, finest_resolution=64)
START = 2  # levels
needs_kernels = pytest.mark.skipif(
    importlib.util.find_spec("neurfield.encodings.radial_basis") is None, reason="no radial bases here"
)
KINDS = ["hash", "simplex", "triplane", "frequency", pytest.param("rbf", marks=needs_kernels)]


def of(kind: str) -> EncodingSizes:
    return dataclasses.replace(SMALL, encoding=kind)


def config_of(kind: str, *more: str) -> Config:
    sizes = {**vars(of(kind)), "start_levels": START}
    return load_config("neus", overrides=[*(f"field.{k}={v}" for k, v in sizes.items()), *more])


def test_each_is_of_its_kind() -> None:
    kinds = {"hash": HashGrid, "simplex": SimplexGrid, "triplane": TriPlane, "frequency": Frequency}
    for name, kind in kinds.items():
        assert type(make_encoding(of(name))) is kind
    with pytest.raises(UserError, match=r"field\.encoding"):
        load_config("neus", overrides=["field.encoding=octree"])


@pytest.mark.parametrize("settings", [SMALL, EncodingSizes()], ids=["small", "default"])
def test_planes_have_about_as_many_parameters_as_the_grid(settings: EncodingSizes) -> None:
    grid, planes = (
        sum(p.numel() for p in make_encoding(dataclasses.replace(settings, encoding=kind)).parameters())
        for kind in ("hash", "triplane")
    )
    assert 0.85 < planes / grid < 1.05


@pytest.mark.parametrize("kind", KINDS)
def test_all_parameters_are_in_one_group(kind: str) -> None:
    encoding, texture = make_encoding(of(kind)), nn.Parameter(torch.zeros(3))
    train = Train(lr_table=0.1, lr_network=0.01)
    groups = groups_of([encoding_groups(encoding), {"table": [texture]}], train)
    found = [id(p) for group in groups for p in group.parameters]
    assert sorted(found) == sorted([id(texture), *map(id, encoding.parameters())])
    assert all(group.parameters and group.learning_rate == 0.1 for group in groups)
    sparse = {group.name: group.sparse for group in groups}
    assert sparse.pop("table") and sparse in ({}, {"encoding": False})


def test_a_field_alone_is_that_beside_a_colour() -> None:
    device = torch.device("cpu")
    alone = make_field(config_of("hash", "color=off", "seed=3"), device).state_dict()
    beside = make_fields(config_of("hash", "seed=3"), device)[0].state_dict()
    assert alone.keys() == beside.keys() and all(torch.equal(alone[name], beside[name]) for name in alone)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "frequency"])
def test_the_fits_seed_is_that_of_its_encodings(kind: str) -> None:
    def tables(seed: int) -> list[torch.Tensor]:
        made = make_fields(config_of(kind, f"seed={seed}"), torch.device("cpu"))
        return [parameter for field in made for parameter in field.encoding.parameters()]

    for first, same, other in zip(tables(0), tables(0), tables(1)):
        assert torch.equal(first, same)
        if first.unique().numel() > 1:  # not what starts the same everywhere
            assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", KINDS)
def test_levels_come_in_as_the_grids_do(kind: str) -> None:
    encoding = make_encoding(of(kind))
    assert 1 <= first_levels(START, SMALL.levels, encoding) <= encoding.levels
    assert first_levels(START, SMALL.levels, make_encoding(SMALL)) == START


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_of_it_answers(kind: str) -> None:
    field = SDFField(make_encoding(of(kind)), hidden=(16,))
    sample = field.query(torch.rand(9, 3) - 0.5, gradient=True)
    assert sample.gradient is not None
    (sample.gradient.square().sum() + sample.sdf.sum()).backward()
    assert all(p.grad is not None for p in field.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_steps_with_it(kind: str, sphere_scene: Scene) -> None:
    few = ["sampler.rays=32", "sampler.samples=512", "sampler.occupancy_resolution=16"]
    config = config_of(kind, *few, "points.fused_depth=off")
    task = SceneTask(sphere_scene, config, torch.device("cpu"))
    for group in task.groups():
        for parameter in group.parameters:
            parameter.grad = torch.zeros_like(parameter)
    sum(task.step(0, 0.0).losses.values()).backward()  # type: ignore[union-attr]
    assert task.field.active_levels == first_levels(START, SMALL.levels, task.field.encoding)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.field.parameters())
