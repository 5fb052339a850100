"""Floor plans of the built-in rooms, one a file."""
