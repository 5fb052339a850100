"""The method of a fit: one that fits what the input is, chosen by its name, its file, or a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurfield.errors import UserError
from neurfield.inputs.base import Input
from neurfield.inputs.registry import CHOOSERS, INPUTS
from neurfield.parts import FITTED, Config, load_config, methods, read_config, what_it_fits, whole_shelf


def chosen_method(
    kind: type[Input],
    method: str | None = None,
    preset: str = "default",
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
) -> Config:
    """The configuration of a method for a kind of input.

    Args:
        kind: of the input.
        method: a name, or the path of a preset file; None: the first of the input's usual ones that the other
            arguments are possible with. Which it is to be the input may say once it was read.
        preset: quick, default or best.
        overrides: key=value, as of --set.
        plugins: modules or .py files that bring parts.

    Raises:
        UserError: the method fits something else, or something of these is not known.
    """
    if method is None:
        refused = []
        for usual in INPUTS[kind.flag].usual_ones:
            try:
                return chosen_method(kind, usual, preset, overrides, plugins)
            except UserError as error:
                refused.append(error)
        raise refused[0]
    fits = what_it_fits(method)
    if fits != kind.fits:
        raise UserError(
            f"--method {method}: it fits {FITTED[fits].words}, and {kind.called} wants one for "
            f"{FITTED[kind.fits].words}; there are: {', '.join(methods(kind.fits))}"
        )
    return load_config(method, preset, overrides, plugins)


def method_of_part(
    input: str, flag: str, name: str, plugins: Sequence[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """The method that a flag means which chooses a part, and the overrides that it needs.

    That is the method that the flag means by this word, the one called as the part is, or the input's usual
    one with this part in its slot.

    Args:
        input: a name of `INPUTS`.
        flag: a name of `CHOOSERS`.
        name: of the part.
        plugins: as of --plugin.

    Raises:
        UserError: there is no such part, with the nearest name.
    """
    slot, usual, words = CHOOSERS[flag].slot, INPUTS[input].usual, CHOOSERS[flag].methods
    if name in words:
        return words[name], ()
    entry = whole_shelf(plugins).find(slot, name, list(words))
    if words and not entry.plugin:
        raise UserError(f"--{flag} {name}: not one that such a fit may have; there are: {', '.join(words)}")
    if name in methods(what_it_fits(usual)):
        return name, ()
    return usual, (f"{slot}={name}",)


def method_of_run(kind: type[Input], folder: Path, plugins: Sequence[str] = ()) -> Config:
    """What config.yaml of a run says.

    Raises:
        UserError: it cannot be read, or is not of this kind of input.
    """
    path = folder / "config.yaml"
    config = read_config(path, plugins)
    if config.fits != kind.fits:
        raise UserError(
            f"{path}: its method fits {FITTED[config.fits].words}, and the run is of {kind.called}: "
            "bring the run's own file back"
        )
    return config
