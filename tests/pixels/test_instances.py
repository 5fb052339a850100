"""Instance ids become the objects of a field; whatever is none of them is the background."""

from __future__ import annotations

import torch

from neurfield.pixels import Instances


def test_ids_in_any_order_and_shape() -> None:
    instances = Instances([40, 3, 8])
    segment = torch.tensor([[3, 8, 40], [0, 7, 1000], [-1, 39, 41]])
    assert instances.index_of(segment).tolist() == [[2, 3, 1], [0, 0, 0], [0, 0, 0]]
    assert len(instances) == 4


def test_of_no_objects_all_are_the_background() -> None:
    assert Instances(()).index_of(torch.tensor([5, 0])).tolist() == [0, 0]
    assert Instances([5]).index_of(torch.zeros(0, dtype=torch.int64)).shape == (0,)
