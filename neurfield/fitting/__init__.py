"""Fitting fields: the loop, the tasks, the runs they leave."""

from neurfield.fitting.fit import fit, resume
from neurfield.fitting.fitter import FitFailed, FitInterrupted
from neurfield.fitting.image_run import ImageRun, fit_image
from neurfield.fitting.run import Run
from neurfield.fitting.surface_watch import SurfaceLeft

__all__ = ["FitFailed", "FitInterrupted", "ImageRun", "Run", "SurfaceLeft", "fit", "fit_image", "resume"]
