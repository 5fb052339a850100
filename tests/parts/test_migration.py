"""Runs and methods of before parts say the same in the words of parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from neurfield.errors import UserError
from neurfield.parts import Config, load_config, read_config, save_config
from neurfield.parts.groups import PRESETS
from neurfield.parts.renamed import RENAMED

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


SINCE = [
    "background=random",  # which is black around objects without masks, where methods now learn what is there
    "data.holdout_every=0",
    "polish=off",
]


def since(was: Config) -> list[str]:
    """What methods have got since, taken back; their steps became more by those of the polish."""
    return [*SINCE, f"train.steps={was.train.steps}"]


def carried_over(method: str, preset: str, changes: Sequence[str], folder: Path) -> Config:
    """A configuration of before with some of its keys changed, written as it was then, read as it is now."""
    content = yaml.safe_load((WRITTEN / f"{method}-{preset}.yaml").read_text())
    for change in changes:
        key, _, value = change.partition("=")
        *path, last = key.split(".")
        place = content
        for word in path:
            place = place[word]
        assert last in place, key
        place[last] = yaml.safe_load(value) if value != "off" else "off"
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
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
    was = carried_over(method, preset, old, tmp_path)
    now = load_config(method, preset, [*new, *since(was)])
    assert was == now
    assert order(was) == order(now)


@pytest.mark.parametrize("path", sorted(WRITTEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_files_that_were_written_before_say_what_the_methods_say(path: Path) -> None:
    method, preset = path.stem.split("-")
    was = read_config(path)
    now = load_config(method, preset, since(was))
    assert was == now
    assert order(was) == order(now)


@pytest.mark.parametrize("method", ["neus", "volsdf", "monosdf"])
def test_a_start_without_fusion_has_nothing_of_it(method: str, tmp_path: Path) -> None:
    was = carried_over(method, "default", ["warm.start=off"], tmp_path)
    gone = [
        "points.fused_depth",
        "points.seen",
        "losses.fused_sdf",
        "losses.fused_free",
        "losses.fused_normal",
        "losses.seen_points",
    ]
    assert was == load_config(method, overrides=[*since(was), *(f"{key}=off" for key in gone)])


def test_another_opacity_and_no_weight(tmp_path: Path) -> None:
    was = carried_over("neus", "default", ["opacity.kind=volsdf", "loss.smooth=0"], tmp_path)
    new = ["passes.surface=volsdf", "passes.surface.width_end=0.0015", "losses.smooth=off"]
    assert was == load_config("neus", overrides=[*since(was), *new])


def test_an_old_file_that_says_little_means_what_it_meant(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("method: neus\nopacity: {width_end: 0.01}\n")
    config = read_config(path)
    assert config.many("passes")["surface"].numbers["width_end"] == 0.01
    assert (config.train.steps, config.many("losses")["color"].weight) == (5000, 1.0)
    assert "smooth" not in config.many("losses") and "fused_depth" not in config.many("points")


def test_an_old_file_is_written_anew_as_a_new_one(tmp_path: Path) -> None:
    was = carried_over("monosdf", "best", [], tmp_path)
    save_config(was, tmp_path / "new.yaml")
    assert read_config(tmp_path / "new.yaml") == was == load_config("monosdf", "best", since(was))


def test_an_unknown_key_of_an_old_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("schema: 1\nmethod: neus\nloss: {colour: 1}\n")
    with pytest.raises(UserError, match=r"config\.yaml: 'loss\.colour' does not exist"):
        read_config(path)


def test_every_old_key_works_still_or_says_what_it_is_called_now() -> None:
    before = yaml.safe_load((WRITTEN / "neus-default.yaml").read_text())
    groups = {group: keys for group, keys in before.items() if isinstance(keys, dict)}
    assert len(groups) == 8
    for key, value in ((f"{group}.{key}", v) for group, keys in groups.items() for key, v in keys.items()):
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
