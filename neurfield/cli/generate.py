"""`neurfield generate`: new shapes or pictures like those of a folder, by a diffusion over latent planes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.cli.dispatch import run_function
from neurfield.cli.threads import Threads, use_threads
from neurfield.errors import UserError
from neurfield.wording import quoted


def generate(arguments: list[str]) -> int:
    """Make new shapes or pictures (generate RUN), or learn how from a folder (generate train FOLDER)."""
    if arguments[:1] == ["train"]:
        return run_function(train, "neurfield generate train", arguments[1:])
    if not arguments:
        raise UserError(
            "generate: give what `neurfield generate train FOLDER` wrote; it learns from meshes or pictures"
        )
    return run_function(make, "neurfield generate", arguments)


def make(
    run: Annotated[Positional[Path], arg(metavar="RUN")],
    count: Annotated[int, arg(metavar="N")] = 16,
    seed: Annotated[int, arg(metavar="N")] = 0,
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: new in RUN)")] = None,
    format: Annotated[Literal["glb", "ply"], arg(metavar="glb|ply")] = "glb",
    cells: Annotated[int, arg(metavar="N")] = 64,
    pixels: Annotated[int, arg(metavar="N")] = 128,
    threads: Threads = None,
) -> None:
    """Make new shapes, or pictures, and a sheet of them; `neurfield generate train FOLDER` learns how.

    Shapes are meshes in unit coordinates, sheet.png shows them with z upwards.

    Args:
        run: what `generate train` wrote.
        count: how many.
        seed: of the noise that they begin with; the k-th of a seed is the same whatever the count.
        out: folder to write into.
        format: of meshes.
        cells: along the box of meshes.
        pixels: of a picture's side.
        threads: how many processors to use.
    """
    for flag, value, least in (("--count", count, 1), ("--cells", cells, 8), ("--pixels", pixels, 8)):
        if value < least:
            raise UserError(f"{flag} {value}: give {least} or more")
    use_threads(threads)
    from neurfield.ddmi.samples import SHEET, write_new
    from neurfield.ddmi.train import read_model

    model = read_model(run)
    folder = run.expanduser() / "new" if out is None else out.expanduser()
    found, _ = write_new(model, folder, count, seed, f".{format}", cells, pixels)
    if not found:
        raise UserError(
            f"{run}: nothing is inside of any of {count} new shapes: it learnt too little to make some"
        )
    empty = f", nothing is inside of {count - len(found)} more" if len(found) < count else ""
    say(f"new      {folder}: {len(found)} {model.facts['domain']}{empty}", f"sheet    {folder / SHEET}")
    if model.facts["domain"] == "shapes":
        next_commands((f"neurfield view {quoted(found[0])}", "looks at one"))


def train(
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")],
    out: Annotated[
        Path | None, arg(metavar="RUN", help_behavior_hint="(default: FOLDER-generate beside it)")
    ] = None,
    classes: Annotated[
        str | None, arg(metavar="NAME,NAME", help_behavior_hint="(default: all there are)")
    ] = None,
    size: Annotated[Literal["small", "published"], arg(metavar="small|published")] = "small",
    seed: Annotated[int, arg(metavar="N")] = 0,
    threads: Threads = None,
) -> None:
    """Learn what the shapes or pictures of a folder look like; what was stopped goes on.

    Two stages: an autoencoder to latent planes, then a diffusion over them (DDMI, Park et al. 2024).

    Args:
        folder: of closed meshes, as `triplane shapes` makes them or in any order; or of pictures.
        out: the folder to write.
        classes: folders CLASS/... to learn from, for example chair.
        size: of the networks; small: for two processors; published: the authors', for days of a GPU.
        seed: of first numbers and of all that is drawn.
        threads: how many processors to use.
    """
    use_threads(threads)
    from neurfield.ddmi.page import write_generating_page
    from neurfield.ddmi.samples import SHEET, write_new
    from neurfield.ddmi.train import read_model
    from neurfield.ddmi.train import train as learn

    folder = folder.expanduser()
    folder = folder.resolve() if folder.name in ("", "..") else folder
    path = folder.with_name(f"{folder.name}-generate") if out is None else out.expanduser()
    names = None if classes is None else [name.strip() for name in classes.split(",") if name.strip()]
    data, metrics = learn(folder, path, size, names, seed, say)
    model = read_model(path)
    _, sheet = write_new(model, path / "new", 16, seed)
    page = write_generating_page(path, metrics, model, data, sheet)
    rows = [
        (
            stage,
            str(int(metrics[stage][-1]["step"])),
            str(metrics["kept"][stage]),
            f"{metrics[stage][-1]['loss']:.4g}",
            f"{metrics[stage][-1]['seconds'] / 60.0:.1f} min",
        )
        for stage in ("autoencoder", "diffusion")
    ]
    table(f"{path}", ("stage", "steps", "kept", "loss", ""), rows)
    for name, value in metrics["held_out"].items():
        say(
            "",
            f"held out {name.replace('iou', 'IoU').replace('psnr', 'PSNR')} {value:.3f} of what comes back",
        )
    say(f"sheet    {path / 'new' / SHEET}", f"report   {page}")
    next_commands((f"neurfield generate {quoted(path)} --count 16 --seed 1", "makes more"))
