"""`neurfield scene`: what there is; made, imported, matched, guessed at, converted, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.cli.dispatch import Verb, dispatch
from neurfield.wording import quoted

if TYPE_CHECKING:
    from neurfield.scenes import Scene

VERBS = {
    "list": Verb("neurfield.cli.scene:list_scenes", "the built-in scenes"),
    "info": Verb("neurfield.cli.scene:info", "what a scene holds: cameras, sources, box, true surface"),
    "make": Verb("neurfield.cli.scene:make", "write a built-in scene to the data folder"),
    "import": Verb(
        "neurfield.cli.import_photos:import_scene", "photos without poses, or a video, as a scene"
    ),
    "stereo": Verb("neurfield.cli.stereo:stereo", "depth, normals and confidence from its photographs alone"),
    "priors": Verb("neurfield.cli.priors:priors", "depth and normals that networks guess of its pictures"),
    "convert": Verb("neurfield.cli.convert:convert", "write any scene as a folder with a transforms.json"),
    "check": Verb("neurfield.cli.scene:check", "look for mistakes of scale, axes, units, exposure, files"),
}
_NAMES = {
    "image": "images",
    "mask": "masks",
    "depth": "exact depth",
    "sensor_depth": "noisy sensor depth",
    "stereo_depth": "stereo depth",
    "stereo_normal": "stereo normals",
    "stereo_confidence": "stereo confidence",
    "prior_depth": "ambiguous prior depth",
    "prior_normal": "prior normals",
    "segment": "instance segments",
    "reflectance": "pictures of reflectance",
    "shading": "pictures of shading",
}


def scene(arguments: list[str]) -> int:
    """List, describe, make, import, match, guess priors of, convert or check scenes."""
    return dispatch("neurfield scene", "What there is to fit to.", VERBS, arguments)


def list_scenes() -> None:
    """List the built-in scenes, and where they lie."""
    from neurfield.scenes.builtin import BUILTIN, builtin_folder, is_made

    rows = []
    for name, (_, about) in BUILTIN.items():
        rows.append((name, about, str(builtin_folder(name)) if is_made(name) else "made on first use"))
    table("built-in scenes", ("name", "what it is", "where"), rows)
    first = next(iter(BUILTIN))
    next_commands(
        (f"neurfield fit --scene {quoted(first)}", "fits a field to it"),
        (f"neurfield scene info {quoted(first)}", "tells what is in it"),
    )


def info(scene: Annotated[Positional[str], arg(metavar="NAME|PATH")]) -> None:
    """Tell what a scene holds.

    Args:
        scene: a built-in name, or a folder or file in a known format.
    """
    import numpy as np

    from neurfield.scenes import load_scene
    from neurfield.wording import sides

    loaded = load_scene(scene)
    cameras = loaded.cameras
    sizes = sorted({f"{w}x{h}" for w, h in zip(cameras.width.tolist(), cameras.height.tolist())})
    low, high = loaded.box
    look = "out of it (a room)" if loaded.kind == "inside" else "in at it (an object)"
    rows = [
        ("where", str(loaded.path)),
        ("cameras", f"{len(loaded)}, {', '.join(sizes)} pixels, fx {cameras.fx[0]:.1f}"),
        ("distortion", _distortion_in_words(loaded)),
        ("unit", loaded.unit or "not known"),
        ("moved over", sides(np.ptp(cameras.centers, axis=0), loaded.unit)),
        ("box", f"{sides(high - low, loaded.unit)} from {np.round(low, 2).tolist()}"),
        ("box is", loaded.box_from),
        ("cameras look", look),
    ]
    for source, text in _NAMES.items():
        if source in loaded.sources:
            means = {"object": ", the object's outline", "valid": ", what to look at"}
            more = means[loaded.mask_says] if source == "mask" else ""
            more += f", by {made_by}" if (made_by := loaded.files[source].made_by) else ""
            count = sum(path is not None for path in loaded.files[source].paths)
            rows.append((text, f"{count} frames{more}"))
    if loaded.points is not None:
        rows.append(("sparse points", f"{len(loaded.points):,}"))
    rows += [("note", note) for note in loaded.notes]
    rows.append(("true surface", _truth_in_words(loaded)))
    table(loaded.name, ("", ""), rows)
    next_commands(
        (f"neurfield scene check {quoted(scene)}", "looks for mistakes"),
        (f"neurfield view {quoted(scene)}", "shows it"),
        (f"neurfield fit --scene {quoted(scene)}", "fits a field to it"),
    )


def _distortion_in_words(scene: Scene) -> str:
    if scene.cameras.distortion is not None:
        return "k1, k2, p1, p2, k3 of OpenCV"
    images = scene.files.get("image")
    resampled = images is not None and any(images.views)
    return "none: pictures are resampled to pinhole cameras as they are read" if resampled else "none"


def _truth_in_words(scene: Scene) -> str:
    from neurfield.errors import UserError

    try:
        truth = scene.ground_truth
    except UserError as trouble:
        return str(trouble)
    if truth is None:
        return "none"
    faces = getattr(truth, "faces", ())
    return f"{len(faces):,} triangles" if len(faces) else f"{len(truth.vertices):,} points"


def make(scene: Annotated[Positional[str], arg(metavar="NAME")]) -> None:
    """Write a built-in scene to the data folder, if it is not there yet.

    Args:
        scene: the name of a built-in scene.
    """
    from neurfield.errors import UserError
    from neurfield.scenes.builtin import BUILTIN, ensure_builtin, is_made
    from neurfield.wording import suggest

    if scene not in BUILTIN:
        hint = suggest(scene, list(BUILTIN))
        raise UserError(f"'{scene}' is no built-in scene{hint}; there are: {', '.join(BUILTIN)}")
    was_there = is_made(scene)
    folder = ensure_builtin(scene)
    say(f"{'already there' if was_there else 'made'}: {folder}")
    next_commands(
        (f"neurfield fit --scene {quoted(scene)}", "fits a field to it"),
        (f"neurfield view {quoted(scene)}", "shows it"),
    )


def check(
    scene: Annotated[Positional[str], arg(metavar="NAME|PATH")],
    picture: Annotated[Path | None, arg(metavar="FILE.png", help_behavior_hint="")] = None,
) -> int:
    """Look for the mistakes that cost hours; ends with exit code 2 if a fit would go wrong.

    Args:
        scene: a built-in name, or a folder or file in a known format.
        picture: write there a picture of where cameras stand, the box, and how many see each part of it.
    """
    from neurfield.errors import UserError
    from neurfield.scenes import check_scene, load_scene

    if picture is not None and picture.suffix.lower() != ".png":
        raise UserError(f"--picture {picture}: it is a PNG: give a name that ends in .png")
    loaded = load_scene(scene)
    findings = check_scene(loaded)
    table(
        f"{scene}",
        ("", "where", "what was found", "what to do"),
        [(f.level, f.where, f.what, f.todo) for f in findings],
    )
    if picture is not None:
        from neurfield.scenes.coverage import write_coverage

        write_coverage(loaded, picture)
        say(f"picture {picture}")
    if any(finding.level == "error" for finding in findings):
        say("a fit would fail or go wrong: mend what is marked as error, then check again")
        return 2
    commands = [(f"neurfield fit --scene {quoted(scene)}", "fits a field to it")]
    if picture is None:
        drawn = f"neurfield scene check {quoted(scene)} --picture coverage.png"
        commands.append((drawn, "draws where cameras stand and what they see"))
    next_commands(*commands)
    return 0
