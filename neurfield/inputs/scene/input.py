"""A scene, given by its name, its place, or as a `Scene`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from rich.text import Text

from neurfield.errors import UserError
from neurfield.fitting.fit_watch import FitWatch
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.base import Input
from neurfield.inputs.mesh import mesh_commands, mesh_left
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.page import Page
from neurfield.inputs.registry import WITH_PRIORS, WITHOUT_DEPTH
from neurfield.inputs.scene.diagnosis import watch_of
from neurfield.inputs.scene.objects import measure_objects
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.inputs.scene.page import scene_page
from neurfield.inputs.scene.results import OBJECT, measure, write_results
from neurfield.inputs.scene.shown import place_of, shown
from neurfield.inputs.scene.stereo import MEASURED
from neurfield.inputs.scene.trajectory import trajectory_of
from neurfield.inputs.scene.words import looked_at, scene_words
from neurfield.inputs.shown import Shown
from neurfield.parts import Config
from neurfield.scenes import Scene, load_scene
from neurfield.scenes.builtin import BUILTIN, builtin_folder
from neurfield.scenes.plain_background import MADE_BY, with_outlines
from neurfield.scenes.truth import Truth
from neurfield.stereo.views import look_alike

PRIORS = frozenset({"prior_depth", "prior_normal"})


class SceneInput(OpenedScene, Input):
    """Images with poses, fitted by a signed distance field and a radiance; ends as a mesh."""

    flag: ClassVar[str] = "scene"
    called: ClassVar[str] = "a scene"
    serves = frozenset({"mesh", "eval", "view"})
    doubt = ""  # of outlines before a plain background
    finishing = "extracting the mesh, measuring, drawing ..."

    @classmethod
    def usual(cls, source: Scene | str | Path) -> tuple[Scene, str | None]:
        """Where depth is not known, pictures must say where the surface is.

        In a room they say what a network's depth means, too. An object has its outlines where they cannot
        tell: few pictures, from sides too far apart.
        """
        scene, _ = with_outlines(source if isinstance(source, Scene) else load_scene(source))
        if MEASURED & scene.sources:
            return scene, None
        if scene.sources >= PRIORS and scene.kind == "inside":
            return scene, WITH_PRIORS
        outlined = "mask" in scene.sources and scene.mask_says == "object"
        return scene, None if outlined and not look_alike(scene.cameras) else WITHOUT_DEPTH

    @classmethod
    def fresh(cls, source: Scene | str | Path, config: Config, device: torch.device) -> SceneInput:
        """A scene, a built-in name, or a path in a known format.

        An object before a plain background has masks by that.
        """
        before = time.perf_counter()
        scene, doubt = source if isinstance(source, Scene) else load_scene(source), ""
        if config.data.mask:
            scene, doubt = with_outlines(scene)
        seconds = time.perf_counter() - before
        opened = cls.of(config, scene, device=device)
        opened.doubt, opened.seconds_reading = doubt, opened.seconds_reading + seconds
        return opened

    @classmethod
    def again(
        cls,
        folder: Path,
        facts: dict[str, Any],
        config: Config,
        device: torch.device,
        moved_to: str | Path | None = None,
    ) -> SceneInput:
        """The scene in its old place or the new one, as `Input.again`.

        The box is the run's own: a field fitted in one box means nothing in another.
        """
        scene = load_scene(place_of(folder, facts, moved_to))
        cameras = facts.get("cameras")
        if cameras is not None and len(scene) != cameras:
            raise UserError(
                f"{scene.path}: {len(scene)} cameras, the run {folder} was fitted to a scene of {cameras}: "
                "give that scene with --scene PATH"
            )
        if facts.get("masks_by") == MADE_BY:
            scene, _ = with_outlines(scene)
        return cls.of(config, scene, np.array(facts["box"]), device)

    @classmethod
    def place(cls, facts: dict[str, Any]) -> str:
        """A built-in scene in its usual place is called by its name."""
        scene = str(facts["scene"])
        return next((name for name in BUILTIN if str(builtin_folder(name).resolve()) == scene), scene)

    def warnings(self) -> list[str]:
        """What the quick part of `neurfield scene check` warns of in the sources that are used."""
        return [*looked_at(self), *([self.doubt] if self.doubt else []), *self.task.told]

    def facts(self) -> dict[str, Any]:
        """Place, number of cameras, where they look, the fit's box, the unit of lengths, names of objects."""
        scene = self.task.scene
        made_by = scene.files["mask"].made_by if "mask" in scene.sources else ""
        named = {"instances": {str(i): name for i, name in self.instance_names.items()}}
        return {
            "scene": str(self.scene.path.resolve()), "cameras": len(self.scene),
            "cameras_look": scene.kind, "box": scene.box.tolist(), "unit": scene.unit,
            "up": scene.up.tolist(),
            **({"masks_by": made_by} if made_by == MADE_BY else {}),
            **(named if self.instance_names else {}),
        }  # fmt: skip

    def read(self) -> None:
        """All pixels of the fitted frames."""
        _ = self.pixels.images.sources

    def session(self) -> dict[str, object]:
        """Which kernels, and what the images take."""
        sources = self.pixels.images.sources.values()
        size = sum(tensor.numel() * tensor.element_size() for tensor in sources)
        return {"kernels": self.task.field.path, "bytes_of_images": size}

    def words(self, step: int, seconds_per_step: float) -> list[str | Text]:
        """What is fitted, where, what that can determine, and how long it takes."""
        return scene_words(self, step, seconds_per_step)

    def watch(self) -> FitWatch:
        """Looks at samples, surface and pictures; not at pictures that the box is to leave out."""
        return watch_of(self)

    def finish(self, outcome: Outcome) -> None:
        """mesh.ply, previews, and numbers of both."""
        write_results(self, outcome)

    def leaves(self, outcome: Outcome) -> list[tuple[str, Path]]:
        """The mesh, where there is one, what stands on the ground of it, and previews."""
        alone = self.folder / OBJECT
        standing = [("object, without the ground", alone)] if alone.is_file() else []
        return [*mesh_left(self.folder, outcome), *standing, ("pictures", self.folder / "previews")]

    def next_commands(self, outcome: Outcome) -> list[tuple[str, str]]:
        """To look at the mesh."""
        if outcome.mesh is None:
            return []
        return mesh_commands(self.folder, outcome)

    def measure(self, outcome: Outcome, against: Truth | None = None) -> None:
        """Against the scene's own true surface, if no other is given."""
        measure(self, outcome, lambda: self.scene.ground_truth if against is None else against)

    def measure_objects(self, outcome: Outcome) -> None:
        """Against the scene's own true instances."""
        measure_objects(self, outcome)

    def pictures(self) -> Scene:
        """The fitted frames."""
        return self.task.scene

    def trajectory(self, pictures: int) -> np.ndarray:
        """All cameras of the scene by their pictures' names; NaN in place of those it has not."""
        return trajectory_of(self.scene, pictures)

    @classmethod
    def page(cls, folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
        """The mesh from four sides, frames beside the true ones."""
        return scene_page(folder, facts, config, metrics)

    @classmethod
    def open_surface(
        cls, folder: Path, device: str | None = None, plugins: Sequence[str] = ()
    ) -> FittedSurface:
        """Needs none of the pictures."""
        return FittedSurface.open(folder, device, plugins)

    @classmethod
    def shown(cls, folder: Path, facts: dict[str, Any], moved_to: str | Path | None = None) -> Shown:
        """The box, and the scene with its cameras."""
        return shown(folder, facts, moved_to)
