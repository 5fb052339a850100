"""Would a test notice? One line is broken at a time, and the tests that ought to fail are run."""
