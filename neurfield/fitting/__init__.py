"""Fitting fields: the loop, the tasks, the runs they leave."""

from neurfield.fitting.fit import fit, resume
from neurfield.fitting.fitter import FitFailed, FitInterrupted
from neurfield.fitting.image_run import ImageRun, fit_image
from neurfield.fitting.run import Run

__all__ = ["FitFailed", "FitInterrupted", "ImageRun", "Run", "fit", "fit_image", "resume"]
