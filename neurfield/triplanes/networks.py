"""Networks that tell classes and parts: of planes' channels, of points, of weights.

Each answers a `Sample` of B shapes with [B, classes], or with [B, P, parts] at its P queried points.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize, one_hot

from neurfield.triplanes.siren import sinusoids

_OCTAVES = 10


@dataclass(frozen=True)
class Size:
    """Of a network.

    Attributes:
        width: of a token.
        layers: of the encoder.
        inner: units of a layer's inner one.
        decoder: layers of the part decoder.
        decoder_inner: units of their inner ones.
        rate: the highest learning rate.
        batch: shapes a step.
        epochs: at most, where nobody says.
    """

    width: int
    layers: int
    inner: int
    decoder: int
    decoder_inner: int
    rate: float
    batch: int
    epochs: int


SIZES = {
    "small": Size(
        width=128, layers=3, inner=256, decoder=2, decoder_inner=128, rate=1e-3, batch=32, epochs=100
    ),
    "published": Size(
        width=512, layers=8, inner=2048, decoder=4, decoder_inner=1024, rate=1e-4, batch=256, epochs=150
    ),
}


def size_of(name: str, task: str) -> Size:
    """A key of `SIZES` as a task has it: the authors take other numbers for parts than for classes."""
    if (name, task) == ("published", "segment"):
        return replace(SIZES[name], inner=1024, batch=32, epochs=75)
    return SIZES[name]


@dataclass(frozen=True)
class Sample:
    """What networks look at, of B shapes.

    Attributes:
        planes: [B, 3 C, R, R].
        points: [B, 2048, 3] on the surfaces.
        rows: [B, rows, hidden] of the fields' networks.
        queries: [B, P, 3] where parts are asked for.
        labels: int64 [B], the classes, which a segmentation is told.
    """

    planes: Tensor
    points: Tensor
    rows: Tensor
    queries: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> Sample:
        """The same on a device."""
        return Sample(*(getattr(self, one.name).to(device) for one in fields(self)))


class Channels(nn.Module):
    """A transformer whose tokens are the channels of planes (Cardace et al. 2024, section 4).

    Each channel is a whole map. Their order means nothing, because each field began with other numbers, so
    there is no positional encoding; codes are the tokens, and their greatest values tell the class.
    """

    def __init__(
        self, task: str, channels: int, resolution: int, classes: int, parts: int, size: Size
    ) -> None:
        super().__init__()
        self.crop = 2 if task == "classify" else 0
        self.first = nn.Linear((resolution - self.crop) ** 2, size.width)
        layer = nn.TransformerEncoderLayer(size.width, 4, size.inner, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, size.layers, enable_nested_tensor=False)
        self.task = task
        if task == "classify":
            self.last = nn.Linear(size.width, classes)
        else:
            self.asked = nn.Linear(3 + 6 * _OCTAVES + classes, size.width)
            one = nn.TransformerDecoderLayer(size.width, 2, size.decoder_inner, batch_first=True)
            self.decoder = nn.TransformerDecoder(one, size.decoder)
            self.last = nn.Linear(size.width, parts)
        self.classes = classes

    def forward(self, sample: Sample) -> Tensor:
        """[B, classes] or [B, P, parts]."""
        maps = normalize(sample.planes, dim=1)
        tokens = self.encoder(self.first(_cropped(maps, self.crop, self.training).flatten(2)))
        if self.task == "classify":
            return self.last(tokens.amax(dim=1))
        asked = torch.relu(self.asked(_queries(sample, self.classes)))
        return self.last(self.decoder(asked, tokens))


class PointNet(nn.Module):
    """Points alone: the same small network for each, and the greatest value of each feature.

    Qi et al., PointNet (CVPR 2017), section 4.2, without its learnt transforms.
    """

    def __init__(self, task: str, classes: int, parts: int) -> None:
        super().__init__()
        self.task, self.classes = task, classes
        self.near = _per_row(3, 64, 64)
        self.far = _per_row(64, 128, 512)
        self.last = _head(task, 512, classes, parts, 64)

    def forward(self, sample: Sample) -> Tensor:
        """[B, classes] or [B, P, parts]."""
        points = sample.points
        if self.training:
            turn = 0.8 + 0.45 * torch.rand(len(points), 1, 3, device=points.device)
            points = points * turn + 0.01 * torch.randn_like(points)
        code = self.far(self.near(points)).amax(dim=1)
        if self.task == "classify":
            return self.last(code)
        return self.last(_with_code(sample, code, self.near(sample.queries), self.classes))


class Weights(nn.Module):
    """The numbers of the fields' networks alone, their rows as a set of points.

    After nf2vec (Ramirez et al. 2023), whose encoder this is; learnt for the task itself, not to give the
    field back.
    """

    def __init__(self, task: str, hidden: int, classes: int, parts: int) -> None:
        super().__init__()
        self.task, self.classes = task, classes
        self.encoder = _per_row(hidden, 256, 512)
        if task == "segment":
            self.near = _per_row(3 + 6 * _OCTAVES, 64, 64)
        self.last = _head(task, 512, classes, parts, 64)

    def forward(self, sample: Sample) -> Tensor:
        """[B, classes] or [B, P, parts]."""
        code = self.encoder(sample.rows).amax(dim=1)
        if self.task == "classify":
            return self.last(code)
        near = self.near(sinusoids(sample.queries, _OCTAVES))
        return self.last(_with_code(sample, code, near, self.classes))


class _Rows(nn.Module):
    """A linear layer, batch norm over all rows, a ReLU."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(into, out), nn.BatchNorm1d(out)

    def forward(self, rows: Tensor) -> Tensor:
        """[B, N, out] of rows [B, N, into]."""
        said = self.linear(rows)
        return torch.relu(self.norm(said.flatten(0, 1)).view_as(said))


def _per_row(*widths: int) -> nn.Module:
    return nn.Sequential(*(_Rows(a, b) for a, b in itertools.pairwise(widths)))


def _head(task: str, code: int, classes: int, parts: int, near: int) -> nn.Module:
    if task == "classify":
        return nn.Sequential(nn.Linear(code, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, classes))
    return nn.Sequential(_Rows(code + near + classes, 256), _Rows(256, 128), nn.Linear(128, parts))


def _with_code(sample: Sample, code: Tensor, near: Tensor, classes: int) -> Tensor:
    told = torch.cat([code, one_hot(sample.labels, classes).float()], dim=1)
    return torch.cat([near, told[:, None].expand(-1, near.shape[1], -1)], dim=2)


def _queries(sample: Sample, classes: int) -> Tensor:
    told = one_hot(sample.labels, classes).float()[:, None].expand(-1, sample.queries.shape[1], -1)
    return torch.cat([sinusoids(sample.queries, _OCTAVES), told], dim=2)


def _cropped(maps: Tensor, less: int, training: bool) -> Tensor:
    """Maps `less` texels smaller: their middle, or in training a random square of them, resized."""
    size = maps.shape[-1]
    if not less:
        return maps
    if not training:
        return maps[..., less // 2 : size - less // 2, less // 2 : size - less // 2]
    side = size - int(torch.randint(0, max(size // 5, 1) + 1, ()))
    top, left = (int(torch.randint(0, size - side + 1, ())) for _ in range(2))
    square = maps[..., top : top + side, left : left + side]
    return interpolate(square, size=(size - less, size - less), mode="bilinear", align_corners=False)


def make_network(
    model: str, task: str, about: dict[str, int], classes: int, parts: int, size: Size
) -> nn.Module:
    """A network with fresh numbers.

    Args:
        model: "triplane", "pointnet" or "weights".
        task: "classify" or "segment".
        about: sizes of the fields: channels, resolution, hidden.
        classes: how many.
        parts: how many.
        size: of the transformer.
    """
    if model == "triplane":
        return Channels(task, 3 * about["channels"], about["resolution"], classes, parts, size)
    if model == "pointnet":
        return PointNet(task, classes, parts)
    return Weights(task, about["hidden"], classes, parts)
