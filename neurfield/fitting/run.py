"""A run: a folder with a fitted field, from which meshes and pictures come."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import trimesh

from neurfield.config import Config, read_config, save_config
from neurfield.errors import UserError
from neurfield.fitting.device import Tell, device_of_run, pick_device
from neurfield.fitting.folder import load_newest, scene_facts, write_facts
from neurfield.fitting.pixels import fitted_and_held_out, thinned, used_sources
from neurfield.fitting.scene import SceneTask
from neurfield.fitting.surface import FittedSurface
from neurfield.fitting.view import render_camera
from neurfield.fitting.warm_start import aligned_priors
from neurfield.scenes import Scene, load_scene


class Run:
    """A fitted field and what it was fitted to. Lengths and axes are the scene's own.

    Attributes:
        scene: all of it, as it was read. used: the sources and frames of it that this run looks at: those of
            `task.scene`, which are fitted, and `held_out` (indices into `used`), which are only compared.
    """

    def __init__(
        self, folder: Path, config: Config, scene: Scene, used: Scene, held_out: np.ndarray, task: SceneTask
    ) -> None:
        self.folder, self.config, self.scene, self.task = folder, config, scene, task
        self.used, self.held_out = used, held_out

    @staticmethod
    def load(folder: str | Path, device: str | None = None, scene: str | Path | None = None) -> Run:
        """Open a run's folder at its newest checkpoint.

        Args:
            device: "auto", "cpu" or "cuda"; None: the one it was fitted on, or the CPU where that is not.
            scene: where the run's scene lies now, if it was moved; the run takes note of it.

        Raises:
            UserError: not a run, its scene is gone, or no checkpoint was written yet.
        """
        run = open_run(Path(folder), device, scene=scene)
        load_newest(run.folder, run.task)
        return run

    @cached_property
    def field(self) -> torch.nn.Module:
        """The SDF field, in the unit frame `run.task.frame`."""
        return self.task.field

    def mesh(
        self,
        voxel: float | None = None,
        resolution: int | None = None,
        color: str = "vertex",
        component: str | None = None,
    ) -> trimesh.Trimesh:
        """The field's zero level set as one welded mesh in the scene's frame and units, normals into free
        space.

        Args:
            voxel: edge of the marching cubes in world units; or resolution: cubes along the box's longest
            side. Neither: the run's
                configuration, else 1/512 of the longest side.
            color: "vertex" or "none". component: "all" or "largest"; None: the run's configuration.

        Raises:
            UserError: a voxel that is not positive or too small for the box, or no surface inside the box.
        """
        task = self.task
        surface = FittedSurface(self.folder, self.config, task.scene.box, task.field, task.radiance)
        return surface.mesh(voxel, resolution, color, component)

    def render(self, camera: int, scale: float = 0.5) -> dict[str, np.ndarray]:
        """rgb, depth (z, world units) and normal (world axes) of one of `run.used.cameras`;
        see `render_camera`."""
        cameras = self.used.cameras
        if not 0 <= camera < len(cameras):
            raise UserError(f"camera {camera} does not exist: the run has cameras 0 to {len(cameras) - 1}")
        self.task.field.active_levels = self.task.field.encoding.levels
        return render_camera(self.task, cameras, camera, scale)


def open_run(
    folder: Path, device: str | None = None, tell: Tell = print, scene: str | Path | None = None
) -> Run:
    """A run as its config.yaml says, with a field that has not been fitted:
    for `Run.load` and for going on. Arguments as there."""
    facts = scene_facts(folder)
    config = read_config(folder / "config.yaml")
    found = _scene_of(folder, facts["scene"], facts.get("cameras"), scene)
    # The box is the run's own: a field fitted in one box means nothing in another.
    where = device_of_run(config.device, device, tell)
    run = prepare_run(folder, config, found, np.array(facts["box"]), where)
    if scene is not None:
        describe_run(run)
    return run


def _scene_of(folder: Path, known: str, cameras: int | None, moved_to: str | Path | None) -> Scene:
    """The scene that a run was fitted to, in its old place or in the one that is given.

    Raises:
        UserError: it is not where it was, or another one stands there.
    """
    if moved_to is None and not Path(known).exists():
        raise UserError(
            f"{folder}: the scene it was fitted to is no longer at {known}: "
            "say where it is now with --scene PATH"
        )
    scene = load_scene(known if moved_to is None else moved_to)
    if cameras is not None and len(scene) != cameras:
        raise UserError(
            f"{scene.path}: {len(scene)} cameras, the run {folder} was fitted to a scene of {cameras}: "
            "give that scene with --scene PATH"
        )
    return scene


def prepare_run(
    folder: Path,
    config: Config,
    scene: Scene,
    box: np.ndarray | None = None,
    device: torch.device | None = None,
) -> Run:
    """A run object for a scene and configuration; `box` or `config.data.box` replaces the scene's own,
    `device` the configuration's.

    Frames that are held out take no part in anything that the fit rests on: box, kind, first surface.

    Without a box of its own a room that only priors measure gets that of what they mean once aligned.

    Raises:
        UserError: a source that the configuration asks for is missing, or no frame is left to fit.
    """
    used = thinned(used_sources(scene, config.data))
    fitted, held_out = fitted_and_held_out(len(used), config.data.holdout_every)
    to_fit = used.with_frames(fitted) if len(held_out) else used
    aligned = None
    if box is None and config.data.box:
        box = np.array(config.data.box).reshape(2, 3)
    if box is None and to_fit.kind == "inside":
        aligned = aligned_priors(to_fit, config)
        box = None if aligned is None else aligned.box()
    if box is not None:
        to_fit = to_fit.with_box(box)
    task = SceneTask(to_fit, config, device or pick_device(config.device), aligned)
    return Run(folder, config, scene, used, held_out, task)


def describe_run(run: Run) -> None:
    """Write what a later verb needs to open the run: config.yaml and run.json."""
    scene = run.scene
    facts = {
        "input": "scene", "name": scene.name, "scene": str(scene.path.resolve()), "cameras": len(scene),
        "cameras_look": run.task.scene.kind, "box": run.task.scene.box.tolist(),
    }  # fmt: skip
    save_config(run.config, run.folder / "config.yaml")
    write_facts(run.folder, facts)
