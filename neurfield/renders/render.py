"""A run's pictures along a walk: rendered, kept, gone on with, and made a film."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.evaluation import psnr
from neurfield.inputs.run import Run
from neurfield.inputs.scene.scores import wholly_inside
from neurfield.renders.folder import RenderFolder, check_space, settings_of
from neurfield.renders.pictures import (
    CONVENTIONS,
    WHAT,
    beside,
    clay_picture,
    depth_16,
    depth_colored,
    depth_step,
    error_picture,
    normals_picture,
)
from neurfield.renders.tracers import SAMPLES, TRACERS, Lit, Tracer, tracer_of
from neurfield.renders.video import KINDS, encoder, is_video, write_video
from neurfield.renders.ways import Way, warnings_of, way_of
from neurfield.scenes import Cameras
from neurfield.scenes.walk_file import write_walk
from neurfield.scenes.walks import Walk
from neurfield.wording import about as about_seconds
from neurfield.wording import suggest

_PROBES, _PROBE_PIXELS = 8, 5000
SHOWN = {"depth": "depth_colored"}  # of a thing, the pictures that are for people


@dataclass(frozen=True)
class Rendered:
    """What a rendering left.

    Attributes:
        folder: of the pictures, one folder for each thing in it, and render.json.
        video: the film, if one was asked for.
        pictures: frames that there are now.
        kept: of these, those that were there before.
        size: width and height of a picture.
        fps: pictures a second.
        psnr: mean over the frames, where errors were drawn.
    """

    folder: Path
    video: Path | None
    pictures: int
    kept: int
    size: tuple[int, int]
    fps: float
    psnr: float | None


def render_walk(
    run: Run | str | Path,
    walk: str | Path | Walk = "orbit",
    what: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    seconds: float | None = None,
    out: str | Path | None = None,
    frames: str = "all",
    up: str | None = None,
    tracer: str | None = None,
    light: str | Path | dict[str, Any] | None = None,
    samples: int | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
    tell: Callable[[str, float], None] = lambda stage, fraction: None,
) -> Rendered:
    """Render a run along a walk, as PNG and, if wished, as a film. The same call goes on where one stopped.

    Args:
        run: a run, or its folder.
        walk: "orbit", around the middle of a room or around an object; "cameras", the scene's own; a scene; a
            camera_path.json; or a `Walk`.
        what: of "rgb", "clay", "normals", "depth" and "error"; None: rgb, where there are colours, else clay.
        size: width and height in pixels; None: the walk's, of an orbit 640 pixels the longer side.
        fps: pictures a second; None: the walk's, of an orbit 30, of cameras 10.
        seconds: of the walk; None: as it is, of an orbit 6 and in a room 12.
        out: a folder, or a film that ends in .mp4, .webm or .gif, whose pictures are then in the run's
            renders/; None: renders/NAME of the run.
        frames: of the scene's cameras: "all", "held-out", "fitted", or indices such as "0,8,16".
        up: which axis of the world is up for an orbit, "y" or "z"; None: as the run knows, else z.
        tracer: "volume", as the fit renders; "surface", the mesh; "sphere", where rays meet the field;
            "path", paths of light on the field under `light`, "path-mesh" on its mesh; None: path, where
            there is a light; else volume, where there are colours along rays; else surface.
        light: "day", "night", "studio", "lamp=X,Y,Z", a .yaml, a .hdr, or what a .yaml says (docs/light.md).
        samples: paths of light a pixel; None: 64.
        seed: of paths.
        say: is given lines: warnings, and how long it will take.
        tell: is told what goes on, and which fraction of it is done.

    Raises:
        UserError: something cannot be made or written, or pictures of other settings lie there.
    """
    run = run if isinstance(run, Run) else Run.load(run)
    if up not in (None, "y", "z"):
        raise UserError(f"up is '{up}': give y or z")
    if run.input.fits == "picture":
        raise UserError(
            f"{run.folder}: a fit of {run.input.called}: nothing in it has a camera to render from"
        )
    video = _film_of(out)
    way = way_of(run, walk, frames, size, fps, seconds, up)
    drawer = tracer_of(
        run,
        _tracer(tracer, light, samples),
        way.cameras,
        Lit(light, SAMPLES if samples is None else samples, seed, up),
        say,
    )
    things = _things(run, what, way, drawer)
    for line in warnings_of(run, way):
        say(line)
    place = run.folder / "renders" / (way.name if video is None else video.stem)
    folder = RenderFolder(
        Path(out).expanduser() if out is not None and video is None else place,
        settings_of(run.folder, way.cameras, drawer.name, way.size),
    )
    kinds = [kind for thing in things for kind in dict.fromkeys((thing, SHOWN.get(thing, thing)))]
    wanted = [i for i, number in enumerate(way.numbers) if folder.lacks(kinds, number)]
    kept = len(way.numbers) - len(wanted)
    if kept:
        say(f"kept     {kept} of {len(way.numbers)} pictures are in {folder.path} already")
    w, h = way.size
    check_space(folder.path, w * h * len(wanted), kinds)
    if wanted:
        pixel_seconds = _begin(run, folder, way, drawer, tell)
        rest = about_seconds(pixel_seconds * w * h * len(wanted))
        say(f"render   {len(wanted)} pictures of {w}x{h}: {', '.join(things)}, about {rest}")
    errors = folder.errors() if "error" in things else {}
    if drawer.glimpsed is not None and "rgb" in things:
        drawer.glimpsed(folder.write_glimpse)
    for n, i in enumerate(wanted):

        def told(fraction: float, done: int = n) -> None:
            tell("rendering", (done + fraction) / len(wanted))

        _one(run, folder, way, drawer, things, i, errors, told)
    folder.glimpse.unlink(missing_ok=True)
    mean = folder.write_errors(errors) if "error" in things else None
    if video is not None:
        tell("encoding", 0.0)
        shown = [SHOWN.get(thing, thing) for thing in things]
        pictures = (beside([folder.read(kind, number) for kind in shown]) for number in way.numbers)
        write_video(video, pictures, way.fps)
        tell("encoding", 1.0)
    return Rendered(folder.path, video, len(way.numbers), kept, way.size, way.fps, mean)


def _tracer(tracer: str | None, light: object, samples: int | None) -> str | None:
    """The tracer that is asked for; a light asks for paths.

    Raises:
        UserError: a light or samples are given to another one.
    """
    paths = tracer is not None and tracer.startswith("path")
    if light is not None and tracer is not None and not paths and tracer in TRACERS:
        raise UserError(f"--light: is for --tracer path and path-mesh, and not for {tracer}")
    if samples is not None and light is None and not paths:
        raise UserError("--samples: is for --tracer path and path-mesh, which want a --light")
    return "path" if tracer is None and light is not None else tracer


def _film_of(out: str | Path | None) -> Path | None:
    """The film that is asked for, if one is.

    Raises:
        UserError: an ending that none has, a folder in its place, or no encoder.
    """
    if out is None:
        return None
    path = Path(out).expanduser()
    if not is_video(path):
        if path.suffix and not path.is_dir():
            raise UserError(
                f"--out {out}: end a film in {', '.join(KINDS)}; for a folder leave out the {path.suffix}"
            )
        return None
    if path.is_dir():
        raise UserError(f"--out {out}: a folder stands there: give another name for the film")
    encoder(path)
    return path


def _things(run: Run, what: Sequence[str] | None, way: Way, tracer: Tracer) -> list[str]:
    """What is drawn, in the order that was asked for.

    Raises:
        UserError: it is unknown, or the run or the walk has none of it.
    """
    things = list(dict.fromkeys(what or ["rgb" if tracer.has_rgb else "clay"]))
    for thing in things:
        if thing not in WHAT:
            raise UserError(
                f"--what {thing}: there is no such picture{suggest(thing, WHAT)}; there are: "
                f"{', '.join(WHAT)}"
            )
    if not tracer.has_rgb and {"rgb", "error"} & set(things):
        raise UserError(f"{run.folder}: the run knows no colours: give --what clay,normals,depth")
    if "error" in things and way.frames is not None and not tracer.has_frames:
        raise UserError("--what error: there are true pictures of the fitted scene, in its own light, alone")
    if "error" in things and (way.frames is None or not tracer.has_frames):
        raise UserError("--what error: there are true pictures at the scene's cameras alone: --walk cameras")
    return things


def _begin(
    run: Run, folder: RenderFolder, way: Way, tracer: Tracer, tell: Callable[[str, float], None]
) -> float:
    """Look at a few small pictures; write render.json; return the seconds that a pixel takes.

    How deep the walk looks is said once, so that all its pictures have the same colours.
    """
    rows = np.unique(np.linspace(0, len(way.cameras) - 1, _PROBES).astype(int))
    few = _smaller(way.cameras.select(rows), _PROBE_PIXELS)
    draw, times = tracer.quick or (tracer.draw, 1.0)
    depths, took = [], []
    for n in [0, *range(len(rows))]:  # the first twice: what is only worked out once is no picture's time
        tell("looking", n / len(rows))
        before = time.perf_counter()
        drawn = draw(few, n, None, lambda fraction: None)["depth"]
        took.append(times * (time.perf_counter() - before) / drawn.size)
        depths.append(drawn[drawn > 0])
    if folder.record is None:
        depth = np.concatenate(depths)
        near, far = np.percentile(depth, [1.0, 99.0]) if len(depth) else (1.0, 2.0)
        box = np.asarray(run.input.surface().box)
        away = np.linalg.norm(way.cameras.centers - box.mean(axis=0), axis=1).max()
        unit = str(run.input.facts().get("unit", ""))
        folder.begin(
            {
                "run": str(run.folder.resolve()),
                "fps": way.fps,
                "pictures": len(way.cameras),
                "depth_step": depth_step(float(away + np.linalg.norm(box[1] - box[0])), unit == "m"),
                "depth_near": float(near),
                "depth_far": float(max(far, near * (1.0 + 1e-3))),
                "unit": unit or "that of the run's coordinates",
                "files": CONVENTIONS,
                **tracer.more,
            }
        )
    path = folder.path / "camera_path.json"
    if way.walk is not None and not path.is_file():
        write_walk(path, replace(way.walk, size=way.size, fps=way.fps))
    return float(np.median(took[1:]))


def _smaller(cameras: Cameras, pixels: int) -> Cameras:
    """The same cameras with pictures of at most about so many pixels."""
    scale = min(1.0, (pixels / float(cameras.width[0] * cameras.height[0])) ** 0.5)
    w, h = (np.maximum(1, np.rint(side * scale)) for side in (cameras.width, cameras.height))
    across, down = w / cameras.width, h / cameras.height
    return replace(
        cameras, fx=cameras.fx * across, cx=cameras.cx * across, fy=cameras.fy * down, cy=cameras.cy * down,
        width=w.astype(int), height=h.astype(int),
    )  # fmt: skip


def _one(
    run: Run,
    folder: RenderFolder,
    way: Way,
    tracer: Tracer,
    things: list[str],
    i: int,
    errors: dict[str, Any],
    tell: Callable[[float], None],
) -> None:
    """Render a frame and write what of it is not there yet."""
    number, frame = way.numbers[i], None if way.frames is None else way.frames[i]
    drawn = tracer.draw(way.cameras, i, frame, tell)
    assert folder.record is not None
    about = folder.record
    for thing in things:
        if thing == "rgb":
            folder.write("rgb", number, drawn["rgb"])
        elif thing == "clay":
            folder.write("clay", number, clay_picture(drawn, way.cameras, i))
        elif thing == "normals":
            folder.write("normals", number, normals_picture(drawn))
        elif thing == "depth":
            folder.write("depth", number, depth_16(drawn["depth"], about["depth_step"]))
            near, far = about["depth_near"], about["depth_far"]
            folder.write("depth_colored", number, depth_colored(drawn["depth"], near, far))
        else:
            assert frame is not None
            true = Image.fromarray(run.used.image(frame)).resize(way.size, Image.Resampling.BOX)
            mask = run.used.mask(frame)
            inside = None if mask is None else wholly_inside(mask, way.size)
            score = psnr(drawn["rgb"], np.asarray(true), inside)
            errors[str(number)] = {
                "psnr": score if np.isfinite(score) else None,
                "held_out": bool(frame in run.held_out),
            }
            folder.write_errors(errors)
            folder.write("error", number, error_picture(drawn["rgb"], np.asarray(true), inside))
