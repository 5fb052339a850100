"""Surfaces from photographs alone, measured: `python -m benchmarks.photos --help`."""
