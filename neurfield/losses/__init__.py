"""Named, unweighted losses; each returns one scalar."""
