"""What a tracer gives, as pictures: clay, normals, depth, and how far colours are from the true ones."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from neurfield.images.ramps import between
from neurfield.scenes import Cameras

WHAT = ("rgb", "clay", "normals", "depth", "error")
CONVENTIONS = {
    "rgb": "8 bit",
    "clay": "8 bit, light from beside the camera",
    "normals": "8 bit, (world axes + 1) / 2, into free space; white: nothing there",
    "depth": "16 bit, z-depth in steps of depth_step, 0: nothing there",
    "depth_colored": "8 bit, near is warm, far is blue, even in 1 / depth from depth_near to depth_far",
    "error": "8 bit, mean of |rendered - true| over red, green and blue, the legend below",
}
WORST = 0.2  # error that is as bright as it gets, 1 = white against black
_FULL = 65535
# A few colours each of Google's Turbo and matplotlib's magma, between which is mixed.
_TURBO = np.array(
    [[48, 18, 59], [70, 107, 227], [40, 188, 235], [50, 242, 152], [164, 252, 60], [238, 207, 58],
     [251, 126, 33], [208, 47, 5], [122, 4, 3]], np.float64,
)  # fmt: skip
_MAGMA = np.array(
    [[0, 0, 4], [43, 17, 94], [113, 31, 129], [182, 54, 121], [240, 96, 93], [254, 159, 109],
     [252, 253, 191]], np.float64,
)  # fmt: skip
_CLAY = np.array([0.86, 0.84, 0.80])
_TO_LAMP = np.array([-0.35, -0.65, -1.0]) / np.linalg.norm([-0.35, -0.65, -1.0])  # in the camera's axes
_AMBIENT = 0.3
_LEGEND = 28  # pixels, below a map of errors


def depth_step(reach: float, metres: bool) -> float:
    """World lengths of a step of 16-bit depth up to `reach`: a power of ten, in metres not below 1 mm."""
    fits = 10.0 ** math.ceil(math.log10(max(reach, 1e-12) / _FULL))
    return max(0.001, fits) if metres else fits


def depth_16(depth: np.ndarray, step: float) -> np.ndarray:
    """z-depth [h,w] (world lengths, 0 = none) as uint16; what is nearer than a step counts as one."""
    steps = np.clip(np.rint(depth / step), 1, _FULL)
    return np.where(depth > 0, steps, 0).astype(np.uint16)


def depth_colored(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """z-depth [h,w] as colours, uint8 [h,w,3]: warm is near, white is nothing."""
    inverse = np.divide(1.0, depth, out=np.zeros(depth.shape), where=depth > 0)
    share = (inverse - 1.0 / far) / max(1.0 / near - 1.0 / far, 1e-12)
    return _on_white(between(share, _TURBO), depth > 0)


def normals_picture(drawn: dict[str, np.ndarray]) -> np.ndarray:
    """Normals in world axes as colours, uint8 [h,w,3]; white where nothing is."""
    return over_white(127.5 * (drawn["normal"] + 1.0), drawn["opacity"])


def clay_picture(drawn: dict[str, np.ndarray], cameras: Cameras, camera: int) -> np.ndarray:
    """The surface in one colour under a lamp over the viewer's left shoulder, uint8 [h,w,3]."""
    light = light_on(drawn["normal"], cameras, camera)
    return over_white(255.0 * _CLAY * light[..., None], drawn["opacity"])


def light_on(normal: np.ndarray, cameras: Cameras, camera: int) -> np.ndarray:
    """Brightness [h,w] of normals [h,w,3] (world) under a lamp that goes with the camera, 0.3 to 1."""
    rotation = cameras.world_from_cam[camera, :3, :3]
    lamp = np.abs(normal @ (rotation @ _TO_LAMP))  # backs are lit like fronts
    return np.asarray(_AMBIENT + (1.0 - _AMBIENT) * lamp)


def error_picture(rgb: np.ndarray, true: np.ndarray, inside: np.ndarray | None) -> np.ndarray:
    """|rendered - true| as colours with a legend below, uint8 [h + 28,w,3]; white: not compared.

    Args:
        rgb, true: uint8 [h,w,3].
        inside: bool [h,w], which pixels are compared; None: all.
    """
    off = np.abs(rgb.astype(np.float64) - true).mean(axis=-1) / 255.0
    drawn = _on_white(between(off / WORST, _MAGMA), np.ones(off.shape, bool) if inside is None else inside)
    return np.concatenate([drawn, _legend(drawn.shape[1])])


def _legend(width: int) -> np.ndarray:
    """What the colours of `error_picture` mean, uint8 [28,width,3]."""
    strip = np.full((_LEGEND, width, 3), 255, np.uint8)
    strip[4:12] = between(np.linspace(0.0, 1.0, width)[None], _MAGMA).astype(np.uint8)
    picture = Image.fromarray(strip)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default()
    words = ((0, "0", "la"), (width // 2, f"|error| {WORST / 2:g}", "ma"), (width - 1, f"{WORST:g} +", "ra"))
    for x, text, anchor in words if width >= 160 else words[::2]:
        pen.text((x, 14), text, fill=(40, 40, 40), font=font, anchor=anchor)
    return np.asarray(picture)


def beside(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures side by side, uint8 [H,W,3] with even sides, as most videos want them; lower ones on white."""
    high = max(len(picture) for picture in pictures)
    rows = [np.pad(p, ((0, high - len(p)), (0, 0), (0, 0)), constant_values=255) for p in pictures]
    whole = np.concatenate(rows, axis=1)
    odd = whole.shape[0] % 2, whole.shape[1] % 2
    return np.pad(whole, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")


def over_white(color: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Colours [h,w,3], 0..255, over white by opacity [h,w], as uint8."""
    share = opacity[..., None]
    return np.clip(color * share + 255.0 * (1.0 - share) + 0.5, 0.0, 255.0).astype(np.uint8)


def _on_white(color: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid[..., None], np.clip(color + 0.5, 0.0, 255.0), 255.0).astype(np.uint8)
