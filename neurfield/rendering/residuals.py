"""How badly pictures are rendered: by patches of theirs, and by places that all of them show."""

from __future__ import annotations

import torch
from torch import Tensor, nn

KEPT = 0.9  # of the running sums of a patch, with each pixel in it
KEPT_PLACE = 0.98  # of those of a place
PLACES = 64  # along the longest side of the box
LARGEST = 0.2  # residual that counts at a place: one picture must not speak for all
BEFORE, CLEAR = 4.0, 0.5  # pixels that what was told beforehand counts for; the residual of what is transient
LEAST = 1.5  # pixels of which a patch's mean is one


class Residuals(nn.Module):
    """Running means of residuals of P patches, of those of the places they show, and of all places.

    Args:
        patches: P.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the sums.
    """

    patch: Tensor  # [3, P]: of residuals, of what was expected, and how many
    place: Tensor  # [2, places]: of residuals, and how many

    def __init__(self, patches: int, unit_box: list[float], device: torch.device) -> None:
        super().__init__()
        box = torch.tensor(unit_box).view(2, 3)
        self._edge = float((box[1] - box[0]).max()) / PLACES
        self._size = ((box[1] - box[0]) / self._edge).ceil().long().clamp_min(1).tolist()
        self._low = box[0].to(device)
        self.register_buffer("patch", torch.zeros(3, patches, device=device))
        x, y, z = self._size
        self.register_buffer("place", torch.zeros(2, x * y * z, device=device))

    def begin(self, transient: Tensor, compared: Tensor) -> None:
        """Take over what is known beforehand, bool [P] each."""
        self.patch[0] = BEFORE * CLEAR * transient
        self.patch[2] = BEFORE * (transient | compared)

    @property
    def known(self) -> Tensor:
        """Of which patches enough is known, bool [P]."""
        return self.patch[2] > LEAST

    def above(self, level: float, ratio: float) -> Tensor:
        """Whose mean residual is above `level` and `ratio` times what is expected there, bool [P]."""
        return self.patch[0] > level * self.patch[2] + ratio * self.patch[1]

    def take_in(self, patch: Tensor, residual: Tensor, place: Tensor, valid: Tensor, clean: Tensor) -> Tensor:
        """Add a step's pixels, and return what is expected of each, [R].

        Args:
            patch: int64 [R].
            residual: [R].
            place: [R, 3] unit coordinates; what lies outside the box counts at its side.
            valid: bool [R], which pixels count.
            clean: bool [R], which of them tell what is expected of a place.
        """
        cell = self._cells(place)
        weight = clean.to(residual)
        self.place *= KEPT_PLACE ** _summed(self.place[0], cell, weight)
        self.place += torch.stack(
            [_summed(self.place[0], cell, w) for w in (weight * residual.clamp_max(LARGEST), weight)]
        )
        expected = (self.place[0] / self.place[1].clamp_min(1e-6))[cell]
        weight = valid.to(residual)
        sums = [_summed(self.patch[0], patch, weight * one) for one in (residual, expected)]
        count = _summed(self.patch[0], patch, weight)
        self.patch *= KEPT**count
        self.patch += torch.stack([*sums, count])
        return expected

    def _cells(self, place: Tensor) -> Tensor:
        """In which of the places points [R, 3] are, int64 [R]."""
        x, y, z = ((place - self._low) / self._edge).nan_to_num(0.0).floor().long().unbind(1)
        nx, ny, nz = self._size
        x, y, z = (one.clamp(0, n - 1) for one, n in ((x, nx), (y, ny), (z, nz)))
        return (x * ny + y) * nz + z


def _summed(like: Tensor, index: Tensor, values: Tensor) -> Tensor:
    """Sums of values [R] by index, one for each of `like`; in the order of the pixels."""
    return torch.zeros_like(like).index_add_(0, index, values)
