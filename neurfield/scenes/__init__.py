"""Files on disk -> Scene: cameras, images, depth, masks, priors, ground truth, in the files' own world."""

from __future__ import annotations

from neurfield.scenes.builtin import data_root
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.check import Finding, check_scene
from neurfield.scenes.load import load_scene
from neurfield.scenes.scene import Scene

__all__ = ["Cameras", "Finding", "Scene", "check_scene", "data_root", "load_scene"]
