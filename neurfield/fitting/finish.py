"""What a fit leaves for people: the mesh, its numbers, pictures, the report."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.evaluation import evaluate_mesh, psnr, ssim
from neurfield.files import atomic_write
from neurfield.fitting.pixels import is_held_out
from neurfield.fitting.run import Run
from neurfield.surfaces import save_mesh

IMAGE_SCALE = 0.5  # of the pictures that image scores are taken on
MOST_IMAGES = 8


def finish(run: Run, voxel: float | None = None) -> dict[str, object]:
    """Write mesh.ply, previews and metrics.json of a finished run; returns the metrics."""
    started = time.perf_counter()
    mesh = run.mesh(voxel=voxel)
    seconds_of_mesh = time.perf_counter() - started
    save_mesh(mesh, run.folder / "mesh.ply")
    metrics = read_metrics(run.folder)
    metrics["mesh"] = {
        "vertices": len(mesh.vertices), "faces": len(mesh.faces), "seconds": round(seconds_of_mesh, 2),
        "voxel": voxel or run.config.mesh.voxel or 2.0 * run.task.frame.half / 512,
    }  # fmt: skip
    if run.scene.ground_truth is not None:
        metrics["geometry"] = evaluate_mesh(mesh, run.scene.ground_truth, run.task.scene.cameras)
    metrics["images"] = image_scores(run)
    metrics["fit"] = fit_facts(run.folder)
    write_metrics(run.folder, metrics)
    return metrics


def image_scores(run: Run) -> dict[str, object]:
    """PSNR and SSIM on held-out frames where there are any, else on fitted ones (said in `frames`);
    pictures into previews/."""
    scene, every = run.task.scene, run.config.data.holdout_every
    held_out = [i for i in range(len(scene)) if is_held_out(i, every)]
    frames = held_out or list(range(len(scene)))
    chosen = [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, MOST_IMAGES).astype(int))]
    scores = []
    for i in chosen:
        drawn = run.render(i, IMAGE_SCALE)
        height, width = drawn["rgb"].shape[:2]
        true = np.asarray(Image.fromarray(scene.image(i)).resize((width, height), Image.Resampling.BOX))
        mask = scene.mask(i)
        rgb = drawn["rgb"]
        if mask is not None:
            inside = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
            true, rgb = np.where(inside[..., None], true, 255), np.where(inside[..., None], rgb, 255)
        scores.append((psnr(rgb, true), ssim(rgb, true)))
        normals = ((drawn["normal"] * 0.5 + 0.5) * 255.0).astype(np.uint8)
        with atomic_write(run.folder / "previews" / f"frame-{i:06d}.png") as temporary:
            Image.fromarray(np.concatenate([true, rgb, normals], axis=1).astype(np.uint8)).save(temporary)
    mean = np.mean(scores, axis=0)
    return {
        "psnr": float(mean[0]), "ssim": float(mean[1]), "frames": "held out" if held_out else "fitted",
        "count": len(chosen),
    }  # fmt: skip


def read_metrics(folder: Path) -> dict[str, object]:
    """metrics.json of a run, or an empty one."""
    path = folder / "metrics.json"
    return json.loads(path.read_text()) if path.is_file() else {"schema": 1}


def write_metrics(folder: Path, metrics: dict[str, object]) -> None:
    """Replace metrics.json."""
    with atomic_write(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=1))


def fit_facts(folder: Path) -> dict[str, float]:
    """Steps, seconds and peak memory of a run, from its log."""
    log = folder / "log.jsonl"
    last = json.loads(log.read_text().splitlines()[-1]) if log.is_file() else {}
    return {
        "steps": last.get("step", 0),
        "seconds": last.get("seconds", 0.0),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }
