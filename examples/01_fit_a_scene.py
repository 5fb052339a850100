"""Fit a built-in scene from Python; out come a run's folder, a mesh, its numbers and a picture."""

from PIL import Image

import neurfield as nf

scene = nf.load_scene("room0")  # or a path in any known format
run = nf.fit(scene, method="neus", steps=200)  # 2000 steps, which neus has by itself, are worth their time
print(run)

mesh = run.mesh(voxel=0.04)  # a trimesh.Trimesh in the scene's coordinates: metres, normals into free space
mesh.export(run.folder / "mesh.ply")
numbers = nf.evaluate_mesh(mesh, scene.ground_truth, scene.cameras, samples=20_000)
print({name: round(value, 4) for name, value in numbers.items()})

picture = run.render(camera=10, scale=0.5)  # "rgb", "depth" and "normal" of one of the scene's cameras
Image.fromarray(picture["rgb"]).save(run.folder / "camera10.png")

again = nf.Run.load(run.folder)  # the field as it was last saved
print(again.field)
