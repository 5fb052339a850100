"""A session's field as rays see it: coarse pictures while the eye moves, all pixels once it rests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neurfield.errors import UserError
from neurfield.viewer.session import Session

if TYPE_CHECKING:
    import torch

    from neurfield.traced import TracedSurface

AT_REST = 0.3  # seconds without a move until the eye counts as at rest
_QUICK = 1.0 / 15.0  # seconds that a picture may take while the eye moves
_RATE = 5e4  # rays a second, before any was timed
_LEAST, _MOST = 48 * 32, 2_000_000  # pixels of a picture
_AT_ONCE = 0.2  # seconds of rays between two looks at whether the eye has moved
_BACKS = 4  # walls that turn away, one behind the other, which a ray passes into a room
_WHITE, _CLAY = 1.0, 0.86


class Look(NamedTuple):
    """A picture of a field.

    Attributes:
        rgb: uint8 [h, w, 3], white beside the surface.
        depth: float32 [h, w], along the axis of view, as shown; inf beside the surface.
        whole: whether it has all pixels that were asked for.
    """

    rgb: np.ndarray
    depth: np.ndarray
    whole: bool


class Tracing:
    """Pictures of a session's field. One thread asks.

    A room is looked into: walls that turn away from the eye are passed.

    Args:
        session: whose field is traced; it is opened when a picture is first asked for.

    Attributes:
        words: how quick pictures come, for people; "" before the first.
    """

    words = ""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._surface: TracedSurface | None = None
        self._rate, self._last = _RATE, 0.0

    def looks(
        self,
        world_from_cam: np.ndarray,
        fov: float,
        size: tuple[int, int],
        undisturbed: Callable[[float], bool],
    ) -> Iterator[Look]:
        """A coarse picture, and once the eye rests one with all pixels.

        Args:
            world_from_cam: [4, 4] as shown, OpenCV's axes.
            fov: vertical, degrees.
            size: width and height of the window, pixels.
            undisturbed: whether the eye stays where it is for so many seconds.

        Raises:
            UserError: there is no field, or its distances have no sign.
        """
        began = time.monotonic()
        first = self._surface is None
        width, height = size
        pixels = min(max(_LEAST, self._rate * _QUICK), _MOST, width * height)
        share = (pixels / (width * height)) ** 0.5
        coarse = max(1, round(width * share)), max(1, round(height * share))
        look = self._look(world_from_cam, fov, coarse, lambda: False)
        assert look is not None
        if not first:  # opening a field says nothing of pictures
            seconds = min(time.monotonic() - self._last, 2.0 * (time.monotonic() - began) + 0.02)
            self.words = f"{1.0 / seconds:.0f} frames a second of {coarse[0]} x {coarse[1]} while it moves"
        self._last = time.monotonic()
        whole = coarse == size
        yield look._replace(whole=whole)
        if whole or not undisturbed(AT_REST):
            return
        share = min(1.0, (_MOST / (width * height)) ** 0.5)
        fine = max(1, round(width * share)), max(1, round(height * share))
        began = time.monotonic()
        full = self._look(world_from_cam, fov, fine, lambda: not undisturbed(0.0))
        if full is not None:
            self.words = f"{fine[0]} x {fine[1]} in {time.monotonic() - began:.1f} s, at rest"
            yield full

    def _open(self) -> TracedSurface:
        if self._surface is None:
            from neurfield.light.cells import traced

            fitted = self._session.fitted
            self._surface = traced(fitted.field, fitted.radiance, fitted.box, fitted.device)
        return self._surface

    def _look(
        self, world_from_cam: np.ndarray, fov: float, size: tuple[int, int], disturbed: Callable[[], bool]
    ) -> Look | None:
        """A picture; None: it was disturbed."""
        import torch

        surface = self._open()
        width, height = size
        focal = 0.5 * height / np.tan(np.radians(fov) / 2.0)
        eye = world_from_cam[:3, 3] + self._session.content.origin - surface.origin
        colors = np.full((width * height, 3), _WHITE, np.float32)
        depths = np.full(width * height, np.inf, np.float32)
        start = 0
        while start < width * height:
            if start and disturbed():
                return None
            began = time.monotonic()
            count = min(width * height - start, max(width, int(self._rate * _AT_ONCE)))
            row, column = np.divmod(np.arange(start, start + count), width)
            u, v = (column + 0.5 - width / 2) / focal, (row + 0.5 - height / 2) / focal
            ahead = np.stack([u, v, np.ones(count)], axis=1)
            long = np.linalg.norm(ahead, axis=1)
            d = torch.from_numpy(((ahead / long[:, None]) @ world_from_cam[:3, :3].T).astype(np.float32))
            o = torch.from_numpy(eye.astype(np.float32)).expand(count, 3).contiguous()
            t, shown = self._met(surface, o.to(surface.device), d.to(surface.device))
            hit = np.isfinite(t)
            part = slice(start, start + count)
            colors[part][hit], depths[part] = shown[hit], t / long
            self._timed(count, time.monotonic() - began)
            start += count
        rgb = (np.clip(colors, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
        return Look(rgb.reshape(height, width, 3), depths.reshape(height, width), True)

    def _met(self, surface: TracedSurface, o: torch.Tensor, d: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Where rays meet what faces them, t [N], inf: nowhere; and its colours [N, 3]."""
        import torch

        passed, rows = torch.zeros_like(o[:, 0]), torch.arange(len(o), device=o.device)
        t, colors = torch.full_like(passed, torch.inf), torch.full_like(o, _CLAY)
        into = self._session.content.kind == "inside"
        for walls_left in reversed(range(_BACKS + 1)):
            hits, shown = surface.pictured(o[rows] + passed[rows, None] * d[rows], d[rows])
            facing = -(hits.normal * d[rows]).sum(dim=1)
            if not surface.has_color:
                shown = (_CLAY * (0.4 + 0.6 * facing.abs()))[:, None].expand(-1, 3)
            back = hits.hit & (facing < 0.0) & into & (walls_left > 0)
            met = hits.hit & ~back
            t[rows[met]], colors[rows[met]] = passed[rows[met]] + hits.t[met], shown[met]
            passed[rows[back]] += hits.t[back] + 2.0 * surface.margin
            rows = rows[back]
            if not len(rows):
                break
        return t.cpu().numpy(), colors.cpu().numpy()

    def _timed(self, rays: int, seconds: float) -> None:
        """Learn from a batch how many rays a second there are."""
        if rays >= _LEAST // 2:
            self._rate += 0.3 * (rays / max(seconds, 1e-4) - self._rate)


def refuse_unsigned(session: Session) -> None:
    """Raise UserError, before anything is traced, where a field's distances have no sign."""
    if session.unsigned:
        raise UserError(
            "the field's distances have no sign: rays do not know when they have passed its surface"
        )
