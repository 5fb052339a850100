"""What a picture shows and others contradict: somebody who walked by, seen before a fit begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from neurfield.ops import StereoPictures
from neurfield.scenes import Scene
from neurfield.stereo.maps import StereoMaps

FEWEST = 3  # pictures that must see one surface there, and be contradicted
MOST = 0.75  # of those that see it, so many agree with each other, and are contradicted
LEVELS = 15.0  # of 255, by which colours differ
SAME_DEPTH = 0.03  # relative difference of depth within one surface
_AROUND, _KNOWN = 5, 0.05  # patches on a side that vote on the middle one; the least share that can
_NOTHING = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Contradicted:
    """What was found of n pictures that are cut into patches.

    Attributes:
        transient: bool [n, rows, columns], what others contradict.
        compared: bool [n, rows, columns], where enough others see one surface and agree on its colour.
    """

    transient: Tensor
    compared: Tensor

    @property
    def share(self) -> float:
        """The part of what was compared that is transient."""
        return int((self.transient & self.compared).sum()) / max(1, int(self.compared.sum()))


def contradicted(scene: Scene, maps: StereoMaps, rows: int, columns: int) -> Contradicted:
    """Patches whose colour at least three other pictures contradict, which agree with each other.

    The depth of the others' maps, laid into a picture, says what it would show if nobody stood there: the
    nearest surface that three of them have. Its own depth is not asked: in front of what moves there is none,
    or a wrong one. A colour is compared with the range of the 3 x 3 pixels around the same point in the
    others, so that what is fine contradicts nobody. Five by five patches vote, so that what is thin, which
    others' maps may lack as well, is kept.

    Args:
        scene: whose pictures were matched, pinhole.
        maps: of them.
        rows: patches of a picture.
        columns: patches of a picture.
    """
    views = _Views.of(scene, maps, rows, columns)
    n = len(scene)
    transient, compared = torch.zeros(2, n, rows, columns, dtype=torch.bool).unbind(0)
    for i, others in enumerate(_others(maps, n)):
        if len(others) >= FEWEST:
            compared[i], transient[i] = _compared(views, i, others)
    near = [avg_pool2d(one[:, None].float(), _AROUND, 1, _AROUND // 2)[:, 0] for one in (transient, compared)]
    return Contradicted((near[0] > 0.5 * near[1]) & (near[1] > _KNOWN), compared)


@dataclass(frozen=True)
class _Views:
    """The pictures at two sizes: patches, and pixels half as wide, whose depth is laid into others.

    Attributes:
        pictures: of the maps.
        colour: float32 [n, 3, rows, columns], times the pictures' gains.
        least, most: float32 [n, 3, rows', columns'], the range of 3 x 3 pixels.
        points: of each frame with a map [k, 3], camera axes, and which pixels they are, int64 [k].
        lens: float32 [n, 4] of the patches.
        inside: bool [n, rows, columns]; None: all.
    """

    pictures: StereoPictures
    colour: Tensor
    least: Tensor
    most: Tensor
    points: dict[int, tuple[Tensor, Tensor]]
    lens: Tensor
    inside: Tensor | None

    @staticmethod
    def of(scene: Scene, maps: StereoMaps, rows: int, columns: int) -> _Views:
        pictures = maps.views.pictures
        height, width = pictures.grey.shape[1:]
        fine = min(height, 2 * rows), min(width, 2 * columns)
        colour, finer = _colours(scene, pictures, (rows, columns)), _colours(scene, pictures, fine)
        row, column = (
            ((torch.arange(n) + 0.5) * whole / n).long() for n, whole in zip(fine, (height, width))
        )
        points = {
            int(i): _points(maps.depth[k][row][:, column], _lens(pictures, fine)[int(i)])
            for k, i in enumerate(maps.frames)
        }
        inside = None
        if pictures.inside is not None:
            shape = (rows, columns)
            inside = torch.nn.functional.adaptive_avg_pool2d(pictures.inside[:, None].float(), shape)[:, 0]
        return _Views(
            pictures, colour, -max_pool2d(-finer, 3, 1, 1), max_pool2d(finer, 3, 1, 1), points,
            _lens(pictures, (rows, columns)), None if inside is None else inside > 0.99,
        )  # fmt: skip


def _colours(scene: Scene, pictures: StereoPictures, shape: tuple[int, int]) -> Tensor:
    """The pictures in colour at another size, times their gains, float32 [n, 3, rows, columns]."""
    size = shape[1], shape[0]
    colours = [
        np.asarray(Image.fromarray(scene.image(i)).resize(size, Image.Resampling.BOX), np.float32)
        for i in range(len(scene))
    ]
    return torch.from_numpy(np.stack(colours)).permute(0, 3, 1, 2) * pictures.gains[:, None, None, None]


def _lens(pictures: StereoPictures, shape: tuple[int, int]) -> Tensor:
    height, width = pictures.grey.shape[1:]
    y, x = shape[0] / height, shape[1] / width
    return pictures.lens * pictures.lens.new_tensor([x, y, x, y])


def _points(depth: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
    """The points [k, 3] of the pixels that have depth, camera axes, and which these are [k]."""
    h, w = depth.shape
    fx, fy, cx, cy = lens.unbind()
    x = ((torch.arange(w) + 0.5 - cx) / fx).expand(h, w)
    y = ((torch.arange(h) + 0.5 - cy) / fy)[:, None].expand(h, w)
    pixel = (depth.flatten() > 0).nonzero()[:, 0]
    rays = torch.stack([x, y, torch.ones_like(x)], dim=2).view(-1, 3)[pixel]
    return rays * depth.flatten()[pixel][:, None], pixel


def _others(maps: StereoMaps, n: int) -> list[list[int]]:
    """For each of n pictures those with a map that it was compared with, in either direction."""
    others: list[set[int]] = [set() for _ in range(n)]
    mapped = set(maps.frames.tolist())
    for i, row in zip(maps.frames.tolist(), maps.sources.tolist()):
        for j in row:
            if j >= 0:
                others[j].add(i)
                if j in mapped:
                    others[i].add(j)
    return [sorted(one) for one in others]


def _compared(views: _Views, i: int, others: list[int]) -> tuple[Tensor, Tensor]:
    """Where picture i can be compared with S others, and where they contradict it: bool [rows, columns]."""
    laid = [_laid(views, i, j) for j in others]
    depth, least, most = (torch.stack(one) for one in zip(*laid))  # [S, P], [S, 3, P], [S, 3, P]
    sorted_ = depth.sort(dim=0).values
    three = sorted_[FEWEST - 1 :] < sorted_[: 1 - FEWEST] * (1.0 + SAME_DEPTH)
    surface = sorted_.gather(0, three.byte().argmax(dim=0, keepdim=True))
    see = (depth >= surface) & (depth < surface * (1.0 + 2.0 * SAME_DEPTH)) & three.any(dim=0)
    middle = torch.where(see[:, None], 0.5 * (least + most), torch.nan).nanmedian(dim=0).values
    count = MOST * see.sum(dim=0)
    same = (see & (_apart(middle, least, most) < 0.5 * LEVELS)).sum(dim=0) >= count
    valid = three.any(dim=0) & same
    if views.inside is not None:
        valid = valid & views.inside[i].flatten()
    differ = (see & (_apart(views.colour[i].flatten(1), least, most) > LEVELS)).sum(dim=0)
    shape = views.colour.shape[2:]
    return valid.view(shape), (valid & (differ >= FEWEST) & (differ >= count)).view(shape)


def _apart(colour: Tensor, least: Tensor, most: Tensor) -> Tensor:
    """By how many levels colours [3, P] miss ranges [S, 3, P], in the worst channel: [S, P]."""
    return torch.maximum(least - colour, colour - most).amax(dim=1)


def _laid(views: _Views, i: int, j: int) -> tuple[Tensor, Tensor, Tensor]:
    """What picture j says of the P patches of picture i.

    Returns:
        z-depth [P], infinite where it says nothing; least and greatest colour [3, P].
    """
    pose = views.pictures.cam_from_world
    relative = (pose[i] @ torch.linalg.inv(pose[j])).float()
    local, pixel = views.points[j]
    x, y, z = (local @ relative[:3, :3].T + relative[:3, 3]).unbind(1)
    fx, fy, cx, cy = views.lens[i].unbind()
    rows, columns = views.colour.shape[2:]
    ahead = z.clamp_min(1e-6)
    column, row = (x / ahead * fx + cx).floor(), (y / ahead * fy + cy).floor()
    shown = (z > 1e-6) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    some = shown.nonzero()[:, 0]
    patch = (row[some] * columns + column[some]).long()
    # Depth above the point's number: the least of both is the nearest point, of equals the first.
    key = (z[some].contiguous().view(torch.int32).long() << 32) | some
    nearest = torch.full((rows * columns,), _NOTHING).scatter_reduce(0, patch, key, "amin")
    hit = nearest < _NOTHING
    point = torch.where(hit, nearest & 0xFFFFFFFF, 0)
    if not len(z):
        return torch.full(hit.shape, torch.inf), torch.zeros(3, len(hit)), torch.zeros(3, len(hit))
    least, most = (one[j].flatten(1)[:, pixel[point]] for one in (views.least, views.most))
    return torch.where(hit, z[point], torch.inf), least, most
