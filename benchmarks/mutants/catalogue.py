"""All the mistakes, by part."""

from __future__ import annotations

from benchmarks.mutants import (
    around,
    fields,
    fitting,
    heads,
    kernels,
    measures,
    objects,
    parts,
    posing,
    priors,
    protocols,
    sampling,
    scenes,
    stereo,
    transients,
)

MUTANTS = [
    *measures.LOSSES, *measures.EVALUATION, *protocols.PROTOCOLS, *fields.FUSION,
    *priors.GUESSED, *priors.ALIGNMENT, *priors.NATIVE, *stereo.PYTHON, *stereo.NATIVE,
    *fields.RENDERING, *heads.BESIDE, *around.AROUND, *transients.TRANSIENTS, *sampling.SAMPLING,
    *objects.OBJECTS, *fields.SURFACES, *parts.SHELF, *parts.PARTS,
    *fitting.STEPS, *fitting.RUNS, *scenes.CAMERAS, *scenes.POSES, *scenes.READERS, *posing.POSING,
    *posing.TOLD_APART, *kernels.REFERENCES, *kernels.NATIVE,
]  # fmt: skip
