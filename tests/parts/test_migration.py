"""Runs and methods of before parts say the same in the words of parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield import config as before
from neurfield.errors import UserError
from neurfield.parts import Config, load_config, read_config, save_config
from neurfield.parts.renamed import RENAMED
from neurfield.presets import PRESETS

WRITTEN = Path(__file__).parent / "schema_1"  # each method and preset, as version 0.1.0 wrote them
OLD = [
    "data.sensor_depth=off",
    "field.features=4",
    "field.texture_levels=9",
    "opacity.learn=true",
    "warm.voxel=0.02",
    "sampling.random_points=7",
    "data.images_per_step=3",
    "mesh.component=largest",
    "seed=4",
    "train.steps=9",
    "field.precision=bfloat16",
    "loss.mask=0.3",
    "warm.width_start=0.01",
    "field.hidden=[32]",
]
NEW = [
    "data.sensor_depth=off",
    "field.features=4",
    "color.features=4",
    "color.levels=9",
    "passes.surface.learn=on",
    "points.fused_depth.voxel=0.02",
    "points.uniform.count=7",
    "pixels.images_per_step=3",
    "mesh.component=largest",
    "seed=4",
    "train.steps=9",
    "field.precision=bfloat16",
    "color.precision=bfloat16",
    "losses.mask=0.3",
    "passes.surface.width_warm=0.01",
    "field.hidden=[32]",
]


def carried_over(old: before.Config, folder: Path) -> Config:
    """A configuration of before, written as it was then and read as it is now."""
    before.save_config(old, folder / "config.yaml")
    return read_config(folder / "config.yaml")


def order(config: Config) -> list[tuple[str, str]]:
    """Parts in the order in which they take part."""
    return [(slot, label) for slot, parts in config.parts.items() for label in parts]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("method", ["neus", "volsdf", "monosdf"])
@pytest.mark.parametrize(("old", "new"), [([], []), (OLD, NEW)], ids=["as it is", "with other numbers"])
def test_methods_are_what_they_were(
    method: str, preset: str, old: list[str], new: list[str], tmp_path: Path
) -> None:
    was = carried_over(before.load_config(method, preset, old), tmp_path)
    now = load_config(method, preset, new)
    assert was == now
    assert order(was) == order(now)


@pytest.mark.parametrize("path", sorted(WRITTEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_files_that_were_written_before_say_what_the_methods_say(path: Path) -> None:
    method, preset = path.stem.split("-")
    was, now = read_config(path), load_config(method, preset)
    assert was == now
    assert order(was) == order(now)


@pytest.mark.parametrize("method", ["neus", "volsdf", "monosdf"])
def test_a_start_without_fusion_has_nothing_of_it(method: str, tmp_path: Path) -> None:
    was = carried_over(before.load_config(method, overrides=["warm.start=off"]), tmp_path)
    gone = [
        "points.fused_depth",
        "points.seen",
        "losses.fused_sdf",
        "losses.fused_free",
        "losses.fused_normal",
        "losses.seen_points",
    ]
    assert was == load_config(method, overrides=[f"{key}=off" for key in gone])


def test_another_opacity_and_no_weight(tmp_path: Path) -> None:
    was = carried_over(
        before.load_config("neus", overrides=["opacity.kind=volsdf", "loss.smooth=0"]), tmp_path
    )
    new = ["passes.surface=volsdf", "passes.surface.width_end=0.0015", "losses.smooth=off"]
    assert was == load_config("neus", overrides=new)


def test_an_old_file_that_says_little_means_what_it_meant(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("method: neus\nopacity: {width_end: 0.01}\n")
    assert read_config(path) == carried_over(before.read_config(path), tmp_path)


def test_an_old_file_is_written_anew_as_a_new_one(tmp_path: Path) -> None:
    was = carried_over(before.load_config("monosdf", "best"), tmp_path)
    save_config(was, tmp_path / "new.yaml")
    assert read_config(tmp_path / "new.yaml") == was == load_config("monosdf", "best")


def test_an_unknown_key_of_an_old_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("schema: 1\nmethod: neus\nloss: {colour: 1}\n")
    with pytest.raises(UserError, match=r"config\.yaml: 'loss\.colour' does not exist"):
        read_config(path)


def keys(config: before.Config) -> list[str]:
    """All group.key of a configuration of before."""
    groups = {name: value for name, value in vars(config).items() if hasattr(value, "__dict__")}
    return [f"{name}.{key}" for name, group in groups.items() for key in vars(group)]


def test_every_old_key_works_still_or_says_what_it_is_called_now() -> None:
    for key in keys(before.Config()):
        value = getattr(getattr(before.Config(), key.split(".")[0]), key.split(".")[1])
        override = f"{key}={str(value).lower() if isinstance(value, bool) else value}"
        if key not in RENAMED or key in RENAMED[key]:
            load_config("neus", overrides=[override])
            continue
        with pytest.raises(UserError) as caught:
            load_config("neus", overrides=[override])
        assert str(caught.value) == f"'{key}' is now " + " and ".join(f"'{new}'" for new in RENAMED[key])


def test_the_new_names_exist() -> None:
    config = load_config("monosdf", overrides=["passes.surface=neus"])
    known = {part.key for parts in config.parts.values() for part in parts.values()}
    known |= {
        f"{part.key}.{n}" for parts in config.parts.values() for part in parts.values() for n in part.numbers
    }
    assert {new for news in RENAMED.values() for new in news} <= known | {
        "losses",
        "losses.prior_normal.decay",
    }


def test_one_old_key_for_example() -> None:
    with pytest.raises(UserError, match=r"^'loss\.color' is now 'losses\.color'$"):
        load_config("neus", overrides=["loss.color=2"])
