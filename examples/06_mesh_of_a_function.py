"""Meshes of functions: a smooth one by marching cubes, one with edges by dual contouring."""

from pathlib import Path

import numpy as np
import torch
import trimesh

from neurfield.surfaces import extract_dual_contour, extract_level_set

box, voxel = np.array([[-1, -1, -1], [1, 1, 1]]), 0.04
Path("runs").mkdir(exist_ok=True)


def save(name, vertices, faces):
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.export(f"runs/{name}.ply")
    print(f"runs/{name}.ply: {len(mesh.faces):,} triangles, watertight: {mesh.is_watertight}")


# Any function of points [N, 3] that is negative inside; `lipschitz` says how steep it may be.
save("blob", *extract_level_set(lambda p: p.norm(dim=1) - 0.6 - 0.1 * p.mul(9).sin().prod(dim=1), box, voxel))


def cube(points):  # the signed distance of a cube with a bite out of it
    outside = points.abs() - 0.6
    sides = outside.clamp_min(0).norm(dim=1) + outside.amax(dim=1).clamp_max(0)
    return torch.maximum(sides, 0.5 - (points - 0.6).norm(dim=1))


def with_gradient(points):
    with torch.enable_grad():
        value = cube(points.requires_grad_())
        return value.detach(), torch.autograd.grad(value.sum(), points)[0]


save("cube", *extract_dual_contour(cube, with_gradient, box, voxel))
