"""A folder of labelled shapes of all families, as other people's data sets lie on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.triplanes.families import FAMILIES, Labelled, make_shape, part_colors, part_numbers
from neurfield.triplanes.solids import library
from neurfield.wording import suggest

SPLITS = ("train", "val", "test")
_SHARES = (0.7, 0.1, 0.2)
LEAST = 3  # shapes of a family: one a split


def split_counts(count: int) -> dict[str, int]:
    """How many of a family's shapes go into each split: 70, 10 and 20 %, one at least."""
    val, test = (max(1, round(share * count)) for share in _SHARES[1:])
    return {"train": count - val - test, "val": val, "test": test}


def write_shapes(
    folder: Path,
    count: int = 100,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    told: Callable[[str], None] = lambda line: None,
) -> dict[str, int]:
    """Write shapes as `CLASS/SPLIT/CLASS_0001.ply` with a `.seg` beside: the part of each face, a line each.

    Each part has a colour, drawn for each shape, as colours of faces.
    `parts.json` in the folder says which number is which part: {class: {part: number}}. A shape depends on
    (seed, class, number) alone. Shapes that are there already are left as they are: a stopped call goes on.

    Args:
        folder: to write into.
        count: shapes of a family.
        classes: names of families; None: all.
        seed: of the shapes.
        told: called with a line a family.

    Returns:
        How many shapes lie in each split, over all families.

    Raises:
        UserError: an unknown family, too few shapes, or a folder that holds others.
    """
    names = list(FAMILIES if classes is None else classes)
    for name in names:
        if name not in FAMILIES:
            raise UserError(
                f"there is no family '{name}'{suggest(name, FAMILIES)}; there are: {', '.join(FAMILIES)}"
            )
    if count < LEAST:
        raise UserError(f"{count} shapes a class: give {LEAST} or more, one for each split")
    library()
    made = {"seed": seed, "count": count, "classes": sorted(names)}
    _claim(folder, made)
    with atomic_write(folder / "parts.json") as temporary:
        temporary.write_text(json.dumps(part_numbers(), indent=1))
    totals = dict.fromkeys(SPLITS, 0)
    for name in names:
        number = 0
        offset = min(part_numbers()[name].values())
        for split, size in split_counts(count).items():
            for _ in range(size):
                path = folder / name / split / f"{name}_{number + 1:04d}.ply"
                if not path.is_file():  # the parts are written first, so with the mesh both are there
                    shape = make_shape(name, number, seed)
                    with atomic_write(path.with_suffix(".seg")) as temporary:
                        temporary.write_text("\n".join(map(str, shape.parts + offset)) + "\n")
                    _write_ply(path, shape, part_colors(name, number, seed)[shape.parts])
                number += 1
            totals[split] += size
        told(f"{name:<9}{count} shapes")
    return totals


def _claim(folder: Path, made: dict[str, object]) -> None:
    """Note what the folder holds, or refuse one that holds something else."""
    note = folder / "shapes.json"
    if note.is_file():
        there = json.loads(note.read_text())
        if there != made:
            raise UserError(
                f"{folder}: holds shapes of --seed {there['seed']} --count {there['count']}; "
                "choose another folder, or remove it"
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is not an empty folder; choose another")
    with atomic_write(note) as temporary:
        temporary.write_text(json.dumps(made, indent=1))


def _write_ply(path: Path, shape: Labelled, colors: np.ndarray) -> None:
    head = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(shape.vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(shape.faces)}\nproperty list uchar int vertex_indices\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n"
    )
    kind = np.dtype([("count", "u1"), ("corners", "<i4", 3), ("color", "u1", 3)])
    rows = np.empty(len(shape.faces), kind)
    rows["count"], rows["corners"], rows["color"] = 3, shape.faces, colors
    with atomic_write(path) as temporary:
        temporary.write_bytes(head.encode() + shape.vertices.astype("<f4").tobytes() + rows.tobytes())
