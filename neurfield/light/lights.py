"""What shines: parallelograms, balls, and what surrounds everything, each drawn from with a known density.

A sample is a direction from a point, how far the light is, what radiance comes, and the density of the
direction per unit of solid angle. Points are counted from the lit scene's origin, world axes and lengths.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear sRGB (IEC 61966-2-1)
_FAR = 1e30


class LightSample(NamedTuple):
    """Directions drawn towards a light from N points.

    Attributes:
        direction: [N, 3] unit.
        distance: [N] world lengths.
        radiance: [N, 3] that comes if nothing stands between.
        density: [N] per steradian; 0: nothing comes from there.
    """

    direction: Tensor
    distance: Tensor
    radiance: Tensor
    density: Tensor


class LightMet(NamedTuple):
    """Where N rays meet a light.

    Attributes:
        t: [N] lengths along the rays; inf: nowhere.
        radiance: [N, 3] that comes back.
        density: [N] with which `sample` draws that direction.
    """

    t: Tensor
    radiance: Tensor
    density: Tensor


class QuadLight:
    """A parallelogram that shines to the side of edge_u x edge_v, equally in all directions.

    Args:
        corner: [3], counted from the scene's origin.
        edge_u: [3].
        edge_v: [3].
        radiance: [3], linear.
    """

    def __init__(
        self, corner: np.ndarray, edge_u: np.ndarray, edge_v: np.ndarray, radiance: np.ndarray
    ) -> None:
        self.corner, self.u, self.v, self.radiance = (
            torch.as_tensor(np.asarray(part, np.float32)) for part in (corner, edge_u, edge_v, radiance)
        )
        across = torch.linalg.cross(self.u, self.v)
        self.area = float(across.norm())
        self.normal = across / max(self.area, 1e-30)
        inverse = np.linalg.pinv(np.stack([edge_u, edge_v], axis=1).astype(np.float64))
        self.middle = self.corner + 0.5 * (self.u + self.v)
        self.size = float(torch.stack([self.u + self.v, self.u - self.v]).norm(dim=1).max())
        self._shares = torch.from_numpy(inverse).float()  # [2, 3], from a point of the plane to its place

    @property
    def power(self) -> float:
        """Luminous power, for how often it is drawn."""
        return math.pi * self.area * luminance(self.radiance)

    def sample(self, points: Tensor, u: Tensor, v: Tensor) -> LightSample:
        """A place on it, even over its area; u and v [N] in 0..1."""
        to = self.corner + u[:, None] * self.u + v[:, None] * self.v - points
        square = to.square().sum(dim=1).clamp_min(1e-20)
        distance = square.sqrt()
        direction = to / distance[:, None]
        facing = -(direction @ self.normal)
        density = torch.where(facing > 1e-6, square / (self.area * facing.clamp_min(1e-6)), 0.0)
        return LightSample(direction, distance, self.radiance.expand(len(points), 3), density)

    def meet(self, points: Tensor, directions: Tensor) -> LightMet:
        """Where rays meet its shining side."""
        facing = -(directions @ self.normal)
        t = ((points - self.corner) @ self.normal) / facing.clamp_min(1e-9)
        place = (points + t[:, None] * directions - self.corner) @ self._shares.T
        met = (facing > 1e-6) & (t > 0.0) & ((place >= 0.0) & (place <= 1.0)).all(dim=1)
        t = torch.where(met, t, math.inf)
        density = torch.where(met, t.square() / (self.area * facing.clamp_min(1e-6)), 0.0)
        return LightMet(t, self.radiance.expand(len(points), 3), density)


class BallLight:
    """A ball that shines equally in all directions; drawn from within the cone in which it is seen.

    Args:
        centre: [3], counted from the scene's origin.
        radius: world lengths.
        radiance: [3], linear.
    """

    def __init__(self, centre: np.ndarray, radius: float, radiance: np.ndarray) -> None:
        self.centre = torch.as_tensor(np.asarray(centre, np.float32))
        self.middle, self.size, self.normal = self.centre, 2.0 * float(radius), torch.zeros(3)
        self.radius, self.radiance = float(radius), torch.as_tensor(np.asarray(radiance, np.float32))

    @property
    def power(self) -> float:
        """Luminous power, for how often it is drawn."""
        return 4.0 * math.pi**2 * self.radius**2 * luminance(self.radiance)

    def sample(self, points: Tensor, u: Tensor, v: Tensor) -> LightSample:
        """A direction in its cone, even over the solid angle (PBRT, 4th ed., section 6.2.4)."""
        to = self.centre - points
        away = to.norm(dim=1).clamp_min(1e-12)
        share, outside = self._share(away)
        sine2 = 2.0 * u * share - (u * share).square()  # 1 - cos^2, without taking the difference of ones
        cosine = 1.0 - u * share
        turn = 2.0 * math.pi * v
        tangent, other = across(to / away[:, None])
        sine = sine2.clamp_min(0.0).sqrt()
        direction = (
            (sine * turn.cos())[:, None] * tangent
            + (sine * turn.sin())[:, None] * other
            + cosine[:, None] * (to / away[:, None])
        )
        # The near one of the two places where the direction meets the ball.
        reach = (self.radius**2 - away.square() * sine2).clamp_min(0.0).sqrt()
        density = torch.where(outside, 1.0 / (2.0 * math.pi * share), 0.0)
        return LightSample(
            normalize(direction, dim=1), (away * cosine - reach).clamp_min(0.0),
            self.radiance.expand(len(points), 3), density,
        )  # fmt: skip

    def meet(self, points: Tensor, directions: Tensor) -> LightMet:
        """Where rays from outside meet it."""
        to = self.centre - points
        along = (to * directions).sum(dim=1)
        aside = (to - along[:, None] * directions).square().sum(dim=1)
        share, outside = self._share(to.norm(dim=1))
        met = outside & (along > 0.0) & (aside < self.radius**2)
        t = torch.where(met, along - (self.radius**2 - aside).clamp_min(0.0).sqrt(), math.inf)
        density = torch.where(met, 1.0 / (2.0 * math.pi * share), 0.0)
        return LightMet(t, self.radiance.expand(len(points), 3), density)

    def _share(self, away: Tensor) -> tuple[Tensor, Tensor]:
        """1 - cos of the cone's half angle [N], and whether points are outside of the ball [N]."""
        outside = away > self.radius * 1.0001
        sine2 = (self.radius / away.clamp_min(self.radius * 1.0001)).square()
        return sine2 / (1.0 + (1.0 - sine2).clamp_min(0.0).sqrt()), outside


class Environment:
    """Light from infinitely far, as a map of directions; brighter places are drawn more often.

    Args:
        image: float32 [h, w, 3], linear radiance: rows from above to below, columns once around `up`.
        up: [3] unit, world.
    """

    def __init__(self, image: np.ndarray, up: np.ndarray = np.array([0.0, 0.0, 1.0])) -> None:  # noqa: B008
        self.image = torch.from_numpy(np.ascontiguousarray(image, np.float32))
        h, w = self.image.shape[:2]
        side, ahead = across(torch.as_tensor(np.asarray(up, np.float32))[None])
        self._axes = torch.stack([side[0], ahead[0], torch.as_tensor(np.asarray(up, np.float32))])
        edges = torch.cos(torch.linspace(0.0, math.pi, h + 1, dtype=torch.float64))
        self._solid = (edges[:-1] - edges[1:]) * 2.0 * math.pi / w  # of a pixel of each row
        self._edges = edges.float()
        bright = self.image.double() @ torch.tensor(LUMINANCE, dtype=torch.float64)
        weight = bright * self._solid[:, None]
        self.mean = float(weight.sum() / (4.0 * math.pi))
        flat = weight.reshape(-1) / weight.sum() if self.mean > 0.0 else torch.full((h * w,), 1.0 / (h * w))
        self._until = torch.cumsum(flat.double(), dim=0)
        self._density = (flat.view(h, w) / self._solid[:, None]).float()

    def power(self, radius: float) -> float:
        """Luminous power that falls on a ball around the scene, for how often it is drawn."""
        return 4.0 * math.pi**2 * radius**2 * self.mean

    def sample(self, points: Tensor, u: Tensor, v: Tensor) -> LightSample:
        """A pixel by its light, and a place in it, even over the solid angle."""
        h, w = self.image.shape[:2]
        chosen = torch.searchsorted(self._until, u.double().clamp_max(1.0 - 1e-12)).clamp_max(h * w - 1)
        before = torch.where(chosen > 0, self._until[(chosen - 1).clamp_min(0)], 0.0)
        within = ((u.double() - before) / (self._until[chosen] - before).clamp_min(1e-30)).clamp(0.0, 1.0)
        row, column = chosen // w, chosen % w
        turn = (column + within.float()) * (2.0 * math.pi / w)
        height = self._edges[row] + v * (self._edges[row + 1] - self._edges[row])
        level = (1.0 - height.square()).clamp_min(0.0).sqrt()
        direction = torch.stack([level * turn.cos(), level * turn.sin(), height], dim=1) @ self._axes
        far = torch.full((len(points),), _FAR)
        return LightSample(direction, far, self.image[row, column], self._density[row, column])

    def come(self, directions: Tensor) -> LightMet:
        """What comes along rays that meet nothing; its t is endless."""
        h, w = self.image.shape[:2]
        local = directions @ self._axes.T
        turn = torch.atan2(local[:, 1], local[:, 0]) % (2.0 * math.pi)
        column = (turn * (w / (2.0 * math.pi))).long().clamp(0, w - 1)
        row = (torch.acos(local[:, 2].clamp(-1.0, 1.0)) * (h / math.pi)).long().clamp(0, h - 1)
        return LightMet(
            torch.full((len(directions),), _FAR), self.image[row, column], self._density[row, column]
        )


def luminance(radiance: Tensor) -> float:
    """Of a linear colour [3]."""
    return float(radiance @ torch.tensor(LUMINANCE))


def across(normal: Tensor) -> tuple[Tensor, Tensor]:
    """Two unit vectors [N, 3] at right angles to unit normals [N, 3] and to each other.

    Duff et al., Building an Orthonormal Basis, Revisited, JCGT 6(1), 2017.
    """
    x, y, z = normal.unbind(1)
    sign = torch.where(z < 0.0, -1.0, 1.0)
    a = -1.0 / (sign + z)
    b = x * y * a
    first = torch.stack([1.0 + sign * x * x * a, sign * b, -sign * x], dim=1)
    return first, torch.stack([b, sign + y * y * a, -y], dim=1)
