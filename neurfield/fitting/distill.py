"""Tiny networks of cells, taught by a fitted field: distances, normals, colours, and no jumps between.

KiloNeRF (Reiser et al. 2021) distils a field cell by cell; that neighbours then agree is left to the teacher.
Here they are also asked alike on the faces between them, in value and in gradient. That networks on their own
make no coherent surface is what KiloNeuS (2022) is about; how it goes about it is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.errors import UserError
from neurfield.fields.kilo import KiloSDF
from neurfield.fields.kilo_color import KiloColor
from neurfield.fitting.optimizer import Adam, Group
from neurfield.fitting.teaching import CLOSE, Taught, Teacher, cells_of, faces_of
from neurfield.ops.cells import local_columns
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.surfaces.memory import in_words

Tell = Callable[[str, float], None]
SAMPLES = 48  # of a cell, a step
ON_FACES = 4  # of a face, a step; of each of its two cells
BATCHES = 8  # of samples that the teacher is asked for at once
REUSED = 2  # times, before the teacher is asked anew: more often, and networks learn the samples
OFFERED = 4  # points of a face, of which one is taken, rather near to the surface
RATE, RATE_END = 2.5e-2, 6e-4
RATE_OF_COLOR = 0.5  # times that: of the networks of colours
OF_TABLE = 1e-2  # rate of the colours' texture
LEVELS = 8  # of it
OF_GRADIENT, OF_COLOR, OF_VALUE_JUMP, OF_NORMAL_JUMP = 0.6, 0.3, 0.5, 0.2
KNEE = 0.02  # of the loss on colours: below it is quadratic
BYTES_A_NUMBER = 4 * 4 + 8  # of a network while it learns: itself, gradient, two moments; packed for kernels
BYTES_A_SAMPLE = 4 * 500
FAINT = 0.25  # how much less each higher octave is heard while networks learn: steep ones come last
SLOPE_OFF = 0.35  # mean |slope - 1| on the surface of a field that is none yet


@dataclass
class Figures:
    """What came of a distillation.

    Attributes:
        networks: how many cells have one.
        cells: how many there are.
        steps: that were taken, of those that were asked for.
        seconds: that it took.
        distance: of the student at places of the teacher's surface, unit lengths, mean.
        color: difference of colours there, 0..1, root mean square; None without colours.
        jump: of values between cells on faces where the surface passes: mean and 95 %, unit lengths.
        turn: of normals there, degrees: mean and 95 %.
        tuned: steps in which colours were fitted to the pictures.
        psnr: of pixels of those whose rays meet the student, before and after, dB; None: were not fitted.
    """

    networks: int = 0
    cells: int = 0
    steps: int = 0
    seconds: float = 0.0
    distance: float = 0.0
    color: float | None = None
    jump: tuple[float, float] = (0.0, 0.0)
    turn: tuple[float, float] = (0.0, 0.0)
    tuned: int = 0
    psnr: tuple[float, float] | None = None


@dataclass
class Student:
    """What learns: a field, and a colour where the teacher has one."""

    field: KiloSDF
    color: KiloColor | None
    figures: Figures = field(default_factory=Figures)


class Distillation:
    """Teaches tiny networks.

    Args:
        teacher: a fitted field.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        cells: along the longest side of the box.
        steps: of the optimiser.
        seed: of all that is drawn.
        memory: that may be used, bytes.
        field: without networks, of other sizes than usual; None: as usual.
        color: without networks, of other sizes than usual; None: as usual, where the teacher has colours.
        samples: of a cell, a step.
        rate: of learning, at first.
        faint: how much less each higher octave is heard than the one before.

    Raises:
        UserError: the teacher has no surface, or none yet, or the networks would need more memory.
    """

    def __init__(
        self,
        teacher: Teacher,
        unit_box: list[float],
        cells: int,
        steps: int,
        seed: int = 0,
        memory: float = float("inf"),
        field: KiloSDF | None = None,
        color: KiloColor | None = None,
        samples: int = SAMPLES,
        rate: float = RATE,
        faint: float = FAINT,
    ) -> None:
        self.teacher, self.steps, self.samples, self.rate = teacher, steps, samples, rate
        self.generator = torch.Generator().manual_seed(seed)
        student = KiloSDF(seed) if field is None else field
        one = sum(w.numel() + b.numel() for w, b in zip(student.made(1).weights, student.made(1).biases))
        refuse_memory(6 * cells**2, one, cells, memory)  # a box's sides at least, before it is cut into cells
        grid, lattice = cells_of(teacher, unit_box, cells)
        refuse_memory(grid.networks, one, cells, memory)
        student.grow(grid, lattice)
        if teacher.color is not None:
            color = usual_color(student, seed) if color is None else color
            color.grow(grid)
        self.student = Student(student, color, Figures(grid.networks, grid.table.numel(), steps))
        octave = torch.arange(student.octaves).repeat_interleave(6)
        self.loud = torch.cat([torch.ones(3), faint ** (octave + 1)])
        self.corners = grid.corners()
        self.faces = faces_of(grid)
        self._lay_out()
        self._refuse_unfinished()

    def run(self, tell: Tell = lambda words, share: None) -> Student:
        """Teach; Ctrl-C ends it, and leaves a student as far as it came: `figures.steps` says how far."""
        began = time.perf_counter()
        student, figures = self.student, self.student.figures
        of_color = [] if student.color is None else color_groups(student.color, RATE_OF_COLOR * self.rate)
        optimizer = Adam([Group("network", list(student.field.parameters()), self.rate), *of_color])
        step = 0
        try:
            self._begin(self._samples(BATCHES))
            while step < self.steps:
                inside, on_faces = self._samples(BATCHES), self._on_faces(BATCHES)
                for turn in range(min(BATCHES * REUSED, self.steps - step)):
                    batch = turn % BATCHES
                    rows = slice(batch * self.samples, (batch + 1) * self.samples)
                    self._loss(inside.part((slice(None), rows)), on_faces.part(batch)).backward()
                    step += 1
                    optimizer.step(step, (RATE_END / RATE) ** (step / self.steps))
                    tell(f"teaching {figures.networks:,} networks", step / self.steps)
        except KeyboardInterrupt:
            if step == 0:
                raise
        figures.steps, figures.seconds = step, time.perf_counter() - began
        self._round_off()
        self.measure()
        return student

    @torch.no_grad()
    def measure(self) -> None:
        """Fill in figures, and how steep each network is."""
        field, color, figures = self.student.field, self.student.color, self.student.figures
        inside = self._samples(2 * BATCHES)
        count = inside.sdf.shape[1]
        sample = field.query(inside.points.view(-1, 3), gradient=True)
        assert sample.gradient is not None
        slope = sample.gradient.norm(dim=1).view(-1, count)
        field.steepness = 1.1 * slope.amax(dim=1).clamp_min(1.0)
        at = self.teacher.tell(
            self.teacher.onto_surface(inside.points[:, : count // 2].reshape(-1, 3), self.generator, 0.0),
            self.generator,
        )
        edge = field.cells.edge
        rows = (at.sdf.abs() < 0.01 * edge) & (field.cells.numbers(at.points) >= 0)
        at = at.part(rows)
        sample = field.query(at.points, gradient=True)
        assert sample.gradient is not None
        figures.distance = float((sample.sdf - at.sdf).abs().mean()) if len(at.sdf) else float("nan")
        if color is not None and at.rgb is not None and len(at.sdf):
            normal = normalize(sample.gradient, dim=1, eps=1e-6)
            found = color(at.points, sample.feature, normal, color.encode_views(at.views))
            figures.color = float((found - at.rgb).square().mean().sqrt())
        figures.jump, figures.turn = self._jumps()

    def _jumps(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Of values and of normals over faces where the surface passes: mean and 95 %."""
        if not len(self.faces[0]):
            return (0.0, 0.0), (0.0, 0.0)
        at = self._on_faces(BATCHES).reshaped(-1)
        local = self._of_faces(at.points.view(BATCHES, -1, 3))
        sides = []
        for side in (0, 1):
            numbers = self.faces[side].repeat_interleave(ON_FACES).repeat(BATCHES)
            order = numbers.argsort(stable=True)
            starts = self._starts(numbers[order])
            columns = local_columns(local[side].reshape(-1, 3)[order], self.student.field.octaves)
            outputs, gradient = self.student.field.local(columns, starts)
            value, slope = torch.empty_like(outputs[:, 0]), torch.empty_like(gradient)
            value[order], slope[order] = outputs[:, 0], gradient
            sides.append((value, normalize(slope, dim=1, eps=1e-6)))
        near = at.sdf.abs() < 0.02 * self.student.field.cells.edge
        if not bool(near.any()):
            return (0.0, 0.0), (0.0, 0.0)
        (value, normal), (other, facing) = sides
        jump = (value - other)[near].abs()
        sine = torch.linalg.cross(normal, facing)[near].norm(dim=1)
        turn = torch.atan2(sine, (normal * facing)[near].sum(dim=1)).rad2deg()

        def said(values: Tensor) -> tuple[float, float]:
            return float(values.mean()), float(values.kthvalue(max(1, round(0.95 * len(values)))).values)

        return said(jump), said(turn)

    def _samples(self, batches: int) -> Taught:
        """[K, batches * samples] points of each cell, every second of them close to a surface there."""
        edge, cells = self.student.field.cells.edge, len(self.corners)
        shape = cells, batches * self.samples, 3
        points = self.student.field.cells.places(shape[1], self.generator).view(shape)
        close = points[:, ::2].reshape(-1, 3)
        moved = self.teacher.onto_surface(close, self.generator, CLOSE * edge)
        low = self.corners[:, None].expand(-1, (shape[1] + 1) // 2, -1).reshape(-1, 3)
        within = ((moved >= low) & (moved <= low + edge)).all(dim=1, keepdim=True)
        points[:, ::2] = torch.where(within, moved, close).view(cells, -1, 3)
        return self.teacher.tell(points.view(-1, 3), self.generator).reshaped(cells, -1)

    def _on_faces(self, batches: int) -> Taught:
        """[batches, F * ON_FACES] points on faces, rather near to the surface, in the order of the faces."""
        _, _, place, along = self.faces
        cells, count = self.student.field.cells, len(along)
        shape = batches, count, ON_FACES, OFFERED, 3
        share = torch.rand(*shape, generator=self.generator)
        share = torch.where(torch.arange(3) == along[:, None, None, None], 1.0, share)
        points = cells.frame[:3] + cells.edge * (place[:, None, None] + share)
        sdf = self.teacher.sdf(points.view(-1, 3)).view(shape[:-1])
        nearest = sdf.abs().argmin(dim=3, keepdim=True)[..., None].expand(-1, -1, -1, -1, 3)
        chosen = points.gather(3, nearest)[..., 0, :]
        return self.teacher.tell(chosen.reshape(-1, 3), self.generator).reshaped(batches, count * ON_FACES)

    def _lay_out(self) -> None:
        """Which rows of a step are whose: first those inside, then those of faces, of a and of b."""
        numbers = torch.arange(len(self.corners)).repeat_interleave(self.samples)
        sides = [side.repeat_interleave(ON_FACES) for side in self.faces[:2]]
        numbers = torch.cat([numbers, *sides])
        self.order = numbers.argsort(stable=True)
        self.back = torch.empty_like(self.order)
        self.back[self.order] = torch.arange(len(self.order))
        self.starts = self._starts(numbers[self.order])
        # Colours are taught where a surface may be: at every second place of a cell, and on faces.
        inside = len(self.corners) * self.samples
        shown = torch.arange(self.samples).remainder(2).eq(0).repeat(len(self.corners))
        self.shown = torch.cat([shown.nonzero()[:, 0], torch.arange(inside, len(numbers))])
        self.shown = self.shown[numbers[self.shown].argsort(stable=True)]
        self.starts_shown = self._starts(numbers[self.shown])

    def _starts(self, numbers: Tensor) -> Tensor:
        return torch.searchsorted(numbers, torch.arange(len(self.corners) + 1))

    def _of_faces(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points [..., F * ON_FACES, 3] on faces, as the cells on either side see them, [-1, 1]^3."""
        edge = self.student.field.cells.edge
        sides = [self.corners[side].repeat_interleave(ON_FACES, dim=0) for side in self.faces[:2]]
        a, b = ((points - low) * (2.0 / edge) - 1.0 for low in sides)
        return a, b

    def _loss(self, inside: Taught, on_faces: Taught) -> Tensor:
        field, edge = self.student.field, self.student.field.cells.edge
        local = (inside.points - self.corners[:, None]) * (2.0 / edge) - 1.0
        places = torch.cat([local.view(-1, 3), *self._of_faces(on_faces.points)])
        columns = local_columns(places[self.order], field.octaves)
        outputs, gradient = field.local(columns, self.starts, self.loud)
        outputs, gradient = outputs[self.back], gradient[self.back]
        flat = inside.reshaped(-1)
        twice = [flat, on_faces, on_faces]
        sdf, slope, views = (
            torch.cat([getattr(one, name) for one in twice]) for name in ("sdf", "gradient", "views")
        )
        weight = 1.0 / (1.0 + 10.0 * sdf.abs() / edge)
        total = (weight * (outputs[:, 0] - sdf).abs()).mean() * (2.0 / edge)
        total = total + OF_GRADIENT * (weight * (gradient - slope).abs().sum(dim=1)).mean()
        middle, count = flat.sdf.numel(), on_faces.sdf.numel()
        if count:
            a, b = slice(middle, middle + count), slice(middle + count, None)
            apart = (weight[a] * (outputs[a, 0] - outputs[b, 0]).abs()).mean() * (2.0 / edge)
            turned = (weight[a] * (gradient[a] - gradient[b]).abs().sum(dim=1)).mean()
            total = total + OF_VALUE_JUMP * apart + OF_NORMAL_JUMP * turned
        if self.student.color is not None and flat.rgb is not None:
            points, rgb = (torch.cat([getattr(one, name) for one in twice]) for name in ("points", "rgb"))
            told = places, points, outputs[:, 1:], gradient, views, rgb, weight
            total = total + OF_COLOR * self._color_loss(*(one[self.shown] for one in told))
        return total

    def _color_loss(
        self, places: Tensor, points: Tensor, feature: Tensor, gradient: Tensor, views: Tensor, rgb: Tensor,
        weight: Tensor,
    ) -> Tensor:  # fmt: skip
        color = self.student.color
        assert color is not None
        normal = normalize(gradient.detach(), dim=1, eps=1e-6)
        seen = color.places(places, points), feature, normal, color.encode_views(views)
        found = color.local(torch.cat(seen, dim=1), self.starts_shown)
        error = ((found - rgb).square() + KNEE**2).sqrt() - KNEE
        return (weight.square() * error.sum(dim=1)).mean()

    @torch.no_grad()
    def _begin(self, inside: Taught) -> None:
        """Solve the last layer's first row by least squares, so that all begin near their distances."""
        field, edge = self.student.field, self.student.field.cells.edge
        *hidden, last = zip(field.networks.weights, field.networks.biases)
        local = (inside.points - self.corners[:, None]) * (2.0 / edge) - 1.0
        x = (self.loud * local_columns(local.view(-1, 3), field.octaves)).view(*local.shape[:2], -1)
        for weight, bias in hidden:
            z = torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))
            x = torch.nn.functional.softplus(z, beta=field.beta)
        ones = torch.cat([x, torch.ones_like(x[..., :1])], dim=2)
        squares = ones.transpose(1, 2) @ ones + 1e-3 * x.shape[1] * torch.eye(ones.shape[2])
        wanted = ones.transpose(1, 2) @ (inside.sdf[..., None] * (2.0 / edge))
        solved = torch.linalg.solve(squares, wanted)[..., 0]
        last[0][:, 0], last[1][:, 0] = solved[:, :-1], solved[:, -1]

    @torch.no_grad()
    def _round_off(self) -> None:
        """What is measured is what is kept: columns as they are, and numbers of 16 bits."""
        self.student.field.networks.weights[0].mul_(self.loud)
        for one in (self.student.field, self.student.color):
            for parameter in [] if one is None else one.parameters():
                parameter.copy_(parameter.half())
        self.student.field.lattice = self.student.field.lattice.half().float()

    def _refuse_unfinished(self) -> None:
        points = self.student.field.cells.places(1, self.generator)
        told = self.teacher.tell(self.teacher.onto_surface(points, self.generator, 0.0), self.generator)
        off = float((told.gradient.norm(dim=1) - 1.0).abs().mean())
        if not off < SLOPE_OFF:
            raise UserError(
                f"the run has not converged: on its surface distances rise by 1 ± {off:.2f} per length, "
                "where 1 is due: fit for longer"
            )


def usual_color(field: KiloSDF, seed: int) -> KiloColor:
    """The colour of a student, without networks."""
    return KiloColor(seed, features=field.feature_dim, octaves=0, levels=LEVELS)


def color_groups(color: KiloColor, rate: float) -> list[Group]:
    """Numbers of a colour, by how they learn; `rate` is that of its networks."""
    groups = [Group("color", list(color.networks.parameters()), rate)]
    if color.texture is not None:
        groups.append(Group("texture", [color.texture.table], OF_TABLE, sparse=True))
    return groups


@torch.no_grad()
def occupancy_of(field: KiloSDF, unit_box: list[float], resolution: int) -> Tensor:
    """What a marched sampler keeps of where a field's surface may be, [X, Y, Z]; see `OccupancyGrid`."""
    grid = OccupancyGrid(unit_box, resolution)
    grid.update(field.sdf)
    return grid.values


def refuse_memory(networks: int, numbers: int, cells: int, memory: float) -> None:
    """Raise UserError where so many networks need more memory than there is."""
    samples = SAMPLES * BATCHES * 60 + (SAMPLES + 6 * ON_FACES) * BYTES_A_SAMPLE
    needed = networks * (numbers * BYTES_A_NUMBER + samples)
    if needed > memory:
        most = int(cells * (memory / needed) ** 0.5)
        raise UserError(
            f"--cells {cells}: some {networks:,} networks, which take {in_words(needed)} while they learn, "
            f"and {in_words(memory)} are free: give at most {most}"
        )
