"""One script for each claim; run from a checkout as `python -m benchmarks.<name>`."""
