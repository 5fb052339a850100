"""How good stereo maps are: how much they cover, and their errors where exact depth is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from neurfield.scenes import Scene
from neurfield.stereo.maps import Flag, StereoMaps

_CLOSE, _NEAR = 0.01, 0.02


@dataclass(frozen=True)
class StereoNumbers:
    """Shares of the pixels that masks do not leave out, and errors relative to exact depth.

    Attributes:
        frames: that have maps.
        matched: seen alike from several places.
        planar: on the plane of what surrounds them.
        undecided: without texture, and nothing decides.
        nothing: hidden, contradicted, or beyond the other pictures.
        confidence: the mean over pixels with depth.
        error: the median of |z - exact| / exact, of pixels with both; None without exact depth.
        within_1, within_2: the part of these that are off by less than 1 and 2 %.
        error_sure: the median of the half that is more confident.
    """

    frames: int
    matched: float
    planar: float
    undecided: float
    nothing: float
    confidence: float
    error: float | None = None
    within_1: float | None = None
    within_2: float | None = None
    error_sure: float | None = None

    def rows(self) -> list[tuple[str, str]]:
        """For a table."""

        def percent(value: float) -> str:
            return f"{100 * value:.1f} %"

        rows = [
            ("frames with maps", str(self.frames)),
            ("matched", f"{percent(self.matched)} of the pixels"),
            ("plain, on the plane of their surroundings", percent(self.planar)),
            ("plain, and nothing decides", percent(self.undecided)),
            ("hidden or contradicted", percent(self.nothing)),
            ("mean confidence", f"{self.confidence:.2f}"),
        ]
        if self.error is not None and self.within_1 is not None and self.within_2 is not None:
            rows += [
                ("error of depth", f"{100 * self.error:.2f} % at the median, beside exact depth"),
                ("off by less than 1 %, 2 %", f"{percent(self.within_1)}, {percent(self.within_2)}"),
            ]
        if self.error_sure is not None:
            rows.append(("error of the more confident half", f"{100 * self.error_sure:.2f} % at the median"))
        return rows

    def record(self) -> dict[str, float | int | None]:
        """For stereo.json."""
        return asdict(self)


def stereo_numbers(maps: StereoMaps, scene: Scene) -> StereoNumbers:
    """The numbers of maps, measured against the scene's exact depth where it has one."""
    known = maps.depth > 0
    numbers = StereoNumbers(
        frames=len(maps),
        matched=maps.share(Flag.MATCHED),
        planar=maps.share(Flag.PLANAR),
        undecided=maps.share(Flag.UNDECIDED),
        nothing=maps.share(Flag.NONE),
        confidence=float(maps.confidence[known].mean()) if bool(known.any()) else 0.0,
    )
    errors, confidences = _errors(maps, scene)
    if not len(errors):
        return numbers
    return replace(
        numbers,
        error=float(np.median(errors)),
        within_1=float((errors < _CLOSE).mean()),
        within_2=float((errors < _NEAR).mean()),
        error_sure=float(np.median(errors[confidences >= np.median(confidences)])),
    )


def _errors(maps: StereoMaps, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Relative errors [k] of all pixels with exact depth, and their confidence [k]."""
    errors, confidences = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for k, i in enumerate(maps.frames.tolist()):
        exact = scene.depth(i)
        if exact is None:
            continue
        own = maps.frame(k)
        rows, columns = (
            ((np.arange(own.depth.shape[axis]) + 0.5) * exact.shape[axis] / own.depth.shape[axis]).astype(int)
            for axis in (0, 1)
        )
        exact = exact[rows][:, columns]
        both = (own.depth > 0) & (exact > 0)
        errors.append(np.abs(own.depth[both] - exact[both]) / exact[both])
        confidences.append(own.confidence[both])
    return np.concatenate(errors), np.concatenate(confidences)
