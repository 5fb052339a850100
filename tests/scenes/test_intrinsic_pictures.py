"""Pictures of reflectance and shading: read, held, looked at where a method wants them, and learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurfield.inputs import fit
from neurfield.parts import load_config
from neurfield.pixels import FlatImages, used_sources
from neurfield.scenes import Scene, load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene


@pytest.fixture(scope="module")
def decomposed(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A sphere whose first four frames come with a picture of what it reflects."""
    folder = write_sphere_scene(tmp_path_factory.mktemp("intrinsic") / "sphere", frames=6)
    said = json.loads((folder / "transforms.json").read_text())
    for i, frame in enumerate(said["frames"][:4]):
        pixels = np.asarray(Image.open(folder / frame["file_path"]).convert("RGB")) // 2
        frame["reflectance_path"] = f"images/reflectance_{i}.png"
        Image.fromarray(pixels).save(folder / frame["reflectance_path"])
    (folder / "transforms.json").write_text(json.dumps(said))
    return load_scene(folder)


def test_they_are_read_and_held_where_a_method_wants_them(decomposed: Scene) -> None:
    assert "reflectance" in decomposed.sources and "shading" not in decomposed.sources
    assert "reflectance" not in used_sources(decomposed, load_config("neus", "default").data).sources
    config = load_config("2l3", "default", ["data.prior_depth=false", "data.prior_normal=false"])
    used = used_sources(decomposed, config.data)
    assert "reflectance" in used.sources
    flat = FlatImages(used, np.arange(len(used)))
    at = np.array([24]), np.array([24])
    seen = flat.at(np.array([1]), *at)
    half = np.asarray(decomposed.image(1))[24, 24] // 2
    torch.testing.assert_close(seen["reflectance"][0], torch.from_numpy(half.copy()).float() / 255.0)
    assert not flat.at(np.array([5]), *at)["reflectance"].any()  # this frame has none


def test_a_fit_learns_from_those_that_are_there(decomposed: Scene, tmp_path: Path) -> None:
    few = [one for one in SMALL if not one.startswith(("color.", "polish."))]
    overrides = [
        *few, "points.fused_depth=off", "data.prior_depth=false", "data.prior_normal=false",
        "sampler.samples=2000", "color.levels=4", "color.hidden=[16]", "polish=off",
    ]  # fmt: skip
    run = fit(decomposed, "2l3", steps=6, out=tmp_path, overrides=overrides, quiet=True)
    said = json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])["losses"]
    assert said["reflectance"] > 0.0 and "shading" not in said and "transient_normal" not in said
