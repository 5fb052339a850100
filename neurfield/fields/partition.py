"""Signed distances of several labels, of which the least says whose a place is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.encodings import Encoding
from neurfield.fields.sdf import FieldSample, SDFField
from neurfield.fields.trained import trained_values
from neurfield.ops.eager import eager
from neurfield.ops.points import flat_points

_HEAD = "labels"


class PartitionField(SDFField):
    """A distance for each of K labels and one for all of them as one thing, and one decision.

    With f_k the distance of label k, negative inside, and f_0 = -u that of what has no label, u the distance
    of all as one thing, a place belongs to the least of f_0, ..., f_K. What a label ends in is then

        d_k = (f_k - min over j other than k of f_j) / 2

    negative in its place alone. Of two labels that touch, one's is the other's turned round, so they share
    their boundary, whatever the network says; no place is in two, and none is in neither that is not in
    what has no label. Where f_k = -f_j, as of true distances, d_k is f_k.

    Of a label that goes around smaller ones the network gives the distance g_k of all of these and it, so
    that it need not know how small things deep in a large one are; they are taken away again,

        f_k = max(g_k, -min over those in it of g_j),   and f_k = g_k of all others

    A label may have others that are parts of it, as organs are of a body (`inner`): alone it ends in what
    goes around all of them, with their least f in the place of f_k, and the least of the rest beside it.

    Attributes:
        ids: of the labels, in the order of their distances, which come after that of what has no label.
        enclosed: for labels that go around smaller ones, those, by their ids.
        inner: for labels that others are parts of, those, by their ids.

    Args:
        ids: of the labels.
        encoding, hidden, softplus_beta, n_frequencies, precision, start_levels, all_levels_at, radius: as for
            `SDFField`.

    Example:
        >>> field = PartitionField([4, 7])  # both begin as the same sphere
        >>> points = torch.tensor([[0.0, 0.0, 0.0], [0.9, 0.0, 0.0]])
        >>> field.distances(points).shape, field.sdf(points) < 0
        (torch.Size([2, 3]), tensor([ True, False]))
    """

    def __init__(
        self,
        ids: Sequence[int],
        encoding: Encoding | None = None,
        hidden: tuple[int, ...] = (64, 64),
        softplus_beta: float = 100.0,
        n_frequencies: int = 0,
        precision: str = "float32",
        start_levels: int | None = None,
        all_levels_at: float = 0.0,
        radius: float = 0.0,
    ) -> None:
        self.ids = tuple(ids)
        self.enclosed: Mapping[int, Sequence[int]] = {}
        self.inner: Mapping[int, Sequence[int]] = {}
        super().__init__(
            encoding, hidden, 0, softplus_beta, n_frequencies=n_frequencies, precision=precision,
            heads={_HEAD: len(self.ids)}, start_levels=start_levels, all_levels_at=all_levels_at,
            radius=radius,
        )  # fmt: skip

    @property
    def objects(self) -> int:
        """K + 1: what has no label, and the labels."""
        return 1 + len(self.ids)

    @eager
    def query(
        self,
        points: Tensor,
        gradient: bool = False,
        row: Tensor | None = None,
        points_gradient: bool = False,
    ) -> FieldSample:
        """As `SDFField.query`; value and gradient are of one distance a point.

        `row` [...] int64 names per point whose: 0 that of all labels as one thing (u), then the labels' (g_k)
        in their order. None: that of all places which have a label by the decision, (min f_k + u) / 2, whose
        gradient takes three queries.
        """
        if row is not None:
            sample = super().query(points, gradient, row, points_gradient)
            each = torch.cat([sample.sdf[..., None], sample.heads[_HEAD]], dim=-1)
            return sample._replace(sdf=each.gather(-1, row[..., None])[..., 0])
        if not gradient:
            sample = super().query(points)
            return sample._replace(sdf=self._whole(sample.sdf, sample.heads[_HEAD]))
        row, sign = self.nearest(points, range(1, self.objects))
        one = self.query(points, True, row, points_gradient)
        whole = self.query(points, True, torch.zeros_like(row), points_gradient)
        assert one.gradient is not None and whole.gradient is not None  # asked for
        slope = 0.5 * (sign[..., None] * one.gradient + whole.gradient)
        return one._replace(sdf=0.5 * (sign * one.sdf + whole.sdf), gradient=slope)

    @torch.no_grad()
    def distances(self, points: Tensor) -> Tensor:
        """All d [..., K + 1] at points [..., 3], unit coordinates; the first of what has no label."""
        values = self.values(points)
        two, who = values.topk(2, dim=-1, largest=False)
        others = two[..., :1].expand_as(values).scatter(-1, who[..., :1], two[..., 1:])
        return 0.5 * (values - others)

    @torch.no_grad()
    def owner(self, points: Tensor) -> Tensor:
        """Whose place points [..., 3] are, int64 [...]: 0 nobody's, then the labels'."""
        return self.values(points).argmin(dim=-1)

    @torch.no_grad()
    def values(self, points: Tensor) -> Tensor:
        """f_0 to f_K [..., K + 1] at points [..., 3]."""
        sample = super().query(points)
        return self._decided(sample.sdf, sample.heads[_HEAD])[0]

    @torch.no_grad()
    def nearest(self, points: Tensor, among: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Of which row of `query` the least f of some is at points [..., 3], [...], and 1 or -1, its sign.

        Args:
            points: unit coordinates.
            among: numbers of distances, 0 of what has no label.
        """
        sample = super().query(points)
        values, rows, signs = self._decided(sample.sdf, sample.heads[_HEAD])
        those = torch.as_tensor(list(among), device=points.device)
        least = those[values[..., those].argmin(dim=-1)][..., None]
        return rows.gather(-1, least)[..., 0], signs.gather(-1, least)[..., 0]

    def parts(self, index: int) -> tuple[int, ...]:
        """Whose places are of a label when it stands alone: its own, and those of the labels in it."""
        within = self.inner.get(self.ids[index - 1], ()) if index else ()
        return (index, *(1 + self.ids.index(label) for label in within))

    def one(self, index: int, box: Tensor | None = None) -> OneLabel:
        """The field of one label alone, with what lies in it: 0 of what has no label, then the labels.

        Args:
            index: of the distance.
            box: [2, 3] minimum and maximum, unit coordinates, beyond which no place is of it; None: it may
                be anywhere.

        Raises:
            IndexError: there is no such one.
        """
        if not 0 <= index < self.objects:
            raise IndexError(f"label {index} of a field that has {self.objects}, what has none among them")
        return OneLabel(self, index, box)

    @torch.no_grad()
    def start_as_sphere(self, radius: float, inside: bool, seed: int = 0) -> None:
        """As of `SDFField`; every distance is that of the sphere."""
        super().start_as_sphere(radius, inside, seed)
        last = self._linears()[-1]
        last.weight[:], last.bias[:] = last.weight[:1].clone(), last.bias[:1].clone()

    @torch.no_grad()
    def start_near(self, told: Sequence[tuple[Tensor, Tensor]], seed: int = 0) -> None:
        """Let each distance begin near what is told of it, as well as the first layers' random features can.

        Distances that all begin alike stay next to each other inside of all labels, where slices ask little
        more of them than a sign: three layers of equal thickness were not told apart in 800 steps.

        Args:
            told: points [P, 3], unit coordinates, and distances [P] there: of all labels as one thing, then
                of each.
            seed: of the layers' numbers.
        """
        self.start_as_sphere(1.0, inside=False, seed=seed)
        *hidden, last = self._linears()
        for k, (points, distances) in enumerate(told):
            seen = torch.cat([points, points.new_zeros(len(points), hidden[0].in_features - 3)], dim=1)
            for layer in hidden:
                mixed = nn.functional.linear(seen, layer.weight.cpu(), layer.bias.cpu())
                seen = nn.functional.softplus(mixed, beta=self.beta)
            seen = torch.cat([seen, torch.ones(len(points), 1)], dim=1).double()
            ridge = 1e-4 * len(points) * torch.eye(seen.shape[1], dtype=torch.float64)  # as of the sphere
            solved = torch.linalg.solve(seen.T @ seen + ridge, seen.T @ distances.double()).to(last.weight)
            last.weight[k], last.bias[k] = solved[:-1], solved[-1]

    @property
    def words(self) -> str:
        """What is told apart, for people."""
        return f"{len(self.ids)} labels have distances of their own, and each place is of one or of none"

    def _trained(self, points: Tensor) -> Tensor:
        outputs = self._trained_outputs(points)
        return self._whole(outputs[:, 0], outputs[:, 1 : self.objects])

    def _whole(self, whole: Tensor, labels: Tensor) -> Tensor:
        return 0.5 * (self._decided(whole, labels)[0][..., 1:].amin(dim=-1) + whole)

    def _decided(self, whole: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """f_0 to f_K [..., K + 1] of outputs u [...], g [..., K]; of which of these each is, and its sign."""
        values = torch.cat([-whole[..., None], labels], dim=-1)
        rows = torch.arange(self.objects, device=values.device).expand(values.shape)
        signs = torch.where(rows > 0, 1.0, -1.0).to(values)
        if not self.enclosed:
            return values, rows, signs
        each = [list(one.unbind(dim=-1)) for one in (values, rows, signs)]
        for label, those in self.enclosed.items():
            k, within = 1 + self.ids.index(label), [1 + self.ids.index(one) for one in those]
            least, which = values[..., within].min(dim=-1)
            taken = -least > each[0][k]
            each[0][k] = torch.where(taken, -least, each[0][k])
            each[1][k] = torch.where(taken, torch.as_tensor(within, device=which.device)[which], k)
            each[2][k] = torch.where(taken, -1.0, 1.0).to(values)
        values, rows, signs = (torch.stack(one, dim=-1) for one in each)
        return values, rows, signs

    def _more_words(self) -> list[str]:
        return [f"labels {', '.join(map(str, self.ids))}"]


class OneLabel(nn.Module):
    """What one label and those in it end in, d_k of a `PartitionField`, asked as a field of its own.

    Args:
        field: of all of them.
        index: of the label's distance.
        box: [2, 3] beyond which no place is of it, so that its surface is closed there; None: there is none.
    """

    def __init__(self, field: PartitionField, index: int, box: Tensor | None = None) -> None:
        super().__init__()
        self.field, self.index, self.box = field, index, box
        self.parts = list(field.parts(index))
        self.others = [k for k in range(field.objects) if k not in self.parts]

    @eager
    def forward(self, points: Tensor) -> Tensor:
        """d_k [...] at points [..., 3]; losses on it train the field."""
        flat = flat_points("OneLabel.forward", points, 3, next(self.field.parameters()))

        def value(at: Tensor) -> Tensor:
            return self.query(at).sdf

        def slope(at: Tensor) -> Tensor:
            gradient = self.query(at, gradient=True, points_gradient=True).gradient
            assert gradient is not None  # asked for
            return gradient

        return trained_values(flat, value, slope).reshape(points.shape[:-1])

    @eager
    def query(self, points: Tensor, gradient: bool = False, **options: Any) -> FieldSample:
        """As `SDFField.query`, with d_k and its gradient: half the difference of two distances'."""
        nearest, a = self.field.nearest(points, self.parts)
        rival, b = self.field.nearest(points, self.others)
        own = self.field.query(points, gradient, nearest, **options)
        other = self.field.query(points, gradient, rival, **options)
        slope = None
        if own.gradient is not None and other.gradient is not None:
            slope = 0.5 * (a[..., None] * own.gradient - b[..., None] * other.gradient)
        distance = 0.5 * (a * own.sdf - b * other.sdf)
        if self.box is not None:
            beyond, side = self._beyond(points)
            out = beyond > distance
            distance = torch.where(out, beyond, distance)
            slope = None if slope is None else torch.where(out[..., None], side, slope)
        return own._replace(sdf=distance, gradient=slope)

    def sdf(self, points: Tensor) -> Tensor:
        """d_k [...] of points [..., 3] only, no derivatives."""
        values = self.field.values(points)
        distance = 0.5 * (values[..., self.parts].amin(dim=-1) - values[..., self.others].amin(dim=-1))
        return distance if self.box is None else torch.maximum(distance, self._beyond(points)[0])

    def _beyond(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """How far [...] points [..., 3] are beyond the nearest side of the box, and its normal [..., 3]."""
        assert self.box is not None
        box = self.box.to(points)
        each = torch.cat([box[0] - points, points - box[1]], dim=-1)
        most, which = each.max(dim=-1)
        return most, torch.cat([-torch.eye(3), torch.eye(3)]).to(points)[which]

    def __repr__(self) -> str:
        """One line: whose, and of which field."""
        return f"OneLabel({self.index} of {self.field!r})"
