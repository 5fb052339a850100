"""Ambiguous depth maps as the alignment sees them: small, scaled to 0..1, with their cameras."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from neurfield.errors import UserError
from neurfield.far import local_origin
from neurfield.scenes import Scene

SMALL = (84, 150)  # rows, columns that a prior is averaged down to
EVERY = 2  # of these, the pixels that are carried into other views


@dataclass(frozen=True)
class PriorViews:
    """The priors of n images, and their cameras.

    Attributes:
        x: [n, *SMALL], priors scaled to 0..1.
        uv: [k, 2], places of the carried pixels in 0..1.
        carried: [n, k], their x.
        centers: [n, 3], camera centres in the world, counted from `origin`.
        turns: [n, 3, 3], world from camera.
        lens: [n, 4], fx, fy, cx, cy as parts of the image's size.
        low, span: [n], where prior = low + span x.
        shown: bool [n, *SMALL], False where a mask says that the picture is not to be looked at, or a prior
            is 0: none; all over where it has one value alone.
        origin: [3] float64, world: zero, unless cameras are far from it.
    """

    x: Tensor
    uv: Tensor
    carried: Tensor
    centers: Tensor
    turns: Tensor
    lens: Tensor
    low: Tensor
    span: Tensor
    shown: Tensor
    origin: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    @staticmethod
    def of(scene: Scene) -> PriorViews:
        """The priors and cameras of a scene; of a frame without a prior, or of one value, nothing is shown.

        Raises:
            UserError: a prior holds values that are no numbers, or none says anything.
        """
        small, low, span, shown = [], [], [], []
        for i in range(len(scene)):
            depth = scene.prior_depth(i)
            prior = torch.zeros(SMALL) if depth is None else torch.from_numpy(np.array(depth, np.float32))
            if not bool(torch.isfinite(prior).all()):
                raise UserError(
                    f"{scene.path}: the prior depth of frame {i} holds values that are no numbers: fill "
                    "them, or leave priors out with --set data.prior_depth=false"
                )
            known = prior != 0.0
            told = prior[known]
            says = len(told) > 0 and bool(told.max() > told.min())
            low.append(told.min() if says else prior.new_zeros(()))
            span.append(told.max() - told.min() if says else prior.new_ones(()))
            share = torch.where(known & says, (prior - low[-1]) / span[-1], torch.zeros_like(prior))
            small.append(interpolate(share[None, None], SMALL, mode="area")[0, 0])
            shown.append(_shown(scene, i, known) if says else torch.zeros(SMALL, dtype=torch.bool))
        if not any(bool(pixels.any()) for pixels in shown):
            raise UserError(
                f"{scene.path}: no frame has prior depth of more than one value: make it again, or leave it "
                "out with --set data.prior_depth=false"
            )
        cameras, x = scene.cameras, torch.stack(small)
        origin = local_origin(cameras.centers)
        centers = torch.as_tensor(cameras.centers - origin, dtype=torch.float32)
        turns = torch.as_tensor(cameras.world_from_cam[:, :3, :3], dtype=torch.float32)
        width, height = cameras.width, cameras.height
        lens = np.stack(
            [cameras.fx / width, cameras.fy / height, cameras.cx / width, cameras.cy / height], axis=1
        )
        rows, columns = (torch.arange(EVERY // 2, n, EVERY) for n in SMALL)
        v, u = torch.meshgrid((rows + 0.5) / SMALL[0], (columns + 0.5) / SMALL[1], indexing="ij")
        carried = x[:, rows][:, :, columns].reshape(len(x), -1)
        uv = torch.stack([u, v], dim=-1).reshape(-1, 2)
        lens_ = torch.as_tensor(lens, dtype=torch.float32)
        low_, span_, shown_ = (torch.stack(t) for t in (low, span, shown))
        return PriorViews(x, uv, carried, centers, turns, lens_, low_, span_, shown_, origin)

    def directions(self, image: Tensor, uv: Tensor) -> Tensor:
        """World directions [..., 3] of pixels per unit of z-depth."""
        return (self.turns[image] @ self.rays(image, uv)[..., None])[..., 0]

    def rays(self, image: Tensor, uv: Tensor) -> Tensor:
        """Directions [..., 3] of pixels in camera axes, the last coordinate 1."""
        lens = self.lens[image]
        x, y = (uv[..., 0] - lens[..., 2]) / lens[..., 0], (uv[..., 1] - lens[..., 3]) / lens[..., 1]
        return torch.stack([x, y, torch.ones_like(x)], dim=-1)

    def shows(self, image: Tensor, uv: Tensor) -> Tensor:
        """Whether pixels at places [..., 2] are to be looked at, bool [...]."""
        rows, columns = SMALL
        column = (uv[..., 0] * columns).long().clamp(0, columns - 1)
        return self.shown[image, (uv[..., 1] * rows).long().clamp(0, rows - 1), column]

    @property
    def told(self) -> Tensor:
        """The images that a prior says something of, bool [n]."""
        return self.shown.flatten(1).any(dim=1)

    def look_up(self, image: Tensor, uv: Tensor) -> tuple[Tensor, Tensor]:
        """x [...] of images at places [..., 2], bilinear, and its derivative by the place [..., 2]."""
        rows, columns = SMALL
        s = (uv[..., 0] * columns - 0.5).clamp(0.0, columns - 1 - 1e-3)
        t = (uv[..., 1] * rows - 0.5).clamp(0.0, rows - 1 - 1e-3)
        column, row = s.floor(), t.floor()
        a, b = s - column, t - row
        first = (image * rows + row.long()) * columns + column.long()
        flat = self.x.reshape(-1)
        x00, x10, x01, x11 = (flat[first + k] for k in (0, 1, columns, columns + 1))
        value = (x00 * (1 - a) + x10 * a) * (1 - b) + (x01 * (1 - a) + x11 * a) * b
        by_u = ((x10 - x00) * (1 - b) + (x11 - x01) * b) * columns
        by_v = ((x01 - x00) * (1 - a) + (x11 - x10) * a) * rows
        return value, torch.stack([by_u, by_v], dim=-1)


def to_be_looked_at(scene: Scene, i: int) -> np.ndarray | None:
    """Which pixels of frame i a mask leaves to be looked at, bool [h, w]; None: all of them."""
    return scene.mask(i) if scene.mask_says == "valid" else None


def _shown(scene: Scene, i: int, known: Tensor) -> Tensor:
    """The same of small pixels [*SMALL]: those that hold nothing else, nor stand beside one that does.

    Args:
        known: bool [h, w], where there is a prior.
    """
    mask = to_be_looked_at(scene, i)
    hidden = ~known if mask is None else ~(known & torch.from_numpy(np.array(mask)))
    small = interpolate(hidden.float()[None, None], SMALL, mode="area")
    return max_pool2d(small, 3, 1, 1)[0, 0] <= 0.0
