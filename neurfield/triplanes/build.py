"""A folder of shapes fitted as tri-planes, shard by shard; what was stopped goes on."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.files import sweep
from neurfield.triplanes.fit_fields import fit_fields, network_of
from neurfield.triplanes.folders import Folder, Item, read_folder, read_item
from neurfield.triplanes.quality import quality_of
from neurfield.triplanes.recipe import FIELDS, RECIPES, Recipe, answers_of
from neurfield.triplanes.shards import Fitted, Shard, read_shard, shard_path, write_index, write_shard
from neurfield.triplanes.siren import Fields
from neurfield.triplanes.targets import Targets, targets_of

CELLS = 64  # along the box of the meshes that are measured


def build(
    folder: Path,
    out: Path,
    field: str = "sdf",
    recipe: Recipe | str = "quick",
    seed: int = 0,
    cells: int = CELLS,
    told: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Fit every shape of a folder, and return what index.json of `out` says.

    A shard is written once all of its shapes are fitted, whole or not at all; shards that are there are left
    alone. A shape's numbers follow from its file, its name, the recipe and the seed (and, with a shared
    decoder, from the shapes of the first shard).

    Args:
        folder: of shapes, see `read_folder`.
        out: to write into.
        field: "sdf", "udf", "occupancy" or "radiance".
        recipe: or its name.
        seed: of points and first numbers.
        cells: along the box of the meshes that are measured; 0 makes none.
        told: called with lines of how it goes.

    Raises:
        UserError: there are no shapes, none can be fitted, or `out` holds others.
    """
    if field not in FIELDS:
        raise UserError(f"--field {field}: there are: {', '.join(FIELDS)}")
    name = recipe if isinstance(recipe, str) else "own"
    recipe = RECIPES[recipe] if isinstance(recipe, str) else recipe
    given = read_folder(folder)
    for note in given.notes:
        told(f"{folder}: {note}")
    about = {
        "field": field, "recipe": name, "seed": seed, "resolution": recipe.resolution,
        "channels": recipe.channels, "hidden": recipe.hidden, "layers": recipe.layers,
        "octaves": recipe.octaves, "clip": recipe.clip, "focal": recipe.focal, "shared": recipe.shared,
        "together": recipe.together,
    }  # fmt: skip
    chunks = _chunks(given, recipe)
    sweep(out)
    started, done = time.perf_counter(), 0
    decoder: dict[str, Tensor] | None = None
    for number, items in enumerate(chunks):
        path = shard_path(out, number)
        shard = _there(path, items, about, told)
        if shard is None:
            shard = _fitted(items, field, recipe, seed, cells, about, decoder, told)
            write_shard(path, shard)
            write_index(out, given.part_names)
            done += len(shard.shapes)
            took = (time.perf_counter() - started) / max(done, 1)
            told(
                f"shard {number + 1:>3} of {len(chunks)}: {_words(shard)}, {took:.1f} s a shape, "
                f"{took * sum(map(len, chunks[number + 1 :])) / 60.0:.0f} min to go"
            )
        if recipe.shared and decoder is None and shard.shapes:
            decoder = decoder_of(read_shard(path))
    index = write_index(out, given.part_names)
    if not index["shapes"]:
        first = next(iter(index["left_out"].values()))
        raise UserError(f"none of {len(given.items)} shapes could be fitted; the first: {first}")
    return index


def _chunks(given: Folder, recipe: Recipe) -> list[list[Item]]:
    """The shapes of each shard. The first is of the training's alone, and of many classes, if it can be."""
    items = sorted(given.items, key=lambda item: (item.split != "train", zlib.crc32(item.name.encode())))
    return [items[k : k + recipe.together] for k in range(0, len(items), recipe.together)]


def _there(
    path: Path, items: Sequence[Item], about: dict[str, Any], told: Callable[[str], None]
) -> Shard | None:
    """The shard of these shapes if it lies there; one that is not whole is said, and fitted again."""
    if not path.is_file():
        return None
    try:
        shard = read_shard(path, tensors=False)
    except UserError as reason:
        told(f"{str(reason).partition(':')[0]}: not whole: its shapes are fitted again")
        return None
    different = [key for key in about if shard.about.get(key) != about[key]]
    if different:
        key = different[0]
        raise UserError(
            f"{path.parent}: holds tri-planes of {key} {shard.about.get(key)}, not {about[key]}: "
            "choose another --out, or remove it"
        )
    if list(shard.asked) != [item.name for item in items]:
        raise UserError(
            f"{path}: holds other shapes than the folder has now: choose another --out, or remove it"
        )
    return shard


def _fitted(
    items: Sequence[Item],
    field: str,
    recipe: Recipe,
    seed: int,
    cells: int,
    about: dict[str, Any],
    decoder: dict[str, Tensor] | None,
    told: Callable[[str], None],
) -> Shard:
    kept: list[Item] = []
    targets: list[Targets] = []
    left_out: dict[str, str] = {}
    for item in items:
        try:
            shape, parts = read_item(item)
            targets.append(
                targets_of(shape, field, recipe, zlib.crc32(f"{seed} {item.name}".encode()), parts)
            )
        except UserError as reason:
            left_out[item.name] = str(reason)
            told(f"left out: {reason}")
            continue
        kept.append(item)
    if not kept:
        return Shard((), {}, about, tuple(item.name for item in items), left_out)
    number = zlib.crc32(f"{seed} {items[0].name}".encode())
    fields = fit_fields(targets, field, recipe, number, decoder)
    qualities = quality_of(fields, targets, field, recipe, cells)
    shapes = tuple(
        Fitted(item.name, item.label, item.split, quality) for item, quality in zip(kept, qualities)
    )
    tensors = {
        "planes": fields.planes,
        "points": torch.stack([one.surface for one in targets]),
        "parts": torch.stack([one.parts for one in targets]).to(torch.int16),
        **{f"weight.{k}": value.detach() for k, value in enumerate(fields.weights)},
        **{f"bias.{k}": value.detach() for k, value in enumerate(fields.biases)},
    }
    return Shard(shapes, tensors, about, tuple(item.name for item in items), left_out)


def fields_of(shard: Shard) -> tuple[Fields, Recipe]:
    """The fields of a shard that was read, and the sizes that they have."""
    about = shard.about
    names = ("resolution", "channels", "hidden", "layers", "octaves", "clip", "focal", "shared")
    recipe = replace(RECIPES["quick"], **{name: about[name] for name in names})
    fields = Fields(len(shard.shapes), recipe, shared=recipe.shared, answers=answers_of(about["field"]))
    state = {"texels": shard.tensors["planes"].permute(0, 1, 3, 4, 2).flatten(1)}
    for k in range(recipe.layers + 1):
        state[f"weights.{k}"] = shard.tensors[f"weight.{k}"]
        state[f"biases.{k}"] = shard.tensors[f"bias.{k}"]
    fields.load_state_dict(state)
    return fields, recipe


def decoder_of(shard: Shard) -> dict[str, Tensor]:
    """The network that the shapes of a shard share."""
    return network_of(fields_of(shard)[0])


def _words(shard: Shard) -> str:
    count = len(shard.shapes)
    words = [f"{count} shape{'' if count == 1 else 's'}"]
    shown = (("iou", "IoU", 3), ("f_score", "F@0.01", 3), ("error", "error", 4), ("psnr", "PSNR", 1))
    for key, name, digits in shown:
        values = [one.quality[key] for one in shard.shapes if key in one.quality]
        if values:
            words.append(f"{name} {sum(values) / len(values):.{digits}f}")
    return ", ".join(words)
