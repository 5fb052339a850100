"""Surfaces that answer rays, and light that falls on them: sphere tracing, lamps, a path tracer."""
