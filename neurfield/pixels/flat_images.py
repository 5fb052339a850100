"""All pixels of a fit's frames as one flat array per source, so that a step gathers each source at once.

Decoded once, in threads, and kept as compactly as the source allows: colour as the 3 bytes of the file, masks
as one, depth and prior depth as float32, prior normals as three signed bytes in the world's axes (rounding
turns them by at most 0.4 degrees, a tenth of what the networks that predict them are off by). On a GPU they
lie there, as they are, where they take no more than half of its free memory; else the host gathers.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from neurfield.pixels.sources import SOURCES
from neurfield.pixels.uploads import has_room
from neurfield.scenes import Scene

CPU = torch.device("cpu")
_NORMAL_UNIT = 127.0  # of the signed bytes of a unit normal


class FlatImages:
    """The sources that a fit looks at, of the frames that it draws from.

    Attributes:
        sources: by name, [P] or [P, channels] as `SOURCES` says, P pixels in all; normals in world axes.
            Where a frame has no such file they are 0, but masks: there 1 where masks say what is valid, 2
            (unknown) where they say what belongs to the object; and segments: there -1.
        resident: whether they lie on the device of the fit's steps, which then gather by themselves.
    """

    def __init__(self, scene: Scene, frames: np.ndarray, device: torch.device = CPU) -> None:
        """Read frames of a scene; what the scene has decoded of them, it gives up.

        Args:
            scene: with the sources that the fit looks at.
            frames: [n] indices into the scene.
            device: of the fit's steps.

        Raises:
            UserError: a file is missing or cannot be read.
        """
        cameras = scene.cameras
        sizes = cameras.width[frames].astype(np.int64) * cameras.height[frames]
        ends = np.cumsum(sizes)
        self._first = np.zeros(len(cameras), dtype=np.int64)  # of each frame's pixels
        self._first[frames] = ends - sizes
        self._width = cameras.width.astype(np.int64)
        total = int(ends[-1])
        self.sources: dict[str, Tensor] = {}
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for source in sorted(scene.sources & SOURCES.keys()):
                without = {"mask": {"object": 2, "valid": 1}[scene.mask_says], "segment": -1}.get(source, 0)
                kind = SOURCES[source]
                shape = (total,) if kind.channels == 1 else (total, kind.channels)
                flat = torch.full(shape, without, dtype=kind.dtype)
                read = self._reader(scene, source, flat.numpy())
                for _ in pool.map(read, [int(i) for i in frames]):
                    pass
                self.sources[source] = flat
        self.resident = has_room(sum(t.nbytes for t in self.sources.values()), device)
        if self.resident:
            for source in list(self.sources):
                self.sources[source] = self.sources[source].to(device)

    def at(self, frames: np.ndarray, v: np.ndarray, u: np.ndarray) -> dict[str, Tensor]:
        """What is known of some pixels, by source: [R] or [R, 3]; 0 where it is unknown.

        Colour in 0..1; depths in the scene's units or their own; normals unit, world axes; all float32, but
        segments int64.

        Args:
            frames: [R] int64.
            v: [R] int64 rows.
            u: [R] int64 columns.
        """
        return self.decode(self.gather(self.places(frames, v, u)))

    def places(self, frames: np.ndarray, v: np.ndarray, u: np.ndarray) -> Tensor:
        """Indices int64 [R] into the sources of row v and column u of frames, on the host."""
        return torch.from_numpy(self._first[frames] + v * self._width[frames] + u)

    def gather(self, index: Tensor) -> dict[str, Tensor]:
        """The sources' numbers as they are at these places, which lie where the sources do."""
        return {name: flat.index_select(0, index) for name, flat in self.sources.items()}

    @staticmethod
    def decode(gathered: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `at` gives, from what `gather` found."""
        columns = {n: values.long() if n == "segment" else values.float() for n, values in gathered.items()}
        for name in ("image", "reflectance", "shading"):
            if name in columns:
                columns[name] /= 255.0
        for name in ("prior_normal", "stereo_normal"):
            if name in columns:
                columns[name] = torch.nn.functional.normalize(columns[name], dim=1)
        return columns

    def _reader(self, scene: Scene, source: str, flat: np.ndarray) -> Callable[[int], None]:
        """A function that reads one frame of a source into its place."""

        def read(i: int) -> None:
            array = scene.take(source, i)
            if array is None:
                return
            if source in ("prior_normal", "stereo_normal"):
                world = array.reshape(-1, 3) @ scene.cameras.world_from_cam[i, :3, :3].T.astype(np.float32)
                array = np.rint(_NORMAL_UNIT * world)
            pixels = array.reshape(-1, *flat.shape[1:])
            flat[self._first[i] : self._first[i] + len(pixels)] = pixels

        return read
