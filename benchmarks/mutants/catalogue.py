"""All the mistakes, by part."""

from __future__ import annotations

from benchmarks.mutants import fields, fitting, kernels, measures, priors, scenes

MUTANTS = [
    *measures.LOSSES, *measures.EVALUATION, *fields.FUSION, *priors.ALIGNMENT, *priors.NATIVE,
    *fields.RENDERING, *fields.SURFACES,
    *fitting.STEPS, *fitting.RUNS, *scenes.CAMERAS, *scenes.READERS, *kernels.REFERENCES, *kernels.NATIVE,
]  # fmt: skip
