"""`neurfield triplane`: many shapes as fields on planes, and networks that learn from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, size_of, table
from neurfield.cli.dispatch import Verb, dispatch
from neurfield.cli.threads import Threads, use_threads
from neurfield.errors import UserError
from neurfield.wording import quoted, suggest

VERBS = {
    "shapes": Verb("neurfield.cli.triplane:shapes", "make labelled shapes of twelve families, with parts"),
    "build": Verb("neurfield.cli.triplane:build", "fit a tri-plane and a small network to each shape"),
    "mesh": Verb("neurfield.cli.triplane:mesh", "the surface of one of them"),
    "train": Verb("neurfield.cli.triplane_train:train", "learn to tell classes, or parts, from tri-planes"),
    "predict": Verb("neurfield.cli.triplane_train:predict", "what a network says of shapes"),
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
    next_commands(
        (f"neurfield view {quoted(first)}", "looks at one"),
        (f"neurfield triplane build {quoted(folder)}", "fits them all"),
    )


def build(
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")],
    field: Annotated[str, arg(metavar="sdf|udf|occupancy|radiance")] = "sdf",
    recipe: Annotated[
        Literal["quick", "published", "shared"], arg(metavar="quick|published|shared")
    ] = "quick",
    out: Annotated[
        Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: FOLDER-FIELD beside it)")
    ] = None,
    seed: Annotated[int, arg(metavar="N")] = 0,
    threads: Threads = None,
) -> None:
    """Fit a tri-plane and a small network to each shape of a folder; what was stopped goes on.

    Args:
        folder: of `triplane shapes`, ModelNet's or ShapeNetPart's.
        field: what is fitted: distances with a sign, without one, what is inside, or distances and colours.
        recipe: quick; published: the authors', some twenty times longer; shared: quick, with one network for
            all shapes.
        out: the folder to write.
        seed: of points and first numbers.
        threads: how many processors to use.
    """
    use_threads(threads)
    from neurfield.triplanes.build import build as build_all

    folder = folder.expanduser()
    folder = folder.resolve() if folder.name in ("", "..") else folder
    path = folder.with_name(f"{folder.name}-{field}") if out is None else out.expanduser()
    index = build_all(folder, path, field, recipe, seed, told=say)
    rows = []
    for label in index["classes"]:
        of_class = [one["quality"] for one in index["shapes"] if one["label"] == label]
        cells = [f"{sum(one[key] for one in of_class) / len(of_class):.4g}" for key in of_class[0]]
        rows.append([label, str(len(of_class)), *cells])
    table(f"{path}", ("class", "shapes", *index["shapes"][0]["quality"]), rows)
    if index["left_out"]:
        say(f"{len(index['left_out'])} shapes left out, and why: {path / 'index.json'}")
    first = index["shapes"][0]["name"]
    next_commands(
        (f"neurfield triplane mesh {quoted(path)} {quoted(first)}", "the surface of one"),
        (f"neurfield triplane train {quoted(path)}", "learns to tell their classes"),
    )


def mesh(
    fields: Annotated[Positional[Path], arg(metavar="FIELDS")],
    name: Annotated[Positional[str], arg(metavar="CLASS/NAME")],
    cells: Annotated[int, arg(metavar="N")] = 128,
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: NAME.ply)")] = None,
) -> None:
    """The surface of one fitted shape, in unit coordinates; of an unsigned field a skin around it.

    Of a radiance with its colours.

    Args:
        fields: what `triplane build` wrote.
        name: of a shape, as index.json says it.
        cells: along the box.
        out: the file to write.
    """
    from neurfield.surfaces import save_mesh
    from neurfield.triplanes.build import fields_of
    from neurfield.triplanes.quality import mesh_of
    from neurfield.triplanes.shards import read_index, read_shard

    if cells < 8:
        raise UserError(f"--cells {cells}: give 8 or more")
    index = read_index(fields)
    entry = next((one for one in index["shapes"] if one["name"] == name), None)
    if entry is None:
        hint = suggest(name, [one["name"] for one in index["shapes"]])
        raise UserError(f"{fields}: holds no shape '{name}'{hint or '; index.json names them'}")
    shard = read_shard(fields.expanduser() / entry["shard"])
    made, recipe = fields_of(shard)
    found = mesh_of(made, entry["row"], index["about"]["field"], recipe, cells)
    if found is None:
        raise UserError(f"{name}: its field has no surface")
    path = Path(f"{name.rpartition('/')[2]}.ply") if out is None else out.expanduser()
    save_mesh(found, path)
    say(f"mesh     {path} ({size_of(path)}): {len(found.faces):,} triangles")
    next_commands((f"neurfield view {quoted(path)}", "looks at it"))
