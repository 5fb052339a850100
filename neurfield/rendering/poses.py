"""Poses that are fitted with the field: a small turn and shift of each camera."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Protocol

import torch
from torch import Tensor, nn

from neurfield.moment import Moment
from neurfield.parts.numbers import Number
from neurfield.pixels import Pixels
from neurfield.rays import Rays, UnitFrame, clipped
from neurfield.scenes import Cameras

Share = Annotated[float, Number(least=0.0, most=1.0)]
Rate = Annotated[float, Number(least=0.0)]


class Poses(Protocol):
    """Where a fit's cameras stand.

    It is a torch module, and kept in checkpoints.

    Attributes:
        rate: learning rate of its parameters.
    """

    rate: float

    def move(self, moment: Moment) -> bool:
        """Whether they move in this step: samples then carry gradients to them."""
        ...

    def levels(self, levels: int, moment: Moment) -> int:
        """Of an encoding's levels those that may take part at a moment."""
        ...

    def posed(self, pixels: Pixels) -> Pixels:
        """The pixels, R, with their rays where the cameras stand now; no gradient."""
        ...

    def lines(self, pixels: Pixels) -> Rays:
        """The rays of posed pixels once more, whose origins and directions carry gradients to the poses."""
        ...

    def pull(self, loss: Tensor) -> Tensor:
        """What is added to a step's losses while they move, one number.

        Of all losses this alone leads the poses; what others would do to them is held back.

        Args:
            loss: of what was rendered against the pixels, on the lines given last.
        """
        ...

    def cameras(self) -> Cameras:
        """The cameras as they stand now, world."""
        ...


class RefinedPoses(nn.Module):
    """Each camera is turned about its own centre and shifted, as the pictures ask for.

    As BARF (Lin et al. 2021) and CamP (Park et al. 2023): coarse levels of the encodings alone while poses
    move, because fine ones give gradients that lead nowhere. What turns and shifts of all would do to the
    whole scene (move, turn, scale it) is taken out. Gradients come from the samples' points: dL/do = sum
    dL/dx, dL/dd = sum t dL/dx; that an opacity's slope depends on the direction is left out. They come from
    what is rendered against the pixels alone: a loss such as eikonal's would lead samples, and cameras with
    them, to where the field is smooth.

    Args:
        cameras: of the fit.
        frame: the unit coordinates.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the fit.
        start: share of the steps after which poses begin to move.
        stop: share of the steps after which they stand still.
        rate: their learning rate, radians and unit lengths.
        hold: weight of the mean square of turns (radians) and shifts (unit lengths).
        coarse: share of an encoding's levels that take part until they stand still.
    """

    def __init__(
        self,
        cameras: Cameras,
        frame: UnitFrame,
        unit_box: list[float],
        device: torch.device,
        *,
        start: Share = 0.25,
        stop: Share = 0.6,
        rate: Rate = 1e-3,
        hold: Rate = 0.01,
        coarse: Share = 0.67,
    ) -> None:
        super().__init__()
        self.start, self.stop, self.rate, self.hold, self.coarse = start, stop, rate, hold, coarse
        self._given, self._frame = cameras, frame
        self._open = True  # whether gradients pass from the lines to the poses
        self._unit_box = torch.tensor(unit_box, device=device)
        places = torch.from_numpy(frame.unit_from_world(cameras.centers)).float().to(device)
        self._outwards = places - places.mean(dim=0)
        self.turn = nn.Parameter(torch.zeros(len(cameras), 3, device=device))  # rotation vectors, world axes
        self.shift = nn.Parameter(torch.zeros(len(cameras), 3, device=device))

    def move(self, moment: Moment) -> bool:
        """Between `start` and `stop`."""
        return self.start <= moment.progress < self.stop

    def levels(self, levels: int, moment: Moment) -> int:
        """A share of them until poses stand still, then all."""
        return levels if moment.progress >= self.stop else min(levels, max(1, round(self.coarse * levels)))

    def posed(self, pixels: Pixels) -> Pixels:
        """As `Poses.posed`."""
        with torch.no_grad():
            turn, shift = self._deltas()
            rays, camera = pixels.rays, pixels.camera
            directions = (_rotations(turn)[camera] @ rays.directions[:, :, None])[:, :, 0]
            return replace(
                pixels, rays=clipped(rays.origins + shift[camera], directions, rays.z_per_t, self._unit_box)
            )

    def lines(self, pixels: Pixels) -> Rays:
        """As `Poses.lines`; the values are those of the pixels' rays, to the last bit."""
        turn, shift = self._deltas()
        rays, camera = pixels.rays, pixels.camera
        moved, turned = (shift - shift.detach())[camera], (turn - turn.detach())[camera]
        origins = rays.origins + moved
        directions = rays.directions + torch.linalg.cross(turned, rays.directions)
        self._open = True
        for line in (origins, directions):
            line.register_hook(lambda gradient: gradient if self._open else torch.zeros_like(gradient))
        return replace(rays, origins=origins, directions=directions)

    def pull(self, loss: Tensor) -> Tensor:
        """As `Poses.pull`; its value is that of what holds the poses."""
        learnt = self.turn, self.shift
        gradients = torch.autograd.grad(loss, learnt, retain_graph=True)
        self._open = False
        led = [((one - one.detach()) * slope).sum() for one, slope in zip(learnt, gradients)]
        return self.penalty() + led[0] + led[1]

    def penalty(self) -> Tensor:
        """What holds the poses: the weighted mean square of turns and shifts."""
        turn, shift = self._deltas()
        return self.hold * (turn.square().sum(dim=1).mean() + shift.square().sum(dim=1).mean())

    def cameras(self) -> Cameras:
        """As `Poses.cameras`."""
        with torch.no_grad():
            turn, shift = self._deltas()
            poses = self._given.world_from_cam.copy()
            turns = _rotations(turn.double()).cpu().numpy()
            poses[:, :3, :3] = turns @ poses[:, :3, :3]
            poses[:, :3, 3] += shift.double().cpu().numpy() * self._frame.half
        return replace(self._given, world_from_cam=poses)

    def _deltas(self) -> tuple[Tensor, Tensor]:
        return _without_gauge(self.turn, self.shift, self._outwards)


def _without_gauge(turn: Tensor, shift: Tensor, outwards: Tensor) -> tuple[Tensor, Tensor]:
    """Turns and shifts [n,3] without what they do to the whole scene: mean turn, mean shift, and growth.

    Args:
        turn: rotation vectors.
        shift: of the cameras.
        outwards: [n,3], the cameras' places from their middle.
    """
    turn, shift = turn - turn.mean(dim=0), shift - shift.mean(dim=0)
    growth = (shift * outwards).sum() / outwards.square().sum().clamp_min(1e-12)
    return turn, shift - growth * outwards


def _rotations(turn: Tensor) -> Tensor:
    """Rotation matrices [n,3,3] of rotation vectors [n,3] (axis times angle, radians)."""
    zero = torch.zeros_like(turn[:, 0])
    x, y, z = turn.unbind(dim=1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    return torch.linalg.matrix_exp(cross)
