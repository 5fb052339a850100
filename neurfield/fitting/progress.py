"""One line that says how far a fit is."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text


class ProgressLine:
    """A live line on a terminal; elsewhere (a log file, CI) one plain line a minute.

    Args:
        steps: of the fit.
        done: steps that are done already.
        quiet: say nothing.
    """

    def __init__(self, steps: int, done: int, quiet: bool) -> None:
        self.steps, self.first = steps, done
        self.started = self.last_line = time.perf_counter()
        self.console = Console(file=sys.stdout)
        self.live: Progress | None = None
        self.quiet = quiet
        if self.console.is_terminal and not quiet:
            self.live = Progress(
                TextColumn("step {task.completed}/{task.total}"), BarColumn(24), TimeElapsedColumn(),
                TextColumn("ETA"), TimeRemainingColumn(), TextColumn("{task.fields[text]}"),
                console=self.console,
            )  # fmt: skip
            self.row = self.live.add_task("fit", total=steps, completed=done, text="")

    def __enter__(self) -> ProgressLine:
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def tell(self, words: str) -> None:
        """Print a line that stays, if there is anything to say."""
        if words and not self.quiet:
            self.console.print(Text(words, "yellow"), soft_wrap=True)

    def update(self, step: int, figures: dict[str, float]) -> None:
        """Show the state after a step.

        Args:
            step: how many are done.
            figures: "loss" and, where they took part, "rays" or "pixels" (per step), "samples_per_ray" and
                "psnr".
        """
        if self.quiet:
            return
        now = time.perf_counter()
        rate = (step - self.first) / max(1e-9, now - self.started)
        parts = [
            f"{rate * figures[unit] / 1e3:.1f}k {unit}/s" for unit in ("rays", "pixels") if unit in figures
        ]
        if "samples_per_ray" in figures:
            parts.append(f"{figures['samples_per_ray']:.1f} samples/ray")
        if "psnr" in figures:
            parts.append(f"PSNR of fitted pixels {figures['psnr']:.1f}")
        text = "  ".join([*parts, f"loss {figures['loss']:.3g}"])
        if self.live:
            self.live.update(self.row, completed=step, text=text)
        elif now - self.last_line > 60.0 or step == self.steps:
            self.last_line = now
            rest = (self.steps - step) / max(1e-9, rate)
            self.console.print(
                f"step {step}/{self.steps}  {now - self.started:.0f} s, {rest:.0f} s to go  {text}",
                highlight=False,
                soft_wrap=True,
            )
