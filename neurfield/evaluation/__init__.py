"""Numbers of a mesh against the true surface, and of pictures against true pictures."""

from __future__ import annotations

from neurfield.evaluation.geometry import Surface, evaluate_mesh
from neurfield.evaluation.image import psnr, ssim

__all__ = ["Surface", "evaluate_mesh", "psnr", "ssim"]
