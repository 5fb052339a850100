"""Every room method on the built-in rooms within equal times: `python -m benchmarks.room_methods --help`."""
