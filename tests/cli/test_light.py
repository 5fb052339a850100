"""`neurfield render --light`: pictures by path tracing, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import neurfield as nf
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.renders.lit import light_of, lit_scene
from neurfield.renders.tracers import traced_field
from tests.cli.test_render import made, picture
from tests.cli.test_verbs import Capture, refusal

SMALL = ("--walk", "cameras", "--frames", "3", "--size", "16x16", "--samples", "8")


def test_a_run_in_a_studio_of_its_field_and_of_its_mesh(
    ball_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    seen = {}
    for tracer in ("path", "path-mesh"):
        out = tmp_path / tracer
        typed = ["render", str(ball_run), *SMALL, "--tracer", tracer, "--light", "studio", "--out", str(out)]
        assert main([*typed, "--what", "rgb,depth"]) == 0
        told = capsys.readouterr().out
        assert "8 samples a pixel, exposure" in told and "(chosen)" in told
        record = json.loads((out / "render.json").read_text())
        assert record["samples"] == 8 and record["seed"] == 0 and len(record["light"]["lamps"]) == 3
        assert not (out / "unfinished.png").exists()
        seen[tracer] = picture(out / "rgb" / "000003.png").astype(float)
        before = made(out)
        assert main([*typed, "--what", "rgb,depth"]) == 0 and made(out) == before
    assert seen["path"].shape == (16, 16, 3) and np.ptp(seen["path"]) > 40
    assert np.abs(seen["path"] - seen["path-mesh"]).mean() < 12


@pytest.mark.parametrize(("up", "axis"), [("y", 1), ("z", 2)])
def test_floor_and_lamps_follow_the_way_up_that_is_given(ball_run: Path, up: str, axis: int) -> None:
    run = nf.Run.load(ball_run)
    surface = traced_field(run)
    light = light_of(run, "studio", up)
    middle = np.asarray(run.input.surface().box).mean(axis=0)
    first = light.content["lamps"][0]
    place = np.array(first["corner"]) + 0.5 * np.array(first["edges"]).sum(axis=0)
    assert place[axis] > middle[axis]
    scene, _ = lit_scene(run, surface, light, up)
    floor = scene.surfaces[-1][0]
    assert np.ptp(floor.box, axis=0).argmin() == axis and floor.box[1, axis] < middle[axis]


def test_seeds_make_the_same_picture_and_other_lights_another_rendering(
    ball_run: Path, tmp_path: Path
) -> None:
    run = nf.Run.load(ball_run)

    def shown(out: str, seed: int, light: object = "night") -> np.ndarray:
        done = nf.render_walk(
            run,
            "cameras",
            ["rgb"],
            (12, 12),
            out=tmp_path / out,
            frames="5",
            light=light,
            samples=2,
            seed=seed,
        )
        return picture(done.folder / "rgb" / "000005.png")

    assert (shown("a", 1) == shown("b", 1)).all() and (shown("a", 1) != shown("c", 2)).any()
    with pytest.raises(UserError, match="another rendering"):
        shown("a", 1, {"environment": "sky"})
    with pytest.raises(UserError, match="another rendering"):
        shown("a", 3)


def test_pictures_are_shown_while_they_become_better(ball_run: Path, tmp_path: Path) -> None:
    run, samples = nf.Run.load(ball_run), []

    def look(stage: str, fraction: float) -> None:
        path = tmp_path / "out" / "unfinished.png"
        if path.is_file():
            from PIL import Image

            with Image.open(path) as opened:
                samples.append(int(opened.text["Samples"]))

    nf.render_walk(
        run, "cameras", ["rgb"], (8, 8), out=tmp_path / "out", frames="5", light="day", samples=16, tell=look
    )
    assert sorted(set(samples)) == [2, 4, 8, 16] or sorted(set(samples)) == [2, 4, 8]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--tracer", "path"], "there is no light: give --light"),
        (["--light", "nigth"], "did you mean 'night'"),
        (["--light", "lamp=1,2"], "give a place"),
        (["--light", "none.yaml"], "cannot be read"),
        (["--light", "none.hdr"], "cannot be read"),
        (["--light", "day", "--tracer", "volume"], "is for --tracer path"),
        (["--samples", "4"], "is for --tracer path"),
        (["--light", "day", "--samples", "0"], "give 1 to"),
        (["--light", "day", "--what", "error"], "in its own light"),
    ],
)
def test_what_cannot_be_lit_is_one_line(
    typed: list[str], words: str, ball_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    flags = ["--walk", "cameras", "--frames", "3", "--out", str(tmp_path / "out"), *typed]
    assert words in refusal(capsys, "render", str(ball_run), *flags)
    assert not (tmp_path / "out").exists()


def test_a_file_without_a_light_is_one_line(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "dark.yaml"
    path.write_text("lamps: []\n")
    line = refusal(capsys, "render", str(ball_run), "--light", str(path))
    assert "dark.yaml" in line and "nothing shines" in line
