"""nerfstudio's hash encoding and network in torch: what runs where tiny-cuda-nn does not."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from neurfield.ops.grid_layout import GridLayout

INSTALL = 'pip install "neurfield[bench]" && pip install --no-deps nerfstudio==1.1.5'
MISSING = f"nerfstudio is not installed: `{INSTALL}`"


def installed() -> bool:
    """Whether nerfstudio and what its encodings need can be imported."""
    return find_spec("nerfstudio") is not None and find_spec("jaxtyping") is not None


def hash_encoding(layout: GridLayout) -> Any:
    """Its HashEncoding with the levels, resolutions, features and table size of `layout`.

    Its coarse levels are hashed too, where ours are dense: sixteen full tables.
    """
    _without_viser()
    from nerfstudio.field_components.encodings import HashEncoding

    return HashEncoding(
        num_levels=layout.levels,
        min_res=layout.base_resolution,
        max_res=round(layout.base_resolution * layout.growth ** (layout.levels - 1)),
        log2_hashmap_size=layout.log2_table_size,
        features_per_level=layout.features,
        implementation="torch",
    )


def network(inputs: int, width: int, hidden: int, outputs: int) -> Any:
    """Its MLP with `hidden` ReLU layers."""
    _without_viser()
    from nerfstudio.field_components.mlp import MLP

    return MLP(
        in_dim=inputs, num_layers=hidden + 1, layer_width=width, out_dim=outputs, implementation="torch"
    )


def _without_viser() -> None:
    """An empty viser where there is none: its encodings import its scene boxes, whose rotations use viser."""
    try:
        import_module("viser.transforms")
    except ImportError:
        for name in ("viser", "viser.transforms"):
            sys.modules[name] = ModuleType(name)
