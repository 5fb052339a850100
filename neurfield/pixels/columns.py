"""Some pixels of a scene and what is known at them, a column for each kind of knowledge."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from neurfield.rays import Rays


@dataclass(frozen=True)
class Pixels:
    """R pixels: their rays and what the scene says there.

    What the scene does not say, or a fit does not look at, has no column. Where a mask says that a pixel is
    not valid, depth and priors are 0. The columns are:

        rgb           [R, 3] in 0..1
        t_depth       [R] distance of the sensed surface along the ray, unit lengths; 0: none
        prior_depth   [R] in its own unit, growing with depth; 0: none
        prior_normal  [R, 3] unit, world axes; 0: none
        mask          [R] 0 or 1, or 2 where it is not known (`FlatImages`)
        segment       [R] int64 instance id; below 0: not known
        reflectance   [R, 3] in 0..1, up to a scale of each image; 0: none
        shading       [R, 3] in 0..1, up to a scale of each image; 0: none
        patch         [R] int64, in which of `Patches` of the pictures; where a fit has `transients`
        kept          [R] bool, False: taken for what is not the scene's; where a fit has `transients`

    Attributes:
        rays: R, in unit coordinates.
        camera: [R] int64, of the scene's cameras.
        group: [R] int64, which of the step's images.
        groups: how many images the step has.
        columns: by name, [R] or [R, K] each.
    """

    rays: Rays
    camera: Tensor
    group: Tensor
    groups: int
    columns: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rays)

    @property
    def rgb(self) -> Tensor:
        """[R, 3] in 0..1."""
        return self.columns["rgb"]

    def get(self, name: str) -> Tensor | None:
        """A column, or None."""
        return self.columns.get(name)

    def having(self, **columns: Tensor | None) -> Pixels:
        """The same pixels with other columns in the place of these; without those that are None."""
        merged = {**self.columns, **columns}
        return replace(self, columns={name: values for name, values in merged.items() if values is not None})

    def reorder(self, order: Tensor) -> Pixels:
        """The same pixels in another order."""
        columns = {name: values[order] for name, values in self.columns.items()}
        rays, camera, group = self.rays.take(order), self.camera[order], self.group[order]
        return Pixels(rays, camera, group, self.groups, columns)

    def elsewhere(self, tolerance: float) -> Tensor:
        """[R] whether a surface was sensed, but farther than `tolerance` from the stretch in the box."""
        sensed = self.get("t_depth")
        t = torch.zeros_like(self.rays.t_min) if sensed is None else sensed
        return (t > 0) & ((t < self.rays.t_min - tolerance) | (t > self.rays.t_max + tolerance))
