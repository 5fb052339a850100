"""Folders of labelled shapes: our own, ModelNet's, ShapeNetPart's, as they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.shapes import Shape, read_shape
from neurfield.triplanes.generate import SPLITS

MESHES = (".ply", ".off", ".obj", ".stl", ".glb")
_LISTS = {split: f"shuffled_{split}_file_list.json" for split in SPLITS}


@dataclass(frozen=True)
class Item:
    """A shape of a folder.

    Attributes:
        name: its own, CLASS/NAME.
        label: its class.
        split: "train", "val" or "test".
        path: of its file.
        parts: file of part numbers, of faces or of points; None: there is none.
    """

    name: str
    label: str
    split: str
    path: Path
    parts: Path | None = None


@dataclass(frozen=True)
class Folder:
    """Shapes with classes.

    Attributes:
        items: by name.
        part_names: {class: {part: number}}; of ShapeNetPart parts have no names but their numbers.
        notes: what was noticed, for people.
    """

    items: tuple[Item, ...]
    part_names: dict[str, dict[str, int]]
    notes: tuple[str, ...] = ()


def read_folder(folder: Path) -> Folder:
    """Find the shapes of a folder: CLASS/SPLIT/FILE (ours, ModelNet's) or ShapeNetPart's.

    Raises:
        UserError: there is none.
    """
    folder = folder.expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of shapes; `neurfield triplane shapes` makes one")
    if (folder / "synsetoffset2category.txt").is_file():
        return _shapenet_part(folder)
    items, spare = [], 0
    for split_folder in sorted(folder.glob("*/*")):
        if not split_folder.is_dir() or split_folder.name not in SPLITS:
            continue
        label = split_folder.parent.name
        meshes = {p.stem: p for p in sorted(split_folder.iterdir()) if p.suffix.lower() in MESHES}
        labels = {p.stem: p for p in split_folder.glob("*.seg")}
        spare += len(labels.keys() - meshes.keys())
        items += [
            Item(f"{label}/{stem}", label, split_folder.name, path, labels.get(stem))
            for stem, path in meshes.items()
        ]
    if not items:
        raise UserError(
            f"{folder}: holds no shapes CLASS/train/NAME.ply (.off, .obj, .stl, .glb; train, val, test), "
            "and is no ShapeNetPart"
        )
    notes = [f"{spare} files of part labels have no shape beside them and are left out"] if spare else []
    return Folder(tuple(items), _part_names(folder / "parts.json"), tuple(notes))


def _part_names(path: Path) -> dict[str, dict[str, int]]:
    """What parts.json says; {} where there is none."""
    if not path.is_file():
        return {}
    said = _json(path)
    try:
        return {str(label): {str(part): int(k) for part, k in of.items()} for label, of in said.items()}
    except (AttributeError, TypeError, ValueError) as reason:
        raise UserError(
            f"{path}: says no numbers of parts, {{class: {{part: number}}}}: mend or remove it"
        ) from reason


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as reason:
        raise UserError(
            f"{path}: not readable as JSON ({str(reason).splitlines()[0]}): mend or remove it"
        ) from reason


def _shapenet_part(folder: Path) -> Folder:
    """The benchmark's folder with points (v0), or with points and normals (v0_normal)."""
    lines = (folder / "synsetoffset2category.txt").read_text().split("\n")
    words = [line.split() for line in lines if line.strip()]
    if any(len(line) != 2 for line in words):
        raise UserError(f"{folder / 'synsetoffset2category.txt'}: not a class and its number a line")
    classes = {number: name.lower() for name, number in words}
    items, lost = [], 0
    for split, name in _LISTS.items():
        listed = folder / "train_test_split" / name
        if not listed.is_file():
            raise UserError(f"{listed}: missing: it tells which shapes of ShapeNetPart are for {split}")
        entries = _json(listed)
        if not isinstance(entries, list) or any(str(entry).count("/") < 1 for entry in entries):
            raise UserError(f"{listed}: not a list of shapes, shape_data/NUMBER/NAME each")
        for entry in entries:
            synset, stem = entry.split("/")[-2:]
            label = classes.get(synset, synset)
            plain, points = folder / synset / f"{stem}.txt", folder / synset / "points" / f"{stem}.pts"
            if plain.is_file():
                items.append(Item(f"{label}/{stem}", label, split, plain, plain))
            elif points.is_file():
                parts = folder / synset / "points_label" / f"{stem}.seg"
                items.append(
                    Item(f"{label}/{stem}", label, split, points, parts if parts.is_file() else None)
                )
            else:
                lost += 1
    if not items:
        raise UserError(f"{folder}: none of the shapes that its lists name is there: unpack it again")
    notes = [f"{lost} shapes that the lists name are not there and are left out"] if lost else []
    return Folder(tuple(items), {}, tuple(notes))


def read_item(item: Item) -> tuple[Shape, np.ndarray | None]:
    """A shape and the part numbers of its faces or points, where it has some.

    Raises:
        UserError: the file cannot be read, or holds another number of parts than of faces or points.
    """
    if item.path.suffix in (".txt", ".pts"):
        return _cloud(item)
    shape = read_shape(item.path)
    if item.parts is None:
        return shape, None
    parts = _numbers(item.parts).astype(np.int64)
    if len(parts) != len(shape.faces):
        given: Any = trimesh.load(item.path, process=False, force="mesh")
        if len(parts) != len(given.faces):
            raise UserError(
                f"{item.parts}: {len(parts)} part labels for {len(given.faces)} faces of {item.path.name}: "
                "one a face is needed"
            )
        # Some faces were left out as they were mended; the others lie where they lay.
        middles = shape.vertices[shape.faces].mean(axis=1)
        parts = parts[cKDTree(given.triangles_center).query(middles)[1]]
    return shape, parts


def _cloud(item: Item) -> tuple[Shape, np.ndarray | None]:
    rows = _numbers(item.path, 2)
    if rows.shape[1] < 3 or len(rows) < 16:
        raise UserError(f"{item.path}: not points, x y z a line, 16 or more")
    parts = None
    if item.parts == item.path:
        parts = rows[:, -1].astype(np.int64) if rows.shape[1] >= 7 else None
    elif item.parts is not None:
        parts = _numbers(item.parts).astype(np.int64)
    if parts is not None and len(parts) != len(rows):
        raise UserError(
            f"{item.parts}: {len(parts)} part labels for {len(rows)} points: one a point is needed"
        )
    return Shape(item.path.stem, rows[:, :3].astype(np.float64), path=item.path), parts


def _numbers(path: Path, dimensions: Literal[1, 2] = 1) -> np.ndarray:
    try:
        return np.loadtxt(path, ndmin=dimensions)
    except (OSError, ValueError) as reason:
        raise UserError(f"{path}: not readable as numbers ({str(reason).splitlines()[0]})") from reason
