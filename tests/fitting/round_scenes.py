"""Scenes of which everything is known in closed form: an ellipsoid, seen from within or from outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from neurfield.fields.sdf import FieldSample
from neurfield.moment import Moment
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.images import (
    FileList,
    read_depth,
    read_mask,
    read_prior_depth,
    read_prior_normal,
    read_rgb,
)

WIDTH, HEIGHT = 44, 30  # neither square, nor the lens in the middle: rows are not columns
CENTRE = np.array([0.6, -0.4, 1.1])
BOX = np.stack([CENTRE - 2.2, CENTRE + 2.2])


def cameras(inside: bool, frames: int = 12, seed: int = 0) -> Cameras:
    """Cameras away from the middle that look past it, or from 4 m away at it."""
    random = np.random.default_rng(seed)
    poses = np.tile(np.eye(4), (frames, 1, 1))
    for k, pose in enumerate(poses):
        turn = 2.0 * np.pi * (k + 0.3 * random.random()) / frames
        out = np.array([np.cos(turn), np.sin(turn), random.uniform(-0.5, 0.5)])
        out /= np.linalg.norm(out)
        away = random.normal(size=3) * [0.3, 0.3, 0.2]
        centre, forward = (0.7 * out, away - out) if inside else (4.0 * out, 0.3 * away - 4.0 * out)
        z = forward / np.linalg.norm(forward)
        x = np.cross(z, [0.1, 0.2, 1.0])
        x /= np.linalg.norm(x)
        pose[:3] = np.stack([x, np.cross(z, x), z, CENTRE + centre], axis=1)
    fx, fy = (20.0, 18.0) if inside else (34.0, 31.0)
    return Cameras(poses, fx, fy, 0.45 * WIDTH, 0.55 * HEIGHT, WIDTH, HEIGHT)


class RoundScene:
    """What cameras see of an ellipsoid with semi-axes [3] (metres): z-depth, normals, colour, mask."""

    def __init__(self, axes: tuple[float, float, float] = (1.7, 1.7, 1.7), inside: bool = True) -> None:
        self.axes, self.inside, self.cameras = np.array(axes), inside, cameras(inside)

    def paint(self, points: np.ndarray) -> np.ndarray:
        """Colours [..., 3] in 0..1 of points on the surface, metres from its middle."""
        return 0.5 + 0.4 * np.sin(2.0 * points + [0.0, 1.0, 2.0])

    def see(self, i: int) -> dict[str, np.ndarray]:
        """z-depth [H, W] (0 = nothing hit), ray distance, unit normals into free space in the world's and in
        the camera's axes [H, W, 3], cosine of incidence, colour and mask of frame i."""
        rows, columns = np.mgrid[:HEIGHT, :WIDTH].reshape(2, -1)
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
        origin, ray, z_per_t = (a.astype(float) for a in self.cameras.rays(np.full(len(rows), i), pixels))
        o, d = (origin - CENTRE) / self.axes, ray / self.axes
        a, b, c = (d * d).sum(1), (o * d).sum(1), (o * o).sum(1) - 1.0
        root = b * b - a * c
        hit = root > 0.0
        t = (-b + np.sqrt(np.maximum(root, 0.0)) * (1.0 if self.inside else -1.0)) / a
        points = origin - CENTRE + t[:, None] * ray
        normal = points / self.axes**2 * (-1.0 if self.inside else 1.0)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        shown = hit[:, None]
        found = {
            "z": np.where(hit, t * z_per_t, 0.0), "t": np.where(hit, t, 0.0), "mask": hit,
            "facing": -(normal * ray).sum(axis=1),
            "world_normal": np.where(shown, normal, 0.0),
            "camera_normal": np.where(shown, normal @ self.cameras.world_from_cam[i, :3, :3], 0.0),
            "color": np.where(shown, self.paint(points), 0.0),
        }  # fmt: skip
        return {name: values.reshape(HEIGHT, WIDTH, *values.shape[1:]) for name, values in found.items()}

    def scene(
        self,
        *sources: str,
        folder: Path | None = None,
        **instead: Callable[[dict[str, np.ndarray]], np.ndarray],
    ) -> Scene:
        """A scene of images and these sources, in memory or as files in a folder; `instead` makes some of
        them of what a frame sees."""
        makers: dict[str, Callable[[dict[str, np.ndarray]], np.ndarray]] = {
            "image": lambda seen: np.rint(255.0 * seen["color"]).astype(np.uint8),
            "mask": lambda seen: seen["mask"],
            "depth": lambda seen: seen["z"].astype(np.float32),
            "prior_depth": lambda seen: ambiguous(seen["z"]),
            "prior_normal": lambda seen: seen["camera_normal"].astype(np.float32),
            **instead,
        }
        views = [self.see(i) for i in range(len(self.cameras))]

        def listed(source: str) -> FileList:
            arrays = [makers[source](seen) for seen in views]
            if folder is not None:
                return written(folder / source, source, arrays)
            names = tuple(Path(f"{i}.npy") for i in range(len(arrays)))
            return FileList(names, lambda path: arrays[int(path.stem)].copy())

        return Scene(
            "round", folder or Path("round"), self.cameras,
            {name: listed(name) for name in ("image", *sources)},
            box=BOX, kind="inside" if self.inside else "outside",
        )  # fmt: skip

    def error(self, points: np.ndarray) -> np.ndarray:
        """About how far points [k, 3] of the world are from the surface, in metres."""
        place = (points - CENTRE) / self.axes
        length = np.linalg.norm(place, axis=1)
        return np.abs(length - 1.0) * length / np.linalg.norm(place / self.axes, axis=1)


def written(folder: Path, source: str, arrays: list[np.ndarray]) -> FileList:
    """One file a frame, as the readers expect them."""
    folder.mkdir(parents=True)
    paths = [
        folder / f"{i:03d}{'.png' if source in ('image', 'mask') else '.npy'}" for i in range(len(arrays))
    ]
    for path, array in zip(paths, arrays):
        if path.suffix == ".png":
            Image.fromarray(array if source == "image" else 255 * array.astype(np.uint8)).save(path)
        else:
            np.save(path, np.moveaxis(0.5 * array + 0.5, 2, 0) if source == "prior_normal" else array)
    readers = {
        "image": read_rgb, "mask": read_mask, "depth": read_depth(1.0), "prior_depth": read_prior_depth,
        "prior_normal": read_prior_normal,
    }  # fmt: skip
    return FileList(tuple(paths), readers[source])


def ambiguous(values: np.ndarray) -> np.ndarray:
    """A prior that means `values` up to a scale and a shift of its own, 0 where there are none."""
    scale, shift = 0.2 + 0.1 * np.sin(values.sum()), 0.1 + 0.05 * np.cos(values.sum())
    return np.where(values > 0.0, scale * values + shift, 0.0).astype(np.float32)


class ExactField(nn.Module):
    """The signed distance of a sphere around the origin of the unit frame, in the place of a fitted field."""

    def __init__(self, fitted: nn.Module, radius: float, inside: bool) -> None:
        super().__init__()
        self.encoding, self.active_levels, self.path = fitted.encoding, fitted.active_levels, "exact"
        self.radius, self.sign = radius, -1.0 if inside else 1.0

    capturable = False

    def at(self, moment: Moment) -> None:
        """The same at any moment."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """There is nothing to learn."""
        return {}

    def query(self, points: Tensor, gradient: bool = False) -> FieldSample:
        """As `SDFField.query`."""
        length = points.norm(dim=1)
        along = self.sign * points / length[:, None] if gradient else None
        return FieldSample(self.sign * (length - self.radius), along, points[:, :0])

    def sdf(self, points: Tensor) -> Tensor:
        """As `SDFField.sdf`."""
        return self.query(points).sdf


class ExactColor(nn.Module):
    """The colour that `RoundScene.paint` gives the sphere, in the place of a fitted one."""

    def __init__(self, truth: RoundScene, half: float, radius: float) -> None:
        super().__init__()
        self.truth, self.half, self.radius = truth, half, radius

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """There is nothing to learn."""
        return {}

    def at(self, moment: Moment) -> None:
        """It is always the same."""

    def encode_views(self, directions: Tensor) -> Tensor:
        """As `Radiance.encode_views`."""
        return directions

    def forward(self, points: Tensor, *_: Tensor, **__: Tensor) -> Tensor:
        """As `Radiance.forward`; points off the surface have the colour of the nearest on it."""
        on_surface = self.half * self.radius * torch.nn.functional.normalize(points, dim=1)
        return torch.from_numpy(self.truth.paint(on_surface.double().numpy())).to(points)
