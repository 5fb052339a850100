"""How shapes are fitted: the published recipe, a quick one, and one with a decoder that all shapes share."""

from __future__ import annotations

from dataclasses import dataclass, replace

FIELDS = ("sdf", "udf", "occupancy", "radiance")
SIGNED = ("sdf", "radiance")  # whose first answer is a distance with a sign


def answers_of(field: str) -> int:
    """How many numbers a kind of field says at a point: of a radiance a distance and a colour."""
    return 4 if field == "radiance" else 1


@dataclass(frozen=True)
class Recipe:
    """Numbers of a fit of one tri-plane and one small network to a shape.

    Cardace et al. (2024), section 3 and the released configuration. Lengths are of unit coordinates.

    Attributes:
        points: drawn around a shape once.
        near: (share of the points, deviation of their distance to the surface); the rest are uniform.
        inside_points: drawn once around a shape whose occupancy is fitted: yes and no tell less a point.
        inside_near: of these, as `near`.
        batch: of these looked at in a step.
        steps: of Adam.
        unsigned_steps: of Adam, of fields that are no signed distance.
        plane_rate: learning rate of the planes.
        network_rate: learning rate of the network.
        decay: both rates fall to zero along a cosine.
        focal: occupancy is asked for at the middles of 64^3 cells, with a focal loss (0.1 and 0.9, exponent
            3) whose surface lies at 0.3; else at the same points as distances, with the surface at 0.5.
        shared: all shapes have one network, fitted with the first of them and held from then on.
        together: shapes of a shard.
        channels: of a plane.
        resolution: texels along a side of a plane.
        hidden: units of a layer.
        layers: of sines; the last, linear one is not counted.
        octaves: of sines and cosines of the coordinates, beside the coordinates.
        clip: distances are told up to this.
    """

    points: int = 500_000
    near: tuple[tuple[float, float], ...] = ((0.5, 0.003), (0.4, 0.01), (0.05, 0.1))
    inside_points: int = 500_000
    inside_near: tuple[tuple[float, float], ...] = ((0.5, 0.003), (0.4, 0.01), (0.05, 0.1))
    batch: int = 50_000
    steps: int = 600
    unsigned_steps: int = 1000
    plane_rate: float = 1e-4
    network_rate: float = 1e-4
    decay: bool = False
    focal: bool = True
    shared: bool = False
    together: int = 16
    channels: int = 16
    resolution: int = 32
    hidden: int = 64
    layers: int = 3
    octaves: int = 10
    clip: float = 0.1

    def steps_of(self, field: str) -> int:
        """Steps of a kind of field."""
        return self.steps if field in SIGNED else self.unsigned_steps


_QUICK = Recipe(
    points=60_000,
    near=((0.4, 0.01), (0.28, 0.03), (0.17, 0.1)),
    inside_points=150_000,
    inside_near=((0.2, 0.01), (0.2, 0.03), (0.1, 0.1)),  # few far from the surface leave islands there
    batch=2_000,
    steps=600,
    unsigned_steps=600,
    plane_rate=1e-2,
    network_rate=1e-3,
    decay=True,
    focal=False,
)
RECIPES = {"quick": _QUICK, "published": Recipe(), "shared": replace(_QUICK, shared=True)}
