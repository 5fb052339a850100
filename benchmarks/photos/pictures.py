"""Pictures of what stereo finds: colour, depth, normals and confidence side by side; and meshes of fits."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.photos.pair_data import Pair
from benchmarks.photos.pairs import WRONG, Answer
from neurfield.files import atomic_write
from neurfield.scenes.scene import Scene

if TYPE_CHECKING:
    from neurfield.stereo import FrameMaps, StereoMaps

WIDEST = 400  # pixels of a panel
GROUND = 90  # grey level where nothing is known
UNDECIDED = (230, 60, 160)
# Blue to red over green (knots of the Turbo colour map, Mikhailov 2019).
KNOTS = np.array(
    [[48, 18, 59], [70, 107, 227], [40, 187, 235], [50, 242, 152], [164, 252, 60], [237, 208, 58],
     [251, 127, 34], [208, 47, 5], [122, 4, 3]], dtype=np.float64,
)  # fmt: skip


def coloured(value: np.ndarray, low: float, high: float, known: np.ndarray) -> np.ndarray:
    """Values [h,w] between low and high as colours, grey where not known: uint8 [h,w,3]."""
    share = np.nan_to_num((value - low) / max(high - low, 1e-12)).clip(0, 1)
    at = np.arange(len(KNOTS)) / (len(KNOTS) - 1)
    colours = np.stack([np.interp(share, at, KNOTS[:, c]) for c in range(3)], axis=-1)
    colours[~known] = GROUND
    return np.round(colours).astype(np.uint8)


def panels(image: np.ndarray, maps: FrameMaps) -> np.ndarray:
    """Colour, depth (red is near), normals and confidence of one frame: uint8 [h, 4 w, 3].

    Where nothing can be decided depth is pink; where nothing is known it is grey.
    """
    from neurfield.stereo import Flag

    known = maps.depth > 0
    inverse = np.where(known, 1 / np.maximum(maps.depth, 1e-12), 0)
    low, high = np.quantile(inverse[known], [0.02, 0.98]) if known.any() else (0.0, 1.0)
    depth = coloured(inverse, low, high, known)
    depth[maps.flags == Flag.UNDECIDED] = UNDECIDED
    # Towards the camera is -z: shown as usual, x to the right red, up green, to the viewer blue.
    normal = np.round(127.5 + 127.5 * maps.normal * [1, -1, -1]).astype(np.uint8)
    normal[~known] = GROUND
    sure = np.round(255 * maps.confidence.clip(0, 1)).astype(np.uint8)
    return np.hstack([image, depth, normal, np.repeat(sure[..., None], 3, axis=2)])


def save_maps(folder: Path, name: str, scene: Scene, maps: StereoMaps, count: int = 3) -> Path:
    """A few frames of a scene below each other, each as `panels`."""
    chosen = np.linspace(0, len(maps) - 1, min(count, len(maps))).round().astype(int)
    rows = [panels(scene.image(int(maps.frames[k])), maps.frame(int(k))) for k in chosen]
    return _save(folder, f"stereo {name}", np.vstack([_narrow(row, 4) for row in rows]))


def save_pair(folder: Path, pair: Pair, answers: Sequence[Answer]) -> Path:
    """The left picture, the true disparity, and each method's, with its wrong pixels in pink."""
    known = np.isfinite(pair.disparity)
    low, high = float(np.nanmin(pair.disparity)), float(np.nanmax(pair.disparity))
    row = [pair.left, coloured(pair.disparity, low, high, known)]
    for answer in answers:
        shown = coloured(answer.disparity, low, high, np.isfinite(answer.disparity))
        with np.errstate(invalid="ignore"):
            shown[np.abs(answer.disparity - pair.disparity) > WRONG] = UNDECIDED
        row.append(shown)
    return _save(folder, f"pair {pair.name}", _narrow(np.hstack(row), len(row)))


def save_fits(folder: Path, fits: dict[str, dict[str, Any]]) -> list[Path]:
    """Pictures of the runs' reports (previews of the mesh), one file each."""
    kept = []
    for name, facts in fits.items():
        previews = sorted((Path(facts["run"]) / "previews").glob("*.png")) if facts.get("run") else []
        if previews:
            path = folder / f"fit {name}.png".replace(" ", "_").replace(",", "")
            with atomic_write(path) as temporary:
                shutil.copyfile(previews[-1], temporary)
            kept.append(path)
    return kept


def _narrow(picture: np.ndarray, count: int) -> np.ndarray:
    """A row of so many panels, made smaller if they are wide."""
    h, w = picture.shape[:2]
    if w <= count * WIDEST:
        return picture
    size = (count * WIDEST, round(h * count * WIDEST / w))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _save(folder: Path, name: str, picture: np.ndarray) -> Path:
    path = folder / (name.replace(" ", "_").replace(",", "") + ".png")
    with atomic_write(path) as temporary:
        Image.fromarray(picture).save(temporary, format="png")
    return path
