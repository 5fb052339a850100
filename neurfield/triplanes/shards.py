"""Fitted fields on disk: shards of safetensors, an index beside them, each file whole or not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neurfield.errors import UserError
from neurfield.files import atomic_write

INDEX = "index.json"


@dataclass(frozen=True)
class Fitted:
    """One shape in a shard.

    Attributes:
        name: CLASS/NAME.
        label: its class.
        split: "train", "val" or "test".
        quality: numbers of `quality_of`.
    """

    name: str
    label: str
    split: str
    quality: dict[str, float]


@dataclass(frozen=True)
class Shard:
    """A file of fitted shapes.

    Attributes:
        shapes: S of them.
        tensors: "planes" [S, 3, C, R, R] (x, y), (x, z), (y, z) as `grid_sample` takes them over [-1, 1]^3;
            "points" [S, 2048, 3] on the surface; "parts" [S, 2048] of these, -1 for none; of the networks
            "weight.k" [S or 1, in, out] and "bias.k" [S or 1, 1, out].
        about: field, recipe, seed, resolution, channels.
        asked: names of all shapes that the shard was to hold.
        left_out: {name: why} of those that it does not.
    """

    shapes: tuple[Fitted, ...]
    tensors: dict[str, Tensor]
    about: dict[str, Any]
    asked: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{number:05d}.safetensors"


def write_shard(path: Path, shard: Shard) -> None:
    """Write a shard, whole or not at all."""
    told = {
        "shapes": [asdict(one) for one in shard.shapes],
        "about": shard.about,
        "asked": shard.asked,
        "left_out": shard.left_out,
    }
    tensors = {name: value.contiguous() for name, value in shard.tensors.items()}
    tensors = tensors or {"planes": torch.zeros(0)}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, {"neurfield": json.dumps(told)})


def read_shard(path: Path, tensors: bool = True) -> Shard:
    """Read a shard, or what it says of itself alone.

    Raises:
        UserError: it is not whole, or is none.
    """
    try:
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {})["neurfield"])
            read = {name: file.get_tensor(name) for name in list(file.keys())} if tensors else {}
    except (OSError, SafetensorError, KeyError, ValueError) as reason:
        raise UserError(
            f"{path}: not a whole shard of tri-planes ({type(reason).__name__}): remove it, and "
            "`neurfield triplane build` fits its shapes again"
        ) from reason
    shapes = tuple(Fitted(**one) for one in told["shapes"])
    return Shard(shapes, read, told["about"], tuple(told["asked"]), told["left_out"])


def shards_in(folder: Path) -> Iterator[tuple[Path, Shard]]:
    """What each shard of a folder says of itself, without its tensors.

    Raises:
        UserError: there is none, one is not whole, or they are of different fields or resolutions.
    """
    paths = sorted(folder.glob("shard-*.safetensors"))
    if not paths:
        raise UserError(f"{folder}: holds no tri-planes; `neurfield triplane build` makes them")
    first: Shard | None = None
    for path in paths:
        shard = read_shard(path, tensors=False)
        first = shard if first is None else first
        for key in ("field", "resolution", "channels"):
            if shard.about[key] != first.about[key]:
                raise UserError(
                    f"{path}: {key} {shard.about[key]}, and {paths[0].name} has {first.about[key]}: "
                    "build each into a folder of its own"
                )
        yield path, shard


def write_index(folder: Path, part_names: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Write and return index.json: what was fitted, which shard holds which shapes, and how well.

    It is made of the shards alone, so it can be made again at any moment.
    """
    found = list(shards_in(folder))
    shapes = [
        {**asdict(one), "shard": path.name, "row": row}
        for path, shard in found
        for row, one in enumerate(shard.shapes)
    ]
    index = {
        "about": found[0][1].about,
        "classes": sorted({one["label"] for one in shapes}),
        "parts": part_names,
        "left_out": {name: why for _, shard in found for name, why in shard.left_out.items()},
        "shapes": shapes,
    }
    with atomic_write(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=1))
    return index


def read_index(folder: Path) -> dict[str, Any]:
    """What index.json says.

    Raises:
        UserError: it is not there, or not whole.
    """
    folder = folder.expanduser()
    try:
        return json.loads((folder / INDEX).read_text())
    except OSError as reason:
        raise UserError(
            f"{folder}: has no {INDEX}: it is no folder of tri-planes; `neurfield triplane build` makes one"
        ) from reason
    except ValueError as reason:
        raise UserError(
            f"{folder / INDEX}: not whole; `neurfield triplane build` writes it again"
        ) from reason
