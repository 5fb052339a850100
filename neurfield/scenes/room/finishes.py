"""The room's palette: the few woods, metals, cloths and paints that its objects share."""

from __future__ import annotations

from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.patterns import Ceramic, Plain, Weave, Wood

CREAM = srgb("#efe6d2")
NAVY = srgb("#26415f")
RUST = srgb("#b5532f")
MUSTARD = srgb("#d39b2c")
TEAL = srgb("#2c7375")
SAGE = srgb("#8fa58c")
PLUM = srgb("#6d3550")
SAND = srgb("#d9bf94")
INK = srgb("#22252b")
SKY = srgb("#9cc3d8")
ROSE = srgb("#d98c80")
FOREST = srgb("#35593f")


def oak(axis: int = 0, seed: int = 0) -> Material:
    """Light wood with the grain along an axis of the object."""
    return Material("oak", Wood(srgb("#d6ad76"), srgb("#a3733f"), axis, seed=seed), gloss=0.08)


def walnut(axis: int = 0, seed: int = 0) -> Material:
    """Dark wood with the grain along an axis of the object."""
    return Material("walnut", Wood(srgb("#8a5c3b"), srgb("#472b1a"), axis, 0.022, seed), gloss=0.12)


def lacquer(colour: str, gloss: float = 0.1) -> Material:
    """Smooth paint, nearly textureless."""
    return Material("lacquer", Plain(srgb(colour)), gloss=gloss)


def metal(colour: str = "#b9bcc0", gloss: float = 0.3) -> Material:
    """Brushed or polished metal."""
    return Material("metal", Plain(srgb(colour), 0.06, 0.03), gloss=gloss)


def brass() -> Material:
    """Warm metal of lamps and handles."""
    return metal("#c29a4e", 0.35)


def black() -> Material:
    """Dark and textureless: screens, loudspeakers, the radiator's shelf."""
    return Material("black", Plain(srgb("#1b1c1f"), 0.02), gloss=0.05)


def cloth(warp: str, weft: str, seed: int = 0) -> Material:
    """Woven upholstery of two yarns."""
    return Material("cloth", Weave(srgb(warp), srgb(weft), seed=seed))


def stoneware(glaze: str, speckle: str = "#5b4a3a", band: float = -1.0, lower: str = "#9a6a45") -> Material:
    """Speckled pottery, unglazed below `band` metres."""
    return Material("stoneware", Ceramic(srgb(glaze), srgb(speckle), band, srgb(lower)), gloss=0.15)
