"""How many cameras see each part of a scene's box, as numbers and as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from neurfield.files import atomic_write
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.frames import spread
from neurfield.scenes.scene import Scene

_CELLS = 24  # along the box's longest side
_PANEL, _MARGIN, _KEY = 620, 40, 90  # pixels
_MOST_CAMERAS, _MOST_POINTS = 300, 20_000
# Few to many, dark to bright (a few colours of matplotlib's viridis, between which is mixed).
_COLORS = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], np.float64)
_INK, _CAMERA, _POINT, _UNSEEN = (30, 30, 30), (200, 30, 30), (120, 120, 120), (225, 225, 225)


def cameras_of_cells(cameras: Cameras, box: np.ndarray, cells: int = _CELLS) -> np.ndarray:
    """How many cameras have the middle of each cell of a box in view: int64 [x,y,z]; what hides is ignored.

    Args:
        cameras: n.
        box: [2,3], minimum and maximum, world.
        cells: along its longest side; the others have as many as make cubes.
    """
    shape = cell_shape(box, cells)
    steps = (np.arange(count) + 0.5 for count in shape)
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    middles = box[0] + grid / shape * (box[1] - box[0])
    counts = np.zeros(len(middles), np.int64)
    for i in range(len(cameras)):
        counts += cameras.in_view(i, middles)
    return counts.reshape(shape)


def cell_shape(box: np.ndarray, cells: int = _CELLS) -> tuple[int, int, int]:
    """How many cells a box [2,3] has along x, y and z."""
    size = box[1] - box[0]
    x, y, z = (max(1, round(float(side) * cells / float(size.max()))) for side in size)
    return x, y, z


def coverage_picture(scene: Scene) -> np.ndarray:
    """The scene from above and from a side: cameras, sparse points, box, and how often it is seen.

    Each cell of a panel shows the median, over the depth of the box behind it, of how many cameras have it in
    view. Views go along the axes of the world.

    Returns:
        uint8 [h,w,3].
    """
    counts = cameras_of_cells(scene.cameras, scene.box)
    up = int(np.abs(scene.up).argmax())
    flat = [axis for axis in range(3) if axis != up]
    panels = [(flat[0], flat[1], up, "from above"), (flat[0], up, flat[1], "from a side")]
    low, high = _extent(scene)
    scale = (_PANEL - 2 * _MARGIN) / float((high - low).max())
    most = max(1, int(counts.max()))
    drawn = []
    for right, above, along, words in panels:
        seen = np.median(counts, axis=along)
        seen = seen if right < above else seen.T
        drawn.append(_panel(scene, seen, most, (right, above), low, high, scale, words))
    width = sum(panel.width for panel in drawn)
    picture = Image.new("RGB", (width, max(panel.height for panel in drawn) + _KEY), "white")
    left = 0
    for panel in drawn:
        picture.paste(panel, (left, 0))
        left += panel.width
    _key(ImageDraw.Draw(picture), picture.height - _KEY, most, scene)
    return np.asarray(picture)


def write_coverage(scene: Scene, path: Path) -> None:
    """Write the picture as a PNG."""
    with atomic_write(path) as temporary:
        Image.fromarray(coverage_picture(scene)).save(temporary, format="PNG")


def _extent(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """What is drawn: box and cameras, minimum and maximum [3]."""
    held = np.concatenate([scene.box, scene.cameras.centers])
    low, high = held.min(axis=0), held.max(axis=0)
    room = 0.04 * float((high - low).max())
    return low - room, high + room


def _panel(
    scene: Scene,
    seen: np.ndarray,
    most: int,
    axes: tuple[int, int],
    low: np.ndarray,
    high: np.ndarray,
    scale: float,
    words: str,
) -> Image.Image:
    """One view; `seen` [right, above]."""
    pair = list(axes)
    size = np.ceil((high - low)[pair] * scale).astype(int) + 2 * _MARGIN
    panel = Image.new("RGB", (int(size[0]), int(size[1])), "white")
    draw = ImageDraw.Draw(panel)

    def at(points: np.ndarray) -> np.ndarray:
        flat = (np.atleast_2d(points)[:, pair] - low[pair]) * scale
        return np.stack([_MARGIN + flat[:, 0], size[1] - _MARGIN - flat[:, 1]], axis=1)

    corners = at(scene.box)
    left, right, top, bottom = corners[0, 0], corners[1, 0], corners[1, 1], corners[0, 1]
    cells = Image.fromarray(_colored(seen.T[::-1], most))
    across, down = max(1, round(right - left)), max(1, round(bottom - top))
    panel.paste(cells.resize((across, down), Image.Resampling.NEAREST), (round(left), round(top)))
    if scene.points is not None:
        some = scene.points[spread(len(scene.points), _MOST_POINTS)]
        within = ((some > low) & (some < high)).all(axis=1)
        draw.point([(float(x), float(y)) for x, y in at(some[within])], fill=_POINT)
    draw.rectangle([left, top, right, bottom], outline=_INK, width=2)
    few = spread(len(scene.cameras), _MOST_CAMERAS)
    starts = scene.cameras.centers[few]
    ends = starts + scene.cameras.view_directions[few] * 0.06 * float((high - low).max())
    for start, end in zip(at(starts), at(ends)):
        draw.line([*start, *end], fill=_CAMERA, width=1)
        draw.ellipse([start[0] - 2, start[1] - 2, start[0] + 2, start[1] + 2], fill=_CAMERA)
    name = "xyz"
    draw.text((_MARGIN, 6), f"{words}: {name[axes[0]]} to the right, {name[axes[1]]} up", _INK, _font())
    return panel


def _key(draw: ImageDraw.ImageDraw, top: int, most: int, scene: Scene) -> None:
    """What the colours mean, and how large things are."""
    size = " x ".join(f"{side:.3g}" for side in scene.box[1] - scene.box[0])
    words = f"{scene.name}: {len(scene)} cameras (red, with where they look), box {size}"
    draw.text((_MARGIN, top + 4), words, _INK, _font())
    draw.text((_MARGIN, top + 28), "cameras that have it in view:", _INK, _font())
    steps = np.unique(np.round(np.linspace(0, most, 6)).astype(int))
    for k, count in enumerate(steps):
        left = _MARGIN + 240 + 90 * k
        color = tuple(int(v) for v in _colored(np.array([[count]]), most)[0, 0])
        draw.rectangle([left, top + 28, left + 24, top + 46], fill=color, outline=_INK)
        draw.text((left + 30, top + 28), str(count), _INK, _font())


def _colored(counts: np.ndarray, most: int) -> np.ndarray:
    """Colours uint8 [h,w,3] of counts [h,w]; light grey where no camera looks."""
    share = np.clip(counts / most, 0.0, 1.0) * (len(_COLORS) - 1)
    low = np.minimum(share.astype(int), len(_COLORS) - 2)
    part = (share - low)[..., None]
    colors = np.rint((1.0 - part) * _COLORS[low] + part * _COLORS[low + 1]).astype(np.uint8)
    colors[counts < 0.5] = _UNSEEN
    return colors


def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=15)
