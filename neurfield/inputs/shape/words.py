"""What is said before a fit to a shape."""

from __future__ import annotations

from rich.text import Text

from neurfield.inputs.shape.opened import OpenedShape
from neurfield.inputs.size import points_words
from neurfield.shapes.sides import TRUSTED


def looked_at(opened: OpenedShape) -> list[str]:
    """What was mended of the shape, and what will not come out as one may think."""
    shape, lines = opened.shape, []
    lines += [f"{shape.shape.name}: {note}" for note in shape.shape.notes]
    if shape.shape.is_mesh and opened.signed:
        sides = shape.sides
        if sides.flipped:
            lines.append(f"{shape.shape.name}: its faces all turned inwards: they are turned around")
        if not sides.trusted:
            lines.append(
                f"{shape.shape.name}: {sides.words}, not {100 * TRUSTED:.0f} % or more: it is open, or "
                "its faces turn both ways, so what is inside is a guess: --field udf needs no inside"
            )
    if not shape.shape.is_mesh and opened.signed and shape.shape.normals is None:
        lines.append(
            f"{shape.shape.name}: without normals, so these are found first, which goes wrong where the "
            "surface is thin or has no inside: --field udf needs no sides"
        )
    return lines


def shape_words(opened: OpenedShape, step: int, seconds_per_step: float) -> list[str | Text]:
    """The paragraph, line by line."""
    task, config, shape = opened.task, opened.config, opened.shape.shape
    sides = f", {opened.shape.sides.words}" if shape.is_mesh and opened.signed else ""
    low, high = shape.vertices.min(axis=0), shape.vertices.max(axis=0)
    size = " x ".join(f"{side:.4g}" for side in high - low)
    return [
        Text.assemble((shape.name, "bold"), f": {shape.words}{sides}"),
        f"size {size}{f' {shape.unit}' if shape.unit else ''}, in the coordinates of its file",
        *points_words(task, config, step, seconds_per_step),
    ]
