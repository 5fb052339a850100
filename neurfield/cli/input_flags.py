"""The flags of `neurfield fit` that follow from which kinds of input there are."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from tyro.conf import Positional, arg

from neurfield.errors import UserError
from neurfield.inputs.registry import CHOOSERS, INPUTS, Chooser, Entry, expect_there, recognised


def with_input_flags(verb: Callable[..., int]) -> Callable[..., int]:
    """A verb with a flag for each kind of input and each way to choose a preset, in signature and help.

    The verb takes what was typed as its first two arguments: name -> value or None, of `INPUTS` and of
    `CHOOSERS`.
    """
    own = list(inspect.signature(verb, eval_str=True).parameters.values())[2:]
    added = [_PATH, *(_flag(name, entry.metavar, "") for name, entry in INPUTS.items())]
    added += [_flag(name, of.metavar, "" if of.slot else _usual()) for name, of in CHOOSERS.items()]
    inputs, choosers = dict(INPUTS), dict(CHOOSERS)

    @functools.wraps(verb)
    def flagged(**given: Any) -> int:
        named = {name: given.pop(name, None) for name in inputs}
        if (path := given.pop("path", None)) is not None:
            _take(path, named)
        chosen = {name: given.pop(name, None) for name in choosers}
        return verb(named, chosen, **given)

    del flagged.__wrapped__  # whose signature is not the flags
    parameters = [*added, *own]
    flagged.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    flagged.__annotations__ = {item.name: item.annotation for item in parameters} | {"return": int}
    flagged.__doc__ = _with_help(verb.__doc__ or "")
    return flagged


_Path = Annotated[Positional[str | None], arg(metavar="NAME|PATH", help_behavior_hint="")]
_PATH = inspect.Parameter("path", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=_Path)


def _take(path: str, named: dict[str, str | None]) -> None:
    """Put what stands without a flag where its flag would have put it.

    Raises:
        UserError: a flag says what to fit to as well.
    """
    flags = [f"--{name} {value}" for name, value in named.items() if value is not None]
    if flags:
        raise UserError(f"fit: '{path}' and {flags[0]} stand side by side: give one of them")
    named[recognised(path)] = path


def _flag(name: str, metavar: str, hint: str) -> inspect.Parameter:
    kind = Annotated[str | None, arg(metavar=metavar, help_behavior_hint=hint)]
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind)


def _usual() -> str:
    """What fits take without a flag, for help."""
    usual = []
    for name, entry in INPUTS.items():
        if entry.target:
            others = "".join(f" ({method} {when})" for method, when in entry.otherwise.items())
            usual.append(f"{entry.usual}{others} for --{name}")
    return f"(default: {', '.join(usual)})"


def _with_help(text: str) -> str:
    """A docstring with the flags' lines at the head of its arguments."""
    before, heading, after = text.partition("    Args:\n")
    entries: dict[str, Entry | Chooser] = {**INPUTS, **CHOOSERS}
    lines = (
        "        path: a scene, a shape, an image or slices; the flags say which, where it is not clear.\n"
    )
    lines += "".join(f"        {name}: {entry.about}\n" for name, entry in entries.items())
    return before + heading + lines + after


def one_input(named: Mapping[str, str | None], resume: str | None) -> tuple[str, str | None]:
    """What to fit to: the flag's name ("resume" for a run), and what stands behind it.

    Beside --resume a flag of `INPUTS` that `moves` is not one of them.

    Raises:
        UserError: none, more than one, or one that is not there yet.
    """
    moved = {name for name, entry in INPUTS.items() if entry.moves and resume is not None}
    given = {name: value for name, value in named.items() if value is not None and name not in moved}
    if resume is not None:
        given["resume"] = resume
    if not given:
        examples = ", ".join(entry.example for entry in INPUTS.values() if entry.example)
        raise UserError(f"fit: what to? A path, {examples}, or --resume RUN")
    if len(given) > 1:
        flags = " and ".join(f"--{name}" for name in given)
        raise UserError(f"fit: {flags} stand side by side: give one of them")
    name, value = next(iter(given.items()))
    if resume is None:
        expect_there(name)
    return name, value


def one_choice(name: str, chosen: Mapping[str, str | None]) -> tuple[str, str] | None:
    """The flag that chooses a method for an input, with what stands behind it; None if none was given.

    Raises:
        UserError: by a flag that means nothing beside this input, or by two.
    """
    given = [(flag, value) for flag, value in chosen.items() if value is not None]
    for flag, _ in given:
        if flag not in INPUTS[name].named_by:
            belongs = " or ".join(
                f"--{other}" for other, entry in INPUTS.items() if flag in entry.named_by and entry.target
            )
            raise UserError(f"--{flag} goes with {belongs}, not with --{name}: leave it out")
    if len(given) > 1:
        (flag, _), (other, value) = given
        slot = CHOOSERS[other].slot
        raise UserError(
            f"fit: --{flag} and --{other} stand side by side: give one of them; "
            f"--set {slot}={value} puts another {slot} into a method"
        )
    return given[0] if given else None


def moved_to(named: Mapping[str, str | None]) -> str | None:
    """Where a resumed run's input lies now, if a flag says so."""
    return next((named[name] for name, entry in INPUTS.items() if entry.moves and named[name]), None)


def refuse_beside_resume(flags: Mapping[str, object]) -> None:
    """Raise UserError for a flag that says what to fit beside --resume: a run has its configuration."""
    given = [f"--{flag}" for flag, value in flags.items() if value is not None]
    if given:
        places = " or ".join(f"--{name}" for name, entry in INPUTS.items() if entry.moves)
        raise UserError(
            f"--resume goes on with the run's own configuration: leave out {', '.join(given)}, "
            f"only --steps, --device, --threads and the place of its {places} may change"
        )
