"""What a fit is made of: settings, groups, and a part for each slot."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.parts import presets
from neurfield.parts.draft import SETTINGS, Draft, layer_of
from neurfield.parts.fitted import FITTED
from neurfield.parts.groups import Data, Train
from neurfield.parts.part import Part
from neurfield.parts.plugins import missing, whole_shelf
from neurfield.parts.renamed import migrated
from neurfield.parts.shelf import SLOTS, Shelf
from neurfield.parts.yaml_text import read_mapping, read_text, write_text

SCHEMA = 2


@dataclass
class Config:
    """A method with all of its numbers.

    Args:
        method: the name of a method, or the path of a preset file.
        fits: what it fits, surface, shape or picture: which slots and groups it has.
        preset: quick, default or best.
        seed: of all randomness.
        device: auto, cpu or cuda.
        plugins: names of the plug-ins that its parts come from.
        data: which of the scene's sources are used; of surfaces alone.
        train: steps, learning rates, and how often something is written.
        parts: by slot and label, in the shelf's order; `one` and `many` look into it.
    """

    method: str
    fits: str
    preset: str
    seed: int
    device: str
    plugins: list[str]
    data: Data
    train: Train
    parts: dict[str, dict[str, Part]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The method's name; of a preset file, without folder and ending."""
        return Path(self.method).stem if presets.is_file(self.method) else self.method

    def one(self, slot: str) -> Part | None:
        """The part of a slot that holds one; None where it is empty."""
        assert not SLOTS[slot].many, slot
        return next(iter(self.parts[slot].values()), None)

    def many(self, slot: str) -> dict[str, Part]:
        """The parts of a slot that holds several, by label."""
        assert SLOTS[slot].many, slot
        return self.parts[slot]

    def needed(self, slot: str) -> Part:
        """The part of a slot that no such fit does without; UserError if there is none."""
        part = self.one(slot)
        if part is None:
            what = FITTED[self.fits].words
            raise UserError(f"'{slot}': a method for {what} needs one, {self.name} has none")
        return part


def load_config(
    method: str = "neus",
    preset: str = "default",
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
) -> Config:
    """The configuration of a method under a preset.

    Args:
        method: a name of `methods()`, or the path of a preset file.
        preset: quick, default or best.
        overrides: key=value, as of --set.
        plugins: modules or .py files that bring parts, as of --plugin.

    Raises:
        UserError: something of these is unknown (with the nearest known word), not possible or missing.
    """
    return config_on(whole_shelf(plugins), method, preset, overrides)


def config_on(shelf: Shelf, method: str, preset: str, overrides: Sequence[str] = ()) -> Config:
    """As `load_config`, with the parts of a shelf."""
    draft = Draft(shelf, presets.what_it_fits(method))
    for layer, where in presets.layers(method, preset):
        draft.lay(layer, where)
    for layer in layer_of(map(_parse, overrides)):
        draft.lay(layer, settings=("seed", "device"))
    draft.settings.update(method=method, preset=preset)
    return _finish(draft)


def read_config(path: str | Path, plugins: Sequence[str] = ()) -> Config:
    """A configuration written by `save_config`, of this version or of one before parts (schema 1).

    Nothing is run but parts that are installed, and plug-ins that are asked for.

    Raises:
        UserError: the file is missing, no configuration, of a newer version, or wants a plug-in that is
            neither asked for nor installed; and as `load_config`.
    """
    content = read_mapping(Path(path))
    schema = content.pop("schema", 1)
    if schema not in (1, SCHEMA) or isinstance(schema, bool):
        raise UserError(f"{path}: schema {schema} is not known to this version of neurfield: use a newer one")
    recorded = content.get("plugins", [])
    if schema == SCHEMA and isinstance(recorded, list):
        absent = missing([str(name) for name in recorded], plugins)
        if absent:
            raise UserError(
                f"{path}: the plug-in '{absent[0]}' that this run used is missing: "
                f"install it, or name its module or file with --plugin (in Python plugins=[...])"
            )
    try:
        content = migrated(content) if schema == 1 else content
        fits = SETTINGS["fits"].check("fits", content.pop("fits", SETTINGS["fits"].default))
        draft = Draft(whole_shelf(plugins), fits)
        draft.lay(content, settings=tuple(SETTINGS))
        return _finish(draft)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def save_config(config: Config, path: str | Path) -> None:
    """Write every value, so that the file alone re-runs the fit.

    Read by `read_config` and written again, the file has the same bytes.
    """
    content = {"schema": SCHEMA, **{name: getattr(config, name) for name in SETTINGS}, **spelled_out(config)}
    with atomic_write(path) as temporary:
        temporary.write_text(write_text(content), encoding="utf-8")


def spelled_out(config: Config) -> dict[str, Any]:
    """Groups and slots of a configuration as a preset file says them, every number among them."""
    content: dict[str, Any] = {"fits": config.fits}
    content |= {group: dataclasses.asdict(getattr(config, group)) for group in FITTED[config.fits].groups}
    for slot, parts in config.parts.items():
        forms = {label: _long_form(part) for label, part in parts.items()}
        content[slot] = forms if SLOTS[slot].many else forms.get("", "off")
    return content


def _long_form(part: Part) -> dict[str, Any]:
    form: dict[str, Any] = {"part": part.name}
    if part.weight is not None:
        form.update(weight=part.weight, decay=part.decay)
    return {**form, **part.numbers}


def _finish(draft: Draft) -> Config:
    """The configuration of a draft to which nothing more is said."""
    parts = draft.parts()
    used = {part.entry.plugin for chosen in parts.values() for part in chosen.values()} - {""}
    groups: dict[str, Any] = {"data": Data()}
    for name, declared in FITTED[draft.settings["fits"]].groups.items():
        groups[name] = group = declared(**draft.groups[name])
        wrong = group.wrong()
        if wrong:
            raise UserError(wrong)
    return Config(**{**draft.settings, "plugins": sorted(used)}, **groups, parts=parts)


def _parse(item: str) -> tuple[str, Any]:
    """Key and value of an override."""
    key, separator, text = item.partition("=")
    key = key.strip()
    if not separator or not all(key.split(".")):
        raise UserError(f"--set {item}: write it as group.key=value, for example --set train.steps=2000")
    if key in SETTINGS and key not in ("seed", "device"):
        flag = "--method" if key == "fits" else f"--{key.removesuffix('s')}"
        raise UserError(f"--set {item}: '{key}' is chosen with {flag}")
    return key, read_text(text, f"--set {item}")
