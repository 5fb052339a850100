"""How opaque a stretch of a ray is, by what the field says in its middle.

An opacity of a new kind is a subclass with `alpha` in plain torch; NeuS and VolSDF have kernels besides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from neurfield.errors import UserError
from neurfield.moment import Moment, geometric
from neurfield.ops.reference.opacity import neus_alpha, volsdf_alpha
from neurfield.ops.sections import section_opacity
from neurfield.parts import Number
from neurfield.rays import Rays, Samples
from neurfield.rendering.answers import Answers

Width = Annotated[float, Number(above=0.0)]
WIDTHS = 1e-4, 1.0  # that may be learnt


class Opacity(nn.Module):
    """What opacities share: a width that narrows by equal factors over a fit, or is learnt.

    The width is how far from the surface the opacity reaches, unit lengths: 1/inv_s of NeuS, beta of VolSDF.

    Args:
        width_start: at the first step, unit lengths.
        width_end: at the last step, unit lengths.
        width_warm: at the first step of a fit that starts from a surface, unit lengths.
        learn: learn the width from width_start on, as the papers do, instead.
    """

    slope_matters = True  # whether alpha depends on the slope
    slope_of = ""  # a head of the field whose gradient it asks for
    leads = True  # whether samples and pictures may be by it

    def __init__(
        self,
        *,
        width_start: Width = 0.04,
        width_end: Width = 0.003,
        width_warm: Width = 0.006,
        learn: bool = False,
    ) -> None:
        super().__init__()
        self.width_start, self.width_end, self.width_warm = width_start, width_end, width_warm
        self.learn = learn
        self.log_width = nn.Parameter(torch.tensor([math.log(width_start)]))

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        """Opacity [S] in 0..1 of sections.

        Args:
            sdf: [S] in their middles, unit lengths.
            slope: [S] in their middles, d sdf / d t along the ray.
            length: [S] unit lengths.
            width: one number, unit lengths.
            progress: of the fit, in 0..1.
        """
        raise NotImplementedError

    def at(self, moment: Moment, widest: float = math.inf, label: str = "surface") -> OpacityNow:
        """This opacity at a moment of a fit.

        Args:
            moment: of the fit.
            widest: the greatest width that it may have, unit lengths.
            label: of its pass.
        """
        return OpacityNow(self, self.width(moment, widest), moment.progress, label)

    def width(self, moment: Moment, widest: float = math.inf) -> Tensor | float:
        """The width at a moment, learnt or on its schedule, and at most `widest`; unit lengths."""
        if self.learn:
            width = self.log_width.exp().clamp(*WIDTHS)
            return width if widest == math.inf else width.clamp_max(widest)
        start = self.width_warm if moment.warm else self.width_start
        return min(geometric(start, self.width_end, moment.progress), widest)

    def of_sections(
        self,
        sdf: Tensor,
        gradient: Tensor,
        rays: Rays,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """Opacity [S] and unit normal [S, 3] of sections.

        Args:
            sdf: [S] in their middles, unit lengths.
            gradient: [S, 3] of the sdf there.
            rays: R.
            samples: the S sections.
            width: one number, unit lengths.
            progress: of the fit, in 0..1.
        """
        slope = (gradient * rays.directions[samples.ray_indices]).sum(dim=1)
        length = samples.t_ends - samples.t_starts
        normal = nn.functional.normalize(gradient, dim=1, eps=1e-6)
        return self.alpha(sdf, slope, length, width, progress), normal

    def of_answers(
        self, answers: Answers, rays: Rays, samples: Samples, width: Tensor | float, progress: float
    ) -> tuple[Tensor, Tensor]:
        """As `of_sections`, with all that the field says there: what rendering asks.

        An opacity that is made of more than the distance overrides it, and says in a mark which heads it
        looks at: `@needs("heads.NAME")`.

        Args:
            answers: of the S sections.
            rays: R.
            samples: the S sections.
            width: one number, unit lengths.
            progress: of the fit, in 0..1.
        """
        return self.of_sections(answers.sdf, answers.gradient, rays, samples, width, progress)

    def bounds(
        self,
        sdf: Tensor,
        slopes: tuple[Tensor, Tensor],
        rays: Rays,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """The most and the least opacity [S] that sections may have, by what a field's value tells.

        An opacity by `of_answers` that is not between what `of_sections` says of both slopes overrides it:
        else samples that a pixel sees are left out, or many that it does not see are kept.

        Args:
            sdf: [S] in the sections' middles, unit lengths.
            slopes: the least and the greatest [S] that d sdf / d t may be there.
            rays: R.
            samples: the S sections.
            width: one number, unit lengths.
            progress: of the fit, in 0..1.
        """
        directions = rays.directions[samples.ray_indices]
        found = [
            self.of_sections(sdf, slope[:, None] * directions, rays, samples, width, progress)[0]
            for slope in (slopes if self.slope_matters else slopes[:1])
        ]
        return found[0], found[-1]

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """What is learnt, by how it learns: "width", or nothing."""
        return {"width": [self.log_width]} if self.learn else {}


def annealed_share(progress: float, over: float) -> float:
    """From 0 at a fit's first step to 1 once a share of its steps is done; 1 all over if that is 0."""
    return 1.0 if over <= 0 else min(1.0, progress / over)


class KernelOpacity(Opacity):
    """An opacity of which `section_opacity` has a kernel: its `kind` there."""

    kind = ""

    def annealed(self, progress: float) -> float:
        """The kernel's `anneal` at a fit's progress."""
        return 1.0

    def of_sections(
        self,
        sdf: Tensor,
        gradient: Tensor,
        rays: Rays,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """As `Opacity.of_sections`, natively."""
        return section_opacity(
            sdf, gradient, samples.t_starts, samples.t_ends, rays.directions, samples.ray_indices,
            kind=self.kind, width=width, anneal=self.annealed(progress),
        )  # fmt: skip


class NeuS(KernelOpacity):
    """Logistic density of NeuS (Wang et al. 2021, Eq. 13).

    Args:
        width_start: 1/inv_s at the first step, unit lengths.
        width_end: 1/inv_s at the last step, unit lengths.
        width_warm: 1/inv_s at the first step of a fit that starts from a surface, unit lengths.
        learn: learn the width from width_start on, as the paper does, instead.
        anneal: share of the steps over which sections that leave a surface fade out (cosine annealing).

    Example:
        >>> sharp = NeuS(width_end=0.01).at(END)
        >>> sharp.number
        0.01
        >>> sdf, length = torch.tensor([0.05, 0.0, -0.05]), torch.full((3,), 0.05)
        >>> slope = torch.full((3,), -1.0)  # straight into the surface
        >>> sharp.opacity.alpha(sdf, slope, length, sharp.width, sharp.progress).round(decimals=2)
        tensor([0.0800, 0.9200, 0.9900])
    """

    kind = "neus"

    def __init__(
        self,
        *,
        width_start: Width = 0.04,
        width_end: Width = 0.003,
        width_warm: Width = 0.006,
        learn: bool = False,
        anneal: float = 0.3,
    ) -> None:
        widths = {"width_start": width_start, "width_end": width_end, "width_warm": width_warm}
        super().__init__(**widths, learn=learn)
        self.anneal = anneal

    def annealed(self, progress: float) -> float:
        """From 0, where such sections are half opaque, to 1, where they are as in the paper's equation."""
        return annealed_share(progress, self.anneal)

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        """As `Opacity.alpha`."""
        return neus_alpha(sdf, slope, length, width, self.annealed(progress))


class VolSDF(KernelOpacity):
    """Laplace density of VolSDF (Yariv et al. 2021, Eq. 2-3).

    Args:
        width_start: beta at the first step, unit lengths.
        width_end: beta at the last step, unit lengths.
        width_warm: beta at the first step of a fit that starts from a surface, unit lengths.
        learn: learn the width from width_start on, as the paper does, instead.
    """

    kind = "volsdf"
    slope_matters = False

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        """As `Opacity.alpha`."""
        return volsdf_alpha(sdf, length, width)


@dataclass(frozen=True)
class OpacityNow:
    """An opacity at a moment of a fit.

    Attributes:
        opacity: the rule.
        width: unit lengths, a number or, where it is learnt, a tensor of one.
        progress: of the fit, in 0..1.
        label: of its pass.
    """

    opacity: Opacity
    width: Tensor | float
    progress: float = 1.0
    label: str = "surface"

    @property
    def number(self) -> float:
        """The width as a number; a learnt one is waited for."""
        return float(self.width.detach()) if isinstance(self.width, Tensor) else self.width

    @property
    def slope_matters(self) -> bool:
        """Whether the opacity of a section depends on the slope along the ray."""
        return self.opacity.slope_matters

    @property
    def slope_of(self) -> str:
        """A head of the field whose gradient the opacity asks for; "": none."""
        return self.opacity.slope_of

    def fixed(self) -> OpacityNow:
        """The same with a width that is not learnt."""
        return OpacityNow(self.opacity, self.number, self.progress, self.label)

    def of_sections(
        self, sdf: Tensor, gradient: Tensor, rays: Rays, samples: Samples
    ) -> tuple[Tensor, Tensor]:
        """Opacity [S] and unit normal [S, 3] of sections by sdf [S] and gradient [S, 3] in their middles.

        Raises:
            UserError: the opacity does not give one number and one normal a section.
        """
        found = self.opacity.of_sections(sdf, gradient, rays, samples, self.width, self.progress)
        return self._checked(*found, sdf, gradient)

    def of_answers(self, answers: Answers, rays: Rays, samples: Samples) -> tuple[Tensor, Tensor]:
        """Opacity [S] and unit normal [S, 3] of sections by all that the field says in their middles.

        Raises:
            UserError: as `of_sections`.
        """
        found = self.opacity.of_answers(answers, rays, samples, self.width, self.progress)
        return self._checked(*found, answers.sdf, answers.gradient)

    def bounds(
        self, sdf: Tensor, slopes: tuple[Tensor, Tensor], rays: Rays, samples: Samples
    ) -> tuple[Tensor, Tensor]:
        """The most and the least opacity [S] that sections may have, by what a field's value tells.

        Args:
            sdf: [S] in the sections' middles, unit lengths.
            slopes: the least and the greatest [S] that d sdf / d t may be there.
            rays: R.
            samples: the S sections.

        Raises:
            UserError: the opacity does not give one number a section.
        """
        most, least = self.opacity.bounds(sdf, slopes, rays, samples, self.width, self.progress)
        directions = rays.directions[samples.ray_indices]
        for alpha in (most, least):
            self._checked(alpha, directions, sdf, directions)
        return most, least

    def _checked(self, alpha: Tensor, normal: Tensor, sdf: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        if alpha.shape != sdf.shape or normal.shape != gradient.shape:
            raise UserError(
                f"'passes.{self.label}' returned opacities {list(alpha.shape)} and normals "
                f"{list(normal.shape)} of {len(sdf)} sections: they are [{len(sdf)}] and [{len(sdf)}, 3]"
            )
        return alpha, normal

    def of_values(self, sdf: Tensor, slope: Tensor, rays: Rays, samples: Samples) -> Tensor:
        """Opacity [S] of sections by the sdf [S] alone, were their slopes along the rays `slope` [S]."""
        along = slope[:, None] * rays.directions[samples.ray_indices]
        return self.of_sections(sdf, along, rays, samples)[0]
