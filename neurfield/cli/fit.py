"""`neurfield fit`: a field for a scene or another input, and what a person wants of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import UseAppendAction, arg

from neurfield.cli.console import complain, next_commands, print_numbers, print_objects, say
from neurfield.cli.input_flags import moved_to, one_choice, one_input, refuse_beside_resume, with_input_flags
from neurfield.cli.main import STARTED
from neurfield.cli.runs import Plugin, tell_troubles
from neurfield.cli.threads import Threads, use_threads
from neurfield.cli.watched import watched
from neurfield.errors import UserError
from neurfield.inputs.registry import CHOOSERS
from neurfield.wording import quoted

if TYPE_CHECKING:
    from neurfield.fitting import SurfaceLeft
    from neurfield.inputs import Run


def fit_input(
    named: dict[str, str | None],
    chosen: dict[str, str | None],
    preset: Annotated[
        str | None, arg(metavar="quick|default|best", help_behavior_hint="(default: default)")
    ] = None,
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the preset's)")] = None,
    device: Annotated[str | None, arg(metavar="auto|cpu|cuda", help_behavior_hint="(default: auto)")] = None,
    out: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="(default: runs)")] = None,
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 0)")] = None,
    threads: Threads = None,
    resume: Annotated[str | None, arg(metavar="RUN", help_behavior_hint="")] = None,
    label: Annotated[
        str | None, arg(metavar="NAME|all", help_behavior_hint="(default: all that slices have)")
    ] = None,
    plugin: Plugin = (),
    overrides: Annotated[UseAppendAction[tuple[str, ...]], arg(name="set", metavar="GROUP.KEY=VALUE")] = (),
    view: bool = False,
    web: bool = False,
    port: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the next free one)")] = None,
) -> int:
    """Fit a field to a scene, a shape, an image or slices; what comes out is left in a run's folder.

    With it come metrics.json and report.html. A scene is a built-in name (`neurfield scene list`), or a
    folder or file in a known format, which is recognised, not asked. It ends as mesh.ply, as shapes and
    slices do; an image as reconstruction.png.

    Args:
        preset: how long and how fine.
        steps: how many steps.
        device: where to compute; auto takes a GPU that our kernels run on.
        out: the folder for runs; this one becomes FOLDER/scene/method-time, and FOLDER/scene/latest.
        seed: of all randomness; the same seed and threads give the same result.
        threads: how many processors to use.
        resume: go on with this run to its requested step, or to --steps.
        label: of slices, the one label to fit, by its name or number; all: every label, in one fit, so that
            they neither overlap nor leave gaps.
        plugin: a module or a file that brings parts of methods, see docs/parts.md.
        overrides: any value of the configuration, for example --set data.sensor_depth=noisy.
        view: show the surface while it forms, in a window; closing it does not end the fit.
        web: show it on a page for a browser on this machine.
        port: of the page.
    """
    what, source = one_input(named, resume)
    fresh = {"preset": preset, "out": out, "seed": seed, "label": label, "set": overrides or None}
    if resume is not None:
        refuse_beside_resume({**chosen, **fresh})
    else:
        choice = one_choice(what, chosen)
        if label is not None and what != "slices":
            raise UserError(f"--label goes with --slices, not with --{what}: leave it out")
    use_threads(threads)
    from neurfield import inputs
    from neurfield.fitting import FitFailed, FitInterrupted, SurfaceLeft
    from neurfield.inputs.methods import method_of_part
    from neurfield.slices import ChosenLabel

    common: dict[str, Any] = {"steps": steps, "started": STARTED, "plugins": plugin}
    more: tuple[str, ...] = ()
    try:
        with watched(view, web, port) as observer:
            if resume is not None:
                run = inputs.resume(resume, device=device, scene=moved_to(named), observer=observer, **common)
            else:
                method = None if choice is None else choice[1]
                if choice is not None and CHOOSERS[choice[0]].slot:
                    method, more = method_of_part(what, *choice, plugin)
                given = source if label is None else ChosenLabel(str(source), label)
                run = inputs.fit(
                    given, method, input=what, preset=preset or "default", out=out or "runs", seed=seed,
                    device=device, overrides=(*more, *overrides), observer=observer, **common,
                )  # fmt: skip
    except FitInterrupted as stopped:
        folder = stopped.checkpoint.parent.parent
        say("", str(stopped))
        next_commands((f"neurfield fit --resume {quoted(folder)}", "goes on to the requested step"))
        return 130
    except SurfaceLeft as left:
        assert left.checkpoint is not None
        say("", "there is no surface left to fit: the fit is stopped here")
        return _hand_over(inputs.Run.load(left.checkpoint.parent.parent, device, plugins=plugin), left)
    except FitFailed as failure:
        complain(f"the fit failed: {failure}")
        return 1
    return _hand_over(run)


fit = with_input_flags(fit_input)


def _hand_over(run: Run, stopped: SurfaceLeft | None = None) -> int:
    """Make what a run leaves, its numbers and its report, tell where they are, and return the exit code.

    What cannot be made is told; it keeps nothing else from being made. After Ctrl-C, or on a full disk, it is
    told how the rest is made.

    Args:
        run: fitted, or stopped.
        stopped: why the fit did not come to its end.
    """
    try:
        return _leave(run, stopped)
    except (KeyboardInterrupt, OSError):
        verb = "eval" if "eval" in run.input.serves else "fit --resume"
        say("", f"the fit itself is done, and saved in {run.folder}")
        next_commands((f"neurfield {verb} {quoted(run.folder)}", "makes mesh, numbers and report"))
        raise


def _leave(run: Run, stopped: SurfaceLeft | None) -> int:
    from neurfield.inputs import finish
    from neurfield.report import write_report

    say("", run.input.finishing)
    outcome = finish(run, stopped)
    print_numbers(outcome.metrics)
    print_objects(outcome.metrics, "labels")
    report = write_report(run.folder, outcome.mesh, run.input.up, run.input.plugins)
    rows = [*run.input.leaves(outcome), ("report", report)]
    width = max(len(what) for what, _ in rows)
    say(*(f"{what:<{width}} {where}" for what, where in rows))
    commands = run.input.next_commands(outcome)
    if commands:
        next_commands(*commands)
    return tell_troubles(outcome.troubles.values())
