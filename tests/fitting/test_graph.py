"""Steps as CUDA graphs, without a GPU: a stand-in for torch's graphs keeps a step and runs it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from neurfield.fitting import graph as graphs
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.graph import WARM_UPS, StepGraphs
from neurfield.fitting.image import ImageTask
from neurfield.fitting.optimizer import Adam, Group
from neurfield.fitting.step import FixedStep, StepReport
from neurfield.images import open_image
from neurfield.inputs.scene import SceneInput
from neurfield.parts import load_config
from neurfield.scenes import Scene
from tests.fitting.conftest import SMALL
from tests.images.conftest import smooth

CPU = torch.device("cpu")


class Stream:
    """A stream that remembers whom it waited for."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.waited: list[Any] = []

    def wait_stream(self, other: Any) -> None:
        self.waited.append(other)


class Graph:
    """Runs what was captured again, on the memory that it was captured with."""

    made: ClassVar[list[Graph]] = []

    def __init__(self) -> None:
        self.again: Any = None
        self.replays = 0
        Graph.made.append(self)

    def replay(self) -> None:
        self.replays += 1
        self.again()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Graph]]:
    """For `capturing` on the CPU: a capture keeps what was run and undoes it, replays run it again."""
    Graph.made = []
    current = Stream(CPU)
    run = graphs._run
    recorded: list[tuple[FixedStep, tuple[Tensor, ...], StepReport]] = []

    def record(step: FixedStep, inputs: tuple[Tensor, ...]) -> StepReport:
        report = run(step, inputs)
        recorded.append((step, inputs, report))
        return report

    @contextmanager
    def capture(graph: Graph, stream: Any, capture_error_mode: str) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        before = {p: p.grad.clone() for p in Watched.parameters if p.grad is not None}
        yield
        for p, kept in before.items():  # a capture computes nothing
            assert p.grad is not None
            p.grad.copy_(kept)
        step, inputs, report = recorded[-1]
        for loss in report.losses.values():
            loss.fill_(torch.nan)

        def again() -> None:
            new = run(step, inputs)
            for name, loss in report.losses.items():
                loss.copy_(new.losses[name])

        graph.again = again

    monkeypatch.setattr(graphs, "_run", record)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: current)
    monkeypatch.setattr(torch.cuda, "graph", capture)

    @contextmanager
    def stream(_: Stream) -> Iterator[None]:
        yield

    monkeypatch.setattr(torch.cuda, "stream", stream)
    yield Graph.made


class Watched:
    parameters: ClassVar[list[nn.Parameter]] = []


def capturing(parameters: list[nn.Parameter]) -> StepGraphs:
    Watched.parameters = parameters
    found = StepGraphs(CPU)
    found.capturing = True
    return found


def line(parameter: nn.Parameter, x: Tensor, baked: object = None) -> FixedStep:
    def report(x: Tensor) -> StepReport:
        loss = (parameter * x).square().sum()
        return StepReport({"a": loss, "b": loss.detach() * 0.0 + parameter.sum()}, {"first": x[0] * 1.0})

    return FixedStep((x,), report, baked)  # type: ignore[arg-type]


def test_on_the_cpu_a_step_is_a_step() -> None:
    p = nn.Parameter(torch.tensor([1.0, 2.0]))
    p.grad = torch.zeros(2)
    memory = p.grad.data_ptr()
    found = StepGraphs(CPU)
    assert not found.capturing
    report = found(line(p, torch.tensor([3.0, 4.0])))
    assert report.total().item() == 3.0**2 + 8.0**2 + 3.0
    assert not any(loss.requires_grad for loss in report.losses.values())
    torch.testing.assert_close(p.grad, torch.tensor([2 * 9.0 + 1, 2 * 2 * 16.0 + 1]))
    assert p.grad.data_ptr() == memory


def test_every_step_counts_once_captured_or_not(gpu: list[Graph]) -> None:
    random = torch.Generator().manual_seed(0)
    plain, kept = (nn.Parameter(torch.arange(1.0, 6.0)) for _ in range(2))
    ways = []
    for p in (plain, kept):
        optimizer = Adam([Group("all", [p], 0.1)])
        ways.append((p, optimizer))
    memory = kept.grad.data_ptr()  # type: ignore[union-attr]
    recorded = capturing([kept])
    for step in range(1, 9):
        x = torch.randn(5, generator=random)
        expected = graphs._run(line(plain, x), (x,))
        found = recorded(line(kept, x))
        torch.testing.assert_close(found.total(), expected.total())
        torch.testing.assert_close(kept.grad, plain.grad)
        for _, optimizer in ways:
            optimizer.step(step, 1.0 / step)
        torch.testing.assert_close(kept, plain)
    assert len(gpu) == 1 and gpu[0].replays == 8 - WARM_UPS
    assert kept.grad is not None and kept.grad.data_ptr() == memory


def test_other_shapes_and_other_constants_are_other_graphs(gpu: list[Graph]) -> None:
    p = nn.Parameter(torch.ones(1))
    p.grad = torch.zeros(1)
    found = capturing([p])
    for size in (3, 4, 3, 4, 3, 4, 3, 4, 3, 4):
        assert found(line(p, torch.full((size,), 2.0))).losses["a"].item() == 4.0 * size
    assert [graph.replays for graph in gpu] == [2, 2]
    for _ in range(WARM_UPS + 1):
        found(line(p, torch.ones(3), baked="levels 2"))
    assert len(gpu) == 3 and gpu[2].replays == 1
    assert len(found._graphs) == 1  # those of the former constant are let go


def test_what_cannot_be_captured_runs_as_it_is(gpu: list[Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    p = nn.Parameter(torch.ones(1))
    p.grad = torch.zeros(1)
    found = capturing([p])
    for _ in range(WARM_UPS):
        found(line(p, torch.ones(2)))
    with pytest.warns(UserWarning, match="operation not permitted when stream is capturing$"):
        found(line(p, torch.ones(2)))
    found(line(p, torch.ones(2)))
    assert p.grad.item() == (WARM_UPS + 2) * (2.0 * 2.0 + 1.0)


def test_an_image_is_fitted_alike(gpu: list[Graph], tmp_path: Path) -> None:
    small = ["encoding.levels=4", "field.hidden=[16]", "points.picture.count=300", "train.steps=12"]
    config = load_config("hash", "default", small)
    tasks = [ImageTask(open_image(smooth(40, 61)), config, CPU) for _ in range(2)]
    fitters = [Fitter(task, config.train, tmp_path, quiet=True) for task in tasks]
    fitters[1].graphs = capturing([p for g in tasks[1].groups() for p in g.parameters])
    for _ in range(12):
        reports = [fitter._one_step() for fitter in fitters]
        assert torch.equal(reports[0].total(), reports[1].total())
    for name, tensor in tasks[0].state().items():
        assert torch.equal(tensor, tasks[1].state()[name]), name
    assert sum(graph.replays for graph in gpu) >= 12 - 2 * WARM_UPS


def test_a_scene_is_fitted_alike(gpu: list[Graph], tmp_path: Path, sphere_scene: Scene) -> None:
    config = load_config("neus", "default", [*SMALL, "train.steps=40"])  # a quarter of them without rays
    runs = [SceneInput.of(config, sphere_scene) for _ in range(2)]
    fitters = [Fitter(run.task, config.train, tmp_path, quiet=True) for run in runs]
    fitters[1].graphs = capturing([p for g in runs[1].task.groups() for p in g.parameters])
    for _ in range(14):
        reports = [fitter._one_step() for fitter in fitters]
        assert torch.equal(reports[0].total(), reports[1].total())
    for name, tensor in runs[0].task.state().items():
        assert torch.equal(tensor, runs[1].task.state()[name]), name
    assert gpu
    assert runs[1].task.fixed(20, 0.5) is None  # with rays, shapes vary


def test_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs.native_cuda, "load", lambda: (object(), "built for sm_90"))
    cuda = torch.device("cuda")
    assert StepGraphs(cuda).capturing and not StepGraphs(CPU).capturing
    monkeypatch.setenv("NEURFIELD_CUDA_GRAPHS", "0")
    assert not StepGraphs(cuda).capturing
    monkeypatch.delenv("NEURFIELD_CUDA_GRAPHS")
    monkeypatch.setattr(graphs.native_cuda, "load", lambda: (None, "not built"))
    assert not StepGraphs(cuda).capturing
