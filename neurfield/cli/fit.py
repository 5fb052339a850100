"""`neurfield fit`: a field for a scene, and what a person wants of it: mesh, numbers, pictures, report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from tyro.conf import UseAppendAction, arg

from neurfield.cli.console import complain, next_commands, print_numbers, say
from neurfield.cli.main import STARTED
from neurfield.cli.threads import Threads, use_threads
from neurfield.errors import UserError

if TYPE_CHECKING:
    from neurfield.fitting import Run


def fit(
    scene: Annotated[str | None, arg(metavar="NAME|PATH", help_behavior_hint="")] = None,
    method: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: neus)")] = None,
    preset: Annotated[
        str | None, arg(metavar="quick|default|best", help_behavior_hint="(default: default)")
    ] = None,
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the preset's)")] = None,
    device: Annotated[str | None, arg(metavar="auto|cpu|cuda", help_behavior_hint="(default: auto)")] = None,
    out: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="(default: runs)")] = None,
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 0)")] = None,
    threads: Threads = None,
    resume: Annotated[str | None, arg(metavar="RUN", help_behavior_hint="")] = None,
    overrides: Annotated[UseAppendAction[tuple[str, ...]], arg(name="set", metavar="GROUP.KEY=VALUE")] = (),
) -> int:
    """Fit a field to a scene; leaves mesh.ply, metrics.json, previews and report.html in a run's folder.

    A scene is a built-in name (`neurfield scene list`), or a folder or file in a known format, which is
    recognised, not asked.

    Args:
        scene: what to fit to, for example room0.
        method: neus, volsdf or monosdf: a file of configs/methods.
        preset: how long and how fine.
        steps: how many steps.
        device: where to compute.
        out: the folder for runs; this one becomes FOLDER/scene/method-time, and FOLDER/scene/latest.
        seed: of all randomness; the same seed and threads give the same result.
        threads: how many processors to use.
        resume: go on with this run to its requested step, or to --steps.
        overrides: any value of the configuration, for example --set data.sensor_depth=noisy.
    """
    use_threads(threads)
    from neurfield import fitting

    try:
        if resume is not None:
            fresh = {
                "--scene": scene, "--method": method, "--preset": preset, "--device": device, "--out": out,
                "--seed": seed, "--set": overrides or None,
            }  # fmt: skip
            run = fitting.resume(_only_steps_beside(resume, fresh), steps, started=STARTED)
        elif scene is None:
            raise UserError("neurfield fit: what to? --scene room0, --scene path/to/scene, or --resume RUN")
        else:
            run = fitting.fit(
                scene, method or "neus", preset=preset or "default", steps=steps, out=out or "runs",
                seed=seed or 0, device=device or "auto", overrides=overrides, started=STARTED,
            )  # fmt: skip
    except fitting.FitInterrupted as stopped:
        folder = stopped.checkpoint.parent.parent
        say("", str(stopped))
        next_commands((f"neurfield fit --resume {folder}", "goes on to the requested step"))
        return 130
    except fitting.FitFailed as failure:
        complain(f"the fit failed: {failure}")
        return 1
    _hand_over(run)
    return 0


def _only_steps_beside(resume: str, flags: Mapping[str, object]) -> str:
    """The run to resume; it brings its own configuration, so that nothing else may be asked for.

    Raises:
        UserError: a flag that says what to fit stands beside --resume.
    """
    given = [flag for flag, value in flags.items() if value is not None]
    if given:
        raise UserError(
            f"--resume goes on with the run's own configuration: leave out {', '.join(given)}, "
            "only --steps and --threads may change"
        )
    return resume


def _hand_over(run: Run) -> None:
    """Mesh, numbers, pictures and report of a finished run, and where they are."""
    from neurfield.fitting.finish import finish
    from neurfield.report import up_direction, write_report

    say("", "extracting the mesh, measuring, drawing ...")
    metrics = finish(run)
    print_numbers(metrics)
    report = write_report(run.folder, up=up_direction(run.scene.cameras.world_from_cam))
    say(
        f"mesh     {run.folder / 'mesh.ply'}",
        f"report   {report}",
        f"pictures {run.folder / 'previews'}",
    )
    next_commands(
        (f"neurfield view {run.folder}", "opens a window; --screenshot out.png needs no display"),
        (f"neurfield mesh {run.folder} --voxel 0.005", "extracts it again, finer"),
    )
