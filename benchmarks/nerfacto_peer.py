"""nerfstudio's nerfacto in torch on the pictures of a scene: what its users get where there is no GPU.

    python -m benchmarks.nerfacto_peer --scene room0 --seconds 60 300 [--out FILE]

Its own model with its own numbers (`ns-train nerfacto`: 4096 rays a step, Adam at 1e-2, mixed precision and
correction of poses left out, since poses are right), in the loop of this file: its trainer needs packages
that do not matter here. What it imports and does not use is replaced by nothing. Prints a line of JSON for
each time: seconds of training, steps, held-out PSNR.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import json
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from PIL import Image

from benchmarks.common import run_script, say
from neurfield.errors import UserError
from neurfield.evaluation import psnr
from neurfield.inputs.scene.scores import IMAGE_SCALE, MOST_IMAGES
from neurfield.pixels.frames import fitted_and_held_out
from neurfield.scenes import load_scene
from neurfield.scenes.scene import Scene

INSTALL = "pip install --no-deps nerfstudio==1.1.5 nerfacc torchmetrics lightning-utilities jaxtyping"
UNUSED = (
    "cv2",
    "torchvision",
    "pytorch_msssim",
    "tensorboard",
    "comet_ml",
    "wandb",
    "torch.utils.tensorboard",
)
RAYS = 4096


class _Unused(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds an empty module where nerfstudio imports what training does not use."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        unused = any(name == word or name.startswith(word + ".") for word in UNUSED)
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if unused else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module: Any = MagicMock()
        module.__path__, module.__spec__, module.__name__ = [], spec, spec.name
        return module  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        pass


class Nerfacto:
    """The model, its optimizer, and rays of a scene whose cameras fill the cube of side 2 around zero."""

    def __init__(self, scene: Scene, fitted: np.ndarray, seed: int = 0) -> None:
        sys.meta_path.insert(0, _Unused())
        try:
            from nerfstudio.cameras.camera_optimizers import CameraOptimizerConfig
            from nerfstudio.cameras.rays import RayBundle
            from nerfstudio.data.scene_box import SceneBox
            from nerfstudio.models import nerfacto
            from torchmetrics.image import lpip
        except ImportError as error:
            raise UserError(f"nerfacto cannot be imported ({error}): {INSTALL}") from error
        torch.manual_seed(seed)
        lpip.LearnedPerceptualImagePatchSimilarity = lambda **_: (
            torch.nn.Identity()
        )  # it has weights to fetch
        config = nerfacto.NerfactoModelConfig(
            implementation="torch",
            average_init_density=0.01,
            camera_optimizer=CameraOptimizerConfig(mode="off"),
        )
        box = SceneBox(torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]))
        self.model = config.setup(scene_box=box, num_train_data=len(fitted), metadata={})
        groups = self.model.get_param_groups()
        weights = [p for name in ("proposal_networks", "fields") for p in groups[name]]
        self.optimizer = torch.optim.Adam(weights, lr=1e-2, eps=1e-15)
        self._bundle, self._scene = RayBundle, scene
        self.fitted, self._random = fitted, np.random.default_rng(seed)
        centers = scene.cameras.centers
        self._middle = centers.mean(axis=0)
        self._scale = 1.0 / np.abs(centers - self._middle).max()
        self._images = [scene.image(int(i)) for i in fitted]
        self._callbacks = self._of_training()
        self.steps = 0

    def step(self) -> None:
        """One step on random pixels of the fitted frames."""
        for callback in self._callbacks:
            callback.run_callback_at_location(self.steps, self._before)
        which = self._random.integers(len(self.fitted), size=RAYS)
        size = [self._images[k].shape for k in which]
        rows = np.array([self._random.integers(h) for h, _, _ in size])
        columns = np.array([self._random.integers(w) for _, w, _ in size])
        colors = np.stack([self._images[k][r, c] for k, r, c in zip(which, rows, columns)])
        truth = {"image": torch.from_numpy(colors.astype(np.float32) / 255.0)}
        outputs = self.model(
            self._rays(which, self.fitted[which], np.stack([columns + 0.5, rows + 0.5], axis=1))
        )
        losses = self.model.get_loss_dict(outputs, truth, self.model.get_metrics_dict(outputs, truth))
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        self.optimizer.step()
        for callback in self._callbacks:
            callback.run_callback_at_location(self.steps, self._after)
        self.steps += 1

    @torch.no_grad()
    def psnr(self, frames: Sequence[int]) -> float:
        """Mean over frames of half their size, as `neurfield fit` measures its own, dB."""
        self.model.eval()
        values = []
        for i in frames:
            picture = Image.fromarray(self._scene.image(i))
            size = (round(picture.width * IMAGE_SCALE), round(picture.height * IMAGE_SCALE))
            truth = np.asarray(picture.resize(size, Image.Resampling.BOX))
            row, column = np.mgrid[: size[1], : size[0]].reshape(2, -1)
            uv = np.stack(
                [(column + 0.5) * picture.width / size[0], (row + 0.5) * picture.height / size[1]], axis=1
            )
            parts = []
            for some in np.array_split(uv, max(1, len(uv) // RAYS)):
                nothing = np.zeros(len(some), int)
                parts.append(self.model(self._rays(nothing, nothing + i, some))["rgb"].clamp(0, 1))
            values.append(psnr(torch.cat(parts).numpy().reshape(truth.shape), truth / np.float32(255.0)))
        self.model.train()
        return float(np.mean(values))

    def _rays(self, which: np.ndarray, frames: np.ndarray, uv: np.ndarray) -> Any:
        origins, directions, _ = self._scene.cameras.rays(frames, uv)
        area = 1.0 / (self._scene.cameras.fx[frames] * self._scene.cameras.fy[frames])
        return self._bundle(
            origins=torch.from_numpy(((origins - self._middle) * self._scale).astype(np.float32)),
            directions=torch.from_numpy(directions),
            pixel_area=torch.from_numpy(area.astype(np.float32))[:, None],
            camera_indices=torch.from_numpy(which)[:, None],
            metadata={"directions_norm": torch.ones(len(which), 1)},
        )

    def _of_training(self) -> list[Any]:
        from nerfstudio.engine.callbacks import TrainingCallbackAttributes, TrainingCallbackLocation

        self._before = TrainingCallbackLocation.BEFORE_TRAIN_ITERATION
        self._after = TrainingCallbackLocation.AFTER_TRAIN_ITERATION
        nothing = TrainingCallbackAttributes(optimizers=None, grad_scaler=None, pipeline=None, trainer=None)
        return list(self.model.get_training_callbacks(nothing))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scene", default="room0")
    parser.add_argument("--seconds", nargs="+", type=float, default=[60.0, 300.0])
    args = parser.parse_args()
    scene = load_scene(args.scene)
    fitted, held_out = fitted_and_held_out(len(scene), "auto")
    measured = held_out[np.unique(np.linspace(0, len(held_out) - 1, MOST_IMAGES).astype(int))].tolist()
    peer = Nerfacto(scene, fitted)
    spent = 0.0
    for seconds in sorted(args.seconds):
        while spent < seconds:
            started = time.perf_counter()
            peer.step()
            spent += time.perf_counter() - started
        say(json.dumps({"seconds": spent, "steps": peer.steps, "psnr": peer.psnr(measured)}))


if __name__ == "__main__":
    run_script(main)
