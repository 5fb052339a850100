"""`--threads` and `--device`: how many processors a verb may use, and whether a GPU."""

from __future__ import annotations

import os
from typing import Annotated

from tyro.conf import arg

from neurfield.errors import UserError
from neurfield.openmp import default_threads

Threads = Annotated[
    int | None, arg(metavar="N", help_behavior_hint="(default: OMP_NUM_THREADS, else each core that is ours)")
]

Device = Annotated[
    str | None, arg(metavar="auto|cpu|cuda", help_behavior_hint="(default: the run's, if it is here)")
]


def use_threads(threads: int | None) -> None:
    """Let torch and the native kernels, which share one pool, run on this many threads.

    None: as many as OMP_NUM_THREADS says; without that, as the machine offers (`openmp.default_threads`).

    Raises:
        UserError: fewer than one.
    """
    if threads is None and "OMP_NUM_THREADS" in os.environ:
        return
    count = thread_count(threads)
    import torch

    torch.set_num_threads(count)


def thread_count(threads: int | None) -> int:
    """How many `--threads` means; None: as for `use_threads`.

    Raises:
        UserError: fewer than one.
    """
    if threads is None:
        said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
        return int(said) if said.isdigit() and int(said) else default_threads()
    if threads < 1:
        raise UserError(f"--threads {threads}: at least 1 is needed")
    return threads
