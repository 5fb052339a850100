"""What losses look at: all that a step drew, asked and rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.moment import Moment
from neurfield.pixels import Pixels
from neurfield.points import AskedPoints
from neurfield.rays import Samples
from neurfield.rendering import Answers, OpacityNow, Rendered


@dataclass(frozen=True)
class RaysSeen:
    """What a step rendered.

    Attributes:
        pixels: R pixels, their colours those that are asked for.
        samples: S sections of their rays.
        answers: what the field says there.
        passes: what each opacity makes of them, by label.
        truncation: half width of the band around sensed depth, unit lengths.
        compared: [R] bool, whose colours count; None: all.
        valid: [R] bool, whose colours would count if nothing were taken for transient; None: all.
        outlined: whether masks are an object's outline.
        bare: [R, 3], the first pass's colours times opacity, without background and exposure.
        pairs: int64 [K], samples that the last K of `Seen.pairs` are of.
        opacities: of the passes, as they are at this moment, by label.
    """

    pixels: Pixels
    samples: Samples
    answers: Answers
    passes: Mapping[str, Rendered]
    truncation: float
    compared: Tensor | None = None
    valid: Tensor | None = None
    outlined: bool = False
    bare: Tensor | None = None
    pairs: Tensor | None = None
    opacities: Mapping[str, OpacityNow] = field(default_factory=dict)

    def alpha(self, label: str) -> Tensor:
        """The opacity [S] that a pass gives the samples, with gradient."""
        return self.opacities[label].of_answers(self.answers, self.pixels.rays, self.samples)[0]

    @cached_property
    def incidence(self) -> Tensor:
        """Cosine [S] between rays and the surface's normal, at least 0.1; without gradient."""
        directions = self.pixels.rays.directions[self.samples.ray_indices]
        with torch.no_grad():
            facing = -(normalize(self.answers.gradient, dim=1) * directions).sum(dim=1)
            return facing.clamp(0.1, 1.0)

    @cached_property
    def t_depth(self) -> Tensor:
        """Sensed distance [S] along each sample's ray, 0 = none."""
        return self.pixels.columns["t_depth"][self.samples.ray_indices]


@dataclass(frozen=True)
class Seen:
    """A look of a step at the field: points, and rays where they take part.

    Attributes:
        moment: of the fit.
        gradients: [N, 3] where the field ought to have slope one; None: nowhere.
        pairs: gradients [K, 3] at points, and at points a small step from each; None: there are none.
        points: sets of points with the field's answers, by name.
        of_rays: what was rendered; None: rays take no part.
    """

    moment: Moment
    gradients: Tensor | None = None
    pairs: tuple[Tensor, Tensor] | None = None
    points: Mapping[str, AskedPoints] = field(default_factory=dict)
    of_rays: RaysSeen | None = None

    @property
    def rays(self) -> RaysSeen:
        """What was rendered; for losses that need pixels, passes or samples."""
        assert self.of_rays is not None
        return self.of_rays

    @property
    def pixels(self) -> Pixels:
        """The pixels of the rays."""
        return self.rays.pixels

    def rendered(self, label: str) -> Rendered:
        """What a pass rendered."""
        return self.rays.passes[label]

    @cached_property
    def offers(self) -> frozenset[str]:
        """Names of all that losses may look at here.

        They are "gradients", "pairs", "points.SET", "points.SET.COLUMN", "samples", "pixels.COLUMN",
        "pixels.outline", "passes.LABEL", "passes.LABEL.CHANNEL" and "heads.NAME".
        """
        names = {f"points.{name}" for name in self.points}
        names |= {f"points.{n}.{column}" for n, answer in self.points.items() for column in answer.columns}
        names |= {f"heads.{name}" for answer in self.points.values() for name in answer.heads}
        if self.gradients is not None:
            names.add("gradients")
        if self.pairs is not None:
            names.add("pairs")
        if self.of_rays is not None:
            names |= {"samples", *(f"pixels.{name}" for name in self.pixels.columns)}
            for label, one in self.of_rays.passes.items():
                names |= {f"passes.{label}", *(f"passes.{label}.{name}" for name in one.channels)}
            names |= {f"heads.{name}" for name in self.of_rays.answers.heads}
            if self.of_rays.outlined:
                names.add("pixels.outline")
        return frozenset(names)
