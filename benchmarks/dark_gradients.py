"""How much of the colour losses' gradient reaches the geometry in dark, plain and bright places.

    python -m benchmarks.dark_gradients [--methods monosdf ...] [--steps 300] [--room room0] [--runs RUN ...]

Occ-SDF Hybrid (Lyu et al., ICCV 2023) claims that with a mean colour difference the gradient that reaches the
geometry is scaled by how much the colours along a ray differ, so that dark places and those of low contrast
get next to none. Measured is, of every loss of a method that looks at the pictures' colours, the norm over a
ray's samples of its derivative by what the field says of shape there: the signed distance, its gradient, the
field's heads. Rays are drawn among the darkest tenth of all fitted pixels, the tenth of the least contrast,
the brightest tenth, and all.

Either runs that exist are looked at, at their newest checkpoint, or methods are fitted for some steps first,
to the pictures and ambiguous priors, as `benchmarks.room_methods` does. Prints a table, writes JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import run_script, say
from benchmarks.room_methods.methods import GIVEN
from benchmarks.room_methods.shades import Shades, shades_of_picture
from benchmarks.script import Table, arguments, report
from neurfield.errors import UserError
from neurfield.fitting.folder import load_newest
from neurfield.inputs import fit
from neurfield.inputs.run import open_run
from neurfield.losses.seen import Seen
from neurfield.losses.weighted import WeightedLoss
from neurfield.moment import Moment
from neurfield.pixels import Chosen
from neurfield.scenes.scene import Scene

PLACES = ("all", "bright", "dark", "low contrast")
COLUMNS = ("field", "step", "loss", "by", *PLACES, "dark / bright", "low contrast / bright")
COLOURS = "pixels.rgb"  # what a loss on colours looks at
BATCH = 512  # rays
NOTE = (
    "Means over rays of the norm over a ray's samples of d loss / d what the field says there, of the loss as"
    " weighted in that step, times the number of rays, whose mean it is. By the distance (sdf): per metre; by"
    " its gradient and by heads: no unit. Bright, dark, low contrast: tenths of the fitted pixels, by"
    " luminance, and by its deviation in a window of 1.5 % of the picture's width."
)


@dataclass(frozen=True)
class Given:
    """Pixels that were chosen beforehand, [R] each: a chooser of one batch."""

    camera: np.ndarray
    row: np.ndarray
    column: np.ndarray

    def choose(self, step: int, rays: int) -> Chosen:
        """All of them, whatever is asked for."""
        return Chosen(self.camera, self.row, self.column, np.zeros(len(self.camera), np.int64), 1)

    def parts(self, size: int) -> Iterator[Given]:
        """So many at a time."""
        for start in range(0, len(self.camera), size):
            rows = slice(start, start + size)
            yield Given(self.camera[rows], self.row[rows], self.column[rows])


def pixels_of(scene: Scene, count: int, seed: int = 0) -> dict[str, Given]:
    """Random pixels of a scene's pictures by a name of `PLACES`, `count` of each place."""
    shades = [shades_of_picture(scene.image(i)) for i in range(len(scene))]
    luminance, contrast = (
        np.concatenate([pair[k].astype(np.float32).reshape(-1) for pair in shades]) for k in range(2)
    )
    whole = Shades(luminance, contrast)
    places = {
        "all": np.ones(len(luminance), bool), "bright": whole.bright(), "dark": whole.dark(),
        "low contrast": whole.low_contrast(),
    }  # fmt: skip
    width = scene.cameras.width.astype(np.int64)
    ends = np.cumsum(width * scene.cameras.height)
    rng = np.random.default_rng(seed)
    found = {}
    for name, inside in places.items():
        flat = rng.choice(np.flatnonzero(inside), count)
        camera = np.searchsorted(ends, flat, side="right")
        within = flat - np.where(camera > 0, ends[camera - 1], 0)
        found[name] = Given(camera, within // width[camera], within % width[camera])
    return found


def colour_losses(losses: Mapping[str, WeightedLoss]) -> dict[str, WeightedLoss]:
    """Those that look at the pictures' colours, whatever they are called.

    Raises:
        UserError: there are none.
    """
    found = {label: loss for label, loss in losses.items() if COLOURS in loss.needs}
    if not found:
        raise UserError(f"none of the losses {', '.join(losses)} looks at {COLOURS}: nothing to measure")
    return found


def ray_norms(seen: Seen, loss: Tensor, half: float) -> dict[str, Tensor]:
    """Of each ray [R] the norm of a loss's derivative by what the field says, by "sdf", "gradient" and heads.

    Args:
        seen: what the loss looked at, whose field's answers have a graph.
        loss: one number, a mean over the rays.
        half: world lengths per unit length.
    """
    rays, everywhere = seen.rays, seen.rays.answers.everywhere
    outputs = {"sdf": everywhere.sdf, "gradient": everywhere.gradient, **everywhere.heads}
    wanted = {name: one for name, one in outputs.items() if one is not None and one.requires_grad}
    slopes = torch.autograd.grad(loss, list(wanted.values()), retain_graph=True, allow_unused=True)
    ray, count = rays.samples.ray_indices, len(rays.pixels)
    norms = {}
    for name, slope in zip(wanted, slopes):
        if slope is not None:
            of_samples = slope[: len(ray)].reshape(len(ray), slope.shape[1:].numel()).square().sum(dim=1)
            squares = torch.zeros(count, device=ray.device).index_add_(0, ray, of_samples)
            norms[name] = squares.sqrt() * count / (half if name == "sdf" else 1.0)
    return norms


def measured(task: Any, moment: Moment, pixels: Given) -> dict[tuple[str, str], float]:
    """The mean norm over rays by a loss's label and what the derivative is by.

    Args:
        task: a `SceneTask` whose field is fitted.
        moment: of the fit.
        pixels: the rays'.
    """
    norms: dict[tuple[str, str], list[Tensor]] = {}
    chooser = task.rays.reader.chooser
    try:
        for part in pixels.parts(BATCH):
            task.rays.reader.chooser = part
            drawn = task.rays.draw(task.field, [], moment)
            seen = task.rays.seen(task.field, task.color, drawn, moment)
            for label, loss in colour_losses(task.losses).items():
                if loss.looks_at(seen):
                    value = loss.weight_at(moment, seen) * loss.value(seen).reshape(())
                    for name, norm in ray_norms(seen, value, task.frame.half).items():
                        norms.setdefault((label, name), []).append(norm)
    finally:
        task.rays.reader.chooser = chooser
    return {key: float(torch.cat(parts).mean()) for key, parts in norms.items()}


def rows_of(run: Path, rays: int) -> list[list[Any]]:
    """The rows of a run, at its newest checkpoint."""
    task = open_run(run, tell=say).task
    step = load_newest(run, task)
    task.prepare()
    moment = task.moment(step, min(1.0, step / task.train.steps))
    task.field.at(moment)
    task.color.at(moment)
    found = {place: measured(task, moment, chosen) for place, chosen in pixels_of(task.scene, rays).items()}
    rows = []
    for label, name in found["all"]:
        values = [found[place].get((label, name)) for place in PLACES]
        bright = values[PLACES.index("bright")]
        ratios = [value / bright if value is not None and bright else None for value in values[2:]]
        rows.append([task.config.name, step, label, name, *values, *ratios])
    return rows


def main() -> None:
    parser = arguments(__doc__, "dark_gradients")
    parser.add_argument("--runs", nargs="*", type=Path, default=[], metavar="RUN", help="folders of runs")
    parser.add_argument("--methods", nargs="*", default=[], help="fitted first")
    parser.add_argument("--steps", type=int, default=300, help="of these fits, whose schedules end there")
    parser.add_argument("--room", default="room0")
    parser.add_argument("--rays", type=int, default=4096, help="of each place")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="as in `neurfield fit`")
    args = parser.parse_args()
    if not args.runs and not args.methods:
        args.methods = ["monosdf"]
    rays = min(args.rays, BATCH) if args.quick else args.rays
    runs = list(args.runs)
    out = args.out.resolve()
    for method in args.methods:
        options = {"steps": args.steps, "out": out.parent / "dark_gradients", "quiet": True}
        runs.append(fit(args.room, method, overrides=[*GIVEN, *args.set], **options).folder)
    rows = [row for run in runs for row in rows_of(run, rays)]
    title = "The colour losses' gradient that reaches the geometry"
    report(out, [Table(title, COLUMNS, rows)], [NOTE], runs=[str(run) for run in runs])


if __name__ == "__main__":
    run_script(main)
