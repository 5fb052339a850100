"""What goes wrong on one of a kernel's threads arrives where the kernel was called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurfield.ops import native

# Each of the kernel's two threads wants eight megabytes, and there is one left. With one arena the C library
# has none aside.
CODE = """
import os, resource, torch
from neurfield.ops import grid, native
layout = grid.GridLayout(levels=16, features=4, log2_table_size=10, base_resolution=4, growth=1.2)
table, points = torch.rand(layout.n_parameters), torch.rand(2 * 32768, 3)
out = torch.zeros(len(points), 64)
arguments = grid.native_arguments(native.module, layout, "smoothstep", None)
def encode(some):
    native.module.grid_encode(*arguments, points[:some], table, out[:some], None)
torch.set_num_threads(2)
encode(4096)
expected = out[:4096].clone()
used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (used + 2**20, resource.RLIM_INFINITY))
try:
    encode(len(points))
except MemoryError:
    print("told")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
encode(len(points))
assert torch.equal(out[:4096], expected)
encode(4096)
assert torch.equal(out[:4096], expected)
"""


def test_memory_that_is_missing_on_a_thread_is_an_error_not_the_end() -> None:
    if native.module is None or not Path("/proc/self/statm").exists():
        pytest.skip("no native kernels, or no /proc, here")
    environment = os.environ | {"MALLOC_ARENA_MAX": "1"}
    ran = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "told\n"), ran.stderr
