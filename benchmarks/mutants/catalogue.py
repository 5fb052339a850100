"""All the mistakes, by part."""

from __future__ import annotations

from benchmarks.mutants import fields, fitting, kernels, measures, parts, priors, scenes, stereo

MUTANTS = [
    *measures.LOSSES, *measures.EVALUATION, *fields.FUSION, *priors.ALIGNMENT, *priors.NATIVE,
    *stereo.PYTHON, *stereo.NATIVE,
    *fields.RENDERING, *fields.SURFACES, *parts.SHELF, *parts.PARTS,
    *fitting.STEPS, *fitting.RUNS, *scenes.CAMERAS, *scenes.READERS, *kernels.REFERENCES, *kernels.NATIVE,
]  # fmt: skip
