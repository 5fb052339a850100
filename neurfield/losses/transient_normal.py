"""Prior normals with errors of each picture's own: a turn of each is learnt, and outliers drop out.

As in 2L3 (arXiv 2401.15841), of which the abstract alone could be read: "transient-mono prior guidance" is
told there in a sentence. What the sentence leaves open is filled in here, with the outlier dropping of
Wonder3D's reconstruction.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs
from neurfield.scenes import Cameras

OPAQUE = 0.5  # of a ray that ends at a surface
FACING = -0.1  # cosine of the view and a prior normal, above which it is not of what the pixel sees
HIDDEN = 32  # units of the network of turns
Share = Annotated[float, Number(above=0.0, most=1.0)]


@needs("passes.{at}", optional=("pixels.prior_normal",))
class TransientNormal(nn.Module):
    """Rendered normals against prior ones that each picture may have turned, with outliers left out.

    A network makes of a picture's code and of the direction of a pixel's ray in its camera the turn by which
    the prior is off there: so errors of one picture need not be the surface's. It begins with none, and large
    turns cost. Pixels count more, the more the prior faces the camera, and those of the greatest error do not
    count (Wonder3D, Long et al. 2024, Eq. 10-12).

    Args:
        cameras: of the scene.
        device: of the rays.
        seed: of the network.
        at: the pass that is compared.
        codes: numbers of each picture; 0: none of them has turns of its own.
        pull: weight of the turns' size, radians.
        kept: share of the pixels that count, those of least error.
    """

    world_from_cam: Tensor  # [n, 3, 3], the cameras' axes

    def __init__(
        self,
        cameras: Cameras,
        device: torch.device,
        seed: int,
        *,
        at: str = "surface",
        codes: Annotated[int, Number(least=0)] = 8,
        pull: Annotated[float, Number(least=0.0)] = 0.1,
        kept: Share = 0.8,
    ) -> None:
        super().__init__()
        self.at, self.pull, self.kept = at, pull, kept
        axes = torch.from_numpy(cameras.world_from_cam[:, :3, :3]).float()
        self.register_buffer("world_from_cam", axes.to(device), persistent=False)
        generator = torch.Generator().manual_seed(seed)
        first = torch.randn(HIDDEN, 3 + codes, generator=generator) * (2.0 / (3 + codes)) ** 0.5
        self.codes = nn.Parameter(0.1 * torch.randn(len(cameras), codes, generator=generator).to(device))
        self.first = nn.Parameter(first.to(device))
        self.bias = nn.Parameter(torch.zeros(HIDDEN, device=device))
        self.last = nn.Parameter(torch.zeros(3, HIDDEN, device=device))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn."""
        return {"network": [self.codes, self.first, self.bias, self.last]} if self.codes.shape[1] else {}

    def turns(self, camera: Tensor, directions: Tensor) -> Tensor:
        """By which the priors of pixels are off, [R, 3]: axis times angle in radians, camera axes.

        Args:
            camera: int64 [R].
            directions: [R, 3] unit, of their rays, world axes.
        """
        if not self.codes.shape[1]:
            return torch.zeros_like(directions)
        view = torch.einsum("rij,ri->rj", self.world_from_cam[camera], directions)
        inputs = torch.cat([view, self.codes[camera]], dim=1)
        return torch.relu(inputs @ self.first.T + self.bias) @ self.last.T

    def forward(self, seen: Seen) -> Tensor:
        """The mean over the pixels that count."""
        pixels, rendered = seen.pixels, seen.rendered(self.at)
        prior, directions = pixels.columns["prior_normal"], pixels.rays.directions
        with torch.no_grad():
            facing = (prior * directions).sum(dim=1)
            there = (rendered.opacity > OPAQUE) & (prior.square().sum(dim=1) > 0.5) & (facing < FACING)
            weight = torch.exp(facing.abs()) * there
        turn = self.turns(pixels.camera, directions)
        axes = self.world_from_cam[pixels.camera]
        normal = normalize(rendered.normal, dim=1, eps=1e-5)
        shown = turned(normal, torch.einsum("rij,rj->ri", axes, turn))
        error = (shown - prior).abs().sum(dim=1) + 1.0 - (shown * prior).sum(dim=1)
        counts = weight * least_of(error, there, self.kept)
        total = weight.sum().clamp_min(1.0)
        return (counts * error).sum() / total + self.pull * (weight * _length(turn)).sum() / total


def turned(vectors: Tensor, turns: Tensor) -> Tensor:
    """Vectors [R, 3], each about its own axis: turns [R, 3] are axis times angle (Rodrigues' formula)."""
    angle = _length(turns)[:, None]
    axis = turns / angle
    along = axis * (axis * vectors).sum(dim=1, keepdim=True)
    return angle.cos() * vectors + angle.sin() * torch.cross(axis, vectors, dim=1) + (1 - angle.cos()) * along


@torch.no_grad()
def least_of(error: Tensor, there: Tensor, kept: float) -> Tensor:
    """Which errors [R] are among the least share `kept` of those that are `there`, bool [R]."""
    ascending = torch.where(there, error.detach(), torch.inf).sort().values
    last = (kept * there.sum()).ceil().long().clamp_min(1) - 1
    return there & (error <= ascending.gather(0, last.view(1)))


def _length(turns: Tensor) -> Tensor:
    return turns.square().sum(dim=1).add(1e-12).sqrt()
