"""The example in `examples/`: parts from outside, and a preset that uses them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from neurfield.errors import UserError
from neurfield.parts import Config, load_config, whole_shelf
from tests.parts import stand_ins

FOLDER = Path(__file__).resolve().parents[2] / "examples"
FILES = FOLDER / "my_lab.py", FOLDER / "my_method.yaml"
LAB, METHOD = map(str, FILES)


@pytest.fixture(autouse=True)
def what_it_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for the modules that it imports, as long as they are not there."""
    for module, name in (("neurfield.losses.seen", "Seen"), ("neurfield.rendering.opacity", "Opacity")):
        if importlib.util.find_spec(module) is None:
            made = ModuleType(module)
            setattr(made, name, stand_ins.Opacity)
            monkeypatch.setitem(sys.modules, module, made)


def method(*overrides: str, preset: str = "default") -> Config:
    """The example's method."""
    return load_config(METHOD, preset, overrides, plugins=[LAB])


def part(key: str) -> Any:
    """A part of the example as it stands on the shelf."""
    return whole_shelf([LAB]).find(*key.split("."))


def test_it_is_short() -> None:
    assert sum(len(path.read_text().splitlines()) for path in FILES) < 60


def test_it_merges() -> None:
    config = method(preset="quick")
    assert config.many("passes")["surface"].name == "cauchy" and config.train.steps == 300
    assert config.many("losses")["bent_color"].numbers == {"bend": 0.02}
    assert "color" not in config.many("losses") and config.many("losses")["eikonal"].weight == 0.1
    assert (config.plugins, config.name) == (["my_lab"], "my_method")


def test_its_numbers_are_checked_and_explained() -> None:
    for override in ("losses.bent_color.bend=0", "passes.surface.width_end=-1", "passes.surface.widthend=1"):
        with pytest.raises(UserError, match=override.partition("=")[0].replace(".", r"\.")):
            method(override)
    for key in ("losses.bent_color", "passes.cauchy"):
        assert part(key).numbers() and all(number.explanation for number in part(key).numbers().values())


def test_its_loss_is_zero_for_equal_colours_and_bends() -> None:
    asked = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))

    def loss(difference: float) -> float:
        seen = SimpleNamespace(
            rendered=lambda label: SimpleNamespace(rgb=asked + difference), pixels=SimpleNamespace(rgb=asked)
        )
        return float(part("losses.bent_color").load()(seen, bend=0.01))

    assert loss(0.0) == 0.0
    assert loss(1e-3) == pytest.approx(0.5 * 1e-3**2 / 0.01, rel=0.02)  # squared
    assert loss(1.0) == pytest.approx(1.0 - 0.01, rel=0.01)  # absolute


def test_its_opacity_is_one_inside_and_fades_outside() -> None:
    opacity = part("passes.cauchy").load()()
    sdf = torch.linspace(-1.0, 1.0, 101, dtype=torch.float64, requires_grad=True)
    length = torch.full_like(sdf, 0.1)
    alpha = opacity.alpha(sdf, -torch.ones_like(sdf), length, 0.01, 0.5)
    assert ((alpha >= 0) & (alpha <= 1)).all() and (alpha.diff() <= 0).all()
    assert alpha[0] > 0.99 and alpha[-1] < 0.05
    assert alpha[50].item() == pytest.approx(1.0 - torch.exp(torch.tensor(-0.5 * 0.1 / 0.01)).item())
    assert not opacity.alpha(sdf, sdf, 0.0 * length, 0.01, 0.5).any()
    (gradient,) = torch.autograd.grad(alpha.sum(), sdf)
    assert gradient.isfinite().all() and gradient.abs().max() > 0
