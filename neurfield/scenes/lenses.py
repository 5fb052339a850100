"""Lenses by COLMAP's names: where a point of the plane z = 1 lands in the picture.

Formulas: COLMAP's sensor/models.h. The five numbers of `Cameras.distortion` are exact for the first of them;
pictures of the others are resampled to a pinhole camera's as they are read (`neurfield.scenes.pinhole`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurfield.errors import UserError

Plane = tuple[np.ndarray, np.ndarray]

# How many focal lengths a model's parameters begin with (cx and cy follow), and the names of the rest.
MODELS: dict[str, tuple[int, tuple[str, ...]]] = {
    "SIMPLE_PINHOLE": (1, ()),
    "PINHOLE": (2, ()),
    "SIMPLE_RADIAL": (1, ("k1",)),
    "RADIAL": (1, ("k1", "k2")),
    "OPENCV": (2, ("k1", "k2", "p1", "p2")),
    "OPENCV_FISHEYE": (2, ("k1", "k2", "k3", "k4")),
    "FULL_OPENCV": (2, ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")),
    "FOV": (2, ("omega",)),
    "SIMPLE_RADIAL_FISHEYE": (1, ("k1",)),
    "RADIAL_FISHEYE": (1, ("k1", "k2")),
    "THIN_PRISM_FISHEYE": (2, ("k1", "k2", "p1", "p2", "k3", "k4", "sx1", "sy1")),
    "RAD_TAN_THIN_PRISM_FISHEYE": (
        2,
        ("k0", "k1", "k2", "k3", "k4", "k5", "p0", "p1", "s0", "s1", "s2", "s3"),
    ),
    "SIMPLE_DIVISION": (1, ("k",)),
    "DIVISION": (2, ("k",)),
    "SIMPLE_FISHEYE": (1, ()),
    "FISHEYE": (2, ()),
    "EUCM": (2, ("alpha", "beta")),
}
_FIVE = ("k1", "k2", "p1", "p2", "k3")
_ROUNDS, _STEP = 20, 1e-6  # of Newton's iteration; of its differences
_PERSPECTIVE = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV")


@dataclass(frozen=True)
class Lens:
    """A lens.

    Attributes:
        model: one of `MODELS`.
        fx, fy, cx, cy: pixels, pixel centres at +0.5.
        numbers: of the model, in the order of its names.
    """

    model: str
    fx: float
    fy: float
    cx: float
    cy: float
    numbers: tuple[float, ...] = ()

    @staticmethod
    def of(model: str, parameters: np.ndarray, where: str) -> Lens:
        """The lens of COLMAP's parameters: focal lengths, cx, cy, numbers.

        Raises:
            UserError: an unknown model, or another number of parameters, begun with `where`.
        """
        if model not in MODELS:
            raise UserError(
                f"{where}: camera model {model} is not read here: undistort the pictures to PINHOLE "
                "(colmap image_undistorter)"
            )
        focals, names = MODELS[model]
        wanted = focals + 2 + len(names)
        if len(parameters) != wanted:
            raise UserError(f"{where}: {model} has {len(parameters)} parameters, expected {wanted}")
        fx, fy = parameters[0], parameters[focals - 1]
        cx, cy = parameters[focals : focals + 2]
        numbers = tuple(float(v) for v in parameters[focals + 2 :])
        return Lens(model, float(fx), float(fy), float(cx), float(cy), numbers)

    def five(self) -> list[float] | None:
        """k1, k2, p1, p2, k3 of OpenCV where they are all that the lens has, else None."""
        if self.model not in _PERSPECTIVE:
            return None
        named = dict(zip(MODELS[self.model][1], self.numbers))
        five = [named.pop(name, 0.0) for name in _FIVE]
        return None if any(named.values()) else five

    def scaled(self, across: float, down: float) -> Lens:
        """The lens of the same picture with other pixels: `across` times as many columns, `down` rows."""
        return Lens(
            self.model, self.fx * across, self.fy * down, self.cx * across, self.cy * down, self.numbers
        )

    def pixels(self, x: np.ndarray, y: np.ndarray) -> Plane:
        """Columns and rows where points x, y of the plane z = 1 (camera axes) land."""
        if self.model in _PERSPECTIVE:
            x, y = _rational(x, y, dict(zip(MODELS[self.model][1], self.numbers)))
        else:
            x, y = _BENT[self.model](x, y, *self.numbers)
        return x * self.fx + self.cx, y * self.fy + self.cy

    def plane(self, columns: np.ndarray, rows: np.ndarray) -> Plane:
        """Points x, y of the plane z = 1 (camera axes) that land in columns and rows: `pixels` undone.

        By Newton's steps with differences; NaN where the lens model has no such point.
        """
        x, y = (columns - self.cx) / self.fx, (rows - self.cy) / self.fy
        for _ in range(_ROUNDS):
            at = self.pixels(x, y)
            off = columns - at[0], rows - at[1]
            right, below = self.pixels(x + _STEP, y), self.pixels(x, y + _STEP)
            a, c = ((one - here) / _STEP for one, here in zip(right, at))
            b, d = ((one - here) / _STEP for one, here in zip(below, at))
            det = a * d - b * c
            det = np.where(np.abs(det) > 1e-9, det, 1e-9)
            moved = (d * off[0] - b * off[1]) / det, (a * off[1] - c * off[0]) / det
            # Where the model bends the plane much, a whole step may lead beyond what it folds back.
            share = np.minimum(1.0, 0.5 * (1.0 + np.hypot(x, y)) / np.maximum(np.hypot(*moved), 1e-12))
            x, y = x + share * moved[0], y + share * moved[1]
        at = self.pixels(x, y)
        lost = ~(np.hypot(columns - at[0], rows - at[1]) < 1e-3)
        return np.where(lost, np.nan, x), np.where(lost, np.nan, y)


def _rational(x: np.ndarray, y: np.ndarray, k: dict[str, float]) -> Plane:
    """OpenCV's model of up to eight numbers."""
    r2 = x * x + y * y
    above, below = (
        1.0 + r2 * (k.get(a, 0.0) + r2 * (k.get(b, 0.0) + r2 * k.get(c, 0.0)))
        for a, b, c in (("k1", "k2", "k3"), ("k4", "k5", "k6"))
    )
    dx, dy = _tangential(x, y, k.get("p1", 0.0), k.get("p2", 0.0))
    return x * above / below + dx, y * above / below + dy


def _tangential(x: np.ndarray, y: np.ndarray, p1: float, p2: float) -> Plane:
    r2 = x * x + y * y
    return 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x), 2.0 * p2 * x * y + p1 * (r2 + 2.0 * y * y)


def _equidistant(x: np.ndarray, y: np.ndarray) -> Plane:
    """The point whose distance from the middle is the angle from the axis."""
    r = np.hypot(x, y)
    ratio = np.where(r > 1e-12, np.arctan(r) / np.maximum(r, 1e-12), 1.0)
    return x * ratio, y * ratio


def _fisheye(x: np.ndarray, y: np.ndarray, *k: float) -> Plane:
    x, y = _equidistant(x, y)
    factor = _polynomial(x * x + y * y, k)
    return x * factor, y * factor


def _polynomial(r2: np.ndarray, k: tuple[float, ...]) -> np.ndarray:
    """1 + k1 r2 + k2 r2^2 + ..."""
    value = np.zeros_like(r2)
    for number in reversed(k):
        value = r2 * (number + value)
    return 1.0 + value


def _fov(x: np.ndarray, y: np.ndarray, omega: float) -> Plane:
    r = np.hypot(x, y)
    near = 2.0 * np.tan(omega / 2) / omega if omega else 1.0  # its limit in the middle
    bent = np.arctan(2.0 * r * np.tan(omega / 2)) / np.maximum(r * omega, 1e-12) if omega else near
    factor = np.where(r > 1e-9, bent, near)
    return x * factor, y * factor


def _thin_prism(
    x: np.ndarray,
    y: np.ndarray,
    k1: float,
    k2: float,
    p1: float,
    p2: float,
    k3: float,
    k4: float,
    sx1: float,
    sy1: float,
) -> Plane:
    x, y = _equidistant(x, y)
    r2 = x * x + y * y
    factor = _polynomial(r2, (k1, k2, k3, k4))
    dx, dy = _tangential(x, y, p1, p2)
    return x * factor + dx + sx1 * r2, y * factor + dy + sy1 * r2


def _rad_tan_thin_prism(x: np.ndarray, y: np.ndarray, *numbers: float) -> Plane:
    k, (p0, p1, s0, s1, s2, s3) = numbers[:6], numbers[6:]
    x, y = _equidistant(x, y)
    factor = _polynomial(x * x + y * y, k)
    x, y = x * factor, y * factor
    r2 = x * x + y * y
    dx, dy = _tangential(x, y, p1, p0)
    return x + dx + r2 * (s0 + r2 * s1), y + dy + r2 * (s2 + r2 * s3)


def _division(x: np.ndarray, y: np.ndarray, k: float) -> Plane:
    factor = 2.0 / (1.0 + np.sqrt(np.maximum(1.0 - 4.0 * (x * x + y * y) * k, 0.0)))
    return x * factor, y * factor


def _eucm(x: np.ndarray, y: np.ndarray, alpha: float, beta: float) -> Plane:
    below = alpha * np.sqrt(beta * (x * x + y * y) + 1.0) + (1.0 - alpha)
    return x / below, y / below


_BENT: dict[str, Callable[..., Plane]] = {
    "OPENCV_FISHEYE": _fisheye,
    "SIMPLE_RADIAL_FISHEYE": _fisheye,
    "RADIAL_FISHEYE": _fisheye,
    "SIMPLE_FISHEYE": _fisheye,
    "FISHEYE": _fisheye,
    "FOV": _fov,
    "THIN_PRISM_FISHEYE": _thin_prism,
    "RAD_TAN_THIN_PRISM_FISHEYE": _rad_tan_thin_prism,
    "SIMPLE_DIVISION": _division,
    "DIVISION": _division,
    "EUCM": _eucm,
}
