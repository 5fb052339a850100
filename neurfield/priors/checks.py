"""Whether a network keeps to its profile, asked of its output for a few pictures before all are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.errors import UserError
from neurfield.priors.profiles import Profile, profile_with
from neurfield.scenes import Scene
from neurfield.scenes.check_priors import AGAINST, grows_with_depth
from neurfield.scenes.prior_axes import JudgedNormals, explained, judge_normals
from neurfield.scenes.prior_readings import PriorLook, other_normals

_FLOORS, _FEWEST = 0.02, 200  # of what is seen below the camera is level in any room, if that is so much


@dataclass(frozen=True)
class Checked:
    """What the check found.

    Attributes:
        grows: rank correlation of prior depth with depth, NaN: nothing tells.
        normals: what was measured of the normals, or None.
        floors: the share of what is seen below the camera, in a room, that is level and looks up; NaN: too
            little is seen.
    """

    grows: float
    normals: JudgedNormals | None
    floors: float

    def words(self) -> list[tuple[str, str]]:
        """Rows of a table."""
        rows = []
        if np.isfinite(self.grows):
            rows.append(("depth grows with depth", f"rank correlation {self.grows:.2f}"))
        if self.normals is not None:
            rows.append(("normals look towards the camera", f"{100 * self.normals.facing:.1f} %"))
            if np.isfinite(self.normals.leaning):
                rows.append(("normals lean as depth does", self.normals.cosine))
        if np.isfinite(self.floors):
            rows.append(("floor, of what is seen below", f"{100 * self.floors:.0f} %"))
        return rows

    def doubts(self) -> list[str]:
        """What is to be looked at."""
        if not self.floors < _FLOORS:
            return []
        return [
            f"only {100 * self.floors:.1f} % of what is seen below the camera is level: is 'up' of the scene "
            "right, and are normals in the camera's axes?"
        ]


def signs_of(raw: list[PriorLook]) -> tuple[float, float, float]:
    """Which way normals are turned that no profile knows: as they are, round, or in OpenGL's axes either way.

    Args:
        raw: looks at normals in the network's axes.
    """
    tried = [(1.0, 1.0, 1.0), *(tuple(np.diag(turn)) for _, turn in other_normals(raw[0])[:3])]
    shares = [judge_normals(raw, 1.0, k) for k in (None, 0, 1, 2)]
    best = int(np.argmax([one.facing + one.along + float(np.nan_to_num(one.leaning)) for one in shares]))
    return tried[best]  # type: ignore[return-value]


def check_output(
    scene: Scene,
    looks: list[tuple[int, PriorLook]],
    depth: Profile | None,
    normals: Profile | None,
    names: dict[str, str],
) -> Checked:
    """Whether depth grows with depth, and normals are in our axes.

    Args:
        scene: whose pictures they are of.
        looks: frames, and what their priors say, in our conventions if the profiles are right.
        depth, normals: the profiles that were taken.
        names: of the networks' files, by "depth" and "normals".

    Raises:
        UserError: one is not so, with the profile that would make it so.
    """
    grows = grows_with_depth(scene, looks) if depth is not None else float("nan")
    with_normals = [look for _, look in looks if look.normal is not None]
    faces = bool(with_normals) and judge_normals(with_normals, float("nan")).faces
    if depth is not None and np.isnan(grows) and faces:
        grows = judge_normals(with_normals, 1.0).leaning
    if depth is not None and grows <= AGAINST:
        raise UserError(
            f"{names['depth']}: its depth is not that of {depth.name}: it is large where things are near "
            f"(correlation {grows:.2f}): if it gives disparity, take --depth-profile depth-anything-v2"
        )
    if normals is None or not with_normals:
        return Checked(grows, None, float("nan"))
    judged = judge_normals(with_normals, 1.0)
    if not judged.right:
        raise UserError(_wrong_axes(with_normals, judged, normals, names["normals"]))
    floors = np.sum([look.floors(scene.up) for look in with_normals], axis=0)
    share = floors[0] / floors[1] if scene.kind == "inside" and floors[1] >= _FEWEST else float("nan")
    return Checked(grows, judged, float(share))


def _wrong_axes(looks: list[PriorLook], judged: JudgedNormals, profile: Profile, name: str) -> str:
    """What is wrong with normals, and the profile that they belong to."""
    said = f"{name}: its normals are not those of {profile.name}: {judged.complaint()}"
    other = explained(looks, 1.0)
    if other is None:
        return f"{said}, nor would they in any known axes: check --normals-profile"
    turn = next(turn for what, turn in other_normals(looks[0]) if what == other[0])
    signs = np.diag(turn) * np.array(profile.axes or (1.0, 1.0, 1.0))
    known = (
        profile_with("normals", signs, profile.coded) if np.allclose(turn, np.diag(np.diag(turn))) else None
    )
    todo = (
        f"take --normals-profile {known}"
        if known
        else "no profile has such axes: export the network with others"
    )
    return f"{said}; they would if {other[0]}: {todo}"
