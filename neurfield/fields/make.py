"""Fields as parts of a method: distance and colour of a scene, their tables drawn from a seed; a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from neurfield.encodings import Encoding, HashGrid
from neurfield.fields.heads import Head
from neurfield.fields.image import ImageField
from neurfield.fields.radiance import Radiance
from neurfield.fields.scene_encodings import EncodingSizes, first_levels, make_encoding
from neurfield.fields.sdf import SDFField
from neurfield.fields.udf import UDFField
from neurfield.parts import Number

Count = Annotated[int, Number(least=1)]
Precision = Literal["float32", "bfloat16", "float16"]


def make_sdf(
    seed: int = 0,
    heads: Mapping[str, Head | int] = MappingProxyType({}),
    *,
    encoding: Literal["hash", "simplex", "rbf", "triplane", "frequency"] = "hash",
    levels: Count = 14,
    features: Count = 2,
    log2_table_size: Count = 18,
    base_resolution: Count = 16,
    finest_resolution: Count = 512,
    interpolation: Literal["linear", "smoothstep"] = "smoothstep",
    hidden: Sequence[int] = (64, 64),
    octaves: Annotated[int, Number(least=0)] = 0,
    feature_dim: Annotated[int, Number(least=0)] = 15,
    softplus_beta: Annotated[float, Number(above=0.0)] = 100.0,
    precision: Precision = "float32",
    radius: Annotated[float, Number(least=0.0)] = 0.0,
    start_levels: Count = 5,
    all_levels_at: Annotated[float, Number(least=0.0, most=1.0)] = 0.5,
) -> SDFField:
    """A signed distance field: an encoding and a tiny network.

    Args:
        seed: of the encoding's numbers.
        heads: further outputs by name: what each is, or how many numbers it has.
        encoding: of points; all are of about equal size.
        levels: of the grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        interpolation: between the corners of a cell.
        hidden: units of the network's hidden layers.
        octaves: of sines and cosines of the point that the network sees beside it.
        feature_dim: numbers handed to the colour.
        softplus_beta: sharpness of the network's activation.
        precision: of the networks' derivatives, where it can be had.
        radius: of the initial sphere, unit lengths; 0: from the cameras.
        start_levels: that take part at first.
        all_levels_at: share of the steps after which every level takes part.
    """
    sizes = EncodingSizes(
        encoding, levels, features, log2_table_size, base_resolution, finest_resolution, interpolation
    )
    module = make_encoding(sizes, seed)
    return SDFField(
        module, tuple(hidden), feature_dim, softplus_beta, n_frequencies=octaves, precision=precision,
        heads=heads,
        start_levels=first_levels(start_levels, levels, module), all_levels_at=all_levels_at,
        radius=radius,
    )  # fmt: skip


def make_udf(
    seed: int = 0,
    *,
    encoding: Literal["hash", "simplex", "rbf", "triplane", "frequency"] = "hash",
    levels: Count = 14,
    features: Count = 2,
    log2_table_size: Count = 18,
    base_resolution: Count = 16,
    finest_resolution: Count = 512,
    interpolation: Literal["linear", "smoothstep"] = "smoothstep",
    hidden: Sequence[int] = (64, 64),
    octaves: Annotated[int, Number(least=0)] = 0,
    feature_dim: Annotated[int, Number(least=0)] = 15,
    softplus_beta: Annotated[float, Number(above=0.0)] = 100.0,
    precision: Precision = "float32",
    start: Literal["apart", "sphere"] = "apart",
    radius: Annotated[float, Number(least=0.0)] = 0.0,
    start_levels: Count = 5,
    all_levels_at: Annotated[float, Number(least=0.0, most=1.0)] = 0.5,
    sided: bool = False,
) -> UDFField:
    """An unsigned distance field: how far the surface is, whether or not it has an inside.

    Args:
        seed: of the encoding's numbers.
        encoding: of points; all are of about equal size.
        levels: of the grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        interpolation: between the corners of a cell.
        hidden: units of the network's hidden layers.
        octaves: of sines and cosines of the point that the network sees beside it.
        feature_dim: numbers handed to the colour.
        softplus_beta: sharpness of the network's activation.
        precision: of the networks' derivatives, where it can be had.
        start: positive everywhere at first, or zero in a sphere, for fits to pictures.
        radius: of that sphere, unit lengths; 0: from the cameras.
        start_levels: that take part at first.
        all_levels_at: share of the steps after which every level takes part.
        sided: whether a second output goes through zero across the surface, so that none has a kink there.
    """
    sizes = EncodingSizes(
        encoding, levels, features, log2_table_size, base_resolution, finest_resolution, interpolation
    )
    module = make_encoding(sizes, seed)
    return UDFField(
        module, tuple(hidden), feature_dim, softplus_beta, n_frequencies=octaves, precision=precision,
        start_levels=first_levels(start_levels, levels, module), all_levels_at=all_levels_at,
        radius=radius, start=start, sided=sided,
    )  # fmt: skip


def make_radiance(
    seed: int = 0,
    feature_dim: int = 15,
    *,
    levels: Count = 12,
    features: Count = 2,
    log2_table_size: Count = 18,
    base_resolution: Count = 16,
    finest_resolution: Count = 1024,
    hidden: Sequence[int] = (64, 64),
    view_degree: Annotated[int, Number(least=1, most=4)] = 3,
    precision: Precision = "float32",
    view_from: Annotated[float, Number(least=0.0, most=1.0)] = 0.0,
) -> Radiance:
    """Colour by texture, the field's feature, normal and view.

    Args:
        seed: of the texture's numbers.
        feature_dim: numbers that the field hands over.
        levels: of the texture's grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        hidden: units of the network's hidden layers.
        view_degree: spherical harmonics bands of the view direction.
        precision: of the network's derivatives, where it can be had.
        view_from: share of the steps before which colour does not depend on the view; it then fades in over
            a fifth of them. 0: it does from the start. 1: it never does.
    """
    texture = HashGrid(
        levels=levels, features=features, log2_table_size=log2_table_size,
        base_resolution=base_resolution, finest_resolution=finest_resolution, seed=seed,
    )  # fmt: skip
    return Radiance(
        texture, feature_dim, tuple(hidden), view_degree, precision=precision, view_from=view_from
    )


def make_picture(
    encoding: Encoding,
    channels: int,
    *,
    hidden: Sequence[Count] = (64, 64),
    sine: Sequence[Annotated[float, Number(above=0.0)]] = (),
) -> ImageField:
    """The colours of a picture: an encoding of its plane and a tiny network.

    Args:
        encoding: of the plane.
        channels: of the picture.
        hidden: units of the network's hidden layers, one layer at least.
        sine: the first layer is h + sin(w h), with w from the first to the second of these numbers over its
            units; empty: ReLU.
    """
    return ImageField(encoding, channels, tuple(hidden), (sine[0], sine[1]) if sine else None)


def _wrong_network(*, hidden: Sequence[int], sine: Sequence[float]) -> str | None:
    if not hidden:
        return "hidden: at least one layer is needed"
    return None if len(sine) in (0, 2) else f"sine: two numbers (from, to) or none, got {len(sine)}"


make_picture.wrong_numbers = _wrong_network  # type: ignore[attr-defined]
