"""Some pixels of some pictures, by which a fit is measured now and then while it goes on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.fitting.met import psnr_of
from neurfield.fitting.view import Drawable, render_pixels
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.frames import spread

_PICTURES, _PIXELS = 8, 2048  # that are looked at


@dataclass(frozen=True)
class Probe:
    """K pixels.

    Attributes:
        camera: int [K], whose, of all cameras of a scene.
        places: [K, 2], column and row, pixel centres at +0.5.
        colors: [K, 3] true ones, in 0..1.
        pictures: int [K], which of the fitted pictures; -1: none.
    """

    camera: np.ndarray
    places: np.ndarray
    colors: np.ndarray
    pictures: np.ndarray

    @staticmethod
    def of(scene: Scene, frames: np.ndarray, pictures: np.ndarray, seed: int) -> Probe | None:
        """Pixels within the masks, where there are any, of some of the frames [n]; None: there are none.

        Args:
            scene: with these frames.
            frames: int [n].
            pictures: int [n], which of the fitted pictures they are; -1: none.
            seed: of the choice of pixels.
        """
        if "mask" in scene.sources and scene.mask_says == "object":  # else nobody knows where it ends
            masked = np.array([scene.files["mask"].paths[int(i)] is not None for i in frames], bool)
            frames, pictures = frames[masked], pictures[masked]
        chosen = spread(len(frames), _PICTURES) if len(frames) else np.zeros(0, int)
        random = np.random.default_rng(seed)
        rows: list[tuple[np.ndarray, ...]] = []
        for k in chosen:
            i = int(frames[k])
            image, mask = scene.image(i), scene.mask(i)
            shown = np.argwhere(np.ones(image.shape[:2], bool) if mask is None else _well_within(mask))
            if len(shown):
                at = shown[random.integers(0, len(shown), _PIXELS // len(chosen))]
                colors = image[at[:, 0], at[:, 1]] / 255.0
                rows.append((np.full(len(at), i), at[:, ::-1] + 0.5, colors, np.full(len(at), pictures[k])))
        return Probe(*(np.concatenate(column) for column in zip(*rows))) if rows else None

    def psnr(self, task: Drawable, cameras: Cameras, progress: float) -> float:
        """PSNR of what the field shows there now, dB."""
        drawn = render_pixels(task, cameras, self.camera, self.places, progress, self.pictures)
        return psnr_of(drawn[:, :3].clip(0.0, 1.0) - self.colors)


def _well_within(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask [h, w] whose neighbours are in it: those at its edge show what is beyond, too."""
    padded = np.pad(mask.astype(bool), 1, mode="edge")
    height, width = mask.shape
    shifts = [padded[v : v + height, u : u + width] for v in range(3) for u in range(3)]
    return np.logical_and.reduce(shifts)
