"""What only some pictures show, such as somebody who walked by: found, and left out of what is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.pixels.columns import Pixels
from neurfield.pixels.patches import Patches
from neurfield.rendering.decided import Decided
from neurfield.rendering.residuals import Residuals
from neurfield.scenes import Cameras

SHARE = 0.01  # of what can be compared in the pictures: less is gloss and edges, not somebody
SHARP, SURE = 8.0, 0.5  # a soft mask is sigmoid(SHARP * number); the number of what pictures tell
Share = Annotated[float, Number(least=0.0, most=1.0)]


class Transients(Protocol):
    """Which pixels show what is not the scene's.

    It is a torch module, and kept in checkpoints.

    Attributes:
        patches: of the pictures; pixels get the column "patch" that says in which they are.
        learns: whether anything is left out; known once `prepare` was called.
        agreement: weight of the difference to a partner's colours.
        partner: "average" of the fitted field, another "field", or "none".
        start: share of the steps from which the partner is asked.
        rate: learning rate of its parameters.
    """

    patches: Patches
    learns: bool
    agreement: float
    partner: str
    start: float
    rate: float

    def prepare(self) -> None:
        """Begin with what the pictures tell before the first step."""
        ...

    def kept(self, pixels: Pixels, moment: Moment, second: bool = False) -> Tensor:
        """Which pixels a step compares, bool [R]; `second`: with a second field that is fitted, too."""
        ...

    def left_out(self) -> Tensor:
        """How far each patch is taken for transient, 0 to 1, [n, rows, columns]."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is learnt, as `torch.nn.Module.parameters`."""
        ...

    def learn(self, pixels: Pixels, residual: Tensor, place: Tensor, valid: Tensor, moment: Moment) -> Tensor:
        """Take in how far a step's pixels are from what was rendered.

        Args:
            pixels: R of them.
            residual: [R] mean absolute difference of colour, without gradient.
            place: [R, 3] unit coordinates of what was rendered.
            valid: bool [R], whose colours can be compared at all.
            moment: of the fit.

        Returns:
            A loss of its own parameters, one number.
        """
        ...


class Found(Protocol):
    """What pictures tell of each other's patches, as `nf.stereo.Contradicted` holds it.

    Attributes:
        transient: bool [n, rows, columns].
        compared: bool [n, rows, columns].
        share: the part of what was compared that is transient.
    """

    @property
    def transient(self) -> Tensor: ...

    @property
    def compared(self) -> Tensor: ...

    @property
    def share(self) -> float: ...


class Dual(Decided):
    """Two masks that err differently, in turns, and a partner that the field is to agree with.

    As Asymmetric Dual 3DGS (Li et al. 2025), whose cheap form has one model and its moving average. Masks are
    of patches of the pictures, 80 along the longer side. The hard one leaves out a patch whose running mean
    residual is far above that of the same places in other pictures, where most patches around it are so
    (RobustNeRF, Sabour et al. 2023, votes alike); what is fine is badly rendered in all pictures, and stays.
    The soft one is learnt from single residuals, and a pixel takes part as often as it says. Both begin with
    what at least three matched pictures contradict.

    Args:
        cameras: one for each picture.
        contradicted: gives what matched pictures tell of each other's patches; None where they are not.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the masks.
        when: masks are used always, or only where matched pictures contradict each other.
        masks: both in turns by step, or one of them.
        start: share of the steps from which residuals change masks, and the partner is asked.
        level: residual that nothing says is wrong; colours are 0 to 1.
        ratio: of the residual at the same places in all pictures, which is added to it.
        rate: learning rate of the soft masks.
        partner: a moving average of the field and its colour, a second field, or none.
        agreement: weight of the mean absolute difference to the partner's colours.
    """

    def __init__(
        self,
        cameras: Cameras,
        contradicted: Callable[[Patches], Found | None],
        unit_box: list[float],
        device: torch.device,
        *,
        when: Literal["always", "measured"] = "always",
        masks: Literal["both", "hard", "soft"] = "both",
        start: Share = 0.4,
        level: Annotated[float, Number(above=0.0)] = 0.06,
        ratio: Annotated[float, Number(least=0.0)] = 2.0,
        rate: Annotated[float, Number(least=0.0)] = 0.1,
        partner: Literal["average", "field", "none"] = "average",
        agreement: Annotated[float, Number(least=0.0)] = 0.1,
    ) -> None:
        super().__init__(device)
        self.contradicted, self.when, self.masks, self.start = contradicted, when, masks, start
        self.level, self.ratio, self.rate = level, ratio, rate
        self.partner, self.agreement = partner, agreement
        self.patches = Patches.of(cameras)
        self.words = ""
        count = len(cameras) * self.patches.rows * self.patches.columns
        self.residuals = Residuals(count, unit_box, device)
        self.soft = nn.Parameter(torch.full((count,), SURE, device=device))

    @torch.no_grad()
    def prepare(self) -> None:
        """Begin with what pictures tell of each other, unless it has begun already."""
        if self.begun:
            return
        found = self.contradicted(self.patches)
        self.decide(self.when == "always" or (found is not None and found.share >= SHARE))
        if not self.learns or found is None:
            return
        pictures = int(found.transient.flatten(1).any(dim=1).sum())
        self.words = (
            f"passers-by: {100.0 * found.share:.1f} % of what three pictures show is contradicted, in "
            f"{pictures} of {len(found.transient)} pictures: masks are learnt (transients.dual)"
        )
        device = self.soft.device
        transient, compared = (one.flatten().to(device) for one in (found.transient, found.compared))
        self.soft[transient] = -SURE
        self.residuals.begin(transient, compared)

    @torch.no_grad()
    def kept(self, pixels: Pixels, moment: Moment, second: bool = False) -> Tensor:
        """As `Transients.kept`: by the hard mask in even steps, by the soft one in odd ones.

        Of two fields the first has the hard mask, the second the soft one.
        """
        first = not second if self.partner == "field" else moment.step % 2 == 0
        patch = pixels.columns["patch"]
        if self.masks == "hard" or (self.masks == "both" and first):
            return ~self.hard().flatten()[patch]
        chance = self.soft_mask().flatten()[patch]
        random = torch.rand(patch.shape, generator=moment.generator, device=patch.device)
        return random < chance

    @torch.no_grad()
    def hard(self) -> Tensor:
        """What the hard mask leaves out, bool [n, rows, columns]: most patches around are above the line."""
        known = self.residuals.known.view(self.patches.shape).float()
        above = self.residuals.above(self.level, self.ratio).view(self.patches.shape).float()
        near, count = (avg_pool2d(one[:, None], 3, 1, 1)[:, 0] for one in (above * known, known))
        return near > 0.5 * count

    def soft_mask(self) -> Tensor:
        """How far the soft mask keeps each patch, 0 to 1, [n, rows, columns]; those around it count, too."""
        numbers = self.soft.view(self.patches.shape)[:, None]
        return torch.sigmoid(SHARP * avg_pool2d(numbers, 3, 1, 1, count_include_pad=False)[:, 0])

    @torch.no_grad()
    def left_out(self) -> Tensor:
        """How far each patch is taken for transient, 0 to 1, [n, rows, columns]."""
        soft = 1.0 - self.soft_mask()
        hard = self.hard().float()
        return {"both": 0.5 * (soft + hard), "hard": hard, "soft": soft}[self.masks]

    def learn(self, pixels: Pixels, residual: Tensor, place: Tensor, valid: Tensor, moment: Moment) -> Tensor:
        """As `Transients.learn`; nothing is learnt before `start`."""
        patch = pixels.columns["patch"]
        if moment.progress < self.start:
            return 0.0 * self.soft.sum()
        mask = self.soft_mask().flatten().index_select(0, patch)
        with torch.no_grad():
            clean = valid & ~self.hard().flatten()[patch]
            expected = self.residuals.take_in(patch, residual, place, valid, clean)
            # All of it up to the line, nothing at twice the line.
            target = (2.0 - residual / (self.level + self.ratio * expected)).clamp(0.0, 1.0)
        error = (mask - target).abs()
        return (error * valid).sum() / valid.sum().clamp_min(1)
