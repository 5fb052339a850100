"""The paragraph before a fit: what is fitted, where, what that can determine, and how long it takes."""

from __future__ import annotations

import numpy as np
import torch

from neurfield.parts import SamplingConfig
from neurfield.fitting.determined import telling_sources, what_is_determined
from neurfield.fitting.run import Run
from neurfield.ops import native
from neurfield.pixels.sources import SOURCES
from neurfield.scenes import Scene

BYTES_OF_TORCH = 0.4e9  # what the process holds before it has done anything
_NAMES = {
    "image": "images", "mask": "masks", "depth": "exact depth maps",
    "sensor_depth": "noisy sensor depth maps", "prior_depth": "ambiguous prior depth maps",
    "prior_normal": "prior normal maps",
}  # fmt: skip


def summary(run: Run, step: int, seconds_per_step: float) -> str:
    """The paragraph, in rich's markup."""
    task, config = run.task, run.config
    scene = task.scene
    size = scene.box[1] - scene.box[0]
    parameters = sum(p.numel() for group in task.groups() for p in group.parameters)
    pixels = float((scene.cameras.width * scene.cameras.height).sum())
    images = pixels * sum(SOURCES[source].bytes_per_pixel for source in scene.sources)
    memory = BYTES_OF_TORCH + images + 16.0 * parameters + 0.4e9
    near, far = _stretch(scene)
    determined, doubtful = what_is_determined(telling_sources(scene), task.inside)
    return "\n".join(
        [
            f"[bold]{scene.name}[/bold]: {_cameras(run)}, {_used(scene)}",
            *_unused(run.scene, scene),
            f"box {size[0]:.2f} x {size[1]:.2f} x {size[2]:.2f}, cameras look "
            + (
                "out of it (a room: free space inside)"
                if task.inside
                else "in at it (an object: free space outside)"
            ),
            f"rays run from {near:.2f} to at most {far:.2f}, where they leave the box",
            f"[yellow]{determined}[/yellow]" if doubtful else determined,
            f"method {config.method} ({config.preset}), steps {step} to {config.train.steps} "
            f"of {_step_size(config.sampling)}, "
            f"{parameters / 1e6:.1f} M parameters, about {memory / 1e9:.1f} GB",
            f"kernels: {task.field.path} ({native.reason_for(task.device)}), device {task.device}, "
            f"{_threads()}",
            *([f"first surface: {task.volume.words}"] if task.volume is not None else []),
            f"about {_duration(seconds_per_step * (config.train.steps - step))} to fit, "
            f"as busy as the machine is now ({1e3 * seconds_per_step:.0f} ms a step)",
            f"run folder {run.folder}",
        ]
    )


def _cameras(run: Run) -> str:
    """How many cameras of how many are fitted, and why not the others."""
    fitted, total = len(run.task.scene), len(run.scene)
    reasons = []
    if len(run.used) < total:
        reasons.append(f"{len(run.used)} evenly spaced ones fit into memory")
    if len(run.held_out):
        reasons.append(f"{len(run.held_out)} held out")
    return f"{fitted} cameras" if not reasons else f"{fitted} of {total} cameras ({', '.join(reasons)})"


def _used(scene: Scene) -> str:
    """The sources that are fitted, each with how many files of it."""
    counts = {source: sum(path is not None for path in scene.files[source].paths) for source in scene.files}
    return ", ".join(f"{counts[source]} {text}" for source, text in _NAMES.items() if source in counts)


def _unused(all_of_it: Scene, used: Scene) -> list[str]:
    """A line on what the scene has and the fit leaves alone."""
    left = [text for source, text in _NAMES.items() if source in all_of_it.sources - used.sources]
    return [f"not used: {', '.join(left)}"] if left else []


def _threads() -> str:
    count = torch.get_num_threads()
    return f"{count} threads" if count > 1 else "1 thread"


def _duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def _step_size(sampling: SamplingConfig) -> str:
    return f"about {sampling.samples} samples" if sampling.samples else f"{sampling.rays} rays"


def _stretch(scene: Scene) -> tuple[float, float]:
    """Between which distances rays can meet the box: nearest point to farthest corner, over all cameras."""
    low, high = scene.box
    centers = scene.cameras.centers
    outside = np.maximum(np.maximum(low - centers, centers - high), 0.0)
    farthest = np.maximum(np.abs(centers - low), np.abs(high - centers))
    return float(np.linalg.norm(outside, axis=1).min()), float(np.linalg.norm(farthest, axis=1).max())
