"""Exposure: found where it changes, left alone where it does not."""

from __future__ import annotations

import numpy as np
import torch

from neurfield.ops import StereoPictures
from neurfield.stereo import exposure
from tests.stereo import made


def pictures_and_points(scene: made.MadeScene) -> tuple[StereoPictures, list[torch.Tensor]]:
    """The pictures, and for each the points that its exact depth gives."""
    pictures = StereoPictures(
        torch.from_numpy(scene.grey.copy()), torch.from_numpy(scene.lens.copy()).float(),
        torch.from_numpy(scene.cam_from_world.copy()),
    )  # fmt: skip
    points = []
    for i in range(len(scene.depth)):
        rows, columns = np.nonzero(scene.depth[i] > 0)
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)[::7]
        origins, directions, z_per_t = scene.cameras.rays(np.full(len(pixels), i), pixels)
        t = scene.depth[i][rows, columns][::7] / z_per_t
        points.append(torch.from_numpy(origins + directions * t[:, None]))
    return pictures, points


def found(scene: made.MadeScene, sources: np.ndarray | None = None):
    pictures, points = pictures_and_points(scene)
    n = len(points)
    ring = (np.arange(n)[:, None] + [1, -1, 2, -2]) % n
    return exposure(pictures, np.arange(n), ring if sources is None else sources, points)


def test_a_fixed_exposure_stays_exactly_one() -> None:
    for scene in (made.textured_room(), made.plain_room()):
        steady = found(scene)
        assert steady.gain is None and steady.words() is None and steady.left < 0.02


def test_gains_that_were_put_on_are_taken_off() -> None:
    scene = made.textured_room()
    rng = np.random.default_rng(0)
    gain = rng.uniform(0.75, 1.25, len(scene.depth)).astype(np.float32)
    colour = np.clip(scene.colour * gain[:, None, None, None], 0, 255).astype(np.uint8)
    jumps = found(made.replace(scene, colour=colour))
    product = jumps.gain.numpy() * gain
    assert np.std(np.log(product)) < 0.02
    assert abs(np.log(jumps.gain.numpy()).mean()) < 1e-4 and "multiplied by" in jumps.words()


def test_pictures_that_share_nothing_stay_at_one() -> None:
    scene = made.textured_room()
    n = len(scene.depth)
    gain = np.where(np.arange(n) % 2 == 1, 0.8, 1.0)
    colour = np.clip(scene.colour * gain[:, None, None, None], 0, 255).astype(np.uint8)
    sources = (np.arange(n)[:, None] + [1, -1, 3]) % n
    sources[0], sources[sources == 0] = -1, -1
    some = found(made.replace(scene, colour=colour), sources)
    assert some.untied == 1 and float(some.gain[0]) == 1.0 and "1 pictures" in some.words()
    assert float((some.gain[1::2] / some.gain[2].item()).mean()) > 1.2


def test_nothing_to_compare_is_a_fixed_exposure() -> None:
    pictures, points = pictures_and_points(made.textured_room())
    nothing = exposure(pictures, np.arange(24), np.full((24, 2), -1), points)
    assert nothing.gain is None and nothing.untied == 24
    few = exposure(pictures, np.arange(24), np.arange(24)[:, None] - 1, [p[:5] for p in points])
    assert few.gain is None
