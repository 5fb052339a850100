"""`neurfield distill`: a run's field again as thousands of tiny networks, which rays meet quickly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, size_of
from neurfield.cli.render import each_minute
from neurfield.cli.runs import MovedScene, Plugin
from neurfield.cli.threads import Threads, use_threads
from neurfield.wording import about, quoted


def distill(
    run: Annotated[Positional[str], arg(metavar="RUN")],
    cells: Annotated[int, arg(metavar="N")] = 16,
    steps: Annotated[int, arg(metavar="N")] = 3000,
    tune: Annotated[int, arg(metavar="N")] = 800,
    out: Annotated[
        str | None,
        arg(metavar="DIR", help_behavior_hint="(default: in the run's folder, kilo16 of 16 cells)"),
    ] = None,
    scene: MovedScene = None,
    seed: Annotated[int, arg(metavar="N")] = 0,
    plugin: Plugin = (),
    threads: Threads = None,
) -> int:
    """Teach tiny networks, one a cell of a grid, all that a fitted field says: distances, normals, colours.

    The student is a run's folder again, smaller on disk, which mesh, eval, render and view take. Cells far
    from the surface get no network. Ctrl-C keeps the student as far as it is.

    Args:
        run: a run's folder, for example runs/room0/latest.
        cells: along the longest side of the run's box.
        steps: in which the field teaches.
        tune: steps after that, in which colours are fitted to the run's pictures; 0: none.
        out: where the student's folder goes.
        scene: where the run's scene lies now, if it was moved.
        seed: of all that is drawn.
        plugin: a module or a file that brings parts of the run's method.
        threads: how many processors to use.
    """
    use_threads(threads)
    from neurfield.inputs.distilled import distill_run
    from neurfield.stereo.progress import Bar

    with Bar(remaining=True) as bar:
        tell = bar if sys.stderr.isatty() else each_minute(bar)
        folder, done, half = distill_run(run, cells, steps, out, seed, tell, plugin, tune, scene)
    voxel = 2.0 / 512  # of the usual mesh, unit lengths
    file = next(iter(sorted((Path(folder) / "checkpoints").glob("*.safetensors"))))
    say(
        f"student  {folder} ({done.networks:,} networks in {done.cells:,} cells, {size_of(file)}, "
        f"{about(done.seconds)})"
    )
    color = "no colours" if done.color is None else f"colours {done.color:.3f} of 1"
    jump, turn = [value / voxel for value in done.jump], done.turn
    say(
        f"         off by {done.distance * half:.2g} (world lengths) on the teacher's surface, {color}",
        f"         between cells it jumps by {jump[0]:.2f} voxels (95 %: {jump[1]:.2f}), "
        f"and turns by {turn[0]:.1f} degrees (95 %: {turn[1]:.1f})",
    )
    if done.psnr is not None:
        before, after = done.psnr
        say(f"         on the fitted pictures {before:.1f} dB as it was taught, {after:.1f} as it is")
    if done.color is None:
        say("         the run knows no colours along rays: the student has distances alone")
    next_commands(
        (f"neurfield mesh {quoted(folder)}", "extracts its surface"),
        (f"neurfield render {quoted(folder)}", "renders it"),
    )
    done_of = (done.steps, steps) if done.steps < steps or done.psnr is None else (done.tuned, tune)
    if done_of[0] < done_of[1]:
        say("", f"stopped at step {done_of[0]} of {done_of[1]}: the student is as far as it came")
        return 130
    return 0
