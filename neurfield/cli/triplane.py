"""`neurfield triplane`: many shapes as fields on planes, and networks that learn from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say
from neurfield.cli.dispatch import Verb, dispatch
from neurfield.wording import quoted

VERBS = {
    "shapes": Verb("neurfield.cli.triplane:shapes", "make labelled shapes of twelve families, with parts"),
}


def triplane(arguments: list[str]) -> int:
    """Learning over fields: shapes made, fitted as tri-planes, told apart."""
    return dispatch(
        "neurfield triplane", "Learning over fields: many shapes as tri-planes.", VERBS, arguments
    )


def shapes(
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")],
    count: Annotated[int, arg(metavar="N")] = 100,
    classes: Annotated[
        str | None, arg(metavar="NAME,NAME", help_behavior_hint="(default: all twelve)")
    ] = None,
    seed: Annotated[int, arg(metavar="N")] = 0,
) -> None:
    """Make labelled shapes: closed meshes CLASS/train|val|test/CLASS_0001.ply, with the parts of their faces.

    Args:
        folder: to write into; a call that was stopped goes on.
        count: of shapes a class: 70 % of them train, 10 % val, 20 % test.
        classes: some of bottle, chair, cup, gear, lamp, mug, plane, screw, shelf, spanner, table, vase.
        seed: of all shapes.
    """
    from PIL import Image

    from neurfield.files import atomic_write
    from neurfield.triplanes.families import FAMILIES, make_shape
    from neurfield.triplanes.generate import write_shapes
    from neurfield.triplanes.sheet import COLORS, portrait, sheet

    folder = folder.expanduser()
    names = None if classes is None else [name.strip() for name in classes.split(",") if name.strip()]
    totals = write_shapes(folder, count, names, seed, say)
    drawn = []
    for name in names or FAMILIES:
        some = [make_shape(name, number, seed) for number in range(min(count, 6))]
        drawn.append((name, [portrait(one.vertices, one.faces, COLORS[one.parts]) for one in some]))
    with atomic_write(folder / "shapes.jpg") as temporary:
        Image.fromarray(sheet(drawn)).save(temporary, quality=88)
    say("", f"shapes   {folder}: {', '.join(f'{size} {split}' for split, size in totals.items())}")
    say("parts    a number a face in the .seg beside each mesh, named in parts.json")
    say(f"picture  {folder / 'shapes.jpg'}: some of each class, parts in colours")
    first = sorted((folder / (names or ["chair"])[0] / "train").glob("*.ply"))[0]
    next_commands((f"neurfield view {quoted(first)}", "looks at one"))
