"""Photographs as the texture of a mesh, in a .glb: of any mesh, and any pictures with poses."""

from pathlib import Path

import numpy as np

import neurfield as nf
from neurfield.surfaces import decimate, save_mesh
from neurfield.textures import bake

scene = nf.load_scene("room0")  # or a path: all that is needed are pictures with poses
mesh = decimate(scene.ground_truth, 10_000)  # or one of yours: trimesh.load("mine.ply", process=False)
pictures = scene.with_frames(np.arange(0, len(scene.cameras), 6))  # some of them are enough to show how

baked = bake(mesh, 1024, pictures, tell=lambda stage, share: print(f"{share:4.0%} {stage}", end="\r"))
out = Path("runs/textured.glb")
out.parent.mkdir(exist_ok=True)
save_mesh(baked.mesh, out, up=scene.up)  # +Y is up in a .glb; vertices keep the world's axes
print(f"{out}: {len(baked.mesh.faces):,} triangles, {baked.seen:.0%} of their texels from photographs")

# Of a fit the same is a line, which asks its field where no picture looks:
#     run.textured(run.mesh(color="none", faces=100_000), 4096)
# and for a terminal: neurfield mesh runs/room0/latest --texture 4096
