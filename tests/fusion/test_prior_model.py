"""The warp over a picture: bilinear between nodes that lie where they are said to."""

from __future__ import annotations

import torch

from neurfield.fusion.prior_model import NODES_X, NODES_Y, PARAMETERS, Meaning, nodes


def test_what_is_linear_over_the_nodes_is_linear_over_the_picture() -> None:
    uv = torch.rand(500, 2, generator=torch.Generator().manual_seed(0))
    index, share = nodes(uv)
    row, column = index // NODES_X, index % NODES_X
    place = torch.stack([column / (NODES_X - 1), row / (NODES_Y - 1)], dim=-1)
    torch.testing.assert_close((place * share[..., None]).sum(dim=1), uv, rtol=0, atol=1e-5)
    assert ((place - uv[:, None]).abs() <= torch.tensor([1 / (NODES_X - 1), 1 / (NODES_Y - 1)]) + 1e-5).all()


def test_the_ends_are_the_depths_of_the_least_and_the_greatest_prior() -> None:
    values = torch.zeros(2, PARAMETERS)
    values[:, :2] = torch.tensor([[1.5, 4.0], [0.5, 9.0]]).log()
    values[1, 2:] = 0.1
    image, uv = torch.tensor([0, 0, 0, 1]), torch.full((4, 2), 0.3)
    log_z, _, _ = Meaning(values).log_depth(image, torch.tensor([0.0, 1.0, 0.5, 1.0]), uv)
    expected = torch.tensor([1.5, 4.0, 2.75, 9.0 * torch.tensor(0.1).exp()])
    torch.testing.assert_close(log_z.exp(), expected)


def test_depth_alone_and_of_a_whole_image_is_that_of_its_pixels() -> None:
    values = 0.3 * torch.randn(3, PARAMETERS, generator=torch.Generator().manual_seed(2))
    meaning, (h, w) = Meaning(values), (7, 11)
    x = torch.rand(h, w, generator=torch.Generator().manual_seed(3))
    v, u = torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")
    uv = torch.stack([u, v], dim=-1)
    for i in range(3):
        image = torch.full((h, w), i)
        log_z, _, _ = meaning.log_depth(image, x, uv)
        torch.testing.assert_close(meaning.depth(image, x, uv), log_z.exp())
        torch.testing.assert_close(meaning.log_depth_of(i, x), log_z, rtol=1e-4, atol=1e-5)
