"""Stereo and fusion with one of their pieces left out: what an ablation measures, and no user asks for.

None of these are options of the product: functions and presets are exchanged while the block runs, and put
back after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

PIECES = (
    "",
    "SGM",
    "absolute term",
    "PatchMatch",
    "geometric rounds",
    "full size",
    "planar completion",
    "votes",
)
SETTINGS: dict[str, dict[str, Any]] = {
    "PatchMatch": {"passes": 0, "geometric": 0, "refine": False},
    "geometric rounds": {"geometric": 0},
    "full size": {"refine": False},
    "planar completion": {"planar": False},
}
APART, CLASSES = 2.0, 12  # gains of pictures in a row, and after how many they begin again


@contextmanager
def left_out(piece: str) -> Iterator[None]:
    """Run a block without a piece, one of `PIECES`; "" leaves nothing out.

    SGM: steps between planes cost nothing on its paths, so each pixel takes its own best plane. Absolute
    term: pictures are told gains so far apart that brightness never agrees; correlation does not know them.
    Votes: one view that looks through is enough to call a place free, as before there were votes.
    """
    from neurfield.ops import sweep_depth
    from neurfield.ops.depth_fusion import DepthVotes
    from neurfield.stereo import settings, stages
    from neurfield.stereo.pictures import ScenePictures

    if piece not in PIECES:
        raise ValueError(f"unknown piece {piece!r}, expected one of {', '.join(PIECES)}")
    undo: list[Callable[[], None]] = []

    def exchange(owner: Any, name: str, new: Any) -> None:
        old = getattr(owner, name)
        undo.append(lambda: setattr(owner, name, old))
        setattr(owner, name, new)

    if piece == "SGM":
        exchange(stages, "sweep_depth", partial(sweep_depth, next_step=0, jump=0, flat_jump=0))
    elif piece == "absolute term":
        kept = ScenePictures.with_gain
        exchange(ScenePictures, "with_gain", lambda self, gain: kept(self, _gains_apart(len(self.pictures))))
    elif piece == "votes":
        exchange(DepthVotes, "is_free", lambda self: self.free > 0)
    elif piece:
        changed = {name: replace(one, **SETTINGS[piece]) for name, one in settings.PRESETS.items()}
        undo.append(partial(settings.PRESETS.update, dict(settings.PRESETS)))
        settings.PRESETS.update(changed)
        defaults = [
            getattr(changed["default"], name) for name in settings.StereoSettings.__dataclass_fields__
        ]
        exchange(settings.StereoSettings.__init__, "__defaults__", tuple(defaults))
    try:
        yield
    finally:
        for back in undo:
            back()


def _gains_apart(count: int) -> torch.Tensor:
    """Factors float32 [n], no two of which are near each other in pictures that are compared as a rule."""
    return APART ** (torch.arange(count, dtype=torch.float32) % CLASSES)
