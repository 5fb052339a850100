"""What a fit to a picture leaves for people: the reconstruction, its numbers, files compared."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from neurfield.files import atomic_write
from neurfield.fitting.image import decode_region
from neurfield.images import ImageSource, open_image
from neurfield.images.compare import jpeg_as_good, png_bytes, psnr_of, sample_of, to_8_bits
from neurfield.images.error_map import ErrorMap
from neurfield.images.picture import Panel, as_rgb, shrunk, side_by_side
from neurfield.images.strip import write_strip
from neurfield.images.write import LARGEST_PNG, save_rows
from neurfield.inputs.image.opened import OpenedImage
from neurfield.parts import spelled_out

_BAND = 2**22  # pixels decoded at a time
_CROP = 320  # pixels of the crop's sides
_LONGEST = 480  # pixels of the pictures' longest side in side_by_side.png
_HALVES = ("table", "features")  # the many numbers; the few others stay float32


def write_results(opened: OpenedImage) -> dict[str, Any]:
    """Write reconstruction.png, model.safetensors, side_by_side.png and the previews of the report.

    Returns the numbers of the picture and of files, for metrics.json.
    """
    source, folder = opened.source, opened.folder
    model = save_model(opened, folder / "model.safetensors")
    errors, rounded = ErrorMap(source, _LONGEST), ErrorMap(source, _LONGEST)
    path = save_rows(_bands(opened, _rounded(opened), errors, rounded), source, folder / "reconstruction")
    fitted = open_image(path)
    with atomic_write(folder / "side_by_side.png") as temporary:
        panels = _panels(source, fitted, errors)
        side_by_side(panels).save(temporary)
    for name, panel in zip(("whole", "worst"), panels):
        columns = {"true picture": panel.true, "fitted picture": panel.fitted}
        write_strip(folder / "previews" / f"{name}.png", columns)
    image = {
        "width": source.width, "height": source.height, "channels": source.channels, "bits": source.bits,
        "psnr": errors.psnr(), "psnr_float16": rounded.psnr(), "parameters": opened.parameters,
        "parameters_per_pixel": round(opened.parameters / source.pixels, 4),
    }  # fmt: skip
    return {"image": image, "files": _files(source, fitted, model)}


def save_model(opened: OpenedImage, path: Path) -> Path:
    """Write what decoding needs as one safetensors file, and return its path.

    Tables and features are in float16, the few other numbers as they are; its header has the parts that the
    field is made of, and the picture's size.
    """
    source = opened.source
    header = {
        "config": json.dumps({slot: spelled_out(opened.config)[slot] for slot in ("encoding", "field")}),
        "size": json.dumps([source.width, source.height, source.channels, source.bits]),
    }
    with atomic_write(path) as temporary:
        save_file(_halved(opened.field.state_dict()), temporary, metadata=header)
    return path


def _halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: (tensor.half() if name.split(".")[-1] in _HALVES else tensor).detach().cpu().contiguous()
        for name, tensor in state.items()
    }


def _rounded(opened: OpenedImage) -> torch.nn.Module:
    """The field as model.safetensors holds it."""
    field = copy.deepcopy(opened.field)
    field.load_state_dict(_halved(opened.field.state_dict()))
    return field


def _bands(
    opened: OpenedImage, rounded: Any, errors: ErrorMap, errors_rounded: ErrorMap
) -> Iterator[np.ndarray]:
    """The fitted picture [rows, w, channels] band by band from top to bottom, compared on the way.

    The rounded field's is decoded too, of a picture that is too large for PNG in every eighth band.
    """
    source, device = opened.source, opened.task.device
    rows = errors.block * max(1, _BAND // source.width // errors.block)
    every = 1 if source.pixels <= LARGEST_PNG else 8
    for index, y in enumerate(range(0, source.height, rows)):
        place = (0, y, source.width, min(rows, source.height - y))
        true = source.region(*place)
        fitted = decode_region(opened.field, source, device, *place)
        errors.add(y, true, fitted)
        if index % every == 0:
            errors_rounded.add(y, true, decode_region(rounded, source, device, *place))
        yield fitted


def _files(source: ImageSource, fitted: ImageSource, model: Path) -> dict[str, Any]:
    """Bytes of the model beside those of the picture: as it is, without loss, as a JPEG that is as good."""
    sample = sample_of(source, fitted)
    lossless = round(png_bytes(sample.true) / sample.share)
    sizes: dict[str, Any] = {"model": model.stat().st_size}
    if source.path is not None:
        sizes["source"] = source.path.stat().st_size
    sizes["png"] = lossless
    true, ours = (
        np.ascontiguousarray(to_8_bits(part[:, :, : source.colors])) for part in (sample.true, sample.fitted)
    )
    psnr = psnr_of(ours, true, 255)
    jpeg = jpeg_as_good(true, psnr)
    if jpeg is not None:
        sizes.update({"jpeg": round(jpeg.size / sample.share), "jpeg_quality": jpeg.quality})
    remarks = [] if jpeg is not None else [f"no JPEG is as good as {psnr:.2f} dB, even at quality 100"]
    if source.bits == 16:
        remarks.append("JPEG compared in 8 bits")
    if source.colors != source.channels:
        remarks.append("JPEG has no alpha")
    if sample.share < 1.0:
        remarks.append(f"PNG and JPEG reckoned from {100 * sample.share:.2g} % of the pixels")
    if remarks:
        sizes["remarks"] = "; ".join(remarks)
    return sizes


def _panels(source: ImageSource, fitted: ImageSource, errors: ErrorMap) -> list[Panel]:
    """Whole pictures, and a crop at 1:1 where the error is largest."""
    whole_error = errors.relative()
    true, ours = (as_rgb(shrunk(image, _LONGEST)) for image in (source, fitted))
    x, y, w, h = errors.worst(_CROP)
    a, b = source.region(x, y, w, h), fitted.region(x, y, w, h)
    difference = (a.astype(np.float64) - b) / source.peak
    return [
        Panel(f"{source.width} x {source.height}", true, ours, whole_error),
        Panel(f"1:1 at {x}, {y}", as_rgb(a), as_rgb(b), np.sqrt((difference**2).mean(axis=2))),
    ]
