"""`neurfield scene stereo`: depth, normals and confidence from a scene's photographs, written beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.cli.threads import Threads, use_threads
from neurfield.wording import quoted


def stereo(
    scene: Annotated[Positional[str], arg(metavar="NAME|PATH")],
    out: Annotated[
        Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: stereo/ beside the scene's files)")
    ] = None,
    preset: Annotated[str, arg(metavar="quick|default|best")] = "default",
    threads: Threads = None,
) -> None:
    """Find depth, normals and how sure they are, from the photographs of a scene alone.

    Interrupted, it goes on from where it was when it is called again.

    Args:
        scene: a built-in name, or a folder or file in a known format.
        out: for the maps; scenes are found by this folder, too (neurfield fit --scene FOLDER).
        preset: how much work goes into it.
        threads: how many processors take part.
    """
    from neurfield.scenes import load_scene
    from neurfield.scenes.stereo_files import STEREO_SOURCES, stereo_folder
    from neurfield.stereo import match, stereo_settings
    from neurfield.stereo.fingerprint import fingerprint
    from neurfield.stereo.folder import is_done, prepare_folder, write_maps
    from neurfield.stereo.inputs import check_input
    from neurfield.stereo.numbers import stereo_numbers
    from neurfield.stereo.progress import Bar
    from neurfield.stereo.sheet import write_sheet

    settings = stereo_settings(preset)
    loaded = load_scene(scene, stereo=False).without(*STEREO_SOURCES)
    check_input(loaded)
    folder = stereo_folder(loaded.path) if out is None else out.expanduser().resolve()
    prepare_folder(folder)
    word = fingerprint(loaded, settings)
    if is_done(folder, word):
        say(f"already there, of the same pictures and settings: {folder}")
    else:
        use_threads(threads)
        with Bar() as progress:
            maps = match(loaded, settings, folder=folder, progress=progress)
        numbers = stereo_numbers(maps, loaded)
        write_maps(maps, loaded, folder, word, numbers.record())
        write_sheet(maps, loaded, folder / "stereo.jpg")
        for words in maps.words:
            say(words)
        table(f"stereo of {loaded.name}", ("", ""), numbers.rows())
        say("", f"maps: {folder}", f"picture: {folder / 'stereo.jpg'}")
    place = scene if out is None else str(folder)
    next_commands(
        (f"neurfield fit --scene {quoted(place)}", "fits a field to it"),
        (f"neurfield scene info {quoted(place)}", "tells what is in it"),
    )
