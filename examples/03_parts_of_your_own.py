"""A loss, an opacity (both in my_lab.py) and a preset (my_method.yaml) of one's own, in a fit."""

from pathlib import Path

import neurfield as nf

here = Path(__file__).parent
run = nf.fit(
    "room0",
    method=str(here / "my_method.yaml"),
    plugins=[str(here / "my_lab.py")],  # its PARTS say which names presets may use
    overrides=["losses.bent_color.bend=0.05"],  # numbers of such parts are set and checked as all others are
    steps=100,
)
print(run)
for label, loss in run.config.many("losses").items():
    print(f"{label}: weight {loss.weight}, {loss.numbers}")
