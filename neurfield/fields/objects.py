"""Signed distances of a background and of objects: the scene's, within the place of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.encodings import Encoding
from neurfield.fields.heads import Head
from neurfield.fields.labels import Labels
from neurfield.fields.sdf import FieldSample, SDFField
from neurfield.fields.trained import trained_values
from neurfield.ops.eager import eager
from neurfield.ops.points import flat_points

# Unit lengths, about two voxels, of the scene's surface: that far its own distance is what counts.
NEAR = 0.01


class ObjectsField(SDFField):
    """K signed distances: of the matter of a scene that is the background's, and of that of each object.

    With the scene's distance s and labels l_k, a network of their own, the place of object k is where its
    label is the largest, and its distance is that to what is both matter and its place:

        d_k = max(s, b_k),  b_k = LENGTH (max over j other than k of l_j, less l_k), LENGTH = 0.005

    In free space and on the surface the least of them is s, as ObjectSDF has it (Wu et al. 2022), and where
    one is negative, at -a, all others are a at least (ObjectSDF++, Wu et al. 2023, Eq. 9).

    Attributes:
        ids: instance ids of the objects, in the order of their distances, which come after the background's.
        labels: the network of the labels.

    Args:
        ids: of the objects.
        encoding, hidden, feature_dim, softplus_beta, precision, heads, start_levels, all_levels_at, radius:
            as for `SDFField`; of the scene's distance.
        labels: the network of K labels; None: one of its usual size.

    Example:
        >>> field = ObjectsField([4, 7])  # a sphere that is somebody's
        >>> points = torch.tensor([[0.0, 0.0, 0.0], [0.9, 0.0, 0.0]])
        >>> distances = field.distances(points)
        >>> distances.shape, distances.amin(dim=1) < 0
        (torch.Size([2, 3]), tensor([ True, False]))
    """

    def __init__(
        self,
        ids: Sequence[int],
        encoding: Encoding | None = None,
        hidden: tuple[int, ...] = (64, 64),
        feature_dim: int = 15,
        softplus_beta: float = 100.0,
        precision: str = "float32",
        heads: Mapping[str, Head | int] = MappingProxyType({}),
        start_levels: int | None = None,
        all_levels_at: float = 0.0,
        radius: float = 0.0,
        labels: Labels | None = None,
    ) -> None:
        super().__init__(
            encoding, hidden, feature_dim, softplus_beta, precision=precision, heads=heads,
            start_levels=start_levels, all_levels_at=all_levels_at, radius=radius,
        )  # fmt: skip
        self.ids = tuple(ids)
        self.labels = Labels(1 + len(self.ids)) if labels is None else labels

    @property
    def objects(self) -> int:
        """K, how many distances there are, that of the background among them."""
        return 1 + len(self.ids)

    @torch.no_grad()
    def distances(self, points: Tensor) -> Tensor:
        """All distances [..., K] at points [..., 3], unit coordinates; without derivatives."""
        return self.labels.distances(self.sdf(points), points)

    @torch.no_grad()
    def owner(self, points: Tensor) -> Tensor:
        """Whose place points [..., 3] are, int64 [...]: 0 the background's, then the objects'."""
        return self.labels(points).argmax(dim=-1)

    def one(self, index: int) -> OneObject:
        """The field of one distance alone: 0 the background, then the objects.

        Raises:
            IndexError: there is no such one.
        """
        if not 0 <= index < self.objects:
            raise IndexError(f"object {index} of a field that has {self.objects}, the background among them")
        return OneObject(self, index)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """As of `SDFField`, with the labels' table among the tables, and their network as "labels"."""
        groups, of_labels = super().parameter_groups(), self.labels.parameter_groups()
        tables = [*groups.get("table", []), *of_labels["table"]]
        return {**groups, "table": tables, "labels": of_labels["network"]}

    @property
    def words(self) -> str:
        """What is told apart, for people."""
        return f"{len(self.ids)} objects and the background have distances of their own"

    def _more_words(self) -> list[str]:
        return [f"objects {', '.join(map(str, self.ids))}"]


class OneObject(nn.Module):
    """The distance of one object of an `ObjectsField`, asked as a field of its own, to extract its surface.

    Args:
        field: of all of them.
        index: of its distance.
    """

    def __init__(self, field: ObjectsField, index: int) -> None:
        super().__init__()
        self.field, self.index = field, index

    @eager
    def forward(self, points: Tensor) -> Tensor:
        """The object's distance [...] at points [..., 3]; losses on it train the scene's and the labels.

        The derivative by the points is the scene's, as in `query`; else as `SDFField.forward`.
        """
        flat = flat_points("OneObject.forward", points, 3, next(self.field.parameters()))
        return trained_values(flat, self._trained, self.field._slope).reshape(points.shape[:-1])

    @eager
    def query(self, points: Tensor, gradient: bool = False, **options: Any) -> FieldSample:
        """As `SDFField.query`, with the object's sdf; gradient and feature are the scene's."""
        sample = self.field.query(points, gradient, **options)
        with torch.no_grad():
            distance = self.field.labels.distances(sample.sdf, points)[..., self.index]
        return sample._replace(sdf=distance)

    def sdf(self, points: Tensor) -> Tensor:
        """A distance [...] with the same sides, of which an exact surface can be extracted; no derivatives.

        Labels are no lengths. So in its own place it is the scene's near the scene's surface, whatever labels
        are there, and in another's it does not promise more than the scene's in free space, and next to
        nothing within matter.
        """
        with torch.no_grad():
            flat = flat_points("OneObject.sdf", points, 3, next(self.field.parameters()))
            scene = self.field.sdf(flat)
            close = (scene <= NEAR).nonzero()[:, 0]
            near = scene[close]
            beyond = self.field.labels.beyond(flat[close])[:, self.index]
            own = torch.maximum(near, beyond.clamp_max(-NEAR))
            others = torch.maximum(near, beyond).minimum(near.clamp_min(0.0) + NEAR)
            distance = scene.index_copy(0, close, torch.where(beyond <= 0.0, own, others))
            return distance.reshape(points.shape[:-1])

    def __repr__(self) -> str:
        """One line: whose, and of which field."""
        return f"OneObject({self.index} of {self.field!r})"

    def _trained(self, points: Tensor) -> Tensor:
        return self.field.labels.distances(self.field(points), points)[:, self.index]
