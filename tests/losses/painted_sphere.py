"""Pictures of a painted sphere, and what a step would see of a field that is nearly that sphere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from neurfield.losses.compared_views import ComparedViews
from neurfield.losses.seen import RaysSeen, Seen
from neurfield.moment import Moment
from neurfield.ops.stereo_pictures import StereoPictures
from neurfield.pixels import Pixels
from neurfield.rays import Rays, Samples, UnitFrame
from neurfield.rendering import Answers

RADIUS, DISTANCE, SIZE, FOCAL, VIEWS = 0.5, 1.6, 160, 216.0, 12
HALF = 2.0  # world lengths per unit length
FRAME = UnitFrame((5.0, -3.0, 1.0), HALF)
Paint = Callable[[Tensor], Tensor]  # points [N, 3], unit lengths -> grey levels [N]


def painted(points: Tensor) -> Tensor:
    x, y, z = (90.0 * points).unbind(-1)
    return (
        120.0 + 35.0 * torch.sin(x + 0.7 * y) + 30.0 * torch.sin(0.8 * y - z) + 25.0 * torch.sin(1.3 * z + x)
    )


def plain(points: Tensor) -> Tensor:
    return torch.full_like(points[:, 0], 120.0)


def shaded(points: Tensor) -> Tensor:
    """Brightness a function of the normal alone, as under a hemisphere of light."""
    return 90.0 + 200.0 * points[:, 2]


def poses() -> Tensor:
    """World from camera of cameras on an arc around the sphere, unit lengths [n, 4, 4] float64."""
    found = torch.eye(4, dtype=torch.float64).repeat(VIEWS, 1, 1)
    for i, pose in enumerate(found):
        angle, up = np.radians(18.0 * i), np.radians(12.0 if i % 2 else -12.0)
        back = np.array([np.cos(angle) * np.cos(up), np.sin(angle) * np.cos(up), np.sin(up)])
        right = np.cross([0.0, 0.0, -1.0], -back)
        right /= np.linalg.norm(right)
        pose[:3, :3] = torch.from_numpy(np.stack([right, np.cross(-back, right), -back], axis=1))
        pose[:3, 3] = torch.from_numpy(DISTANCE * back)
    return found


def rays_of(uv: Tensor, pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Origins, directions and z per t of pixels [N, 2] of cameras [N, 4, 4]."""
    flat = torch.cat([(uv - SIZE / 2) / FOCAL, torch.ones_like(uv[:, :1])], dim=1).double()
    length = flat.norm(dim=1)
    direction = (pose[:, :3, :3] @ flat[:, :, None])[..., 0] / length[:, None]
    return pose[:, :3, 3].float(), direction.float(), (1.0 / length).float()


def hit(origins: Tensor, directions: Tensor, radius: float = RADIUS) -> Tensor:
    """Distance to a sphere around the origin [N]; NaN beside it."""
    along = (origins * directions).sum(dim=1)
    return -along - (along.square() - origins.square().sum(dim=1) + radius**2).sqrt()


def compared_views(paint: Paint, noise: float = 0.0, depth: bool = False) -> ComparedViews:
    """The pictures; their background is left out."""
    cam_to_world = poses()
    v, u = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    uv = torch.stack([u, v], dim=-1).reshape(-1, 2)
    greys, insides, depths = [], [], []
    generator = torch.Generator().manual_seed(0)
    for pose in cam_to_world:
        o, d, z_per_t = rays_of(uv, pose.expand(len(uv), 4, 4))
        t = hit(o, d)
        inside = ~t.isnan()
        grey = paint(o + t.nan_to_num(1.0)[:, None] * d)
        grey = grey + noise * torch.randn(grey.shape, generator=generator)
        greys.append(grey.round().clamp(1, 255).to(torch.uint8).view(SIZE, SIZE))
        insides.append(inside.view(SIZE, SIZE))
        depths.append((t * z_per_t * HALF).nan_to_num(0.0).view(SIZE, SIZE))
    world = cam_to_world.clone()
    world[:, :3, 3] = torch.from_numpy(FRAME.world_from_unit(cam_to_world[:, :3, 3].numpy()))
    lens = torch.tensor([FOCAL, FOCAL, SIZE / 2, SIZE / 2]).repeat(VIEWS, 1)
    pictures = StereoPictures(
        torch.stack(greys), lens, torch.linalg.inv(world), torch.stack(insides)
    )  # fmt: skip
    near = torch.tensor([[i - 2, i - 1, i + 1, i + 2] for i in range(VIEWS)])
    sources = torch.where((near >= 0) & (near < VIEWS), near, -1)
    return ComparedViews(pictures, sources, torch.stack(depths) if depth else None)


class Ball(nn.Module):
    """A sphere that can grow and move."""

    def __init__(self, radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        super().__init__()
        self.radius, self.centre = nn.Parameter(torch.tensor(radius)), nn.Parameter(torch.tensor(centre))

    def query(self, points: Tensor) -> tuple[Tensor, Tensor]:
        away = points - self.centre
        return away.norm(dim=1) - self.radius, away / away.norm(dim=1, keepdim=True)


def look(
    ball: Ball, progress: float, seed: int, rays: int = 200, sections: int = 12, around: float | None = None
) -> Seen:
    """What a step sees of a ball: sections along rays, around it or where one of a radius would be."""
    generator = torch.Generator().manual_seed(seed)
    camera = torch.randint(VIEWS, (rays,), generator=generator)
    uv = 8.0 + (SIZE - 16.0) * torch.rand(rays, 2, generator=generator)
    o, d, z_per_t = rays_of(uv, poses()[camera])
    with torch.no_grad():
        middle = hit(o - ball.centre, d, around or float(ball.radius)).nan_to_num(DISTANCE)
    edges = middle[:, None] + torch.linspace(-0.06, 0.06, sections + 1)
    ray = torch.arange(rays)
    packed = torch.stack([ray * sections, torch.full_like(ray, sections)], dim=1)
    samples = Samples(
        ray.repeat_interleave(sections), edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1), packed
    )  # fmt: skip
    t = 0.5 * (samples.t_starts + samples.t_ends)
    sdf, gradient = ball.query(o[samples.ray_indices] + t[:, None] * d[samples.ray_indices])
    pixels = Pixels(Rays(o, d, 0.0 * z_per_t, 4.0 + 0.0 * z_per_t, z_per_t), camera, camera, VIEWS)
    answers = Answers(t, sdf, gradient, {}, None)  # type: ignore[arg-type]
    moment = Moment(seed, progress, generator=generator)
    return Seen(moment, of_rays=RaysSeen(pixels, samples, answers, {}, 0.01))
