"""Exact distances without a sign, and their gradients, of shapes whose measures are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Query = Callable[[Tensor], tuple[Tensor, Tensor]]
Closest = Callable[[Tensor], Tensor]

BOX = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])


def field_of(closest: Closest) -> Query:
    """The field of a shape, told by its nearest points."""

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        way = points - closest(points)
        distance = way.norm(dim=1)
        return distance, way / distance[:, None].clamp(min=1e-20)

    return query


def turned(closest: Closest, seed: int) -> Closest:
    """The shape, turned at random about the origin."""
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    rotation = torch.from_numpy(axes)
    return lambda points: closest(points @ rotation.to(points)) @ rotation.to(points).T


def sphere(radius: float = 0.63) -> Closest:
    return lambda points: radius * points / points.norm(dim=1, keepdim=True).clamp(min=1e-12)


def torus(ring: float = 0.55, tube: float = 0.22) -> Closest:
    def closest(points: Tensor) -> Tensor:
        centre = _on_circle(points, ring)
        return centre + tube * torch.nn.functional.normalize(points - centre, dim=1)

    return closest


def cube(half: float) -> Closest:
    def closest(points: Tensor) -> Tensor:
        outside = points.clamp(-half, half)
        axis = (half - points.abs()).argmin(dim=1, keepdim=True)
        wall = torch.where(points.gather(1, axis) >= 0.0, half, -half).to(points)
        inside = points.scatter(1, axis, wall)
        return torch.where((points.abs() <= half).all(dim=1, keepdim=True), inside, outside)

    return closest


def hemisphere(radius: float = 0.63) -> Closest:
    def closest(points: Tensor) -> Tensor:
        return torch.where(points[:, 2:] >= 0.0, sphere(radius)(points), _on_circle(points, radius))

    return closest


def square(axis: int, half: float = 0.6) -> Closest:
    def closest(points: Tensor) -> Tensor:
        found = points.clamp(-half, half)
        found[:, axis] = 0.0
        return found

    return closest


def moebius(ring: float = 0.55, width: float = 0.25, count: int = 4000) -> Closest:
    """A strip of one turn, made of straight pieces across the ring."""
    angle = torch.arange(count, dtype=torch.float64) * (2.0 * torch.pi / count)
    out = torch.stack([angle.cos(), angle.sin(), torch.zeros_like(angle)], dim=1)
    across = (angle / 2).cos()[:, None] * out + (angle / 2).sin()[:, None] * torch.tensor(
        [[0.0, 0.0, 1.0]]
    ).double()

    def closest(points: Tensor) -> Tensor:
        found = []
        for part in points.split(2048):
            centre, along = (ring * out).to(part), across.to(part)
            t = (part @ along.T - (centre * along).sum(dim=1)).clamp(-width, width)  # [k, count]
            square_of = (part**2).sum(dim=1)[:, None] - 2.0 * part @ centre.T + ring**2
            distance = square_of - 2.0 * t * (part @ along.T - (centre * along).sum(dim=1)) + t**2
            best = distance.argmin(dim=1, keepdim=True)
            found.append(centre[best[:, 0]] + t.gather(1, best) * along[best[:, 0]])
        return torch.cat(found) if found else points

    return closest


def union(*shapes: Closest) -> Closest:
    def closest(points: Tensor) -> Tensor:
        candidates = torch.stack([shape(points) for shape in shapes])
        nearest = (points - candidates).norm(dim=2).argmin(dim=0)
        return candidates[nearest, torch.arange(len(points))]

    return closest


def noisy(query: Query, amplitude: float, floor: float, frequency: float = 40.0) -> Query:
    """|distance + a wave| + a floor: values as of a fitted field, which never gets to 0."""
    phase = torch.tensor([0.0, 1.0 + torch.pi / 2, 2.0])

    def field(points: Tensor) -> tuple[Tensor, Tensor]:
        distance, gradient = query(points)
        sine, cosine = torch.sin(frequency * points + phase), torch.cos(frequency * points + phase)
        wave = sine.prod(dim=1)
        slope = torch.stack(
            [cosine[:, 0] * sine[:, 1] * sine[:, 2], sine[:, 0] * cosine[:, 1] * sine[:, 2],
             sine[:, 0] * sine[:, 1] * cosine[:, 2]], dim=1,
        )  # fmt: skip
        value = distance + amplitude * wave
        side = torch.where(value >= 0.0, 1.0, -1.0)
        return value.abs() + floor, (gradient + amplitude * frequency * slope) * side[:, None]

    return field


def rounded(query: Query, width: float, amplitude: float, frequency: float = 100.0) -> Query:
    """A distance whose kink is rounded off, and a wave that there points anywhere: as a network has it."""
    phase = torch.tensor([0.3, 1.1, 2.0])

    def field(points: Tensor) -> tuple[Tensor, Tensor]:
        distance, gradient = query(points)
        angles = frequency * points + phase.to(points)
        value = torch.where(distance < width, 0.5 * (width + distance**2 / width), distance)
        slope = gradient * (distance / width).clamp(max=1.0)[:, None]
        wave, of_wave = torch.sin(angles).mean(dim=1), torch.cos(angles) / 3.0
        return (value + amplitude * wave).clamp_min(0.0), slope + amplitude * frequency * of_wave

    return field


def edge_uses(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mesh's edges [e, 2], and how many faces each has [e]."""
    ends = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    return np.unique(ends, axis=0, return_counts=True)


def euler(faces: np.ndarray) -> int:
    return len(np.unique(faces)) - len(edge_uses(faces)[0]) + len(faces)


def border_length(vertices: np.ndarray, faces: np.ndarray) -> float:
    edges, uses = edge_uses(faces)
    ends = vertices[edges[uses == 1]]
    return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).sum())


def _on_circle(points: Tensor, radius: float) -> Tensor:
    flat = points * torch.tensor([1.0, 1.0, 0.0]).to(points)
    return radius * flat / flat.norm(dim=1, keepdim=True).clamp(min=1e-12)
