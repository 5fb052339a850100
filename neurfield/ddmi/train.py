"""Both stages of a training, one after the other, and the network that they leave."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from neurfield.ddmi.autoencoder import Autoencoder
from neurfield.ddmi.data import Data, find, read
from neurfield.ddmi.diffusion import Denoiser, scheduler
from neurfield.ddmi.learn_autoencoder import agreement, best_of, learn_autoencoder
from neurfield.ddmi.learn_diffusion import BEST, learn_diffusion
from neurfield.ddmi.sizes import SIZES
from neurfield.ddmi.stage import read_checkpoint
from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.triplanes.checkpoint import part, save

MODEL, KEPT = "model.safetensors", "data.safetensors"


@dataclass(frozen=True)
class Model:
    """What was learnt.

    Attributes:
        autoencoder: the first stage.
        denoiser: the second.
        numbers: see `learn_diffusion`.
        facts: what is known of the training.
    """

    autoencoder: Autoencoder
    denoiser: Denoiser
    numbers: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def latent_shape(self) -> tuple[int, int, int, int]:
        """[P, c, r, r] of a latent."""
        size = self.autoencoder.size
        side = size.latent_resolution
        return self.autoencoder.planes, size.latent, side, side


def train(
    folder: Path,
    out: Path,
    size: str = "small",
    classes: Sequence[str] | None = None,
    seed: int = 0,
    told: Callable[[str], None] = lambda line: None,
) -> tuple[Data, dict[str, Any]]:
    """Learn what shapes or pictures look like; what was stopped goes on, and ends as it would have.

    Args:
        folder: of meshes or of pictures, see `find`.
        out: to write into: data.safetensors, autoencoder.safetensors and diffusion.safetensors (checkpoints),
            model.safetensors, metrics.json.
        size: a key of `SIZES`.
        classes: to learn from; None: all.
        seed: of all that is drawn.
        told: called with lines of how it goes.

    Returns:
        What was learnt from, and what metrics.json says.

    Raises:
        UserError: there is nothing to learn from, or `out` holds another training.
    """
    scheduler()  # says now, not after the first stage, that diffusers is missing
    domain, items = find(folder, classes)
    numbers = SIZES[size]
    data = read(domain, items, out / KEPT, numbers.resolution, told)
    for note in data.notes:
        told(note)
    of = {split: len(rows) for split, rows in data.splits.items()}
    told(f"{of['train']} {domain} to learn from, {of['val']} to judge by, {of['test']} held out")
    facts = {
        "seed": seed,
        "size": size,
        "domain": domain,
        "set": f"{zlib.crc32(repr(data.names).encode()):08x}",
    }
    autoencoder, first = learn_autoencoder(data, numbers, out / "autoencoder.safetensors", facts, told)
    denoiser, scales, second = learn_diffusion(
        autoencoder, data, numbers, out / "diffusion.safetensors", facts, told
    )
    labels = sorted({item.label for item in items})
    facts = {**facts, "classes": labels, "folder": str(folder), "learnt_from": of["train"]}
    tensors = {f"numbers.{name}": value for name, value in scales.items()}
    for name, network in (("autoencoder", autoencoder), ("denoiser", denoiser)):
        tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
    save(out / MODEL, tensors, facts)
    metrics = {
        **facts,
        "held_out": agreement(autoencoder, data, data.splits["test"], numbers.points) if of["test"] else {},
        "kept": {
            "autoencoder": best_of(domain).step(first, numbers.steps),
            "diffusion": BEST.step(second, numbers.diffusion_steps),
        },
        "autoencoder": first,
        "diffusion": second,
    }
    with atomic_write(out / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=1))
    return data, metrics


def read_model(folder: Path) -> Model:
    """What `train` left in a folder.

    Raises:
        UserError: there is none, or its file is not whole.
    """
    folder = folder.expanduser()
    path = folder / MODEL if folder.is_dir() else folder
    if not path.is_file():
        if (folder / "autoencoder.safetensors").is_file():
            raise UserError(f"{folder}: its training was stopped; call `neurfield generate train` again")
        raise UserError(f"{path}: there is no such network; `neurfield generate train` makes one")
    tensors, facts = read_checkpoint(path)
    if facts.get("domain") not in ("shapes", "pictures") or facts.get("size") not in SIZES:
        raise UserError(f"{path}: not a network of `neurfield generate train`")
    autoencoder = Autoencoder(facts["domain"], SIZES[facts["size"]])
    denoiser = Denoiser(autoencoder.planes, SIZES[facts["size"]])
    try:
        autoencoder.load_state_dict(part(tensors, "autoencoder"))
        denoiser.load_state_dict(part(tensors, "denoiser"))
    except RuntimeError as reason:
        raise UserError(
            f"{path}: of another version, whose --size {facts['size']} had other networks: train anew"
        ) from reason
    for network in (autoencoder, denoiser):
        network.eval().requires_grad_(False)
    return Model(autoencoder, denoiser, part(tensors, "numbers"), facts)
