"""`neurfield scene convert`: a scene of any layout as a folder with a transforms.json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say


def convert(
    scene: Annotated[Positional[str], arg(metavar="NAME|PATH")],
    out: Annotated[Path, arg(metavar="FOLDER")],
    poses: Annotated[Path | None, arg(metavar="FILE")] = None,
) -> None:
    """Write any scene as a folder with a transforms.json, with its depth, masks, priors and points.

    Args:
        scene: a built-in name, or a folder or file in a known format.
        out: a new folder; it is there as a whole, or not at all.
        poses: poses.json of a run that refined them, in place of the scene's own.
    """
    from neurfield.scenes import load_scene
    from neurfield.scenes.convert import NOT_CARRIED, write_transforms
    from neurfield.stereo.progress import Bar

    loaded = load_scene(scene, stereo=False)
    if poses is not None:
        from neurfield.scenes.poses_file import with_poses

        loaded = with_poses(loaded, poses)
    folder = out.expanduser().resolve()
    with Bar() as progress:
        write_transforms(loaded, folder, progress)
    for note in loaded.notes:
        say(f"note: {note}")
    left = [source for source in NOT_CARRIED if source in loaded.sources]
    if left:
        say(f"not carried, because transforms.json has no place for it: {', '.join(left)}")
    carried = ", ".join(sorted(loaded.sources - {*NOT_CARRIED}))
    say(f"{len(loaded)} frames ({carried}): {folder / 'transforms.json'}")
    next_commands(
        (f"neurfield scene check {out}", "looks for mistakes"),
        (f"neurfield fit --scene {out}", "fits a field to it"),
    )
