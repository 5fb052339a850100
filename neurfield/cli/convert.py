"""`neurfield scene convert`: a scene of any layout as a folder with a transforms.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say
from neurfield.cli.threads import Threads, thread_count
from neurfield.wording import quoted

if TYPE_CHECKING:
    from neurfield.scenes import Scene

_SHOWN = 8  # names of frames


def convert(
    scene: Annotated[Positional[str], arg(metavar="NAME|PATH")],
    out: Annotated[Path, arg(metavar="FOLDER")],
    poses: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None,
    poses_from_pictures: bool = False,
    known_length: Annotated[
        str | None, arg(metavar='"PICTURE PICTURE METRES"', help_behavior_hint="")
    ] = None,
    threads: Threads = None,
) -> None:
    """Write any scene as a folder with a transforms.json, with its depth, masks, priors and points.

    Args:
        scene: a built-in name, or a folder or file in a known format.
        out: a new folder; it is there as a whole, or not at all.
        poses: poses.json of a run that refined them, in place of the scene's own.
        poses_from_pictures: find poses that are off again, from the pictures alone (COLMAP, on the CPU); the
            world and its unit stay.
        known_length: how far apart two pictures were taken, in metres; or two points by their pixels in two
            pictures: "IMG_1 120,340 880,350 IMG_7 300,310 990,420 0.258".
        threads: how many processors look for poses.
    """
    from neurfield.scenes import load_scene
    from neurfield.scenes.convert import NOT_CARRIED, write_transforms
    from neurfield.stereo.progress import Bar

    loaded = load_scene(scene, stereo=False)
    if poses is not None:
        from neurfield.scenes.poses_file import with_poses

        loaded = with_poses(loaded, poses)
    if poses_from_pictures:
        loaded = _found_again(loaded, thread_count(threads))
    if known_length is not None:
        from neurfield.posing.scene_length import in_metres

        loaded = in_metres(loaded, known_length)
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
        (f"neurfield scene check {quoted(out)}", "looks for mistakes"),
        (f"neurfield fit --scene {quoted(out)}", "fits a field to it"),
    )


def _found_again(scene: Scene, threads: int) -> Scene:
    """The scene with the poses that its pictures tell, which is said."""
    import numpy as np

    from neurfield.posing import poses_from_pictures
    from neurfield.scenes.poses_file import frame_names
    from neurfield.stereo.progress import Bar

    with Bar(remaining=True) as progress:
        again = poses_from_pictures(scene, threads, progress)
    unit = np.linalg.norm(scene.cameras.centers - scene.cameras.centers.mean(axis=0), axis=1).mean()
    found, numbers = again.found, again.numbers
    say(
        f"poses of {found.sum()} of {len(scene)} frames found again, {numbers.error:.2f} pixels off "
        f"{numbers.points:,} points: turned by {np.median(again.turned[found]):.2f} degrees, moved by "
        f"{100 * np.median(again.moved[found]) / unit:.2f} % of how far cameras are apart (medians)"
    )
    if not found.all():
        names = ", ".join(frame_names(scene)[i] for i in np.flatnonzero(~found)[:_SHOWN])
        more = f" and {(~found).sum() - _SHOWN} more" if (~found).sum() > _SHOWN else ""
        say(f"not found again, so that their poses stay as they were given: {names}{more}")
    for doubt in numbers.doubts():
        say(f"doubtful: {doubt}")
    return scene.seen_by(again.cameras, scene.files, scene.tracks)
