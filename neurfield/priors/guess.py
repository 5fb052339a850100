"""One picture through a network: brought to its size whole or in tiles, and back to the picture's pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from neurfield.priors.network import Network
from neurfield.priors.profiles import Kind, Profile
from neurfield.priors.tiles import Strip, merge_depth, merge_normals, strip_of

FARTHEST = 300.0  # metres; what networks of metric depth are clamped to


@dataclass(frozen=True)
class Guess:
    """What a network makes of a picture.

    Attributes:
        depth: [H,W] as the network means it (relative, disparity, metric), or None.
        normals: [H,W,3] unit, in the network's axes, or None.
        depth_apart, normals_apart: by how much tiles still differ (share of their spread; degrees), 0 where
            there is one tile.
    """

    depth: np.ndarray | None
    normals: np.ndarray | None
    depth_apart: float
    normals_apart: float


class Guesser:
    """A network with its conventions.

    Args:
        network: of a file.
        profiles: what is asked of it, and how it gives that. Pictures are brought to it in one way.
    """

    def __init__(self, network: Network, profiles: Mapping[Kind, Profile]) -> None:
        self.network, self.profiles = network, dict(profiles)
        self._way = next(iter(self.profiles.values()))

    def __call__(self, picture: np.ndarray, lens: tuple[float, float, float, float]) -> Guess:
        """Guess depth, normals or both of a picture uint8 [H,W,3] with fx, fy, cx, cy in its pixels.

        Raises:
            UserError: the network's outputs are not what the profile says.
        """
        rows, columns = picture.shape[:2]
        strip, size, corner = self.layout(rows, columns)
        whole = np.empty((*strip.size, 3), dtype=np.float32)
        whole[:] = self._way.padding
        top, left = corner
        whole[top : top + size[0], left : left + size[1]] = _resized(picture, size) / np.float32(255.0)
        scale = np.array([size[1] / columns, size[0] / rows])
        fx, fy, cx, cy = lens
        maps: dict[Kind, list[np.ndarray]] = {kind: [] for kind in self.profiles}
        for k in range(len(strip.starts)):
            window = strip.window(k)
            matrix = np.array([
                [fx * scale[0], 0.0, cx * scale[0] + left - window[1].start],
                [0.0, fy * scale[1], cy * scale[1] + top - window[0].start],
                [0.0, 0.0, 1.0],
            ])  # fmt: skip
            outputs = self.network(self._way.normalised(whole[window]), matrix)
            for kind in self.profiles:
                found = self.network.output(outputs, kind, strip.tile)
                maps[kind].append(_smooth(found, strip.tile))
        inner = slice(top, top + size[0]), slice(left, left + size[1])
        depth, depth_apart = (
            self._depth(strip, maps["depth"], fx * scale[0]) if "depth" in maps else (None, 0.0)
        )
        normals, apart = self._normals(strip, maps["normals"]) if "normals" in maps else (None, 0.0)
        if depth is not None:
            depth = _smooth(depth[inner], (rows, columns))
        if normals is not None:
            normals = _unit(_smooth(normals[inner], (rows, columns)))
        return Guess(depth, normals, depth_apart, apart)

    def layout(self, rows: int, columns: int) -> tuple[Strip, tuple[int, int], tuple[int, int]]:
        """How a picture is brought to the network.

        Returns:
            The tiles, of a whole that holds the resized picture; rows and columns of the latter, and the row
            and column of the whole where it begins.
        """
        way, fixed = self._way, self.network.size
        if way.by == "canvas":
            canvas = fixed or way.canvas
            scale = min(canvas[0] / rows, canvas[1] / columns)
            size = (min(round(rows * scale), canvas[0]), min(round(columns * scale), canvas[1]))
            corner = ((canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2)
            return strip_of(canvas, canvas), size, corner
        if fixed is not None or way.by == "tile":
            tile = fixed or (way.side, way.side)
            scale = max(tile[0] / rows, tile[1] / columns)
            size = (max(round(rows * scale), tile[0]), max(round(columns * scale), tile[1]))
            # One side is the tile's, the other is covered by tiles.
            size = (size[0], tile[1]) if tile[1] / columns >= tile[0] / rows else (tile[0], size[1])
            return strip_of(size, tile), size, (0, 0)
        scale = way.side / (min(rows, columns) if way.by == "short" else max(rows, columns))
        size = (_multiple(rows * scale, way.multiple), _multiple(columns * scale, way.multiple))
        return strip_of(size, size), size, (0, 0)

    def _depth(self, strip: Strip, maps: list[np.ndarray], focal: float) -> tuple[np.ndarray, float]:
        profile = self.profiles["depth"]
        depth, apart = merge_depth(strip, maps, shifted=profile.depth != "metric")
        if profile.focal:
            depth *= focal / profile.focal
        return (np.clip(depth, 0.0, FARTHEST) if profile.depth == "metric" else depth), apart

    def _normals(self, strip: Strip, maps: list[np.ndarray]) -> tuple[np.ndarray, float]:
        profile = self.profiles["normals"]
        units = [_unit(2.0 * normal - 1.0 if profile.coded else normal) for normal in maps]
        return merge_normals(strip, units, turned=not self.network.takes_lens)


def _multiple(length: float, of: int) -> int:
    return max(of, round(length / of) * of)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture uint8 [H,W,3] in other pixels, averaged where these are larger: float32."""
    if picture.shape[:2] == size:
        return picture.astype(np.float32)
    resized = Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)


def _smooth(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map [h,w] or [h,w,3] in other pixels, drawn between those that there are."""
    if values.shape[:2] == size:
        return values
    if values.ndim == 3:
        return np.stack([_smooth(values[..., k], size) for k in range(values.shape[2])], axis=2)
    plane = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(plane.resize((size[1], size[0]), Image.Resampling.BILINEAR))


def _unit(normals: np.ndarray) -> np.ndarray:
    return normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-6)
