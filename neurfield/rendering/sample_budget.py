"""How many rays a step draws, so that it costs about the same whatever a ray takes."""

from __future__ import annotations

MOST_TIMES = 8  # the rays of the first step
MEMORY = 0.1  # share of the newest step in the running mean


class SampleBudget:
    """Rays per step from a budget of samples and the running mean of samples a ray.

    While the surface is unknown rays take many samples, later a few around it: the same budget then shows the
    field more pixels a step.

    Attributes:
        samples_per_ray: the running mean; the one thing to save for a fit to go on as it would have.
    """

    def __init__(self, samples: int, rays: int) -> None:
        """The first step draws `rays`, no step over 8 times that.

        Args:
            samples: per step; 0 for no budget: always `rays`.
            rays: of the first step.
        """
        self.samples, self.first = samples, rays
        self.samples_per_ray = samples / rays

    def rays(self) -> int:
        """How many the next step draws."""
        most = MOST_TIMES * self.first
        if not self.samples:
            return self.first
        return max(1, min(most, round(self.samples / max(self.samples_per_ray, self.samples / most))))

    def count(self, rays: int, samples: int) -> None:
        """Take note of what a step drew."""
        self.samples_per_ray += MEMORY * (samples / max(1, rays) - self.samples_per_ray)
