"""Lights in words: what a file may say, what is refused in one line, presets, surroundings from a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.errors import UserError
from neurfield.light.description import lighting_of, sky
from neurfield.light.hdr import read_hdr
from neurfield.light.lights import BallLight, Environment, QuadLight
from neurfield.light.lit import LitScene, Material
from neurfield.light.presets import PRESETS, lamp_at, preset
from tests.light.test_paths import floor, uneven_sky

BOX = np.array([[-1.0, -2.0, 0.0], [3.0, 2.0, 2.5]])
UPS = [np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0]), np.array([0.6, 0.0, 0.8])]


def rgbe(image: np.ndarray) -> np.ndarray:
    """uint8 [h, w, 4] of a linear picture."""
    top = image.max(axis=-1)
    exponent = np.where(top > 0, np.frexp(np.maximum(top, 1e-38))[1], -128)
    mantissa = np.floor(image / np.ldexp(1.0, exponent - 8)[..., None])
    return np.concatenate([mantissa, exponent[..., None] + 128], axis=-1).astype(np.uint8)


def hdr(image: np.ndarray, runs: bool) -> bytes:
    """A Radiance file, flat or in runs."""
    data, (h, w) = rgbe(image), image.shape[:2]
    body = data.tobytes()
    if runs:
        body = b""
        for row in data:
            body += bytes([2, 2, w >> 8, w & 255])
            for channel in row.T.tolist():
                at = 0
                while at < w:
                    same = 1
                    while at + same < w and same < 127 and channel[at + same] == channel[at]:
                        same += 1
                    body += bytes([128 + same, channel[at]]) if same > 2 else bytes([1, channel[at]])
                    at += same if same > 2 else 1
    return b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n" + f"-Y {h} +X {w}\n".encode() + body


@pytest.mark.parametrize("runs", [False, True])
def test_surroundings_come_back_from_a_file(runs: bool, tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((6, 300, 3)) * np.array([1e-3, 1.0, 900.0])
    image[2, 10:200] = 0.5
    image[3] = 0.0
    path = tmp_path / "a.hdr"
    path.write_bytes(hdr(image, runs))
    back = read_hdr(path)
    assert back.dtype == np.float32 and back.shape == image.shape
    assert (np.abs(back - image) <= image.max(axis=-1, keepdims=True) / 127.0).all()
    path.write_bytes(hdr(image, runs)[:-50])
    with pytest.raises(UserError, match="ends early"):
        read_hdr(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", "no Radiance picture"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 1 +X 1\nabcd", "not rgbe"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n+X 1 -Y 1\nabcd", "another way"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 0 +X 1\n", "0 pixels|1x0 pixels"),
        (b"", "no Radiance picture"),
    ],
)
def test_a_file_that_is_none_is_one_line(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.hdr"
    path.write_bytes(data)
    with pytest.raises(UserError, match=words):
        read_hdr(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_hdr(tmp_path / "none.hdr")


def said(content: dict[str, Any]) -> Any:
    return lighting_of(content, "night.yaml", Path("/light"))


def test_all_that_a_file_may_say() -> None:
    lighting = said(
        {
            "exposure": 2,
            "environment": {"color": "#ffffff", "strength": 0.5},
            "lamps": [
                {"at": [1, 2, 3], "radius": 0.1, "color": [1, 0.5, 0.25], "strength": 4},
                {"corner": [0, 0, 2], "edges": [[0, 1, 0], [1, 0, 0]]},
            ],
            "surface": {"roughness": 0.3, "metal": 1},
            "parts": [{"box": [[0, 0, 0], [1, 1, 1]], "albedo": "#808080", "glow": [1, 1, 1], "strength": 3}],
            "meshes": [{"file": "table.ply", "albedo": [0.2, 0.2, 2.0]}],
            "ground": {},
        }
    )
    assert lighting.exposure == 2.0 and lighting.image.mean() == pytest.approx(0.5)
    globe, panel = (lamp.counted_from(np.ones(3)) for lamp in lighting.lamps)
    assert globe.centre.tolist() == [0, 1, 2] and globe.radiance.tolist() == [4, 2, 1]
    assert panel.normal.tolist() == [0, 0, -1] and panel.area == 1.0
    assert lighting.surface == Material(None, 0.3, 1.0)
    (part,) = lighting.regions
    assert part.material.albedo[0] == pytest.approx(0.2159, abs=1e-3)
    assert part.material.emission == (3.0, 3.0, 3.0)
    assert lighting.meshes == [(Path("/light/table.ply"), Material((0.2, 0.2, 1.0)))]
    assert lighting.ground == Material()
    assert said({}).lamps == [] and said({}).ground is None and said({"exposure": "auto"}).exposure is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"lamp": []}, "there is no 'lamp', did you mean 'lamps'"),
        ({"lamps": {}}, "lamps: a list is needed"),
        ({"lamps": [{"at": [1, 2], "radius": 1}]}, r"lamps\[0\].at: three numbers"),
        ({"lamps": [{"at": [1, 2, 3]}]}, r"lamps\[0\].radius: a number"),
        ({"lamps": [{"at": [1, 2, 3], "radius": 1, "edges": []}]}, "at and radius of a ball, or"),
        ({"lamps": [{"corner": [1, 2, 3], "edges": [[1, 0, 0], [2, 0, 0]]}]}, "in one line"),
        ({"lamps": [{"at": [1, 2, 3], "radius": 1, "color": "warm"}]}, "#ffc78f"),
        ({"lamps": [{"at": [1, 2, 3], "radius": 1, "strength": -1}]}, "from 0 to"),
        ({"exposure": "bright"}, "exposure: a number"),
        ({"environment": {"color": "#ffffff", "sky": True}}, "one of file, sky and color"),
        ({"environment": {"file": "none.hdr"}}, "cannot be read"),
        ({"parts": [{"glow": [1, 1, 1]}]}, r"parts\[0\]: a box"),
        ({"parts": [{"box": [[0, 0, 0], [1, 0, 1]]}]}, "not below its maximum"),
        ({"surface": {"metal": 1}}, "roughness, too"),
        ({"surface": {"strength": 1}}, "that of a glow"),
        ({"surface": []}, "names with their values"),
        ({"meshes": [{}]}, r"meshes\[0\]: a file"),
    ],
)
def test_mistakes_are_one_line_with_their_place(content: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as raised:
        said(content)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("up", UPS)
def test_presets_are_whole_and_look_at_what_they_light(name: str, inside: bool, up: np.ndarray) -> None:
    middle = BOX.mean(axis=0)
    lighting = said(preset(name, BOX, up, inside, middle))
    scene = LitScene(
        [(floor(), Material())],
        [lamp.counted_from(middle) for lamp in lighting.lamps],
        lighting.environment(up),
        origin=middle,
    )
    assert (lighting.ground is None) == inside and float(scene.chances(torch.zeros(1, 3)).sum()) > 0.99
    for lamp in scene.lamps:
        if isinstance(lamp, QuadLight):
            assert float(-(lamp.middle @ lamp.normal)) > 0.0  # shines to the middle
            assert float(lamp.middle @ torch.from_numpy(up).float()) > 0.0  # from above
    assert said(lamp_at(middle, BOX)).lamps[0].place.tolist() == middle.tolist()


def test_the_sky_is_above_and_its_sun_is_bright() -> None:
    image = sky()
    assert image.min() > 0.0 and image[:32].max() > 50.0 and image[32:].max() < 1.0
    assert image[5, 100, 2] > image[5, 100, 0]  # blue


@pytest.mark.parametrize(
    "light",
    [
        QuadLight(np.array([-0.5, -0.5, 2.0]), np.array([0, 1.0, 0]), np.array([1.0, 0, 0]), np.ones(3)),
        BallLight(np.array([0.3, 0.2, 1.0]), 0.4, np.ones(3)),
        uneven_sky(),
    ],
)
def test_what_is_drawn_is_met_with_the_same_density_which_adds_up_to_one(light: Any) -> None:
    count = 60000
    u = torch.rand(2, count, generator=torch.Generator().manual_seed(0))
    points = torch.zeros(6 * count, 3)
    drawn = light.sample(points[:count], *u)

    def met(directions: Tensor) -> Any:
        if isinstance(light, Environment):
            return light.come(directions)
        return light.meet(points[: len(directions)], directions)

    assert (drawn.direction.norm(dim=1) - 1.0).abs().max() < 1e-4
    again = met(drawn.direction)
    same = torch.isclose(again.density, drawn.density, rtol=1e-2)
    assert same.float().mean() > 0.995  # but for rims
    assert torch.allclose(again.radiance[same], drawn.radiance[same])
    if not isinstance(light, Environment):
        assert torch.allclose(again.t[same], drawn.distance[same], rtol=1e-3)
    even = normalize(torch.randn(6 * count, 3, generator=torch.Generator().manual_seed(1)), dim=1)
    assert 4.0 * math.pi * float(met(even).density.mean()) == pytest.approx(1.0, abs=0.05)
