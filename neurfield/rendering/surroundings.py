"""What stands behind the field of a scene, chosen by its masks and cameras."""

from __future__ import annotations

from collections.abc import Set
from typing import Literal

import numpy as np
import torch

from neurfield.rays import UnitFrame, make_rays
from neurfield.rendering.backgrounds import Background, RandomBehindMasks
from neurfield.rendering.far_field import make_contracted
from neurfield.rendering.learnt_background import Environment
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.frames import spread

LOOKS_PAST = 0.05  # share of the pixels whose rays miss the box: fewer hardly show where things beyond it are
# Without these the surface is still to be found, and a field beyond the box would paint it instead.
DEPTHS = frozenset({"depth", "sensor_depth", "stereo_depth"})
ONE_WAY = 0.5  # cosine: cameras none of which looks farther than this from their mean direction look one way
_PIXELS = 24  # along each side of a picture, and so many pictures, that are looked at


def surroundings(
    scene: Scene,
    frame: UnitFrame,
    unit_box: list[float],
    telling: Set[str],
    device: torch.device,
    seed: int,
    *,
    beyond: Literal["direction", "chosen"] = "direction",
) -> Background:
    """Random colours behind masks, black in rooms; else learnt, by direction alone or as a coarse field.

    Cameras that all look one way have no room around them: what they look past, such as the sky above a
    facade, is learnt, too.

    A coarse field (`background.contracted`) is chosen where the cameras look past the box, and depth that was
    measured or matched says where the surface is; else an environment (`background.environment`).

    Args:
        scene: of the fit.
        frame: its unit coordinates.
        unit_box: of the field.
        telling: sources that say something of the surface.
        device: of the colours.
        seed: of their numbers.
        beyond: how what is beyond the box is learnt: by direction, or as is chosen by cameras and depth.
    """
    outlined = "mask" in scene.sources and scene.mask_says == "object"
    if outlined:
        return RandomBehindMasks()
    if scene.kind == "inside":
        if beyond == "direction" or not look_one_way(scene.cameras):
            return RandomBehindMasks()
        around = Environment(scene, device)
        around.words = (
            "all cameras look one way: what they look past is learnt by direction alone "
            "(background.environment)"
        )
        return around
    around = Environment(scene, device)
    if beyond == "direction":
        return around
    past = share_past(scene, frame, unit_box)
    shown = f"{100.0 * past:.0f} % of the pixels look past the box: what is there is learnt"
    if past >= LOOKS_PAST and telling & DEPTHS:
        field = make_contracted(scene, device, seed)
        field.words = f"{shown} as a coarse field (background.contracted), and is not in the mesh"
        return field
    around.words = f"{shown} by direction alone (background.environment)"
    return around


def look_one_way(cameras: Cameras) -> bool:
    """Whether no camera looks farther than 60 degrees from the direction that all look in together."""
    directions = cameras.view_directions
    mean = directions.mean(axis=0)
    return bool((directions @ mean >= ONE_WAY * np.linalg.norm(mean)).all())


def share_past(scene: Scene, frame: UnitFrame, unit_box: list[float]) -> float:
    """The share of the pixels of a scene whose rays miss its box, of some pixels of some pictures."""
    cameras = scene.cameras.select(spread(len(scene), _PIXELS))
    place = (np.arange(_PIXELS) + 0.5) / _PIXELS
    camera, v, u = (g.ravel() for g in np.meshgrid(np.arange(len(cameras)), place, place, indexing="ij"))
    pixels = np.stack([u * cameras.width[camera], v * cameras.height[camera]], axis=1)
    rays = make_rays(*cameras.rays(camera, pixels), frame, unit_box, torch.device("cpu"))
    return float((rays.t_max <= rays.t_min).float().mean())
