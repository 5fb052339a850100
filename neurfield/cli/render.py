"""`neurfield render`: pictures or a film of a run along a walk."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, size_of
from neurfield.cli.runs import MovedScene, Plugin
from neurfield.cli.threads import Device, Threads, use_threads
from neurfield.errors import UserError
from neurfield.wording import about, quoted


def render(
    run: Annotated[Positional[str], arg(metavar="RUN")],
    walk: Annotated[str, arg(metavar="orbit|cameras|FILE")] = "orbit",
    what: Annotated[
        str | None,
        arg(
            metavar="rgb,clay,normals,depth,error",
            help_behavior_hint="(default: rgb, or clay where there are no colours)",
        ),
    ] = None,
    frames: Annotated[str, arg(metavar="all|held-out|fitted|N,N")] = "all",
    size: Annotated[
        str | None,
        arg(metavar="WxH", help_behavior_hint="(default: the walk's; of an orbit about 640 wide)"),
    ] = None,
    fps: Annotated[
        float | None, arg(metavar="N", help_behavior_hint="(default: the walk's, or 30; of cameras 10)")
    ] = None,
    seconds: Annotated[
        float | None,
        arg(metavar="N", help_behavior_hint="(default: the walk's; of an orbit 6, in a room 12)"),
    ] = None,
    up: Annotated[
        Literal["y", "z"] | None,
        arg(metavar="y|z", help_behavior_hint="(default: as the run's cameras were held, else z)"),
    ] = None,
    tracer: Annotated[
        Literal["volume", "surface", "sphere", "path", "path-mesh"] | None,
        arg(
            metavar="volume|surface|sphere|path|path-mesh",
            help_behavior_hint="(default: volume, or surface where there are no colours; with --light path)",
        ),
    ] = None,
    light: Annotated[
        str | None, arg(metavar="day|night|studio|lamp=X,Y,Z|FILE", help_behavior_hint="(default: none)")
    ] = None,
    samples: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 64)")] = None,
    seed: Annotated[int, arg(metavar="N")] = 0,
    out: Annotated[
        str | None,
        arg(metavar="DIR|FILE.mp4", help_behavior_hint="(default: RUN/renders/ and the walk's name)"),
    ] = None,
    scene: MovedScene = None,
    plugin: Plugin = (),
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Render a run along a walk: PNG pictures, and a film where --out ends in .mp4, .webm or .gif.

    Pictures that are there stay, so the same command goes on where it was interrupted. render.json beside
    them says how they are to be read: depth is in 16 bits, normals are in the world's axes.

    Args:
        run: a run's folder, for example runs/room0/latest.
        walk: orbit turns around an object or around the middle of a room; cameras are the scene's own; FILE
            is a camera_path.json, as nerfstudio and the viewer write it, or a scene whose cameras stand in
            the run's world (its folder, a transforms.json or a traj.txt with what lies beside it).
        what: one or more, with commas; in a film they stand side by side. error needs --walk cameras.
        frames: with --walk cameras, which of them.
        size: of a picture, in pixels.
        fps: pictures a second.
        seconds: how long the walk takes.
        up: which way of the world is up, for an orbit.
        tracer: volume renders as the fit does; surface draws the mesh; sphere follows each ray to the field's
            own surface, without a mesh; path follows light from surface to surface, path-mesh on the mesh,
            which is quicker.
        light: of paths: a preset, a warm lamp at a place, surroundings as a .hdr, or a .yaml of lamps and
            materials (docs/light.md).
        samples: paths of light a pixel: four times as many are half the noise.
        seed: of the paths.
        out: a folder for the pictures, or a film; its pictures are then in RUN/renders.
        scene: where the run's scene lies now, if it was moved.
        plugin: a module or a file that brings parts of the run's method.
        device: where to ask the field.
        threads: how many processors to use.
    """
    use_threads(threads)
    from neurfield.inputs.run import Run, input_of
    from neurfield.renders import render_walk
    from neurfield.stereo.progress import Bar

    kind, _ = input_of(Path(run))
    if kind.fits == "picture":
        raise UserError(f"{run}: a fit of {kind.called}: nothing in it has a camera to render from")
    pixels = None if size is None else size_in_words(size)
    things = None if what is None else [word.strip() for word in what.split(",")]
    given = {"walk": walk, "what": what, "frames": frames, "size": size, "fps": fps, "seconds": seconds}
    given |= {"up": up, "tracer": tracer, "light": light, "samples": samples, "seed": seed or None}
    given |= {"scene": scene, "device": device, "threads": threads}
    loaded = Run.load(run, device, scene, plugin)
    try:
        with Bar(remaining=True) as bar:
            tell = bar if sys.stderr.isatty() else each_minute(bar)
            done = render_walk(
                loaded,
                walk,
                things,
                pixels,
                fps,
                seconds,
                out,
                frames,
                up,
                tracer,
                light,
                samples,
                seed,
                bar.tell,
                tell,
            )
    except KeyboardInterrupt:
        again = command(run, {**given, "out": out}, plugin)
        next_commands((again, "goes on: the pictures that are finished stay"))
        raise
    say(f"pictures {done.folder} ({done.pictures}, {done.pictures - done.kept} of them new)")
    if done.psnr is not None:
        width, height = done.size
        say(
            f"         PSNR {done.psnr:.1f} dB at {width}x{height} pixels (eval compares at half the scene's)"
        )
        say(f"         of each frame in {done.folder / 'errors.json'}")
    if done.video is not None:
        length = f"{done.pictures / done.fps:.1f} s at {done.fps:g} a second"
        say(f"film     {done.video} ({size_of(done.video)}, {length})")
        return
    again = command(run, {**given, "out": f"{done.folder.name}.mp4"}, plugin)
    next_commands((again, "makes a film of them"))


def each_minute(bar: Callable[[str, float], None]) -> Callable[[str, float], None]:
    """A bar that says in a line a minute how far it is: for logs, where nothing moves."""
    stage, began, said = "", 0.0, 0.0

    def tell(words: str, fraction: float) -> None:
        nonlocal stage, began, said
        bar(words, fraction)
        now = time.monotonic()
        if words != stage:
            stage, began, said = words, now, now
        elif now - said > 60.0 and 0.0 < fraction < 1.0:
            said = now
            say(f"         {fraction:.0%}, about {about((now - began) * (1.0 / fraction - 1.0))} to go")

    return tell


def size_in_words(text: str) -> tuple[int, int]:
    """Width and height of "640x480".

    Raises:
        UserError: it is not two numbers.
    """
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.strip().isdigit() for side in sides):
        raise UserError(f"--size {text}: give width and height in pixels, as 640x480")
    return int(sides[0]), int(sides[1])


def command(run: str, flags: dict[str, object], plugins: tuple[str, ...]) -> str:
    """What is typed for the same again."""
    usual = {"walk": "orbit", "frames": "all"}
    typed = {f"--{name}": value for name, value in flags.items() if value not in (None, usual.get(name))}
    plain = {flag: f"{value:g}" if isinstance(value, float) else str(value) for flag, value in typed.items()}
    words = [f"{flag} {quoted(value)}" for flag, value in plain.items()]
    words += [f"--plugin {quoted(plugin)}" for plugin in plugins]
    return " ".join(["neurfield render", quoted(run), *words])
