"""A signed distance field of points with normals, in a loop of one's own (IGR, Gropp et al. 2020)."""

import numpy as np
import torch
import trimesh

import neurfield as nf

torch.manual_seed(0)
truth = trimesh.creation.box((1.2, 0.8, 0.6))
sampled, faces = trimesh.sample.sample_surface(truth, 20_000, seed=0)
cloud = torch.tensor(np.array(sampled), dtype=torch.float32)  # within [-1, 1]^3, where fields live
normals = torch.tensor(truth.face_normals[faces], dtype=torch.float32)

encoding = nf.encodings.HashGrid(levels=4, log2_table_size=15, finest_resolution=32)
field = nf.fields.SDFField(encoding, hidden=(64,))  # starts as a sphere, free space outside
print(field)
optimiser = torch.optim.Adam(field.parameters(), lr=5e-3)

for step in range(200):
    rows = torch.randint(len(cloud), (1024,))
    around = torch.rand(1024, 3) * 2 - 1
    sample = field.query(torch.cat([cloud[rows], around]), gradient=True)  # all of it trains the field
    on_surface = sample.sdf[:1024].abs().mean()
    along_normals = (sample.slope[:1024] - normals[rows]).norm(dim=1).mean()
    nothing_else = torch.exp(-50 * sample.sdf[1024:].abs()).mean()  # as in SIREN (Sitzmann et al. 2020)
    slope_of_one = nf.losses.eikonal(sample.slope)
    loss = on_surface + 0.1 * (along_normals + nothing_else + slope_of_one)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

box = np.array([[-1, -1, -1], [1, 1, 1]])
mesh = trimesh.Trimesh(*nf.surfaces.extract_level_set(field.sdf, box, voxel=0.02), process=False)
numbers = nf.evaluate_mesh(mesh, truth, thresholds=[0.02], samples=20_000)
print(f"accuracy {numbers['accuracy']:.4f}, f-score {numbers['f_score@0.02']:.3f}")
