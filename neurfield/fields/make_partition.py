"""The field of several labels as a part of a method, and which labels it has: those of the slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from neurfield.errors import UserError
from neurfield.fields.make import Count, Precision
from neurfield.fields.partition import PartitionField
from neurfield.fields.scene_encodings import EncodingSizes, first_levels, make_encoding
from neurfield.parts import Number


class Labelled(Protocol):
    """What is asked of slices: their labels."""

    @property
    def labels(self) -> tuple[int, ...]: ...


def make_partition(
    seed: int = 0,
    *,
    ids: Sequence[Annotated[int, Number(least=1)]] = (),
    encoding: Literal["hash", "simplex", "rbf", "triplane", "frequency"] = "hash",
    levels: Count = 14,
    features: Count = 2,
    log2_table_size: Count = 18,
    base_resolution: Count = 16,
    finest_resolution: Count = 512,
    interpolation: Literal["linear", "smoothstep"] = "smoothstep",
    hidden: Sequence[int] = (64, 64),
    octaves: Annotated[int, Number(least=0)] = 0,
    softplus_beta: Annotated[float, Number(above=0.0)] = 100.0,
    precision: Precision = "float32",
    radius: Annotated[float, Number(least=0.0)] = 0.0,
    start_levels: Count = 5,
    all_levels_at: Annotated[float, Number(least=0.0, most=1.0)] = 0.5,
) -> PartitionField:
    """Signed distances of several labels, of which the least says whose a place is.

    Args:
        seed: of the encoding's numbers.
        ids: of the labels; empty: those of the slices, which a run then keeps here.
        encoding: of points; all are of about equal size.
        levels: of the grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        interpolation: between the corners of a cell.
        hidden: units of the network's hidden layers.
        octaves: of sines and cosines of the point that the network sees beside it.
        softplus_beta: sharpness of the network's activation.
        precision: of the networks' derivatives, where it can be had.
        radius: of the initial sphere, unit lengths; 0: a usual one.
        start_levels: that take part at first.
        all_levels_at: share of the steps after which every level takes part.

    Raises:
        UserError: there are no ids.
    """
    if not ids:
        raise UserError(
            "'field.partition' tells apart the labels of slices, and there are none here: use --set field=sdf"
        )
    sizes = EncodingSizes(
        encoding, levels, features, log2_table_size, base_resolution, finest_resolution, interpolation
    )
    module = make_encoding(sizes, seed)
    return PartitionField(
        ids, module, tuple(hidden), softplus_beta, octaves, precision,
        first_levels(start_levels, levels, module), all_levels_at, radius,
    )  # fmt: skip


def _wrong(*, ids: Sequence[int], **others: object) -> str | None:
    twice = sorted({i for i in ids if list(ids).count(i) > 1})
    return f"ids: {twice[0]} is there twice" if twice else None


def _resolved(slices: Labelled, *, ids: Sequence[int], **others: object) -> tuple[dict[str, Any], list[str]]:
    """Ids, if there are none yet: the labels that contours have.

    Raises:
        UserError: there are some, and they are others.
    """
    if ids and tuple(ids) != slices.labels:
        raise UserError(
            f"'field.ids' are {list(ids)}, and the slices have the labels {list(slices.labels)}: leave them "
            "out, or fit one label with --label NAME"
        )
    return {"ids": list(slices.labels)}, []


make_partition.wrong_numbers = _wrong  # type: ignore[attr-defined]
make_partition.resolved = _resolved  # type: ignore[attr-defined]
