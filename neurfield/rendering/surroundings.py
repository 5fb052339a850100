"""What stands behind the field of a scene, chosen by its masks and cameras."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import torch

from neurfield.rays import UnitFrame, make_rays
from neurfield.rendering.backgrounds import Background, RandomBehindMasks
from neurfield.rendering.far_field import make_contracted
from neurfield.rendering.learnt_background import Environment
from neurfield.scenes import Scene
from neurfield.scenes.frames import spread

LOOKS_PAST = 0.05  # share of the pixels whose rays miss the box: fewer hardly show where things beyond it are
# Without these the surface is still to be found, and a field beyond the box would paint it instead.
DEPTHS = frozenset({"depth", "sensor_depth", "stereo_depth"})
_PIXELS = 24  # along each side of a picture, and so many pictures, that are looked at


def surroundings(
    scene: Scene,
    frame: UnitFrame,
    unit_box: list[float],
    telling: Set[str],
    device: torch.device,
    seed: int,
) -> Background:
    """Random colours behind masks, black in rooms; else learnt, as a coarse field or by direction alone.

    A coarse field (`background.contracted`) where the cameras look past the box, and depth that was measured
    or matched says where the surface is; else an environment (`background.environment`).

    Args:
        scene: of the fit.
        frame: its unit coordinates.
        unit_box: of the field.
        telling: sources that say something of the surface.
        device: of the colours.
        seed: of their numbers.
    """
    outlined = "mask" in scene.sources and scene.mask_says == "object"
    if outlined or scene.kind == "inside":
        return RandomBehindMasks()
    past = share_past(scene, frame, unit_box)
    shown = f"{100.0 * past:.0f} % of the pixels look past the box: what is there is learnt"
    if past >= LOOKS_PAST and telling & DEPTHS:
        beyond = make_contracted(scene, device, seed)
        beyond.words = f"{shown} as a coarse field (background.contracted), and is not in the mesh"
        return beyond
    around = Environment(scene, device)
    around.words = f"{shown} by direction alone (background.environment)"
    return around


def share_past(scene: Scene, frame: UnitFrame, unit_box: list[float]) -> float:
    """The share of the pixels of a scene whose rays miss its box, of some pixels of some pictures."""
    cameras = scene.cameras.select(spread(len(scene), _PIXELS))
    place = (np.arange(_PIXELS) + 0.5) / _PIXELS
    camera, v, u = (g.ravel() for g in np.meshgrid(np.arange(len(cameras)), place, place, indexing="ij"))
    pixels = np.stack([u * cameras.width[camera], v * cameras.height[camera]], axis=1)
    rays = make_rays(*cameras.rays(camera, pixels), frame, unit_box, torch.device("cpu"))
    return float((rays.t_max <= rays.t_min).float().mean())
