"""Presets: what replaces what, in which order, and what is said about a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.errors import UserError
from neurfield.parts import Config, load_config, read_config

BASE = """# A base.
field: sdf
passes: {surface: {part: neus, width_end: 0.002, anneal: 0.5}}
losses: {color: 1.0, prior_depth: {weight: 0.5, decay: 2.0}}
train: {steps: 100}
quick: {train: {steps: 10}, losses: {color: 2.0}}
best: {train: {steps: 1000}}
"""


def write(folder: Path, **texts: str) -> str:
    """Preset files in a folder; the path of the last one."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return str(folder / f"{list(texts)[-1]}.yaml")


def like_base(folder: Path, text: str, preset: str = "default", overrides: tuple[str, ...] = ()) -> Config:
    """A configuration of a file that is like BASE."""
    return load_config(write(folder, base=BASE, mine=f"like: base\n{text}"), preset, overrides)


def opacity(config: Config) -> tuple[str, dict[str, object]]:
    """Name and numbers of the pass `surface`."""
    part = config.many("passes")["surface"]
    return part.name, part.numbers


def weights(config: Config) -> dict[str, float | None]:
    """Of the losses, by label."""
    return {label: part.weight for label, part in config.many("losses").items()}


@pytest.mark.parametrize("said", ["{surface: {width_end: 0.01}}", "{surface: {part: neus, width_end: 0.01}}"])
def test_the_same_name_changes_numbers(said: str, tmp_path: Path) -> None:
    name, numbers = opacity(like_base(tmp_path, f"passes: {said}"))
    assert (name, numbers["width_end"], numbers["anneal"]) == ("neus", 0.01, 0.5)


@pytest.mark.parametrize(
    "said",
    ["{surface: volsdf}", "{surface: {part: volsdf}}", "{surface: {volsdf: {}}}"],
)
def test_another_name_replaces_the_part_with_its_numbers(said: str, tmp_path: Path) -> None:
    name, numbers = opacity(like_base(tmp_path, f"passes: {said}"))
    assert (name, numbers["width_end"], "anneal" in numbers) == ("volsdf", 0.003, False)


def test_labels_allow_two_of_a_kind(tmp_path: Path) -> None:
    more = "losses: {dark: {part: color, at: dark, weight: 0.25}, color: 0.5}"
    config = like_base(tmp_path, more)
    assert weights(config) == {"color": 0.5, "dark": 0.25, "prior_depth": 0.5}
    dark = config.many("losses")["dark"]
    assert (dark.name, dark.key, dark.numbers, dark.make(seen=None)) == (
        "color",
        "losses.dark",
        {"at": "dark"},
        0.5,
    )
    assert config.many("losses")["color"].numbers == {"at": "surface"}


def test_any_loss_may_fade_and_one_that_fades_by_itself_is_told_how(tmp_path: Path) -> None:
    text = "losses: {color: {decay: 3}, prior_depth: {decay: 4}, mask: 1.0}"
    losses = like_base(tmp_path, text).many("losses")
    assert (losses["color"].weight, losses["color"].decay, losses["mask"].decay) == (1.0, 3.0, 0.0)
    assert (losses["prior_depth"].decay, losses["prior_depth"].numbers) == (0.0, {"decay": 4.0})
    with pytest.raises(UserError, match=r"'losses\.color\.decay': -1\.0 is too small, at least 0 is needed"):
        like_base(tmp_path, "losses: {color: {decay: -1}}")
    with pytest.raises(UserError, match=r"'field\.decay' does not exist"):
        like_base(tmp_path, "field: {decay: 1}")


@pytest.mark.parametrize("off", ["off", "'off'", "false", "0", "0.0", "{weight: 0}"])
def test_off_removes_and_a_weight_of_zero_is_off(off: str, tmp_path: Path) -> None:
    assert set(weights(like_base(tmp_path, f"losses: {{color: {off}}}"))) == {"prior_depth"}


def test_off_of_what_is_not_there(tmp_path: Path) -> None:
    assert like_base(tmp_path, "losses: {s3im: off}").parts == like_base(tmp_path, "train: {}").parts
    assert like_base(tmp_path, "field: off").one("field") is None
    assert like_base(tmp_path, "losses: off").many("losses") == {}


def test_layers_in_their_order(tmp_path: Path) -> None:
    text = "losses: {color: 3.0}\ntrain: {steps: 200}\nquick: {train: {warmup: 1}}"
    assert like_base(tmp_path, text).train.steps == 200
    quick = like_base(tmp_path, text, "quick")
    assert (quick.train.steps, quick.train.warmup, weights(quick)["color"]) == (10, 1, 2.0)
    more = "losses: {color: 3.0}\nquick: {losses: {color: 4.0}}"
    assert weights(like_base(tmp_path, more, "quick"))["color"] == 4.0
    assert weights(like_base(tmp_path, more, "quick", ("losses.color=5",)))["color"] == 5.0
    assert like_base(tmp_path, text, "best").train.steps == 1000


def test_how_a_preset_is_written_does_not_change_the_order_of_its_parts(tmp_path: Path) -> None:
    one = load_config(
        write(tmp_path, one="losses: {mask: 1.0, eikonal: 1.0, b: {part: color, weight: 1}, color: 1}")
    )
    other = load_config(
        write(tmp_path, one="losses: {color: 1, b: {part: color, weight: 1}, eikonal: 1, mask: 1}")
    )
    assert list(one.many("losses")) == list(other.many("losses")) == ["b", "color", "eikonal", "mask"]


def test_shorthands_mean_the_long_form(tmp_path: Path) -> None:
    long = load_config(write(tmp_path, a="field: {part: sdf, levels: 3}\npixels: {part: uniform}"))
    short = load_config(write(tmp_path, a="field: {sdf: {levels: 3}}\npixels: uniform"))
    assert short == long and short.one("field").numbers["levels"] == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("like", ["neus", "base", "base.yaml", "./base.yaml", "sub/deep.yaml"])
def test_a_file_is_like_a_method_or_a_file_beside_it(like: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "deep.yaml").write_text("like: ../base.yaml\n")
    path = write(tmp_path, base=BASE, mine=f"like: {like}\ntrain: {{warmup: 7}}\n")
    config = load_config(path)
    assert config.train.warmup == 7 and opacity(config)[0] == "neus"
    assert (config.method, config.name) == (path, "mine")


def test_configurations_share_no_lists() -> None:
    one = load_config("neus")
    one.one("field").numbers["hidden"].append(3)  # type: ignore[union-attr]
    one.data.box.append(1.0)
    assert load_config("neus").one("field").numbers["hidden"] == [64, 64]  # type: ignore[union-attr]
    assert load_config("neus").data.box == []
    twice = [f"losses.{label}={{part: semantics, weight: 1, classes: 3}}" for label in "ab"]
    losses = load_config("neus", overrides=twice).many("losses")
    losses["a"].numbers["ignored"].append(1)
    assert losses["b"].numbers["ignored"] == [0]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("losses.s3im.kernal=4", "'losses.s3im.kernal' does not exist, did you mean 'kernel'?"),
        ("passes.surface=nues", "no opacity is called 'nues', did you mean 'neus'?"),
        ("passes.surfce.width_end=1", "no opacity is called 'surfce', did you mean 'surface'?"),
        ("looses.color=1", "'looses' does not exist, did you mean 'losses'?"),
        ("losses.colour=1", "no loss is called 'colour', did you mean 'color'?"),
        ("losses.smoth=off", "no loss is called 'smoth', did you mean 'smooth'?"),
        ("losses.Color=1", "'losses.Color': 'Color' is no label for a loss"),
        ("losses.part=color", "'losses.part': 'part' is no label for a loss"),
        ("losses=color", "'losses' holds several parts: give the label too, such as losses.LABEL=color"),
        ("losses.color=-1", "'losses.color.weight': -1.0 is too small"),
        ("losses.color=.nan", "'losses.color.weight': nan is not finite"),
        ("losses.color.weight=", "'losses.color.weight': nothing is not a number"),
        ("losses.color.part=", "'losses.color.part': None is not the name of a loss"),
        ("losses.color=true", "'losses.color': True is not possible, give the name of a loss, a weight,"),
        ("losses.color=", "'losses.color': nothing is not possible"),
        ("mesh=3", "'mesh': 3 is not possible, give the name of a mesh, numbers by name, or off"),
        ("losses.s3im.kernel=4", "'losses.s3im' has no weight: give one with losses.s3im=1.0"),
        ("losses.semantics=1", "'losses.semantics.classes' must be given: how many there are"),
        ("field.hidden.first=3", "'field.hidden': {'first': 3} is no list"),
        ("field.objects.of=segment", "no field is called 'objects'; there are: sdf, picture"),
        ("field.levels=0", "'field.levels': 0 is too small, at least 1 is needed"),
        ("points.fused_depth.until=0.2", "'points.fused_depth': until 0.2 is not above alone 0.25"),
        ("train.stpes=7", "'train.stpes' does not exist, did you mean 'steps'?"),
        ("train.steps=many", "'train.steps': 'many' is not a whole number"),
        ("train.steps=0", "'train.steps': 0 is too small"),
        ("train=3", "'train' is a group: give its keys, such as train.steps"),
        ("data.box=[1,2]", "'data.box': six numbers are needed (min and max), got 2"),
        ("data.holdout_every=1", "'data.holdout_every': 1 would keep every frame"),
        ("device=gpu", "'device': 'gpu' is not possible"),
        ("method=neus", "'method' is chosen with --method"),
        ("like=neus", "'like' does not exist"),
        ("nonsense", "write it as group.key=value"),
        ("a..b=1", "write it as group.key=value"),
        ("field.hidden=[1,", "--set field.hidden=[1,: "),
        ("field={part: sdf, part: sdf}", "'part' is given twice"),
        ("sampler={marched: {rays: 3}, samples: 4}", "'sampler': 'marched' has numbers of its own"),
    ],
)
def test_mistakes_in_overrides_are_one_line(override: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_config("neus", overrides=[override])
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("losses: {color: 1, color: 2}", "'color' is given twice"),
        ("loses: {color: 1}", "'loses' does not exist, did you mean 'losses'?"),
        ("passes: {surface: nues}", "no opacity is called 'nues', did you mean 'neus'?"),
        ("field: {levels: 12}", "'field': there is no field yet to have numbers, name one as field.part"),
        ("field: {part: [sdf]}", "'field.part': ['sdf'] is not the name of a field"),
        ("like: nues", "'like': no method is called 'nues', did you mean 'neus'?"),
        ("like:", "'like': None is not the name of a method"),
        ("like: far.yaml", "there is no preset file"),
        ("like: [neus]", "'like': ['neus'] is not the name of a method or of a file"),
        ("like: mine", "'like' goes in a circle: mine -> mine"),
        ("quick: 3", "'quick' is no mapping"),
        ("quick: {quick: {}}", "'quick' does not exist"),
        (
            "default: {train: {steps: 3}}",
            "'default' is gone: its keys stand at the top level of the file now",
        ),
        ("loss: {color: 1.0}", "'loss.color' is now 'losses.color'"),
        ("seed: 3", "'seed' does not exist"),
        ("schema: 2", "'schema' does not exist"),
        ("- field", "this is a list"),
        ("", "this is nothing"),
    ],
)
def test_mistakes_in_a_file_name_it(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, mine=text)
    with pytest.raises(UserError) as caught:
        load_config(path, "quick")
    assert str(caught.value).startswith(path) and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_circle_of_two_is_told_with_its_way(tmp_path: Path) -> None:
    path = write(tmp_path, a="like: b", b="like: a")
    with pytest.raises(UserError, match=r"'like' goes in a circle: b -> a -> b$"):
        load_config(path)


def test_unknown_methods_and_presets() -> None:
    with pytest.raises(UserError, match="no method is called 'monosfd', did you mean 'monosdf'"):
        load_config("monosfd")
    with pytest.raises(UserError, match="no preset is called 'bets', did you mean 'best'"):
        load_config("neus", "bets")
    with pytest.raises(UserError, match=r"there is no preset file nowhere/mine\.yaml"):
        load_config("nowhere/mine.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n- 2\n", "this is a list"),
        ("schema: 2\ntrain: {steps: 1, stepz: 2}\n", "'train.stepz' does not exist, did you mean 'steps'?"),
        ("schema: 3\n", "schema 3 is not known to this version"),
        ("schema: true\n", "schema True is not known"),
        ("schema: 2\nlosses: {color: {part: color}}\n", "'losses.color' has no weight"),
        ("schema: 2\nlike: neus\n", "'like' does not exist"),
        ("schema: 2\npreset: bets\n", "'preset': 'bets' is not possible, did you mean 'best'?"),
    ],
)
def test_mistakes_in_a_written_configuration_name_it(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path)) and said in str(caught.value)
