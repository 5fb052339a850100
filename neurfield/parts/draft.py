"""A configuration while layers of presets and overrides are laid onto it, each word of them checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from neurfield.errors import UserError
from neurfield.parts.fitted import FITTED
from neurfield.parts.groups import DEVICES, PRESETS
from neurfield.parts.numbers import RESERVED, Declared, Number, declared
from neurfield.parts.part import Part
from neurfield.parts.renamed import now_called
from neurfield.parts.shelf import SLOTS, Entry, Shelf
from neurfield.wording import suggest

Layer = Mapping[str, Any]
_LABEL = re.compile(r"[a-z][a-z0-9_]*")


def _settings(
    *,
    method: str = "neus",
    fits: Literal["surface", "shape", "slices", "picture"] = "surface",
    preset: Literal["quick", "default", "best"] = "default",
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    plugins: list[str] = [],  # noqa: B006
) -> None:
    """What stands above the groups, declared as parts are.

    Args:
        method: the name of a method, or the path of a preset file.
        fits: what it fits.
        preset: quick, default or best.
        seed: of all randomness.
        device: where field and steps are; auto is a GPU that kernels are built for, else the CPU.
        plugins: names of the plug-ins that its parts come from.
    """


SETTINGS = declared(_settings, "settings")
assert SETTINGS["preset"].choices == PRESETS and SETTINGS["device"].choices == DEVICES
assert SETTINGS["fits"].choices == tuple(FITTED)
_GROUPS = {
    fits: {name: declared(group, name) for name, group in fitted.groups.items()}
    for fits, fitted in FITTED.items()
}
# What a preset says of any loss beside its numbers.
WEIGHT = Declared("weight", float, False, (), Number(least=0.0), None, "how much it counts in the total")
DECAY = Declared(
    "decay", float, False, (), Number(least=0.0), 0.0, "the weight falls as exp(-decay * progress)"
)
OF_LOSSES = {"weight": WEIGHT, "decay": DECAY}


@dataclass
class _Chosen:
    entry: Entry
    numbers: dict[str, Any] = field(default_factory=dict)
    weight: float | None = None
    decay: float = 0.0


class Draft:
    """Settings, groups and parts as far as they have been said.

    Args:
        shelf: of the parts.
        fits: what the method fits, a key of `FITTED`.
    """

    def __init__(self, shelf: Shelf, fits: str = "surface") -> None:
        self.shelf = shelf
        self.settings = {name: setting.default for name, setting in SETTINGS.items()} | {"fits": fits}
        self._fits, self._declared = fits, _GROUPS[fits]
        self.groups = {
            name: {key: deepcopy(number.default) for key, number in group.items()}
            for name, group in self._declared.items()
        }
        slots = FITTED[fits].slots
        self._parts: dict[str, dict[str, _Chosen]] = {slot: {} for slot in SLOTS if slot in slots}

    def lay(self, layer: Layer, where: str = "", settings: Collection[str] = ()) -> None:
        """Take what a layer says, in place of what was said before.

        Args:
            layer: keys of settings, groups and slots, each with its value.
            where: the layer's file, to begin its errors with.
            settings: those that such a layer may say.

        Raises:
            UserError: a slot, part, number, label or key that does not exist, with the nearest that does, or
                a value that is not possible.
        """
        try:
            for key, value in layer.items():
                if key in self._parts:
                    self._lay_slot(key, value)
                elif key in self._declared:
                    self._lay_group(key, value)
                elif key in settings:
                    self.settings[key] = SETTINGS[key].check(key, value)
                else:
                    raise self._unknown(key, [*self._parts, *self._declared, *settings], value)
        except UserError as error:
            if not where:
                raise
            raise UserError(f"{where}: {error}") from error

    def parts(self) -> dict[str, dict[str, Part]]:
        """The parts by slot and label, with all numbers; losses that weigh nothing are left out.

        They come in the shelf's order, whatever order they were given in.

        Raises:
            UserError: a number or weight that must be given is missing.
        """
        return {slot: self._finished(slot, chosen) for slot, chosen in self._parts.items()}

    def _finished(self, slot: str, chosen: Mapping[str, _Chosen]) -> dict[str, Part]:
        parts = []
        for label, one in chosen.items():
            key = f"{slot}.{label}" if label else slot
            if SLOTS[slot].weighted and one.weight is None:
                raise UserError(
                    f"'{key}' has no weight: give one with {key}=1.0, or leave it out with {key}=off"
                )
            if one.weight == 0.0:
                continue
            numbers = {n: deepcopy(one.numbers.get(n, d.default)) for n, d in one.entry.numbers().items()}
            for name, value in numbers.items():
                if value is None:
                    meaning = one.entry.numbers()[name].explanation
                    raise UserError(f"'{key}.{name}' must be given{f': {meaning}' if meaning else ''}")
            check = getattr(one.entry.load(), "wrong_numbers", None)
            wrong = check(**numbers) if check else None
            if wrong:
                raise UserError(f"'{key}': {wrong}")
            parts.append(Part(slot, label, one.entry.name, numbers, one.weight, one.decay, entry=one.entry))
        parts.sort(key=lambda part: (*self.shelf.place(slot, part.name), part.label))
        return {part.label: part for part in parts}

    def _lay_group(self, group: str, value: Any) -> None:
        if not isinstance(value, dict):
            first = next(iter(self._declared[group]))
            raise UserError(f"'{group}' is a group: give its keys, such as {group}.{first}")
        for name, item in value.items():
            key = f"{group}.{name}"
            if name not in self._declared[group]:
                raise self._unknown(key, self._declared[group], item)
            self.groups[group][name] = self._declared[group][name].check(key, item)

    def _lay_slot(self, slot: str, value: Any) -> None:
        if _is_off(value):
            self._parts[slot].clear()
        elif not SLOTS[slot].many:
            self._lay_part(slot, "", value)
        elif isinstance(value, dict):
            for label, item in value.items():
                if label in RESERVED or not _LABEL.fullmatch(label):
                    raise UserError(
                        f"'{slot}.{label}': '{label}' is no label for a {SLOTS[slot].word}: "
                        f"small letters, digits and _, none of {', '.join(RESERVED)}"
                    )
                self._lay_part(slot, label, item)
        else:
            raise UserError(f"'{slot}' holds several parts: give the label too, such as {slot}.LABEL={value}")

    def _lay_part(self, slot: str, label: str, value: Any) -> None:
        current = self._parts[slot].get(label)
        labels = list(self._parts[slot])
        if _is_off(value):
            if label and current is None:
                self.shelf.find(slot, label, labels)  # a part's name that is not in use is off already
            self._parts[slot].pop(label, None)
            return
        key = f"{slot}.{label}" if label else slot
        name, numbers = self._read(key, slot, label, value)
        entry = self.shelf.find(slot, name, labels if name == label else ())
        if current is None or current.entry.name != name:
            current = self._parts[slot][label] = _Chosen(entry)
        allowed = {**(OF_LOSSES if SLOTS[slot].weighted else {}), **entry.numbers()}
        for number, item in numbers.items():
            if number not in allowed:
                raise self._unknown(f"{key}.{number}", allowed, item)
            checked = allowed[number].check(f"{key}.{number}", item)
            if allowed[number] is OF_LOSSES.get(number):
                setattr(current, number, checked)
            else:
                current.numbers[number] = checked

    def _read(self, key: str, slot: str, label: str, value: Any) -> tuple[str, dict[str, Any]]:
        """Name and numbers, weight and decay among them, that are meant by a short or long form."""
        word, weighted, current = SLOTS[slot].word, SLOTS[slot].weighted, self._parts[slot].get(label)
        usual = current.entry.name if current else label
        if isinstance(value, str):
            return value, {}
        if weighted and isinstance(value, (int, float)) and not isinstance(value, bool):
            return usual, {"weight": value}
        if not isinstance(value, dict):
            forms = f"the name of a {word}, {'a weight, ' if weighted else ''}numbers by name, or off"
            text = "nothing" if value is None else repr(value)
            raise UserError(f"'{key}': {text} is not possible, give {forms}")
        numbers = dict(value)
        own = current.entry.numbers() if current else {}
        inner = [k for k, v in numbers.items() if isinstance(v, dict) and k not in own]
        if "part" in numbers:
            name = numbers.pop("part")
            if not isinstance(name, str):
                raise UserError(f"'{key}.part': {name!r} is not the name of a {word}")
        elif inner:
            name, numbers = inner[0], numbers[inner[0]]
            if len(value) > 1:
                raise UserError(f"'{key}': '{name}' has numbers of its own, give the others among them")
        else:
            name = usual
        if not name:
            raise UserError(f"'{key}': there is no {word} yet to have numbers, name one as {key}.part")
        return name, numbers

    def _unknown(self, key: str, words: Iterable[str], value: Any) -> UserError:
        """The error about a key that does not exist: where it has gone, or what may have been meant."""
        words = list(words)
        news = now_called(key, value, self._fits)
        if news:
            return UserError(news)
        there_are = f"; there are: {', '.join(words) or 'none'}"
        for fits, other in FITTED.items():
            if fits != self._fits and key in (*other.slots, *other.groups):
                ours = FITTED[self._fits].words
                return UserError(
                    f"'{key}' is for methods that fit {other.words}, this one fits {ours}{there_are}"
                )
        return UserError(f"'{key}' does not exist{suggest(key.rpartition('.')[2], words) or there_are}")


def layer_of(overrides: Iterable[tuple[str, Any]]) -> Iterable[dict[str, Any]]:
    """Overrides, dotted keys with values, as a layer each."""
    for key, value in overrides:
        for word in reversed(key.split(".")):
            value = {word: value}
        yield value


def _is_off(value: Any) -> bool:
    return value is False or value == "off"  # other programs read and write a bare off as false
