"""NumPy arrays as the tensors that native kernels of meshes and lattices take."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor


def tensor_of(array: np.ndarray, dtype: DTypeLike = np.int64) -> Tensor:
    """A contiguous tensor of `dtype`; it shares the array's memory where that is so already."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype))
