"""The module that `docs/parts.md` writes, and the example's commands, on a scene that is small."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.cli.main import main
from neurfield.fitting.scene import SceneTask
from neurfield.inputs import Run, fit, fit_image
from neurfield.moment import Moment
from neurfield.parts import load_config, whole_shelf
from neurfield.scenes import Scene, load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene
from tests.images.conftest import smooth

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "parts.md").read_text()
FEW = ("points.fused_depth=off", "sampler.rays=64", "sampler.samples=0")


@pytest.fixture(scope="module")
def sphere(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return load_scene(write_sphere_scene(tmp_path_factory.mktemp("sphere") / "sphere"))


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page's pieces of Python, one after the other, as a file."""
    path = tmp_path_factory.mktemp("page") / "my_parts.py"
    path.write_text("\n\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)))
    return str(path)


def test_every_slot_but_field_and_colour_has_a_part_on_the_page(module: str) -> None:
    brought = {
        slot: [entry for entry in entries.values() if entry.plugin == "my_parts"]
        for slot, entries in whole_shelf([module]).entries.items()
    }
    assert {slot for slot, entries in brought.items() if not entries} == {"field", "color"}
    for entry in (entry for entries in brought.values() for entry in entries):
        assert (entry.load().__doc__ or "").strip()
        assert all(number.explanation for number in entry.numbers().values()), entry.key


def test_all_of_them_take_steps_together_and_leave_a_mesh(module: str, sphere: Scene, tmp_path: Path) -> None:
    chosen = [
        "pixels=in_turns", "sampler=even", "background=sky", "exposure=dimmed", "heads.roughness.width=2",
        "mesh=outer", "poses=restless", "transients=corners", "passes.surface=logistic",
        "points.ground.count=32", "losses.on_ground=0.1", "losses.bent=1.0",
    ]  # fmt: skip
    run = fit(
        sphere, "neus", steps=5, out=tmp_path, plugins=[module], quiet=True, overrides=[*SMALL, *FEW, *chosen]
    )
    losses = json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])["losses"]
    assert {"bent", "on_ground", "color", "eikonal"} <= set(losses)
    again = Run.load(run.folder, plugins=[module])
    task = again.task
    assert isinstance(task, SceneTask) and task.field.heads == {"roughness": 2} and task.rays is not None
    pixels = task.rays.reader.batch(3, 40)
    assert len(pixels) == 40 and set(pixels.camera.tolist()) == {3}
    _, samples = task.rays.sampler.sample(pixels, task.field, None, Moment(0, 0.0))
    assert len(samples.t_starts) == 40 * 48 and bool((samples.t_ends >= samples.t_starts).all())
    outer = again.mesh(voxel=0.1)
    again.task.config.parts["mesh"][""].numbers["offset"] = 0.0
    assert 0.0 < again.mesh(voxel=0.1).volume < outer.volume


def test_a_part_is_given_all_that_the_page_lists(sphere: Scene, tmp_path: Path) -> None:
    table = PAGE[PAGE.index("what a fit to a scene gives") :].partition("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (.*) \|$", table, re.M)
    names = [name for words, about in rows if " alone: " not in about for name in re.findall(r"\w+", words)]
    assert {"scene", "unit_box", "beside"} <= set(names)
    (tmp_path / "asking.py").write_text(
        "from neurfield.points import Source\n"
        "class Asking(Source):\n    offers = frozenset({'gradients'})\n"
        f"    def __init__(self, {', '.join(names)}):\n        self.given = [{', '.join(names)}]\n"
        "PARTS = {'points.asking': Asking}\n"
    )
    overrides = [*SMALL, *FEW, "points.asking={}", "device=cpu"]
    config = load_config("neus", overrides=overrides, plugins=[str(tmp_path / "asking.py")])
    task = SceneTask(sphere, config, torch.device("cpu"))
    (asking,) = (source for source in task.sources if type(source).__name__ == "Asking")
    given = dict(zip(names, asking.given))
    assert given["scene"] is sphere and given["seed"] == 0 and len(given["unit_box"]) == 6


def test_the_encoding_on_the_page_fits_a_picture(module: str, tmp_path: Path) -> None:
    options = {"steps": 4, "out": tmp_path, "plugins": [module], "quiet": True}
    run = fit_image(smooth(20, 33), "waves", overrides=["points.picture.count=128"], **options)  # type: ignore[arg-type]
    again = Run.load(run.folder, plugins=[module])
    assert again.field.encoding.levels == 6  # half of 2^5 pixels is the shortest wave
    assert np.array_equal(again.region(0, 0, 33, 20), run.region(0, 0, 33, 20))
    assert "waves" in (run.folder / "config.yaml").read_text()


def test_an_encoding_and_a_field_are_given_all_that_the_page_lists(tmp_path: Path) -> None:
    table = PAGE[PAGE.index("What a fit to a picture gives") :].partition("\n\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.M)
    names = [name for words in rows for name in re.findall(r"\w+", words)]
    assert {"picture", "train", "fresh", "device", "seed", "channels", "encoding"} == set(names)
    (tmp_path / "asking.py").write_text(
        "from neurfield.fields import make_picture\n"
        f"def field({', '.join(names)}):\n"
        "    made = make_picture(encoding, channels)\n"
        f"    made.given = [{', '.join(names)}]\n    return made\n"
        "PARTS = {'field.asking': field}\n"
    )
    plugin = str(tmp_path / "asking.py")
    run = fit_image(
        smooth(9, 8), steps=1, out=tmp_path, plugins=[plugin], quiet=True, overrides=["field=asking"]
    )
    given = dict(zip(names, run.field.given))
    assert given["picture"] is run.source and given["channels"] == 3 and given["fresh"] is True
    assert given["encoding"] is run.field.encoding and given["train"] is run.config.train


@pytest.mark.slow
def test_the_commands_of_the_example_run(
    sphere: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand on the page and in the example, with a scene and a few steps in the place of theirs."""
    monkeypatch.chdir(ROOT)
    said = re.findall(r"^neurfield (.*my_lab.*)$", PAGE, re.M)
    assert len(said) == 3
    assert f"neurfield {said[0]}" in (ROOT / "examples" / "my_lab.py").read_text()
    for words in (line.split() for line in said[1:]):
        assert main(words) == 0
    words = [str(sphere.path) if word == "room0" else word for word in said[0].split()]
    sets = [word for item in (*SMALL, *FEW, "mesh.voxel=0.1") for word in ("--set", item)]
    assert main([*words, "--steps", "20", "--out", str(tmp_path), *sets]) in (0, 2)
    (run,) = {path.resolve() for path in tmp_path.glob("*/my_method-*")}
    assert (run / "report.html").is_file()
