"""One script for each claim; run from a checkout as `python -m benchmarks.<name>`."""

import neurfield as neurfield  # before any script's torch, so that threads wait as they do for users
