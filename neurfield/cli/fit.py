"""`neurfield fit`: a field for a scene or an image, and what a person wants of it: mesh, numbers, pictures,
report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import UseAppendAction, arg

from neurfield.cli.console import complain, next_commands, print_numbers, say
from neurfield.cli.main import STARTED
from neurfield.cli.runs import tell_troubles
from neurfield.cli.threads import Threads, use_threads
from neurfield.errors import UserError

if TYPE_CHECKING:
    from neurfield.fitting import ImageRun, Run, SurfaceLeft


def fit(
    scene: Annotated[str | None, arg(metavar="NAME|PATH", help_behavior_hint="")] = None,
    image: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="")] = None,
    shape: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="")] = None,
    method: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: neus)")] = None,
    encoding: Annotated[
        str | None, arg(metavar="hash|simplex|rbf", help_behavior_hint="(default: hash)")
    ] = None,
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
    """Fit a field to a scene or an image; leaves what came out, metrics.json and report.html in a run's
    folder.

    A scene is a built-in name (`neurfield scene list`), or a folder or file in a known format, which is
    recognised, not asked. It ends as mesh.ply, an image as reconstruction.png.

    Args:
        scene: what to fit to, for example room0; beside --resume: where the run's scene was moved to.
        image: or an image of any size: PNG, JPEG, TIFF, WebP; grey, colour, alpha; 8 or 16 bits.
        shape: or a mesh or points; not there yet.
        method: for a scene: neus, volsdf or monosdf, a file of configs/methods.
        encoding: for an image, a file of configs/images.
        preset: how long and how fine.
        steps: how many steps.
        device: where to compute; auto takes a GPU that our kernels run on.
        out: the folder for runs; this one becomes FOLDER/scene/method-time, and FOLDER/scene/latest.
        seed: of all randomness; the same seed and threads give the same result.
        threads: how many processors to use.
        resume: go on with this run to its requested step, or to --steps.
        overrides: any value of the configuration, for example --set data.sensor_depth=noisy.
    """
    moved_to = scene if resume is not None else None  # beside --resume: where the run's scene lies now
    inputs = {
        "--scene": None if moved_to else scene, "--image": image, "--shape": shape, "--resume": resume,
    }  # fmt: skip
    what = _one_of(inputs)
    _refuse_beside(what, {"--method": method, "--encoding": encoding})
    use_threads(threads)
    from neurfield import fitting

    common: dict[str, Any] = {
        "preset": preset or "default", "steps": steps, "out": out or "runs", "seed": seed or 0,
        "device": device or "auto", "overrides": overrides, "started": STARTED,
    }  # fmt: skip
    run: Run | ImageRun
    try:
        if resume is not None:
            fresh = {
                "--preset": preset, "--out": out, "--seed": seed, "--set": overrides or None,
            }  # fmt: skip
            _only_steps_beside(fresh)
            run = fitting.resume(resume, steps, started=STARTED, device=device, scene=moved_to)
        elif image is not None:
            run = fitting.fit_image(image, encoding or "hash", **common)
        else:
            assert scene is not None
            run = fitting.fit(scene, method or "neus", **common)
    except fitting.FitInterrupted as stopped:
        folder = stopped.checkpoint.parent.parent
        say("", str(stopped))
        next_commands((f"neurfield fit --resume {folder}", "goes on to the requested step"))
        return 130
    except fitting.SurfaceLeft as left:
        assert left.checkpoint is not None
        say("", "there is no surface left to fit: the fit is stopped here")
        return _hand_over(fitting.Run.load(left.checkpoint.parent.parent, device), left)
    except fitting.FitFailed as failure:
        complain(f"the fit failed: {failure}")
        return 1
    if isinstance(run, fitting.ImageRun):
        _hand_over_image(run)
        return 0
    return _hand_over(run)


def _one_of(inputs: Mapping[str, str | None]) -> str:
    """The flag that says what to fit to.

    Raises:
        UserError: none, more than one, or one that is not there yet.
    """
    given = [flag for flag, value in inputs.items() if value is not None]
    if not given:
        raise UserError(
            "neurfield fit: what to? --scene room0, --scene path/to/scene, --image photo.png, or --resume RUN"
        )
    if len(given) > 1:
        raise UserError(f"fit: {' and '.join(given)} stand side by side: give one of them")
    if given == ["--shape"]:
        raise UserError("--shape: fitting to meshes and points is not there yet; --scene and --image are")
    return given[0]


def _refuse_beside(what: str, flags: Mapping[str, str | None]) -> None:
    """Raise UserError for a flag that means nothing beside this input."""
    belongs = {"--method": "--scene", "--encoding": "--image"}
    for flag, value in flags.items():
        if value is not None and belongs[flag] != what:
            if what == "--resume":
                raise UserError(
                    f"--resume goes on with the run's own configuration: leave out {flag}, "
                    "only --steps, --device, --threads and the place of its --scene may change"
                )
            raise UserError(f"{flag} goes with {belongs[flag]}, not with {what}: leave it out")


def _only_steps_beside(flags: Mapping[str, object]) -> None:
    """Raise UserError for a flag that says what to fit beside --resume: a run brings its own
    configuration."""
    given = [flag for flag, value in flags.items() if value is not None]
    if given:
        raise UserError(
            f"--resume goes on with the run's own configuration: leave out {', '.join(given)}, "
            "only --steps, --device, --threads and the place of its --scene may change"
        )


def _hand_over(run: Run, stopped: SurfaceLeft | None = None) -> int:
    """Mesh, numbers, pictures and report of a run, as far as they can be made, and where they are; returns
    the exit code. stopped: why the fit did not come to its end."""
    from neurfield.fitting.finish import finish
    from neurfield.report import up_direction, write_report

    say("", "extracting the mesh, measuring, drawing ...")
    outcome = finish(run, stopped=stopped)
    print_numbers(outcome.metrics)
    report = write_report(run.folder, outcome.mesh, up_direction(run.scene.cameras.world_from_cam))
    made = [f"report   {report}", f"pictures {run.folder / 'previews'}"]
    say(*([f"mesh     {run.folder / 'mesh.ply'}"] if outcome.mesh is not None else []), *made)
    if outcome.mesh is not None:
        next_commands(
            (f"neurfield view {run.folder}", "opens a window; --screenshot out.png needs no display"),
            (f"neurfield mesh {run.folder} --voxel 0.005", "extracts it again, finer"),
        )
    return tell_troubles(outcome.troubles.values())


def _hand_over_image(run: ImageRun) -> None:
    """Reconstruction, numbers, pictures and report of a finished run, and where they are."""
    from neurfield.fitting.image_finish import finish_image
    from neurfield.report import write_image_report

    say("", "decoding the whole picture, measuring, comparing files ...")
    metrics = finish_image(run)
    print_numbers(metrics)
    report = write_image_report(run.folder)
    say(
        f"picture      {next(run.folder.glob('reconstruction.*'))}",
        f"side by side {run.folder / 'side_by_side.png'}",
        f"model        {run.folder / 'model.safetensors'}",
        f"report       {report}",
    )
    more = 2 * run.config.train.steps
    next_commands((f"neurfield fit --resume {run.folder} --steps {more}", "goes on, twice as long"))
