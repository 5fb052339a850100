"""`neurfield scene import`: photos without poses, or a video, as a scene."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.cli.threads import Threads, thread_count
from neurfield.errors import UserError
from neurfield.wording import quoted

if TYPE_CHECKING:
    from neurfield.posing import Imported
    from neurfield.scenes import Scene

_SMALLEST = 200  # pixels


def import_scene(
    photos: Annotated[Positional[Path], arg(metavar="PHOTOS|VIDEO")],
    out: Annotated[Path, arg(metavar="SCENE")],
    size: Annotated[int, arg(metavar="PIXELS")] = 1600,
    known_length: Annotated[
        str | None, arg(metavar='"PHOTO PHOTO METRES"', help_behavior_hint="(default: the unit is arbitrary)")
    ] = None,
    threads: Threads = None,
    fit: bool = False,
) -> int:
    """Find where photos were taken, and write them as a scene that can be fitted (by COLMAP, on the CPU).

    Interrupted or killed, it goes on from where it was when it is called again.

    Args:
        photos: a folder of at least 3, better 20 to 60, that overlap by two thirds; or a video.
        out: a new folder, or that of an import to go on with.
        size: the longest side of the scene's pictures; larger photos are made smaller.
        known_length: how far apart two photos were taken, in metres; or two points by their pixels in two
            photos, and their distance: "PHOTO X,Y X,Y PHOTO X,Y X,Y METRES".
        threads: how many processors take part.
        fit: then fit a field to the scene, with what is usual, so that one command ends in a mesh.
    """
    from neurfield.posing import import_photos
    from neurfield.stereo.progress import Bar

    count = thread_count(threads)
    if size < _SMALLEST:
        raise UserError(f"--size {size}: at least {_SMALLEST} pixels are needed")
    try:
        with Bar(remaining=True) as progress:
            imported = import_photos(
                photos,
                out,
                longest=size,
                known_length=known_length,
                threads=count,
                tell=progress.tell,
                progress=progress,
            )
    except KeyboardInterrupt:
        say("stopped: what is done stays, and the same command goes on")
        raise
    _tell(imported)
    if fit:
        from neurfield.cli.fit import fit as fit_field

        return fit_field(scene=str(imported.scene), threads=threads)
    next_commands(
        (f"neurfield scene check {quoted(out)}", "looks for mistakes"),
        (f"neurfield view {quoted(out)}", "shows cameras and box"),
        (f"neurfield fit --scene {quoted(out)}", "fits a field to it"),
    )
    return 0


def _masks_in_words(scene: Scene) -> list[tuple[str, str]]:
    """What masks mean in a scene that has some."""
    if "mask" not in scene.sources:
        return []
    count = sum(path is not None for path in scene.files["mask"].paths)
    means = {"object": "the object's outline", "valid": "what to look at"}[scene.mask_says]
    return [("masks", f"of {count} pictures, {means}")]


def _tell(imported: Imported) -> None:
    """What was found, what was not, and what a fit will take for granted."""
    import numpy as np

    from neurfield.scenes import load_scene
    from neurfield.wording import sides

    numbers, scene = imported.numbers, load_scene(imported.scene)
    low, high = scene.box
    unit = "m" if imported.metres else "units"
    rows = [
        ("pictures with a pose", f"{numbers.registered} of {numbers.pictures}"),
        ("points", f"{numbers.points:,}, seen by {numbers.track:.0f} pictures (median)"),
        ("reprojection error", f"{numbers.error:.2f} pixels"),
        ("between rays", f"{numbers.angle:.1f} degrees (median)"),
        ("up", f"{np.round(imported.up, 3).tolist()}, as the cameras were held"),
        ("cameras look", "out of it (a room)" if scene.kind == "inside" else "in at it (an object)"),
        ("box", f"{sides(high - low, unit)} from {np.round(low, 2).tolist()}"),
        *_masks_in_words(scene),
        ("unit", "metres" if imported.metres else "arbitrary: --known-length gives it metres"),
    ]
    table(f"{imported.scene}", ("", ""), rows)
    if imported.left:
        table("pictures without a pose", ("", "why"), imported.left)
    for doubt in imported.doubts:
        say(f"doubtful: {doubt}")
    say(f"photos, matches and COLMAP's model stay in {imported.scene / 'import'}, which may be deleted")
