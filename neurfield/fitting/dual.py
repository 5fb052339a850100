"""What a step does where some pictures show what is not the scene's: masks learn, a partner agrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from neurfield.fitting.partner import Partner
from neurfield.fitting.rays_step import Drawn, RaysStep, keeping
from neurfield.losses.seen import Seen
from neurfield.losses.weighted import WeightedLoss, losses_of
from neurfield.moment import Moment
from neurfield.rendering import Rendered, Transients, render_passes

OPAQUE = 0.5  # of a ray: what it shows is where it ends, else where it leaves the box


class DualStep:
    """The part of a step that masks and a partner ask for.

    Args:
        transients: the masks.
        second: makes a field and its colour, for a partner that is fitted, too.
    """

    def __init__(self, transients: Transients, second: Callable[[], tuple[Any, Any]]) -> None:
        self.transients, self.agrees = transients, transients.agreement > 0.0
        wanted = transients.partner == "field" and self.agrees
        self.partner = Partner(*second(), learns=True) if wanted else None

    @property
    def second(self) -> Partner | None:
        """The partner that is fitted, too; None where there is none, or nothing is left out."""
        partner = self.partner
        return partner if partner is not None and partner.learns and self.transients.learns else None

    def prepare(self, field: Any, color: Any) -> None:
        """Make the average that is to follow these, if masks turned out to be used."""
        wanted = self.transients.partner == "average" and self.agrees
        if wanted and self.transients.learns and self.partner is None:
            self.partner = Partner.average(field, color)

    def losses(
        self,
        rays: RaysStep,
        fitted: tuple[Any, Any],
        drawn: Drawn,
        look: Seen,
        losses: Mapping[str, WeightedLoss],
        moment: Moment,
    ) -> list[dict[str, Tensor]]:
        """What is added to a step's losses: of the masks, of a second field, of what both are to agree in.

        Args:
            rays: what renders.
            fitted: the field and its colour.
            drawn: what the step asked them.
            look: what they showed.
            losses: of the fit.
            moment: of the fit.
        """
        transients, partner = self.transients, self.partner
        added = [{"transients": self._learnt(look, moment)}]
        ready = moment.progress >= transients.start
        shown: Tensor | None = None
        if partner is not None and partner.learns:
            kept = transients.kept(drawn.pixels, moment, second=True)
            other = rays.seen(
                partner.field, partner.color, replace(drawn, pixels=keeping(drawn.pixels, kept)), moment
            )
            added.append(losses_of(other, losses))
            shown = other.rays.bare
        elif partner is not None and ready:
            partner.follow(*fitted)
            partner.at(*fitted, moment)
            with torch.no_grad():
                passes = render_passes(
                    partner.field, partner.color, drawn.pixels.rays, drawn.samples, drawn.opacities,
                    codes=rays.codes(drawn.pixels.camera),
                )  # fmt: skip
            shown = next(iter(passes.values())).rgb
        own = look.rays.bare
        if own is not None and shown is not None and ready:
            added.append({"agreement": transients.agreement * (own - shown).abs().mean()})
        return added

    def _learnt(self, look: Seen, moment: Moment) -> Tensor:
        """What the masks make of a step's residuals."""
        pixels = look.pixels
        rendered: Rendered = next(iter(look.rays.passes.values()))
        with torch.no_grad():
            residual = (rendered.rgb - pixels.rgb).abs().mean(dim=1)
            t = torch.where(rendered.opacity > OPAQUE, rendered.distance, pixels.rays.t_max)
            place = pixels.rays.origins + t[:, None] * pixels.rays.directions
            valid = look.rays.valid
            valid = torch.ones_like(residual, dtype=torch.bool) if valid is None else valid
        return self.transients.learn(pixels, residual, place, valid, moment)
