"""Steps of constant shapes as CUDA graphs.

A graph is launched whole, where each of a hundred small kernels would cost the host a few microseconds. It
holds a step's forward and backward. The optimiser stays outside: its rate and the step's number change from
step to step, and it is a launch for each group of parameters. `NEURFIELD_CUDA_GRAPHS=0` goes without graphs.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Hashable

import torch
from torch import Tensor

from neurfield.fitting.step import FixedStep, StepReport
from neurfield.ops import native_cuda

WARM_UPS = 3  # steps run as they are before one is captured: libraries and memory are set up in them


class StepGraphs:
    """Runs steps' forward and backward: on a GPU as graphs, elsewhere as they are.

    Each kind of step (its inputs' shapes, and what is baked into it) is a graph of its own.

    Gradients are added into `.grad` of the parameters, whose memory must stay what it is: it is cleared in
    place, never set to None. What a report of a graph holds is overwritten by the next step.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        # Without our kernels the reference runs, which copies small tables from the host: not to be captured.
        self.capturing = (
            device.type == "cuda"
            and native_cuda.load()[0] is not None
            and os.environ.get("NEURFIELD_CUDA_GRAPHS", "1") != "0"
        )
        self._graphs: dict[Hashable, _Graph] = {}
        self._baked: Hashable = None

    def __call__(self, step: FixedStep) -> StepReport:
        """The step's report, once its gradients are added."""
        if not self.capturing:
            return _run(step, step.inputs)
        if step.baked != self._baked:  # the former kinds will not come back
            self._graphs, self._baked = {}, step.baked
        key = tuple((tuple(t.shape), t.dtype) for t in step.inputs)
        if key not in self._graphs:
            self._graphs[key] = _Graph(self.device)
        graph = self._graphs[key]
        if graph.ran < WARM_UPS:
            return graph.warm_up(step)
        if graph.report is None:
            try:
                graph.capture(step)
            except RuntimeError as error:
                self.capturing, self._graphs = False, {}
                words = str(error).partition("\n")[0]
                warnings.warn(f"steps run kernel by kernel, a graph could not be made: {words}", stacklevel=2)
                return _run(step, step.inputs)
        return graph.replay(step.inputs)


class _Graph:
    """One kind of step; `ran` counts its warm-ups."""

    def __init__(self, device: torch.device) -> None:
        self.ran = 0
        self.report: StepReport | None = None
        self._stream = torch.cuda.Stream(device)
        self._graph = torch.cuda.CUDAGraph()
        self._inputs: tuple[Tensor, ...] = ()

    def warm_up(self, step: FixedStep) -> StepReport:
        """A step as it is, on the stream that will be captured."""
        self.ran += 1
        current = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            report = _run(step, step.inputs)
        current.wait_stream(self._stream)
        return report

    def capture(self, step: FixedStep) -> None:
        """Record a step; nothing is computed."""
        inputs = tuple(t.clone() for t in step.inputs)
        # Another thread may pin the next pixels meanwhile, so only this one is held to the rules.
        with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"):
            report = _run(step, inputs)
        self._inputs, self.report = inputs, report

    def replay(self, inputs: tuple[Tensor, ...]) -> StepReport:
        """The recorded step with other inputs."""
        assert self.report is not None
        for place, new in zip(self._inputs, inputs):
            place.copy_(new)
        self._graph.replay()
        return self.report


def _run(step: FixedStep, inputs: tuple[Tensor, ...]) -> StepReport:
    """Forward and backward.

    What is returned holds no part of autograd's graph, whose memory a CUDA graph would keep.
    """
    report = step.report(*inputs)
    report.total().backward()
    losses = {name: loss.detach() for name, loss in report.losses.items()}
    figures = {k: v.detach() if isinstance(v, Tensor) else v for k, v in report.figures.items()}
    return StepReport(losses, figures)
