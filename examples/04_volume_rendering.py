"""A picture of a signed distance function, with the operations alone: march, opacity, composite."""

from pathlib import Path

import torch
from PIL import Image

from neurfield import ops


def torus(points):  # signed distances [N] of points [N, 3]
    return torch.hypot(points[:, :2].norm(dim=1) - 0.6, points[:, 2]) - 0.25


size, box = 240, (-1.0, -1.0, -1.0, 1.0, 1.0, 1.0)
v, u = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
directions = torch.stack([0.45 * u, 0.45 * v, torch.ones_like(u)], dim=-1).reshape(-1, 3)
tilt = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [0.0, -0.8, 0.6]])
directions = torch.nn.functional.normalize(directions, dim=1) @ tilt.T
origins = (torch.tensor([0.0, 0.0, -2.8]) @ tilt.T).expand(len(directions), 3)

axis = (torch.arange(64) + 0.5) / 32 - 1  # cells that are far from the surface are not looked at
cells = torch.cartesian_prod(axis, axis, axis)
occupancy = (torus(cells).abs() < 0.1).to(torch.uint8).reshape(64, 64, 64)

near, far = ops.ray_box(origins, directions, box)
how = occupancy, box, 0.01, torch.full((len(directions),), 0.5), 256  # sections of 0.01, at most 256 a ray
rays, starts, ends, packed = ops.march_rays(origins, directions, near, far, *how)
points, t = ops.section_midpoints(origins, directions, rays, starts, ends)
sdf = torus(points.requires_grad_())
(slope,) = torch.autograd.grad(sdf.sum(), points)
alpha, normal = ops.section_opacity(sdf, slope, starts, ends, directions, rays, kind="neus", width=0.005)
pixels, weights = ops.composite_surface(alpha, 0.5 + 0.5 * normal, normal, t, packed)  # and differentiable

rgb = pixels[:, :3] + (1 - pixels[:, 7:])  # the last number is the opacity; white behind
picture = Path("runs/torus.png")
picture.parent.mkdir(exist_ok=True)
Image.fromarray((rgb.reshape(size, size, 3).clamp(0, 1) * 255).byte().numpy()).save(picture)
print(f"{picture}: {len(points):,} samples on {len(origins):,} rays")
