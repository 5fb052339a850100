"""Encodings compared: how well each, with the same tiny network, fits the same picture in as many steps."""

import torch

import neurfield as nf
from neurfield import encodings


def picture(points):  # colours [N, 3] of points [N, 2] in [0, 1]^2: rings that become finer, and an edge
    x, y = points.unbind(1)
    rings = torch.sin(90 * ((x - 0.2) ** 2 + (y - 0.3) ** 2))
    return torch.stack([0.5 + 0.5 * rings, (x + y > 1).float(), x], dim=1)


axis = (torch.arange(128) + 0.5) / 128
pixels = torch.cartesian_prod(axis, axis)
grid = {"levels": 6, "log2_table_size": 12, "base_resolution": 4, "finest_resolution": 64, "dimensions": 2}
compared = {
    "points alone": encodings.Identity(2),
    "frequencies": encodings.Frequency(2, bands=6),
    "blobs": encodings.OneBlob(2, bins=32),
    "hash grid": encodings.HashGrid(**grid),
    "simplex grid": encodings.SimplexGrid(**grid),
    "both of them": encodings.Concatenation([encodings.Frequency(2, bands=6), encodings.HashGrid(**grid)]),
}
for name, encoding in compared.items():
    torch.manual_seed(0)
    field = nf.fields.ImageField(encoding, channels=3, hidden=(32,))
    optimiser = torch.optim.Adam(field.parameters(), lr=1e-2)
    for _ in range(150):
        points = torch.rand(2048, 2)
        optimiser.zero_grad()
        (field.fitted(points) - picture(points)).abs().mean().backward()
        optimiser.step()
    fitted = field(pixels).detach().reshape(128, 128, 3).numpy()
    decibels = nf.evaluation.psnr(fitted, picture(pixels).reshape(128, 128, 3).numpy())
    print(f"{name:<13} {decibels:5.1f} dB, {sum(p.numel() for p in field.parameters()):,} parameters")
