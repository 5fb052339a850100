"""Groups of parameters move as torch's Adam moves them, and their state comes back."""

from __future__ import annotations

import torch
from torch import nn

from neurfield.fitting.optimizer import Adam, Group


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 7), nn.ReLU(), nn.Linear(7, 2))


def _groups(network: nn.Module, table: nn.Parameter) -> list[Group]:
    return [
        Group("network", list(network.parameters()), 1e-2),
        Group("table", [table], 1e-1, sparse=True),
    ]


def _loss(network: nn.Module, table: nn.Parameter) -> torch.Tensor:
    x = torch.linspace(-1.0, 1.0, 30).view(10, 3)
    return (network(x).square().sum(dim=1) + table[3:5].square().sum()).mean()


def test_a_dense_group_is_one_vector_that_moves_as_torchs_adam_moves_its_parts() -> None:
    ours, theirs = _network(), _network()
    table = nn.Parameter(torch.ones(20))
    optimizer = Adam(_groups(ours, table), eps=1e-8)
    peer = torch.optim.Adam(theirs.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-8)
    for step in range(1, 6):
        _loss(ours, table).backward()
        optimizer.step(step, 1.0)
        peer.zero_grad()
        _loss(theirs, nn.Parameter(torch.ones(20))).backward()
        peer.step()
    for a, b in zip(ours.parameters(), theirs.parameters()):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
        assert a.grad is not None and not a.grad.any()
    assert len({p.untyped_storage().data_ptr() for p in ours.parameters()}) == 1
    assert (table[3:5] < 1.0).all() and (table[5:] == 1.0).all()


def test_its_state_makes_another_go_on_alike() -> None:
    first, second = _network(), _network()
    a_table, b_table = nn.Parameter(torch.ones(20)), nn.Parameter(torch.ones(20))
    a, b = Adam(_groups(first, a_table)), Adam(_groups(second, b_table))
    _loss(first, a_table).backward()
    a.step(1, 1.0)
    b.load({name: tensor.clone() for name, tensor in a.state().items()})
    second.load_state_dict(first.state_dict())
    b_table.data.copy_(a_table.data)
    for optimizer, network, table in ((a, first, a_table), (b, second, b_table)):
        _loss(network, table).backward()
        optimizer.step(2, 0.5)
    for ours, theirs in zip([*first.parameters(), a_table], [*second.parameters(), b_table]):
        assert torch.equal(ours, theirs)
