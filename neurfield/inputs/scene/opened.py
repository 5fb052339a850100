"""A scene opened for a fit: which frames and sources take part, in which box, and the task that fits them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from neurfield.errors import UserError
from neurfield.fitting.device import pick_device
from neurfield.fitting.scene import SceneTask, aligns
from neurfield.fitting.surface import FittedSurface
from neurfield.fitting.view import render_camera
from neurfield.fusion import AlignedPriors
from neurfield.inputs.scene.refused import refuse_errors
from neurfield.inputs.scene.stereo import MatchedPictures, stereo_of
from neurfield.parts import Config
from neurfield.pixels import PixelReader, fitted_and_held_out, thinned, used_sources
from neurfield.points.fuse_scene import aligned_priors
from neurfield.scenes import Cameras, Finding, Scene, load_scene
from neurfield.scenes.check_priors import prior_findings
from neurfield.scenes.instances import instance_names
from neurfield.scenes.pinhole import as_pinhole
from neurfield.stereo import StereoMaps

T = TypeVar("T", bound="OpenedScene")


class OpenedScene:
    """What is fitted of a scene.

    Attributes:
        scene: all of it, as it was read.
        used: the sources and frames of it that the fit looks at, as pinhole cameras of one size see them.
        held_out: indices into `used` of frames that are only compared; the others are those of `task.scene`,
            which are fitted.
        config: of the fit.
        task: of the fit.
        matched: gives depth matched between the fitted pictures; None where they are not.
        of_priors: what was found of the priors that are fitted.
    """

    matched: MatchedPictures | None = None
    of_priors: Sequence[Finding] = ()

    def __init__(
        self, scene: Scene, config: Config, used: Scene, held_out: np.ndarray, task: SceneTask
    ) -> None:
        self.scene, self.config, self.task = scene, config, task
        self.used, self.held_out = used, held_out
        self.folder, self.name = Path(), scene.name
        self.has_truth = scene.ground_truth_file is not None
        self.up: np.ndarray | None = scene.up
        self.seconds_reading = self.seconds_of_start = 0.0

    @classmethod
    def of(
        cls: type[T],
        config: Config,
        scene: Scene | str | Path,
        box: np.ndarray | None = None,
        device: torch.device | None = None,
    ) -> T:
        """A scene under a configuration.

        Frames that are held out take no part in anything that the fit rests on: box, kind, first surface.
        Without a box of its own a room that nothing measured gets that of what was matched of its pictures,
        or of what its priors mean once aligned. With a box, pictures are matched when a step asks for that.

        Args:
            config: of the fit.
            scene: a `Scene`, a built-in name, or a path in a known format.
            box: [2, 3] minimum and maximum, world, in place of the configuration's and the scene's own.
            device: of field and steps; None: the configuration's.

        Raises:
            UserError: a source that the configuration asks for is missing, priors say what they must not, or
                no frame is left to fit.
        """
        before = time.perf_counter()
        scene = scene if isinstance(scene, Scene) else load_scene(scene)
        reading = time.perf_counter() - before
        # Depth is fused, and pictures are compared, as pinhole cameras of one size see them.
        used = as_pinhole(thinned(used_sources(scene, config.data)))
        fitted, held_out = fitted_and_held_out(len(used), config.data.holdout_every)
        to_fit = used.with_frames(fitted) if len(held_out) else used
        # Before minutes are spent on them; a run that goes on has been asked.
        of_priors = prior_findings(to_fit) if box is None else []
        refuse_errors(scene, of_priors)
        before, chosen = time.perf_counter(), np.array(config.data.box).reshape(-1, 3)
        searched = (
            to_fit.with_box(chosen) if len(chosen) else to_fit
        )  # of a run, too, whatever its box became
        aligned, matched = None, stereo_of(scene, searched, config.data)
        stereo = matched() if matched is not None and box is None else None  # else it may never be wanted
        box_from = "as given" if box is None else "that of the run"
        if box is None and len(chosen):
            box = chosen
        if box is None and to_fit.kind == "inside" and stereo is not None:
            box, box_from = stereo.box(), "around what was matched between the pictures"
        if box is None and to_fit.kind == "inside" and aligns(config):
            aligned = aligned_priors(to_fit, config.data.box, config.seed, stereo)
            box = None if aligned is None else aligned.box()
            box_from = "around what priors mean"
        starting = time.perf_counter() - before
        if box is not None:
            to_fit = to_fit.with_box(box, box_from)
        task = make_task(to_fit, config, device or pick_device(config.device), aligned, matched)
        opened = cls(scene, config, used, held_out, task)
        opened.matched, opened.of_priors = matched, of_priors
        opened.seconds_reading, opened.seconds_of_start = reading, starting
        return opened

    def render(self, camera: int, scale: float = 0.5) -> dict[str, np.ndarray]:
        """What a camera of `used` sees, as `Run.render`."""
        cameras = self.cameras_now
        if not 0 <= camera < len(cameras):
            raise UserError(f"camera {camera} does not exist: the run has cameras 0 to {len(cameras) - 1}")
        return self.see(cameras, camera, scale, camera)

    def see(
        self,
        cameras: Cameras,
        camera: int,
        scale: float = 1.0,
        frame: int | None = None,
        tell: Callable[[float], None] = lambda fraction: None,
    ) -> dict[str, np.ndarray]:
        """What any camera sees of the field, as `neurfield.fitting.view.render_camera`.

        Args:
            cameras: of the scene, or others.
            camera: index of one of them.
            scale: of the picture's sides, 1 = the camera's own size.
            frame: of `used` whose exposure is shown, where it was fitted; None: that of none, the mean.
            tell: is told which fraction of the picture is done.
        """
        self.task.field.active_levels = self.task.field.encoding.levels
        fitted = np.delete(np.arange(len(self.used)), self.held_out)
        picture = int(np.searchsorted(fitted, frame)) if frame is not None and frame in fitted else -1
        return render_camera(self.task, cameras, camera, scale, picture=picture, tell=tell)

    @property
    def cameras_now(self) -> Cameras:
        """Those of `used`, where the fit has moved them."""
        poses = None if self.task.rays is None else self.task.rays.poses
        if poses is None:
            return self.used.cameras
        now = self.used.cameras.world_from_cam.copy()
        now[np.setdiff1d(np.arange(len(self.used)), self.held_out)] = poses.cameras().world_from_cam
        return replace(self.used.cameras, world_from_cam=now)

    @property
    def pixels(self) -> PixelReader:
        """What the scene knows of the pixels that are fitted."""
        assert self.task.rays is not None
        return self.task.rays.reader

    def surface(self) -> FittedSurface:
        """The field's zero level set in the box."""
        task = self.task
        return FittedSurface(
            self.folder, self.config, task.scene.box, task.field, task.color, self.instance_names,
            task.scene.up,
        )  # fmt: skip

    @cached_property
    def instance_names(self) -> dict[int, str]:
        """Names of the field's objects by instance id, where the scene has any."""
        names, ids = {}, getattr(self.task.field, "ids", ())
        if ids:
            names = instance_names(self.scene)
        return {i: names[i] for i in ids if i in names}


def make_task(
    scene: Scene,
    config: Config,
    device: torch.device,
    aligned: AlignedPriors | None = None,
    stereo: Callable[[], StereoMaps] | None = None,
) -> SceneTask:
    """What fits a field to a scene."""
    return SceneTask(scene, config, device, aligned, stereo)
