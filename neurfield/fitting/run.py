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
from neurfield.fitting.folder import load_newest, read_facts, write_facts
from neurfield.fitting.pixels import thinned, used_sources
from neurfield.fitting.scene import SceneTask
from neurfield.fitting.view import render_camera
from neurfield.scenes import Scene, load_scene
from neurfield.surfaces import extract_level_set, keep_components
from neurfield.surfaces.color import vertex_colors

LARGEST_GRID = 4096  # voxels along the longest side; more is a mistake in the unit rather than a wish


class Run:
    """A fitted field and what it was fitted to. Lengths and axes are the scene's own."""

    def __init__(self, folder: Path, config: Config, scene: Scene, task: SceneTask) -> None:
        self.folder, self.config, self.scene, self.task = folder, config, scene, task

    @staticmethod
    def load(folder: str | Path, device: str | None = None) -> Run:
        """Open a run's folder at its newest checkpoint.

        Args:
            device: "auto", "cpu" or "cuda"; None: the one it was fitted on, or the CPU where that is not.

        Raises:
            UserError: not a run, its scene is gone, or no checkpoint was written yet.
        """
        folder = Path(folder)
        run = open_run(folder, device)
        load_newest(folder, run.task)
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
        frame, task = self.task.frame, self.task
        voxel = _voxel(voxel, resolution, self.config.mesh.voxel, 2.0 * frame.half)
        task.field.active_levels = task.field.encoding.levels
        unit_box = np.array(task.unit_box).reshape(2, 3)
        vertices, faces = extract_level_set(task.field.sdf, unit_box, voxel / frame.half, device=task.device)
        if len(faces) == 0:
            raise UserError(
                f"{self.folder}: the field has no surface inside the scene's box; "
                "was it fitted for long enough?"
            )
        mesh = trimesh.Trimesh(vertices, faces, process=False)
        mesh = keep_components(mesh, component or self.config.mesh.component)
        if color == "vertex":
            colors = vertex_colors(task.field, task.radiance, np.asarray(mesh.vertices))
            mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=colors)
        mesh.vertices = frame.world_from_unit(np.asarray(mesh.vertices))
        return mesh

    def render(self, camera: int, scale: float = 0.5) -> dict[str, np.ndarray]:
        """rgb, depth (z, world units) and normal (world axes) of one of `run.task.scene.cameras`;
        see `render_camera`."""
        cameras = len(self.task.scene.cameras)
        if not 0 <= camera < cameras:
            raise UserError(f"camera {camera} does not exist: the run has cameras 0 to {cameras - 1}")
        self.task.field.active_levels = self.task.field.encoding.levels
        return render_camera(self.task, camera, scale)


def open_run(folder: Path, device: str | None = None, tell: Tell = print) -> Run:
    """A run as its config.yaml says, with a field that has not been fitted:
    for `Run.load` and for going on."""
    facts = read_facts(folder)
    if facts["kind"] == "image":
        raise UserError(
            f"{folder}: a fit of an image: there is no surface to mesh, measure or look at; "
            f"its picture and numbers are in {folder / 'report.html'}"
        )
    config = read_config(folder / "config.yaml")
    scene = load_scene(facts["scene"])
    # The box is the run's own: a field fitted in one box means nothing in another.
    where = device_of_run(config.device, device, tell)
    return prepare_run(folder, config, scene, np.array(facts["box"]), where)


def prepare_run(
    folder: Path,
    config: Config,
    scene: Scene,
    box: np.ndarray | None = None,
    device: torch.device | None = None,
) -> Run:
    """A run object for a scene and configuration; `box` or `config.data.box` replaces the scene's own,
    `device` the configuration's."""
    used = thinned(used_sources(scene, config.data))
    if box is None and config.data.box:
        box = np.array(config.data.box).reshape(2, 3)
    if box is not None:
        used = used.with_box(box)
    return Run(folder, config, scene, SceneTask(used, config, device or pick_device(config.device)))


def describe_run(run: Run) -> None:
    """Write what a later verb needs to open the run: config.yaml and run.json."""
    scene = run.scene
    facts = {
        "scene": str(scene.path.resolve()), "name": scene.name, "kind": run.task.scene.kind,
        "box": run.task.scene.box.tolist(),
    }  # fmt: skip
    save_config(run.config, run.folder / "config.yaml")
    write_facts(run.folder, facts)


def _voxel(voxel: float | None, resolution: int | None, configured: float, longest: float) -> float:
    if voxel is not None and resolution is not None:
        raise UserError("give either a voxel size or a resolution, not both")
    if resolution is not None:
        voxel = longest / resolution if resolution > 0 else 0.0
    size = voxel if voxel is not None else (configured or longest / 512)
    if not size > 0:
        raise UserError(f"voxel size {size}: it must be positive, in the scene's units")
    if longest / size > LARGEST_GRID:
        raise UserError(
            f"voxel size {size:g} cuts the {longest:.3g} long box into more than {LARGEST_GRID}: "
            "is it in the scene's units?"
        )
    return size
