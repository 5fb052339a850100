"""Layouts of other programs and data sets, one module each: whether a path holds it, and its scene."""
