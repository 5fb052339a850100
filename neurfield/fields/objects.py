"""Signed distances of a background and of objects; that of the scene is the least of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.encodings import Encoding
from neurfield.errors import UserError
from neurfield.fields.sdf import FieldSample, SDFField

OBJECTS = "objects"  # the head of all distances
OBJECT_RADIUS = 0.25  # of the sphere that the background starts as


class ObjectsField(SDFField):
    """K signed distances of one network, and their least, which is the scene's (ObjectSDF, Wu et al. 2022).

    The first is the background's. In a room it starts as a sphere with free space inside, the objects as
    small spheres in it. The gradient that `query` gives is that of the least one: a quick look at the values
    says whose it is.

    Attributes:
        ids: instance ids of the objects, in the order of their distances, which come after the background's.

    Args:
        ids: of the objects.
        encoding, hidden, feature_dim, softplus_beta, precision, heads, start_levels, all_levels_at, radius:
            as for `SDFField`. What `query` answers has one head more, "objects" [N, K]: all distances.

    Raises:
        UserError: a head is called "objects".

    Example:
        >>> field = ObjectsField([4, 7])
        >>> field.start_as_sphere(0.8, inside=True)  # a room with two small spheres in its middle
        >>> points = torch.tensor([[0.0, 0.0, 0.0], [0.9, 0.0, 0.0]])
        >>> sample = field.query(points, gradient=True)
        >>> sample.sdf < 0, sample.heads["objects"].shape
        (tensor([True, True]), torch.Size([2, 3]))
        >>> field.owner(points) > 0  # the objects' middle, and beyond the room's wall
        tensor([ True, False])
    """

    heads_from = 0  # the distances are a head, too

    def __init__(
        self,
        ids: Sequence[int],
        encoding: Encoding | None = None,
        hidden: tuple[int, ...] = (64, 64),
        feature_dim: int = 15,
        softplus_beta: float = 100.0,
        precision: str = "float32",
        heads: Mapping[str, int] = MappingProxyType({}),
        start_levels: int | None = None,
        all_levels_at: float = 0.0,
        radius: float = 0.0,
    ) -> None:
        if OBJECTS in heads:
            raise UserError(f"'heads.{OBJECTS}': the field has a head of that name, give yours another label")
        self.ids = tuple(ids)
        super().__init__(
            encoding, hidden, feature_dim, softplus_beta, precision=precision,
            heads={OBJECTS: 1 + len(self.ids), **heads}, start_levels=start_levels,
            all_levels_at=all_levels_at, radius=radius,
        )  # fmt: skip

    @property
    def objects(self) -> int:
        """K, how many distances there are, that of the background among them."""
        return 1 + len(self.ids)

    def query(
        self,
        points: Tensor,
        gradient: bool = False,
        row: Tensor | None = None,
        points_gradient: bool = False,
    ) -> FieldSample:
        """As `SDFField.query`; the sdf is the least distance, and so is what the gradient is of.

        Where `row` names a distance, below K, sdf and gradient are its own.
        """
        if gradient and row is None:
            row = self.owner(points)
        sample = super().query(points, gradient, row, points_gradient)
        distances = sample.heads[OBJECTS]
        if row is None:
            return sample._replace(sdf=distances.amin(dim=1))
        own = distances.gather(1, row.clamp_max(self.objects - 1)[:, None])[:, 0]
        return sample._replace(sdf=torch.where(row < self.objects, own, distances.amin(dim=1)))

    def owner(self, points: Tensor) -> Tensor:
        """Whose distance is the least at points [N, 3], int64 [N]: 0 the background's, then the objects'."""
        return super().query(points).heads[OBJECTS].argmin(dim=1)

    def one(self, index: int) -> OneObject:
        """The field of one distance alone: 0 the background, then the objects.

        Raises:
            IndexError: there is no such one.
        """
        if not 0 <= index < self.objects:
            raise IndexError(f"object {index} of a field that has {self.objects}, the background among them")
        return OneObject(self, index)

    @property
    def words(self) -> str:
        """What is told apart, for people."""
        return f"{len(self.ids)} objects and the background have distances of their own"

    def _starts(self, radius: float, inside: bool) -> list[tuple[float, bool]]:
        return [(radius, inside), *[(OBJECT_RADIUS * radius, False)] * len(self.ids)]


class OneObject(nn.Module):
    """The distance of one object of an `ObjectsField`, asked as a field of its own.

    Args:
        field: of all of them.
        index: of its distance.
    """

    def __init__(self, field: ObjectsField, index: int) -> None:
        super().__init__()
        self.field, self.index = field, index

    def query(self, points: Tensor, gradient: bool = False, **options: Any) -> FieldSample:
        """As `SDFField.query`."""
        row = torch.full((len(points),), self.index, dtype=torch.int64, device=points.device)
        return self.field.query(points, gradient, row, **options)

    def sdf(self, points: Tensor) -> Tensor:
        """SDF [N] only, no derivatives."""
        return self.query(points).sdf
