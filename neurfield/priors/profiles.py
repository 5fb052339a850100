"""What the known networks expect and give: size, colours, kind of depth, axes of normals.

Their own programs say so, or what was measured on their output; `axes=None` where neither does, and the
pictures decide. Sources: Eftekhar et al. 2021 (Omnidata), Hu et al. 2024 (Metric3D v2, whose ONNX export
brings its own colour statistics), Bae and Davison 2024 (DSINE), Ke et al. 2024 (Marigold), Yang et al. 2024
(Depth Anything V2), Do et al. 2020 (tilted pictures, in NeuRIS).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from neurfield.errors import UserError
from neurfield.wording import suggest

Kind = Literal["depth", "normals"]
Colour = tuple[float, float, float]
DepthOutput = Literal["relative", "disparity", "metric"]

_HALF: tuple[Colour, Colour] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_PLAIN: tuple[Colour, Colour] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_IMAGENET: tuple[Colour, Colour] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_BYTES: tuple[Colour, Colour] = ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
_OURS, _AWAY, _OPENGL = (1.0, 1.0, 1.0), (-1.0, -1.0, -1.0), (1.0, -1.0, -1.0)


@dataclass(frozen=True)
class Profile:
    """The conventions of one network.

    Attributes:
        name: as `--depth-profile` and `--normals-profile` take it.
        known_by: matches the names of its files, in lower case.
        colours: mean and deviation that colours in 0..1 are normalised by.
        side: of a square tile, pixels, or else of the picture's short side (`by` "short") or long side.
        by: how a picture is brought to the network where that takes any size: in overlapping "tile"s, whole
            by its "short" or "long" side, or in the middle of a "canvas".
        multiple: of which both sides must be.
        canvas: rows and columns that a picture is fitted into.
        focal: pixels; metric depth is of a camera of this focal length. 0: of the picture's own.
        depth: what depth it gives.
        axes: signs that turn its normals' axes into ours; None: the pictures decide.
        coded: whether its normals are (n + 1) / 2.
    """

    name: str
    known_by: str
    colours: tuple[Colour, Colour]
    side: int
    by: Literal["tile", "short", "long", "canvas"]
    multiple: int = 1
    canvas: tuple[int, int] = (0, 0)
    focal: float = 0.0
    depth: DepthOutput = "relative"
    axes: tuple[float, float, float] | None = _OURS
    coded: bool = False

    @property
    def padding(self) -> Colour:
        """The colour, in 0..1, of what a picture does not fill."""
        return self.colours[0] if any(self.colours[0]) else _IMAGENET[0]

    def normalised(self, picture: np.ndarray) -> np.ndarray:
        """Colours [h,w,3] in 0..1 as the network takes them: float32 [3,h,w]."""
        mean, deviation = (np.array(values, dtype=np.float32) for values in self.colours)
        return np.ascontiguousarray(np.moveaxis((picture - mean) / deviation, 2, 0), dtype=np.float32)


_METRIC3D = {"known_by": r"metric3d", "colours": _BYTES, "side": 0, "by": "canvas", "canvas": (616, 1064)}

DEPTH: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("omnidata", r"omnidata", _HALF, 384, "tile", multiple=32),
        Profile("metric3d-v2", **_METRIC3D, focal=1000.0, depth="metric"),  # type: ignore[arg-type]
        Profile("marigold", r"marigold", _HALF, 768, "long", multiple=8),
        Profile(
            "depth-anything-v2-metric",
            r"depth.?anything.*(metric|hypersim|vkitti|indoor|outdoor)",
            _IMAGENET, 518, "short", multiple=14, depth="metric",
        ),
        Profile(
            "depth-anything-v2", r"depth.?anything", _IMAGENET, 518, "short", multiple=14, depth="disparity"
        ),
    )
}  # fmt: skip
NORMALS: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("omnidata", r"omnidata", _PLAIN, 384, "tile", multiple=32, coded=True),
        Profile("metric3d-v2", **_METRIC3D, axes=None),  # type: ignore[arg-type]
        Profile("dsine", r"dsine", _IMAGENET, 480, "short", multiple=32, axes=_AWAY),
        Profile("marigold", r"marigold", _HALF, 768, "long", multiple=8, axes=_OPENGL),
        Profile("tilted", r"tilted|snu|scannet", _IMAGENET, 480, "short", multiple=32, axes=_AWAY),
    )
}
PROFILES: Mapping[Kind, Mapping[str, Profile]] = {"depth": DEPTH, "normals": NORMALS}


def profile_of(kind: Kind, network: Path, name: str | None) -> Profile:
    """The profile of a name, else the one that knows the network by its file's name.

    Raises:
        UserError: there is none of this name, or none knows the file.
    """
    profiles = PROFILES[kind]
    flag = f"--{kind}-profile"
    if name is not None:
        if name not in profiles:
            hint = suggest(name, list(profiles))
            raise UserError(f"{flag} {name}: there is none{hint}; there are: {', '.join(profiles)}")
        return profiles[name]
    known = [p for p in profiles.values() if re.search(p.known_by, network.name.lower())]
    if not known:
        raise UserError(
            f"{network}: its name does not tell which network it is: say whose conventions it keeps with "
            f"{flag} {'|'.join(profiles)}"
        )
    return known[0]


def profile_with(kind: Kind, signs: np.ndarray, coded: bool) -> str | None:
    """The name of a profile whose normals have these signs [3] of the axes; None: of none."""
    for profile in PROFILES[kind].values():
        if profile.axes is not None and profile.coded == coded and np.array_equal(profile.axes, signs):
            return profile.name
    return None
