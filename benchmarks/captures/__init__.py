"""Photos and videos as people bring them: from files to a mesh by the commands that a user types."""
