"""What an object's outlines say of its cameras and its box, before a fit and after it went wrong."""

from __future__ import annotations

from neurfield.scenes import Scene
from neurfield.scenes.box import visual_hull_box
from neurfield.scenes.hull import share_beyond
from neurfield.scenes.plain_background import LOOKS, outlines_agree

_LEAST_AGREEMENT = 0.85  # of masks that are given: they are less exact than a background
_MOST_BEYOND = 0.03  # of the masks: edges may look past the box


def outline_warnings(scene: Scene) -> list[str]:
    """What is doubtful of an object's outlines: cameras that contradict them, a box that cuts it."""
    if "mask" not in scene.sources or scene.mask_says != "object" or scene.kind != "outside":
        return []
    warnings = []
    agreement = outlines_agree(scene)
    if agreement < _LEAST_AGREEMENT:
        warnings.append(
            f"masks contradict each other ({100 * agreement:.0f} % of them lie within what all allow): poses "
            "or lenses may be wrong, or masks leave out parts of the object (neurfield scene check)"
        )
    beyond = share_beyond(scene, scene.box, LOOKS)
    if beyond > _MOST_BEYOND:
        low, high = (", ".join(f"{v:.3g}" for v in corner) for corner in visual_hull_box(scene))
        warnings.append(
            f"{100 * beyond:.0f} % of the masks look past the box, which is smaller than the object: it will "
            f"be cut off, and pictures will not be met; --set data.box=[{low}, {high}] holds it"
        )
    return warnings
