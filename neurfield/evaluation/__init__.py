"""Numbers of a mesh against the true surface, by our protocol or a benchmark's, and of pictures."""

from __future__ import annotations

from neurfield.evaluation.dtu import DtuTruth, evaluate_dtu, read_dtu
from neurfield.evaluation.geometry import Surface, distances_to_mesh, evaluate_mesh
from neurfield.evaluation.image import psnr, ssim
from neurfield.evaluation.objects import evaluate_object
from neurfield.evaluation.poses import pose_errors
from neurfield.evaluation.replica import evaluate_replica
from neurfield.evaluation.scannet import evaluate_scannet
from neurfield.evaluation.tanks_and_temples import TanksTruth, evaluate_tanks, read_tanks

__all__ = [
    "DtuTruth", "Surface", "TanksTruth", "distances_to_mesh", "evaluate_dtu", "evaluate_mesh",
    "evaluate_object", "evaluate_replica", "evaluate_scannet", "evaluate_tanks", "pose_errors", "psnr",
    "read_dtu", "read_tanks", "ssim",
]  # fmt: skip
