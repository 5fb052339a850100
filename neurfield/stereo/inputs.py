"""What keeps a scene from being matched, found before anything is computed."""

from __future__ import annotations

from neurfield.errors import UserError
from neurfield.scenes import Scene
from neurfield.scenes.check_readings import in_one_place
from neurfield.scenes.mask_polarity import masks_look_inverted


def check_input(scene: Scene) -> None:
    """Look at what stereo cannot do without.

    Raises:
        UserError: one frame, no pictures, cameras in one place, or masks that are inverted.
    """
    if len(scene) < 2:
        raise UserError(
            f"{scene.path}: one photo shows no depth: stereo needs two or more, from different places"
        )
    if "image" not in scene.sources:
        raise UserError(f"{scene.path}: there are no pictures: stereo needs one a frame")
    if in_one_place(scene.cameras):
        raise UserError(
            f"{scene.path}: all cameras stand in one place, and turning shows no depth: take a step between "
            "photos, or correct the poses"
        )
    if scene.mask_says == "object" and masks_look_inverted(scene):
        raise UserError(
            f"{scene.path}: masks are white at the border and black in the middle, as if they showed what is "
            "not the object: invert them (white = the object)"
        )
