"""The field of objects as a part of a method, and which objects it has: those that the segments show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal, Protocol

import numpy as np

from neurfield.errors import UserError
from neurfield.fields.labels import Labels
from neurfield.fields.make import Count, Precision
from neurfield.fields.objects import ObjectsField
from neurfield.fields.scene_encodings import EncodingSizes, first_levels, make_encoding
from neurfield.parts import Number

LISTED = 8  # ids in a line for people
LABELS = 7919  # beside the field's seed, so that its grid and the labels' differ


class Segmented(Protocol):
    """What is asked of a scene: its instance ids."""

    @property
    def path(self) -> Any: ...

    @property
    def sources(self) -> set[str]: ...

    def __len__(self) -> int: ...

    def segment(self, i: int) -> np.ndarray | None: ...


def make_objects(
    seed: int = 0,
    heads: Mapping[str, int] = MappingProxyType({}),
    *,
    ids: Sequence[Annotated[int, Number(least=0)]] = (),
    background: Sequence[int] = (0,),
    most: Count = 100,
    encoding: Literal["hash", "simplex", "rbf", "triplane", "frequency"] = "hash",
    levels: Count = 14,
    features: Count = 2,
    log2_table_size: Count = 18,
    base_resolution: Count = 16,
    finest_resolution: Count = 512,
    interpolation: Literal["linear", "smoothstep"] = "smoothstep",
    hidden: Sequence[int] = (64, 64),
    feature_dim: Annotated[int, Number(least=0)] = 15,
    softplus_beta: Annotated[float, Number(above=0.0)] = 100.0,
    precision: Precision = "float32",
    radius: Annotated[float, Number(least=0.0)] = 0.0,
    start_levels: Count = 5,
    all_levels_at: Annotated[float, Number(least=0.0, most=1.0)] = 0.5,
    label_resolution: Count = 256,
) -> ObjectsField:
    """Signed distances of a background and of objects, the least of which is the scene's (Wu et al. 2022).

    Args:
        seed: of the encoding's numbers.
        heads: further outputs by name, and how many numbers each has.
        ids: instance ids of the objects; empty: those of the scene's segments, which a run then keeps here.
        background: instance ids that are no objects, such as walls; so are all that are not among the ids.
        most: objects, where the ids are the segments': those that cover most pixels.
        encoding: of points; all are of about equal size.
        levels: of the grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        interpolation: between the corners of a cell.
        hidden: units of the network's hidden layers.
        feature_dim: numbers handed to the colour.
        softplus_beta: sharpness of the network's activation.
        precision: of the networks' derivatives, where it can be had.
        radius: of the initial sphere, unit lengths; 0: from the cameras.
        start_levels: that take part at first.
        all_levels_at: share of the steps after which every level takes part.
        label_resolution: cells of the finest level of the labels' grid along the longest side of the box.

    Raises:
        UserError: there are no ids.
    """
    if not ids:
        raise UserError(
            "'field.objects' tells apart what a scene's segments show, and there are none here: "
            "use --set field=sdf, or name the objects with --set field.ids=[...]"
        )
    sizes = EncodingSizes(
        encoding, levels, features, log2_table_size, base_resolution, finest_resolution, interpolation
    )
    module = make_encoding(sizes, seed)
    return ObjectsField(
        ids, module, tuple(hidden), feature_dim, softplus_beta, precision, heads,
        first_levels(start_levels, levels, module), all_levels_at, radius,
        Labels(1 + len(ids), finest_resolution=label_resolution, seed=seed + LABELS),
    )  # fmt: skip


def _wrong(*, ids: Sequence[int], background: Sequence[int], **others: object) -> str | None:
    twice = sorted({i for i in ids if list(ids).count(i) > 1})
    if twice:
        return f"ids: {twice[0]} is there twice"
    both = sorted(set(ids) & set(background))
    return f"ids: {both[0]} is the background's, too" if both else None


def _resolved(
    scene: Segmented, *, ids: Sequence[int], background: Sequence[int], most: int, **others: object
) -> tuple[dict[str, Any], list[str]]:
    """Ids, if there are none yet, from the scene's segments; and a line on those that are left out.

    Raises:
        UserError: no instance but the background's is to be seen.
    """
    if ids:
        return {}, []
    pixels = instance_pixels(scene)
    everything = sum(pixels.values())
    objects = sorted(pixels.keys() - set(background), key=lambda i: (-pixels[i], i))
    if not objects:
        found = f"nothing but {_listed(sorted(pixels))}, the background" if pixels else "no instance"
        raise UserError(
            f"{scene.path}: the segments show {found}: give maps with an id for each object, "
            "or say which ids are the background with --set field.background=[...]"
        )
    chosen, left = objects[:most], objects[most:]
    lines = []
    if left:
        share = 100.0 * sum(pixels[i] for i in left) / everything
        lines = [
            f"segments: {len(objects)} instances, of which the {most} that cover most pixels are objects; "
            f"{len(left)} others ({share:.2g} % of the pixels: ids {_listed(sorted(left))}) count as "
            f"background (--set field.most={len(objects)} takes all)"
        ]
    return {"ids": sorted(chosen)}, lines


def instance_pixels(scene: Segmented) -> dict[int, int]:
    """How many pixels each instance covers, over all frames, by its id; ids below 0 are nobody's."""
    pixels: dict[int, int] = {}
    for i in range(len(scene)):
        segment = scene.segment(i)
        if segment is None:
            continue
        for instance, count in zip(*np.unique(segment, return_counts=True)):
            if instance >= 0:
                pixels[int(instance)] = pixels.get(int(instance), 0) + int(count)
    return pixels


def _listed(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:LISTED]))
    return shown if len(ids) <= LISTED else f"{shown}, ..."


make_objects.wrong_numbers = _wrong  # type: ignore[attr-defined]
make_objects.resolved = _resolved  # type: ignore[attr-defined]
