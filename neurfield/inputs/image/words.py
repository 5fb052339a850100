"""What is said before a fit to a picture."""

from __future__ import annotations

import torch

from neurfield.inputs.image.opened import OpenedImage
from neurfield.inputs.size import memory_of
from neurfield.ops import native
from neurfield.wording import about

_BYTES_PER_DRAWN = 1500.0  # pixel of a step: features, activations, their derivatives
_KINDS = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGB and alpha"}


def image_words(opened: OpenedImage, step: int, seconds_per_step: float) -> list[str]:
    """What is fitted, with what, and what it will take, line by line."""
    source, config, device = opened.source, opened.config, opened.task.device
    notes = "".join(f", {note}" for note in source.notes)
    parameters, encoding = opened.parameters, config.needed("encoding").name
    pixels = opened.task.pixels
    count, budget = (sum(getattr(one, name) for one in pixels) for name in ("count", "budget_mb"))
    kept = "held whole" if source.held else f"read tile by tile, {budget} MB of it held at a time"
    lasts = about(seconds_per_step * (config.train.steps - step))
    held = min(budget * 2**20, source.nbytes)
    memory = memory_of(parameters, _BYTES_PER_DRAWN * count + held)
    each = min(count, source.pixels)
    drawn = config.train.steps * each / source.pixels
    where = f"{torch.get_num_threads()} threads" if device.type == "cpu" else str(device)
    return [
        f"{source.name}: {source.width} x {source.height} pixels ({source.pixels / 1e6:.3g} M), "
        f"{_KINDS[source.channels]}, {source.bits} bits{notes}; {kept}",
        f"method {config.method} ({config.preset}), encoding {encoding}: "
        f"{parameters / 1e6:.3g} M parameters, {parameters / source.pixels:.2f} a pixel, "
        f"about {memory / 1e9:.1f} GB",
        f"steps {step} to {config.train.steps} of {each} pixels: "
        f"each is seen {drawn:.1f} times; about {lasts} ({1e3 * seconds_per_step:.0f} ms a step, "
        f"{where}, kernels {native.reason_for(device)})",
    ]
