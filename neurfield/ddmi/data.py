"""What is learnt from: a folder of meshes or of pictures, as numbers in one file beside the training."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.shapes import UnitShape
from neurfield.triplanes.folders import MESHES, Item, read_folder, read_item
from neurfield.triplanes.generate import SPLITS
from neurfield.wording import suggest

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
SURFACE, QUERIES = 4096, 12_288  # points of a shape that are kept
_NEAR = ((0.3, 0.02), (0.2, 0.08))  # shares of the queries, and how far from the surface; the rest anywhere
LEAST = 4  # to learn from


@dataclass(frozen=True)
class Data:
    """N shapes or pictures.

    Attributes:
        domain: "shapes" or "pictures".
        names: [N].
        splits: rows of "train", "val" and "test".
        tensors: of shapes "surface" [N, 4096, 3], "queries" [N, Q, 3], both float16 in [-1, 1]^3, and
            "inside" uint8 [N, Q]; of pictures "pictures" uint8 [N, 3, R, R].
        notes: what was left out, for people.
    """

    domain: str
    names: list[str]
    splits: dict[str, Tensor]
    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = ()


def find(folder: Path, classes: Sequence[str] | None = None) -> tuple[str, list[Item]]:
    """Which shapes or pictures a folder holds: CLASS/train|val|test/FILE, or files wherever in it.

    Of files that lie anywhere every tenth is for val and every fifth for test, by their names. A folder with
    meshes is one of shapes, whatever pictures lie beside them.

    Args:
        folder: to look into.
        classes: those to take; None: all.

    Returns:
        "shapes" or "pictures", and the files.

    Raises:
        UserError: there is none, or too few to learn from.
    """
    folder = folder.expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of shapes or pictures")
    if (folder / "index.json").is_file() and any(folder.glob("shard-*.safetensors")):
        raise UserError(f"{folder}: holds tri-planes; give the folder of shapes that they were fitted to")
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    meshes = [path for path in files if path.suffix.lower() in MESHES]
    domain = "shapes" if meshes else "pictures"
    of_kind = meshes or [path for path in files if path.suffix.lower() in PICTURES]
    if not of_kind:
        raise UserError(
            f"{folder}: holds neither meshes ({', '.join(MESHES)}) nor pictures ({', '.join(PICTURES)})"
        )
    sorted_in = any(path.parent.name in SPLITS and path.parent.parent.parent == folder for path in of_kind)
    if domain == "shapes" and sorted_in:
        items = list(read_folder(folder).items)
    else:
        items = [_item(folder, path, sorted_in) for path in of_kind]
    if classes is not None:
        there = sorted({item.label for item in items})
        for name in classes:
            if name not in there:
                raise UserError(
                    f"{folder}: has no class '{name}'{suggest(name, there)}; there are: {', '.join(there)}"
                )
        items = [item for item in items if item.label in classes]
    count = sum(item.split == "train" for item in items)
    if count < LEAST:
        raise UserError(f"{folder}: {count} {domain} to learn from: {LEAST} or more are needed")
    return domain, items


def _item(folder: Path, path: Path, sorted_in: bool) -> Item:
    inner = path.relative_to(folder).with_suffix("").as_posix()
    if sorted_in and path.parent.name in SPLITS:
        return Item(inner, path.parent.parent.name, path.parent.name, path)
    label = inner.split("/")[0] if "/" in inner else folder.resolve().name
    split = ("test", "train", "test", "val", *["train"] * 6)[zlib.crc32(inner.encode()) % 10]
    return Item(inner, label, split, path)


def read(
    domain: str,
    items: Sequence[Item],
    path: Path,
    side: int,
    told: Callable[[str], None] = lambda line: None,
) -> Data:
    """Read the shapes or pictures, or what was kept of them when this was done before.

    Args:
        domain: of `find`.
        items: of `find`.
        path: of the file that keeps their numbers; written whole or not at all.
        side: pixels of a picture's side; pictures are cut to their middle square.
        told: called with lines of how it goes.

    Raises:
        UserError: the file holds another set, or too few of them can be read.
    """
    marks = {item.name: item.path.stat().st_size for item in items}
    kept = _kept(path, told)
    if kept is not None:
        tensors, facts = kept
        if facts["asked"] != marks or facts["side"] != side:
            raise UserError(
                f"{path.parent}: holds a training of another set: choose another --out, or remove it"
            )
        return _data(domain, facts, tensors)
    rows: list[dict[str, Tensor]] = []
    names: list[str] = []
    splits: list[str] = []
    left_out: list[str] = []
    for item in items:
        try:
            rows.append(_shape(item) if domain == "shapes" else _picture(item, side))
            names.append(item.name)
            splits.append(item.split)
        except UserError as reason:
            left_out.append(str(reason))
        if (len(rows) + len(left_out)) % 100 == 0:
            told(f"read {len(rows) + len(left_out)} of {len(items)} {domain}")
    if splits.count("train") < LEAST:
        raise UserError(
            f"{splits.count('train')} {domain} to learn from, {LEAST} or more are needed; "
            f"{len(left_out)} were left out, the first: {left_out[0] if left_out else ''}"
        )
    facts = {"asked": marks, "side": side, "names": names, "splits": splits, "left_out": left_out}
    tensors = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, {"neurfield": json.dumps(facts)})
    return _data(domain, facts, tensors)


def _data(domain: str, facts: dict[str, Any], tensors: dict[str, Tensor]) -> Data:
    splits = {
        split: torch.tensor([k for k, one in enumerate(facts["splits"]) if one == split], dtype=torch.int64)
        for split in SPLITS
    }
    out = facts["left_out"]
    notes = (f"{len(out)} {domain} left out, the first: {out[0]}",) if out else ()
    return Data(domain, facts["names"], splits, tensors, notes)


def _kept(path: Path, told: Callable[[str], None]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})["neurfield"])
            return {name: file.get_tensor(name) for name in list(file.keys())}, facts
    except (OSError, SafetensorError, KeyError, ValueError):
        told(f"{path}: not whole: what it held is read again")
        return None


def _shape(item: Item) -> dict[str, Tensor]:
    shape, _ = read_item(item)
    if not shape.is_mesh:
        raise UserError(f"{item.path}: points have no inside: give meshes")
    unit = UnitShape(shape)
    if not unit.sides.trusted:
        raise UserError(f"{item.path}: is not closed, and what is inside of it cannot be learnt")
    generator = torch.Generator().manual_seed(zlib.crc32(item.name.encode()))
    surface = unit.sample(SURFACE, generator)[0]
    sizes = [round(share * QUERIES) for share, _ in _NEAR]
    near = unit.sample(sum(sizes), generator)[0]
    spread = torch.cat([torch.full((size, 1), far) for size, (_, far) in zip(sizes, _NEAR)])
    near = near + spread * torch.randn(near.shape, generator=generator)
    anywhere = 2.0 * torch.rand(QUERIES - len(near), 3, generator=generator) - 1.0
    queries = torch.cat([near, anywhere]).clamp(-1.0, 1.0)
    queries = queries[torch.randperm(QUERIES, generator=generator)].half()  # asked where they are kept
    return {"surface": surface.half(), "queries": queries, "inside": unit.inside(queries.float()).byte()}


def _picture(item: Item, side: int) -> dict[str, Tensor]:
    try:
        with Image.open(item.path) as file:
            given = file.convert("RGBA") if file.mode in ("P", "RGBA", "LA") else file.convert("RGB")
            if given.mode == "RGBA":
                behind = Image.new("RGBA", given.size, "white")
                behind.alpha_composite(given)
                given = behind.convert("RGB")
    except (OSError, ValueError, SyntaxError) as reason:
        raise UserError(f"{item.path}: not readable as a picture ({type(reason).__name__})") from reason
    edge = min(given.size)
    left, top = (given.width - edge) // 2, (given.height - edge) // 2
    given = given.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.BOX)
    return {"pictures": torch.from_numpy(np.array(given)).permute(2, 0, 1).contiguous()}


def seen(data: Data, rows: Tensor, points: int, generator: torch.Generator | None = None) -> Tensor:
    """What the encoder looks at: points [B, N, 3] of each shape, drawn anew, or pictures [B, 3, R, R]."""
    if data.domain == "pictures":
        return data.tensors["pictures"][rows].float() / 127.5 - 1.0
    some = torch.randperm(data.tensors["surface"].shape[1], generator=generator)[:points]
    return data.tensors["surface"][rows][:, some].float()


def asked(
    data: Data, rows: Tensor, count: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Places [B, Q, D] and what is true there: 1 inside and 0 outside [B, Q], or colours [B, Q, 3]."""
    if data.domain == "shapes":
        some = torch.randperm(data.tensors["queries"].shape[1], generator=generator)[:count]
        at = data.tensors["queries"][rows][:, some].float()
        return at, data.tensors["inside"][rows][:, some].float()
    side = data.tensors["pictures"].shape[2]
    some = torch.randperm(side * side, generator=generator)[:count]
    colors = data.tensors["pictures"][rows].flatten(2)[..., some].transpose(1, 2).float() / 127.5 - 1.0
    return pixel_places(side)[some].expand(len(rows), -1, -1), colors


def pixel_places(side: int) -> Tensor:
    """Centres [side^2, 2] of a square picture's pixels in [-1, 1]^2, x to the right and y down."""
    axis = (torch.arange(side) + 0.5) * (2.0 / side) - 1.0
    down, right = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([right, down], dim=2).flatten(0, 1)
