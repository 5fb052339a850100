"""A textured plane seen by a few cameras, rendered exactly, for tests of stereo's kernels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neurfield.ops.stereo_pictures import StereoPictures

MIDDLE = 2.0  # depth of the plane on the axis of the first camera
CENTRES = [(0.0, 0.0, 0.0), (0.15, 0.0, 0.0), (-0.15, 0.03, 0.0), (0.05, -0.15, 0.02), (-0.04, 0.12, -0.02)]


def turned(right: float, up: float) -> Tensor:
    """World from camera [3, 3], turned about the camera's y and x axes."""
    y = torch.tensor(
        [[math.cos(right), 0, math.sin(right)], [0, 1, 0], [-math.sin(right), 0, math.cos(right)]],
        dtype=torch.float64,
    )
    x = torch.tensor(
        [[1, 0, 0], [0, math.cos(up), -math.sin(up)], [0, math.sin(up), math.cos(up)]], dtype=torch.float64
    )
    return y @ x


def plane_normal(tilt: float) -> Tensor:
    """Of a floor that the first camera sees at so many degrees from straight on, in its axes."""
    return torch.tensor(
        [0.0, -math.sin(math.radians(tilt)), -math.cos(math.radians(tilt))], dtype=torch.float64
    )


def views_of_a_plane(
    tilt: float, size: tuple[int, int], focal: float, *, amplitude: float = 35.0, noise: float = 0.0
) -> tuple[StereoPictures, Tensor]:
    """Five pictures and the depth float32 [5, h, w] of the plane in each, 0 beyond its horizon.

    Args:
        tilt: degrees.
        size: (h, w).
        focal: pixels.
        amplitude: of the texture, grey levels; without one the plane is a ramp of brightness.
        noise: deviation, grey levels.
    """
    h, w = size
    normal = plane_normal(tilt)
    across = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    along = torch.linalg.cross(normal, across)
    middle = torch.tensor([0.0, 0.0, MIDDLE], dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    waves = [6.0 * torch.randn(2, generator=generator, dtype=torch.float64) for _ in range(60)]
    phases = 2.0 * math.pi * torch.rand(60, generator=generator, dtype=torch.float64)
    greys, depths, poses = [], [], []
    fine = torch.arange(3 * max(h, w), dtype=torch.float64) / 3.0 + 1.0 / 6.0  # three rays a pixel each way
    v, u = torch.meshgrid(fine[: 3 * h], fine[: 3 * w], indexing="ij")
    for centre in CENTRES:
        at = torch.tensor(centre, dtype=torch.float64)
        turn = turned(-0.25 * centre[0], 0.25 * centre[1])
        rays = torch.stack([(u - w / 2) / focal, (v - h / 2) / focal, torch.ones_like(u)], dim=-1) @ turn.T
        z = ((middle - at) @ normal) / (rays @ normal)
        points = at + z[..., None] * rays - middle
        x, y = points @ across, points @ along
        grey = 120.0 + 20.0 * x if amplitude == 0 else torch.full_like(x, 120.0)
        for wave, phase in zip(waves, phases):
            grey += amplitude / math.sqrt(30.0) * torch.sin(wave[0] * x + wave[1] * y + phase)
        grey = torch.where(z > 0, grey, torch.full_like(grey, 128.0)).reshape(h, 3, w, 3).mean(dim=(1, 3))
        grey += noise * torch.randn(h, w, generator=generator, dtype=torch.float64)
        greys.append(grey.round().clamp(0, 255).to(torch.uint8))
        depths.append(z[1::3, 1::3].clamp_min(0.0))
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3], pose[:3, 3] = turn.T, -turn.T @ at
        poses.append(pose)
    lens = torch.tensor([[focal, focal, w / 2, h / 2]]).repeat(len(CENTRES), 1)
    return StereoPictures(torch.stack(greys), lens, torch.stack(poses)), torch.stack(depths).float()


def true_planes(depth: Tensor, tilt: float, focal: float) -> Tensor:
    """[h, w, 3] of the first picture, whose depth this is."""
    normal = plane_normal(tilt)
    slopes = normal[:2] / (focal * normal[2] * MIDDLE)
    w = torch.where(depth > 0, 1.0 / depth.clamp_min(1e-6), torch.zeros_like(depth))
    return torch.stack(
        [w, torch.full_like(w, float(slopes[0])), torch.full_like(w, float(slopes[1]))], dim=-1
    )


def normals_of(planes: Tensor, focal: float) -> Tensor:
    """[h, w, 3], by hand: the cross product of two steps along the plane."""
    h, w = planes.shape[:2]
    v, u = torch.meshgrid(
        torch.arange(h, dtype=torch.float64) + 0.5, torch.arange(w, dtype=torch.float64) + 0.5, indexing="ij"
    )
    inverse, a, b = planes.double().unbind(-1)

    def point(du: float, dv: float) -> Tensor:
        z = 1.0 / (inverse + a * du + b * dv)
        return torch.stack([(u + du - w / 2) / focal * z, (v + dv - h / 2) / focal * z, z], dim=-1)

    normal = torch.linalg.cross(
        point(0.01, 0.0) - point(0.0, 0.0), point(0.0, 0.01) - point(0.0, 0.0), dim=-1
    )
    normal = normal / normal.norm(dim=-1, keepdim=True)
    return torch.where((normal * point(0.0, 0.0)).sum(-1, keepdim=True) > 0, -normal, normal)
