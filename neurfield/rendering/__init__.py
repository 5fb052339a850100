"""Rays and a field to pixels."""
