"""Methods that fit pictures: presets of parts as any, and runs of before they were."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.fitting.image import ImageTask
from neurfield.inputs import Run, finish, fit_image, resume
from neurfield.inputs.image import ImageInput
from neurfield.parts import load_config, methods, read_config, save_config, what_it_fits
from neurfield.parts.groups import PRESETS
from neurfield.parts.renamed import RENAMED_OF_PICTURES
from neurfield.report.command import command_of
from tests.cli.test_verbs import Capture, refusal
from tests.images.conftest import smooth, write

WRITTEN = Path(__file__).parent / "schema_1"  # each encoding and preset, as they were written before parts
SMALL = ("encoding.levels=6", "field.hidden=[16]", "points.picture.count=512", "train.preview_every=0")
NAMES = ["hash", "rbf", "simplex"]
# An encoding, a source and a loss of a laboratory's own; the encoding has no method.
LAB = '''
from neurfield.encodings import Frequency
from neurfield.parts import needs
from neurfield.points import PointSet, Source

def waves(picture, *, octaves: int = 5):
    """Sines of both coordinates.

    Args:
        octaves: how many.
    """
    return Frequency(2, octaves)

@needs("points.picture")
def l1(seen):
    """Absolute difference."""
    points = seen.points["picture"]
    return (points.value - points.columns["color"]).abs().mean()

PARTS = {"encoding.waves": waves, "losses.l1": l1}
'''


@pytest.fixture
def lab(tmp_path: Path) -> str:
    (tmp_path / "wave_lab.py").write_text(LAB)
    return str(tmp_path / "wave_lab.py")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write(tmp_path / "waves.png", smooth(40, 50))


def test_what_methods_fit() -> None:
    assert methods("picture") == NAMES
    others = {name for fits in ("surface", "shape", "slices") for name in methods(fits)}
    assert others | set(NAMES) == set(methods())
    assert {what_it_fits(name) for name in NAMES} == {"picture"} and what_it_fits("neus") == "surface"
    with pytest.raises(UserError, match="no method is called 'hahs', did you mean 'hash'"):
        what_it_fits("hahs")


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_of_pictures_is_of_parts(name: str, tmp_path: Path) -> None:
    for preset in PRESETS:
        config = load_config(name, preset)
        assert list(config.parts) == ["encoding", "field", "points", "losses"]
        assert config.one("encoding").name == name  # type: ignore[union-attr]
        save_config(config, tmp_path / "config.yaml")
        assert read_config(tmp_path / "config.yaml") == config
        written = (tmp_path / "config.yaml").read_text()
        assert "fits: picture" in written and "sensor_depth" not in written and "mesh" not in written


# Runs of before.


@pytest.mark.parametrize("path", sorted(WRITTEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_files_of_before_say_what_the_methods_say(path: Path) -> None:
    assert read_config(path) == load_config(*path.stem.split("-"))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_before_are_carried_over(name: str, tmp_path: Path) -> None:
    content = yaml.safe_load((WRITTEN / f"{name}-quick.yaml").read_text())
    content["encoding"] |= {"levels": 3, "kernels": 70, "parameters_per_pixel": 0.5}
    content["network"] = {"hidden": [8], "sine": [2.0, 3.0]}
    content["image"] = {"budget_mb": 7, "tile": 9}
    content["train"] |= {"pixels": 11, "lr_kernels": 0.25, "steps": 12}
    content |= {"seed": 13, "device": "cpu"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    now = ["encoding.levels=3", "encoding.parameters_per_pixel=0.5", "field.hidden=[8]", "field.sine=[2,3]"]
    now += ["points.picture.budget_mb=7", "points.picture.tile=9", "points.picture.count=11"]
    now += ["train.lr_kernels=0.25", "train.steps=12", "seed=13", "device=cpu"]
    now += ["encoding.kernels=70"] if name == "rbf" else []  # the others had no use for them
    assert read_config(tmp_path / "config.yaml") == load_config(name, "quick", now)


class _Stop(Exception):
    pass


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_before_is_loaded_finished_and_goes_on(
    name: str, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = [*SMALL, "train.save_every=10", "train.warmup=5"]
    whole = fit_image(picture, name, steps=20, out=tmp_path / "a", quiet=True, overrides=overrides)
    step = ImageTask.step

    def stop_at_15(self: ImageTask, number: int, progress: float) -> object:
        if number == 15:
            raise _Stop
        return step(self, number, progress)

    monkeypatch.setattr(ImageTask, "step", stop_at_15)
    with pytest.raises(_Stop):
        fit_image(picture, name, steps=20, out=tmp_path / "b", quiet=True, overrides=overrides)
    monkeypatch.undo()
    folder = next((tmp_path / "b" / "waves").glob(f"{name}-2*"))
    old = yaml.safe_load((WRITTEN / f"{name}-default.yaml").read_text())
    old["encoding"]["levels"] = 6
    old["network"]["hidden"] = [16]
    old["train"] |= {"pixels": 512, "preview_every": 0, "save_every": 10, "warmup": 5, "steps": 20}
    (folder / "config.yaml").write_text(yaml.safe_dump(old))
    facts = json.loads((folder / "run.json").read_text())
    facts.pop("input")
    (folder / "run.json").write_text(json.dumps(facts | {"schema": 1, "kind": "image"}))
    assert Run.load(folder).region(0, 0, 3, 2).shape == (2, 3, 3)
    continued = resume(folder, quiet=True)
    for key, tensor in whole.task.state().items():
        assert torch.equal(continued.task.state()[key], tensor), key
    assert finish(continued).metrics["image"] == finish(whole).metrics["image"]


def test_old_keys_are_answered_with_their_new_names() -> None:
    before = yaml.safe_load((WRITTEN / "rbf-default.yaml").read_text())
    keys = {f"{group}.{key}": v for group, d in before.items() if isinstance(d, dict) for key, v in d.items()}
    assert set(RENAMED_OF_PICTURES) - {"image", "network"} <= set(keys)
    for key, value in keys.items():
        if key not in RENAMED_OF_PICTURES:
            load_config("rbf", overrides=[f"{key}={value}"])
            continue
        (new,) = RENAMED_OF_PICTURES[key]
        with pytest.raises(UserError) as caught:
            load_config("rbf", overrides=[f"{key}={value}"])
        assert str(caught.value) == f"'{key}' is now '{new}'"
        load_config("rbf", overrides=[f"{new}={value}"])


def test_an_unknown_key_of_an_old_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("encoding: {kind: hash}\nnetwork: {hiden: [3]}\n")
    with pytest.raises(UserError, match=r"config\.yaml: 'network\.hiden' does not exist"):
        read_config(tmp_path / "config.yaml")


# Chosen as for scenes.


def test_a_preset_file_beside_an_image(picture: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("like: rbf\nencoding: simplex\nfield: {sine: []}\nquick: {train: {steps: 3}}\n")
    words = ["--image", str(picture), "--method", str(mine), "--preset", "quick", "--out", str(tmp_path)]
    sets = [word for item in SMALL for word in ("--set", item)]
    assert main(["fit", *words, *sets]) == 0
    run = Run.load(tmp_path / "waves" / "latest")
    assert run.folder.resolve().name.startswith("mine-") and run.config.train.steps == 3
    assert type(run.field.encoding).__name__ == "SimplexGrid" and run.field.frequencies is None


def test_an_encoding_and_a_loss_from_outside(
    lab: str, picture: Path, tmp_path: Path, capsys: Capture
) -> None:
    words = ["--image", str(picture), "--encoding", "waves", "--plugin", lab, "--out", str(tmp_path)]
    more = ["points.picture.count=512", "encoding.octaves=3", "losses.l1=0.5"]
    sets = [word for item in more for word in ("--set", item)]
    assert main(["fit", *words, *sets, "--steps", "4"]) == 0
    folder = (tmp_path / "waves" / "latest").resolve()
    assert folder.name.startswith("hash-") and "encoding waves" in capsys.readouterr().out
    record = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert set(record["losses"]) == {"color", "l1"}
    run = Run.load(folder, plugins=[lab])
    assert run.field.encoding.output_dim == 12 and np.isfinite(run.region(0, 0, 4, 4)).all()
    assert "'wave_lab' that this run used is missing" in refusal(capsys, "fit", "--resume", str(folder))
    assert main(["fit", "--resume", str(folder), "--steps", "6", "--plugin", lab]) == 0
    assert main(["parts", "encoding.waves", "--plugin", lab]) == 0
    assert "octaves" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "preset", "overrides"),
    [
        ("hash", "default", []),
        ("rbf", "quick", ["train.steps=7", "seed=5", "encoding.kernels=9", "field.sine=[]"]),
        ("simplex", "best", ["losses.color=2", "points.picture.tile=32", "encoding=hash"]),
    ],
)
def test_the_command_of_a_run_makes_it_again(name: str, preset: str, overrides: list[str]) -> None:
    config = load_config(name, preset, overrides)
    words = shlex.split(command_of(ImageInput, {"image": "a b.png"}, config))
    assert words[:6] == ["neurfield", "fit", "--image", "a b.png", "--method", name]
    flags = list(zip(words[2::2], words[3::2]))
    again = [value for flag, value in flags if flag == "--set"]
    again += [f"seed={value}" for flag, value in flags if flag == "--seed"]
    again += [f"train.steps={value}" for flag, value in flags if flag == "--steps"]
    assert load_config(name, preset, again) == config


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("encoding=simpelx", "no encoding is called 'simpelx', did you mean 'simplex'?"),
        ("encoding.levls=3", "'encoding.levls' does not exist, did you mean 'levels'?"),
        ("encoding.levels=0", "'encoding.levels': 0 is too small, at least 1 is needed"),
        ("encoding.features=3", "'encoding': GridLayout: features must be 1, 2 or 4, got 3"),
        ("encoding.parameters_per_pixel=.inf", "'encoding.parameters_per_pixel': inf is not finite"),
        ("encoding=off", "'encoding': a method for pictures needs one, hash has none"),
        ("field=sdf", "'field' asks for 'heads', which this kind of fit does not have: choose another"),
        ("field.hidden=[0]", "'field.hidden': 0 is too small"),
        ("points.picture=off", "'losses.color' looks at points.picture, and the method has none"),
        ("points.uniform.count=3", "'points.uniform' asks for 'unit_box'"),
        ("losses.eikonal=1", "'losses.eikonal' looks at gradients, and the method has none"),
        ("losses.mask=1", "'losses.mask' looks at passes.surface, and the method has none"),
        ("losses.fused_sdf=1", "none of the method's losses finds what it looks at in a picture"),
        ("sampler.rays=3", "'sampler' is for methods that fit surfaces, this one fits pictures"),
        ("data.mask=false", "'data' is for methods that fit surfaces, this one fits pictures"),
        ("fits=surface", "'fits' is chosen with --method"),
        ("train.lr_kernel=1", "'train.lr_kernel' does not exist, did you mean 'lr_kernels'?"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    override: str, said: str, picture: Path, tmp_path: Path
) -> None:
    overrides = [override] if "finds" not in said else ["losses.color=off", override]
    with pytest.raises(UserError) as caught:
        fit_image(picture, steps=2, out=tmp_path / "runs", quiet=True, overrides=overrides)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_a_method_for_something_else(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    image = str(picture)
    said = refusal(capsys, "fit", "--scene", "room0", "--method", "hash")
    assert "--method hash: it fits pictures, and a scene wants one for surfaces" in said and "neus" in said
    (tmp_path / "mine.yaml").write_text("field: picture\n")
    assert "it fits surfaces" in refusal(capsys, "fit", "--image", image, "--method", f"{tmp_path}/mine.yaml")
    (tmp_path / "mine.yaml").write_text("fits: pictur\n")
    assert "did you mean 'picture'" in refusal(capsys, "methods", f"{tmp_path}/mine.yaml")
    (tmp_path / "mine.yaml").write_text("like: hash\nsampler: marched\n")
    assert "'sampler' is for methods that fit surfaces" in refusal(capsys, "methods", f"{tmp_path}/mine.yaml")
    assert "'encoding' is for methods that fit pictures" in refusal(
        capsys, "fit", "--scene", "room0", "--set", "encoding=simplex"
    )
    both = refusal(capsys, "fit", "--image", image, "--method", "hash", "--encoding", "rbf")
    assert "--method and --encoding stand side by side" in both and "--set encoding=rbf" in both
    with pytest.raises(UserError, match="an encoding or a method, not both"):
        fit_image(picture, "rbf", "hash", out=tmp_path / "runs")


@pytest.mark.parametrize(
    ("made", "said"), [("None", "a NoneType"), ("HashGrid(levels=2)", "a HashGrid of 3 dimensions")]
)
def test_what_is_no_encoding_of_a_plane_is_named(made: str, said: str, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "from neurfield.encodings import HashGrid\n"
        f"def odd():\n    return {made}\n"
        "PARTS = {'encoding.odd': odd}\n"
    )
    with pytest.raises(UserError, match=f"^'encoding' returned {said}: a picture needs"):
        fit_image(picture, "odd", plugins=[str(tmp_path / "odd.py")], out=tmp_path / "runs", quiet=True)
    assert not (tmp_path / "runs").exists()


def test_a_run_with_a_method_for_something_else(picture: Path, tmp_path: Path) -> None:
    run = fit_image(picture, steps=1, out=tmp_path, quiet=True, overrides=SMALL)
    save_config(load_config("neus"), run.folder / "config.yaml")
    with pytest.raises(
        UserError, match=r"config\.yaml: its method fits surfaces, and the run is of an image"
    ):
        Run.load(run.folder)
