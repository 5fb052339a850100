"""`neurfield scene priors`: depth and normals that networks guess of a scene's photographs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.cli.threads import Threads, thread_count
from neurfield.wording import quoted

if TYPE_CHECKING:
    from neurfield.priors import Guesser

_BY_NAME = "(default: known by the network's file name)"


def priors(
    scene: Annotated[Positional[str], arg(metavar="NAME|PATH")],
    depth: Annotated[Path | None, arg(metavar="MODEL.onnx", help_behavior_hint="")] = None,
    normals: Annotated[Path | None, arg(metavar="MODEL.onnx", help_behavior_hint="")] = None,
    depth_profile: Annotated[
        str | None,
        arg(
            metavar="omnidata|metric3d-v2|marigold|depth-anything-v2|depth-anything-v2-metric",
            help_behavior_hint=_BY_NAME,
        ),
    ] = None,
    normals_profile: Annotated[
        str | None,
        arg(metavar="omnidata|metric3d-v2|dsine|marigold|tilted", help_behavior_hint=_BY_NAME),
    ] = None,
    out: Annotated[
        Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: priors/ beside the scene's files)")
    ] = None,
    threads: Threads = None,
) -> None:
    """Let networks guess depth and normals of all pictures of a scene, for the methods priors and monosdf.

    Pictures are seen whole: in tiles that overlap, where a network takes a square. Interrupted, it goes on
    from where it was when it is called again.

    Args:
        scene: a built-in name, or a folder or file in a known format.
        depth: a network of depth.
        normals: a network of normals; it may be the same one.
        depth_profile: whose conventions the network of depth keeps.
        normals_profile: whose conventions the network of normals keeps.
        out: for the priors; scenes are found by this folder, too (neurfield fit --scene FOLDER).
        threads: how many processors take part.
    """
    from neurfield.errors import UserError
    from neurfield.priors import make_priors
    from neurfield.scenes import load_scene
    from neurfield.scenes.prior_files import priors_folder
    from neurfield.stereo.folder import prepare_folder
    from neurfield.stereo.progress import Bar

    if depth is None and normals is None:
        raise UserError("scene priors: give a network, --depth MODEL.onnx, --normals MODEL.onnx or both")
    guessers = _guessers(depth, normals, depth_profile, normals_profile, thread_count(threads))
    loaded = load_scene(scene)
    folder = priors_folder(loaded.path) if out is None else out.expanduser().resolve()
    _refuse_others(folder)
    prepare_folder(folder)
    with Bar(remaining=True) as progress:
        made = make_priors(loaded, guessers, folder, progress)
    if made.made:
        table(f"priors of {loaded.name}", ("", ""), made.rows())
    else:
        say("already there, of the same pictures and networks")
    for doubt in made.doubts():
        say(f"doubtful: {doubt}")
    say(f"priors: {folder}")
    place = scene if out is None else str(folder)
    next_commands(
        (f"neurfield scene check {quoted(place)}", "looks for mistakes"),
        (f"neurfield fit --scene {quoted(place)} --method priors", "fits a field to pictures and priors"),
    )


def _guessers(
    depth: Path | None,
    normals: Path | None,
    depth_profile: str | None,
    normals_profile: str | None,
    threads: int,
) -> list[Guesser]:
    """The networks with their profiles; one where both are the same file, which is then asked once."""
    from neurfield.priors import Guesser, Network, profile_of
    from neurfield.priors.network import expect_file
    from neurfield.priors.profiles import Kind, Profile

    asked: list[tuple[Path, dict[Kind, Profile]]] = []
    kinds: tuple[tuple[Kind, Path | None, str | None], ...] = (
        ("depth", depth, depth_profile), ("normals", normals, normals_profile)
    )  # fmt: skip
    for kind, path, name in kinds:
        if path is None:
            continue
        expect_file(path.expanduser())
        profile = profile_of(kind, path.expanduser(), name)
        before = asked[0] if asked else None
        if before and before[0] == path.expanduser() and before[1]["depth"].name == profile.name:
            before[1][kind] = profile
        else:
            asked.append((path.expanduser(), {kind: profile}))
    return [Guesser(Network(path, threads), profiles) for path, profiles in asked]


def _refuse_others(folder: Path) -> None:
    """Raise UserError if a folder holds what this verb did not write, such as priors of a data set."""
    from neurfield.errors import UserError
    from neurfield.priors.work import UNFINISHED
    from neurfield.scenes.prior_files import INDEX

    ours = (folder / INDEX).is_file() or (folder / UNFINISHED).is_file()
    if folder.exists() and not ours and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds other files, which stay: give another folder with --out FOLDER")
