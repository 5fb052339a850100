"""How near one surface is to another: python examples/07_compare_two_meshes.py mesh.ply truth.ply"""

import sys
from pathlib import Path

import trimesh

import neurfield as nf

if len(sys.argv) == 3:
    mesh, truth = sys.argv[1:]
else:  # two of our own: a sphere, and one of few triangles
    Path("runs").mkdir(exist_ok=True)
    mesh, truth = "runs/coarse.ply", "runs/fine.ply"
    trimesh.creation.icosphere(subdivisions=2).export(mesh)
    trimesh.creation.icosphere(subdivisions=5).export(truth)

# Files, or objects of trimesh; lengths are in their own unit.
numbers = nf.evaluate_mesh(mesh, truth, thresholds=[0.02, 0.005], samples=50_000)
for name, value in numbers.items():
    print(f"{name:<20} {value:.4f}")
