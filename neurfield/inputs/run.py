"""A run: a folder with a fitted field, from which meshes and pictures come, whatever was its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.fitting.device import Tell, device_of_run
from neurfield.fitting.folder import load_newest, read_facts, write_facts
from neurfield.fitting.object_meshes import ObjectMesh
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.base import Input
from neurfield.inputs.methods import method_of_run
from neurfield.inputs.registry import INPUTS, load_input
from neurfield.parts import Config, save_config


class Run:
    """A fitted field and what it was fitted to. Lengths and axes are the input's own.

    What the input knows, the run knows: of a scene `run.scene` (all of it, as it was read), `run.used` (the
    sources and frames of it that the run looks at: those of `run.task.scene`, which are fitted, and
    `run.held_out`, indices into `used`, which are only compared); of an image `run.source` and
    `run.parameters`.

    Attributes:
        input: what was fitted to, and how (`neurfield.inputs.base.Input`).
    """

    def __init__(self, input: Input) -> None:
        self.input = input

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "input":
            raise AttributeError(name)
        try:
            return getattr(self.input, name)
        except AttributeError:
            raise AttributeError(f"a run of {self.input.called} has no '{name}'") from None

    def __repr__(self) -> str:
        """One line: what was fitted to, by which method, for how many steps, and where the run is kept."""
        method = f"method {self.config.name}, {self.config.train.steps} steps"
        return f"Run({self.input.flag} {self.input.name}, {method}, {self.folder})"

    @staticmethod
    def load(
        folder: str | Path,
        device: str | None = None,
        scene: str | Path | None = None,
        plugins: Sequence[str] = (),
    ) -> Run:
        """Open a run's folder at its newest checkpoint.

        Args:
            folder: of the run.
            device: "auto", "cpu" or "cuda"; None: the one it was fitted on, or the CPU where that is not.
            scene: where the run's scene lies now, if it was moved; run.json then says so.
            plugins: modules or .py files that bring parts of the run's method, and are not installed.

        Raises:
            UserError: not a run, its input is gone or another one, or no checkpoint was written yet.
        """
        run = open_run(Path(folder), device, moved_to=scene, plugins=plugins)
        load_newest(run.folder, run.task)
        return run

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return self.input.folder

    @property
    def config(self) -> Config:
        """What config.yaml says."""
        return self.input.config

    @property
    def task(self) -> Any:
        """What the steps do, with all that is fitted: a `neurfield.fitting.fitter.Task`."""
        return self.input.task

    @property
    def field(self) -> Any:
        """What was fitted, a torch module.

        Of a scene the SDF in the unit coordinates `run.task.frame`; of an image values in 0..1 at (column
        + 0.5, row + 0.5) / max(width, height).
        """
        return self.task.field

    @property
    def mesh(self) -> Callable[..., trimesh.Trimesh]:
        """`run.mesh(...)`: the surface as one welded mesh.

        Its arguments are those of `neurfield.fitting.surface.FittedSurface.mesh`, which `help(run.mesh)`
        shows.

        Raises:
            UserError: the run is of something without a surface, and what is said there.
        """
        return self.input.surface().mesh

    @property
    def objects(self) -> Callable[..., list[ObjectMesh]]:
        """`run.objects(...)`: a mesh for each object that the field tells apart, the background's first.

        Its arguments are those of `neurfield.fitting.surface.FittedSurface.objects`. Each has an `id`, a
        `label` and a `mesh`, None where it has no surface.

        Raises:
            UserError: the field tells none apart, and what is said there.
        """
        return self.input.surface().objects

    def textured(
        self,
        mesh: trimesh.Trimesh,
        size: int = 4096,
        tell: Callable[[str, float], None] = lambda stage, fraction: None,
    ) -> trimesh.Trimesh:
        """A mesh of the run with a texture: of the fitted pictures, and of the field where none looks.

        Its `metadata["seen"]` is the share of the surface that pictures show.

        Args:
            mesh: of `run.mesh(color="none")`, with as many faces as are wanted: cutting it into charts takes
                a minute a million.
            size: texels along a side, 16 to 8192.
            tell: is told what goes on, and which fraction of it is done.

        Raises:
            UserError: xatlas is not installed, the size is no texture's, or the run has neither pictures nor
                colours.
        """
        from neurfield.textures import bake

        surface, pictures = self.input.surface(), self.input.pictures()
        has_colors = surface.radiance is not None
        if pictures is None and not has_colors:
            raise UserError(f"{self.folder}: the run knows no colours: leave out the texture")
        baked = bake(mesh, size, pictures, surface.colors_at if has_colors else None, tell)  # type: ignore[arg-type]
        baked.mesh.metadata["seen"] = baked.seen
        return baked.mesh

    def render(self, camera: int, scale: float = 0.5) -> dict[str, np.ndarray]:
        """What one of `run.used.cameras` sees: rgb, depth (z, world lengths), normal (world axes), opacity.

        Args:
            camera: its index.
            scale: of the picture's sides, 1 = the camera's own size.

        Returns:
            As `neurfield.fitting.view.render_camera`.

        Raises:
            UserError: there is no such camera, or the run is not of a scene.
        """
        return self._of_input("render")(camera, scale)

    def region(self, x: int, y: int, w: int, h: int) -> np.ndarray:
        """The fitted pixels [h, w, channels] of a region of a picture, uint8 or uint16 as the picture's.

        Args:
            x: first column.
            y: first row.
            w: columns.
            h: rows.

        Raises:
            UserError: the run is not of a picture.
        """
        return self._of_input("region")(x, y, w, h)

    def _of_input(self, name: str) -> Callable[..., Any]:
        if not hasattr(self.input, name):
            raise UserError(f"{self.folder}: a fit of {self.input.called}: it has no '{name}'")
        return getattr(self.input, name)


def input_of(folder: Path) -> tuple[type[Input], dict[str, Any]]:
    """The kind of input that a run's folder is of, and the facts of its run.json.

    Raises:
        UserError: not a run, or of an input that is not there.
    """
    facts = read_facts(folder)
    name = facts.get("input")
    if name not in INPUTS:
        raise UserError(
            f"{folder}: a run of an input called '{name}', which is not installed here; "
            f"there are: {', '.join(INPUTS)}"
        )
    return load_input(str(name)), facts


def open_run(
    folder: Path,
    device: str | None = None,
    tell: Tell = print,
    moved_to: str | Path | None = None,
    plugins: Sequence[str] = (),
) -> Run:
    """A run as its config.yaml says, with a field that has not been fitted: for `Run.load` and for going on.

    Args:
        folder: of the run.
        device: as for `Run.load`.
        tell: is given a line where the device is another than somebody might think.
        moved_to: where its input lies now, if it was moved; run.json then says so.
        plugins: as for `Run.load`.

    Raises:
        UserError: not a run, or its input is gone or another one.
    """
    kind, facts = input_of(folder)
    config = method_of_run(kind, folder, plugins)
    where = device_of_run(config.device, device, tell)
    opened = kind.again(folder, facts, config, where, moved_to)
    opened.folder, opened.plugins = folder, tuple(plugins)
    run = Run(opened)
    if moved_to is not None:
        describe_run(run)
    return run


def open_surface(folder: Path, device: str | None = None, plugins: Sequence[str] = ()) -> FittedSurface:
    """The surface of a run at its newest checkpoint; device and plugins as for `Run.load`.

    Raises:
        UserError: not a run, one without a surface, or no checkpoint was written yet.
    """
    kind, _ = input_of(folder)
    kind.require("mesh", folder)
    return kind.open_surface(folder, device, plugins) or (
        Run.load(folder, device, plugins=plugins).input.surface()
    )


def describe_run(run: Run) -> None:
    """Write what a later verb needs to open the run: config.yaml and run.json."""
    opened = run.input
    save_config(opened.config, run.folder / "config.yaml")
    write_facts(run.folder, {"input": opened.flag, "name": opened.name, **opened.facts()})
