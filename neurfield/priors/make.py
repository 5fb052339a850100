"""Priors of all pictures of a scene, in our conventions, checked, and written where the scene finds them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurfield import __version__
from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.priors.checks import Checked, check_output, signs_of
from neurfield.priors.disparity import FEWEST, depth_of, known_depth, known_from
from neurfield.priors.guess import Guesser
from neurfield.priors.network import sha256_of
from neurfield.priors.profiles import Kind, Profile
from neurfield.scenes import Scene
from neurfield.scenes.beside import original, path_from, picture_key, picture_print
from neurfield.scenes.frames import spread
from neurfield.scenes.prior_files import INDEX, SUFFIXES, VERSION, current, lens_print, read_index
from neurfield.scenes.prior_readings import PriorLook, prior_look

UNFINISHED = "unfinished.json"
LOWEST = 0.05  # of relative depth, whose farthest is 1: 0 would stand for nothing
_CHECKED = 6  # pictures, evenly spread, that are made and checked before the others
_SOURCE: dict[Kind, str] = {"depth": "prior_depth", "normals": "prior_normal"}
_MOST_OF_HALF = 6e4  # that 16 bits hold
_APART = {
    "depth": 0.1,
    "normals": 15.0,
}  # of depth's spread, and degrees, above which tiles do not fit together

Progress = Callable[[str, float], None]


@dataclass
class MadePriors:
    """What was made.

    Attributes:
        folder: where it lies.
        made: how many pictures went through the networks now.
        checked: what was measured on some of them; None where none was made.
        held_to: what disparity was held to, in words.
        left: frames without depth, because too little of theirs is known to hold disparity to.
        against: those of them in which disparity falls as things come nearer.
        turned: in words, how normals were turned whose axes no profile knows.
        apart: by how much tiles differ, one value a picture, by kind.
    """

    folder: Path
    made: int = 0
    checked: Checked | None = None
    held_to: str = ""
    left: list[int] = field(default_factory=list)
    against: list[int] = field(default_factory=list)
    turned: str = ""
    apart: dict[Kind, list[float]] = field(default_factory=lambda: {"depth": [], "normals": []})

    def rows(self) -> list[tuple[str, str]]:
        """For a table."""
        rows = [("pictures", f"{self.made} through the network")]
        rows += [] if self.checked is None else self.checked.words()
        if self.turned:
            rows.append(("axes of normals", self.turned))
        if self.held_to:
            rows.append(("disparity made depth", f"by {self.held_to}"))
        for kind, unit in (("depth", " % of its spread"), ("normals", " degrees")):
            values = self.apart[kind]  # type: ignore[index]
            if any(values):
                median = float(np.median(values)) * (100.0 if kind == "depth" else 1.0)
                rows.append((f"tiles of {kind} differ", f"by {median:.2g}{unit} (median)"))
        return rows

    def doubts(self) -> list[str]:
        """What is to be looked at."""
        said = []
        if self.left:
            said.append(
                f"{len(self.left)} pictures are left without depth: too little of theirs is known by "
                f"{self.held_to} to hold disparity to"
            )
        for kind, most in _APART.items():
            off = sum(value > most for value in self.apart[kind])  # type: ignore[index]
            if off:
                said.append(f"tiles of {kind} do not fit together in {off} pictures: is this its profile?")
        return said


def make_priors(
    scene: Scene, guessers: Sequence[Guesser], folder: Path, progress: Progress = lambda words, part: None
) -> MadePriors:
    """Let networks guess priors of all pictures of a scene, and write them with an index that readers find.

    What was made before of the same pictures by the same networks is kept, also where it was broken off.

    Args:
        scene: with pictures, and what is known of their depth where a network gives disparity.
        guessers: networks with their profiles, one for each kind or one for both.
        folder: for the files; one of priors, or with nothing in it.
        progress: is told what is done, and which part of it is.

    Raises:
        UserError: a network does not keep to its profile, or disparity has nothing to be held to.
    """
    work = _Work(scene, guessers, folder)
    todo = work.todo()
    made = MadePriors(folder, held_to=work.held_to)
    if todo:
        first = [todo[int(k)] for k in spread(len(todo), _CHECKED)]
        guessed = [(i, work.guessed(i, made)) for i in first]
        if len(made.against) > len(made.left) / 2:
            raise UserError(
                f"{work.names['depth']}: it is no disparity, for it is large where things are far: take "
                "--depth-profile of a network of depth"
            )
        made.turned = work.decide_axes(guessed)
        looks = [(i, look) for i, priors in guessed if (look := work.look(i, priors)) is not None]
        made.checked = check_output(
            scene, looks, work.profile("depth"), work.profile("normals"), work.names
        )  # fmt: skip
        # Only now is anything written.
        for i, priors in guessed:
            work.write(i, priors, made)
        rest = [i for i in todo if i not in first]
        for k, i in enumerate(rest):
            progress("depth and normals of pictures", (len(first) + k) / len(todo))
            work.write(i, work.guessed(i, made), made)
        progress("depth and normals of pictures", 1.0)
        made.made = len(todo)
    work.finish()
    return made


Priors = dict[Kind, np.ndarray]


class _Work:
    """One call: what is there, what is still to be made, and how it is written."""

    def __init__(self, scene: Scene, guessers: Sequence[Guesser], folder: Path) -> None:
        if "image" not in scene.sources:
            raise UserError(f"{scene.path}: it has no pictures, which networks look at: add them")
        self.scene, self.guessers, self.folder = scene, guessers, folder
        self.names: dict[str, str] = {}
        index = read_index(folder) or {"sources": {}}
        unfinished = read_index(folder, UNFINISHED) or {"sources": {}}
        self.sources: dict[str, dict[str, Any]] = {**index["sources"], **unfinished["sources"]}
        self._begun = False
        disparity = any("depth" in g.profiles and g.profiles["depth"].depth == "disparity" for g in guessers)
        self.held_to = known_from(scene) if disparity else ""
        if disparity and not self.held_to:
            raise UserError(
                f"{scene.path}: this network gives disparity, whose scale and shift in each picture nothing "
                "tells here, so that it is no depth yet: match the pictures first (neurfield scene stereo "
                f"{original(scene.path)}), or take a network of depth"
            )
        for guesser in guessers:
            for kind, profile in guesser.profiles.items():
                self.names[kind] = guesser.network.path.name
                made_by = {
                    "network": guesser.network.path.name, "sha256": sha256_of(guesser.network.path),
                    "profile": profile.name, "held_to": self.held_to if kind == "depth" else "",
                    "output": "metric depth" if profile.depth == "metric" and kind == "depth" else kind,
                }  # fmt: skip
                known = [from_["sources"].get(_SOURCE[kind]) for from_ in (unfinished, index)]
                same = next((entry for entry in known if entry and _same(entry["made_by"], made_by)), None)
                today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
                fresh = {"made_by": {**made_by, "date": today, "neurfield": __version__}, "frames": {}}
                self.sources[_SOURCE[kind]] = same or fresh
        self.kinds: list[Kind] = [kind for guesser in guessers for kind in guesser.profiles]
        normals = self.profile("normals")
        self._signs = np.array((normals.axes if normals else None) or (1.0, 1.0, 1.0))

    def profile(self, kind: Kind) -> Profile | None:
        """Of a kind that is made, or None."""
        return next((g.profiles[kind] for g in self.guessers if kind in g.profiles), None)

    def todo(self) -> list[int]:
        """The frames that lack something of what is made."""
        lacking: set[int] = set()
        for kind in self.kinds:
            names = current(self.scene, self.sources[_SOURCE[kind]]["frames"])
            for i, name in enumerate(names):
                if name is None or not (self.folder / f"{name}_{SUFFIXES[_SOURCE[kind]]}.npy").is_file():
                    lacking.add(i)
        return sorted(lacking)

    def guessed(self, i: int, made: MadePriors) -> Priors:
        """What the networks say of frame i, in our meaning where the profile knows it."""
        cameras = self.scene.cameras
        lens = (float(cameras.fx[i]), float(cameras.fy[i]), float(cameras.cx[i]), float(cameras.cy[i]))
        priors: Priors = {}
        for guesser in self.guessers:
            guess = guesser(self.scene.image(i), lens)
            if guess.depth is not None:
                made.apart["depth"].append(guess.depth_apart)
                depth: np.ndarray | None = guess.depth
                if guesser.profiles["depth"].depth == "disparity":
                    depth = self._held(guess.depth, i, made)
                if depth is None:
                    made.left.append(i)
                else:
                    priors["depth"] = depth
            if guess.normals is not None:
                made.apart["normals"].append(guess.normals_apart)
                priors["normals"] = guess.normals * self._signs
        return priors

    def decide_axes(self, guessed: list[tuple[int, Priors]]) -> str:
        """Turn normals whose axes the profile leaves open as the pictures say; in words what was done."""
        profile = self.profile("normals")
        if profile is None or profile.axes is not None:
            return ""
        made_by = self.sources["prior_normal"]["made_by"]
        raw = [look for i, priors in guessed if (look := self.look(i, priors)) is not None]
        signs = made_by.setdefault("axes", [int(sign) for sign in signs_of(raw)])
        for _, priors in guessed:
            priors["normals"] = priors["normals"] * np.array(signs, dtype=np.float64)
        self._signs = np.array(signs, dtype=np.float64)
        return f"x, y, z of the network times {signs}, as these pictures say"

    def look(self, i: int, priors: Priors) -> PriorLook | None:
        """Some pixels of what was guessed of frame i; None of nothing."""
        if not priors:
            return None
        return prior_look(self.scene.cameras, i, priors.get("normals"), priors.get("depth"))

    def write(self, i: int, priors: Priors, made: MadePriors) -> None:
        """Write the files of frame i, and that they are there."""
        name = f"{i:06d}"
        if not self._begun:
            self._save(UNFINISHED)
            (self.folder / INDEX).unlink(missing_ok=True)  # of files that are now written anew
            self._begun = True
        for kind, values in priors.items():
            path = self.folder / f"{name}_{SUFFIXES[_SOURCE[kind]]}.npy"
            with atomic_write(path) as temporary, temporary.open("wb") as file:
                np.save(file, _stored(kind, values, self.profile(kind)))
        for kind in self.kinds:
            frames = self.sources[_SOURCE[kind]]["frames"]
            frames.pop(picture_key(self.scene, i), None)
            if kind in priors:
                frames[picture_key(self.scene, i)] = {
                    "file": name, "picture": picture_print(self.scene, i),
                    "lens": lens_print(self.scene.cameras, i),
                }  # fmt: skip
        self._save(UNFINISHED)

    def _held(self, disparity: np.ndarray, i: int, made: MadePriors) -> np.ndarray | None:
        """Depth of disparity of frame i, None where too little is known to hold it to."""
        place, known = known_depth(self.scene, i)
        if len(known) < FEWEST:
            return None
        depth = depth_of(disparity, place, known)
        if depth is None:
            made.against.append(i)
        return depth

    def finish(self) -> None:
        """Write the index, without which no reader looks at the files."""
        for kind in self.kinds:
            if not self.sources[_SOURCE[kind]]["frames"]:
                del self.sources[_SOURCE[kind]]
        self._save(INDEX)
        (self.folder / UNFINISHED).unlink(missing_ok=True)

    def _save(self, name: str) -> None:
        index = {
            "version": VERSION, "scene": path_from(self.folder, original(self.scene.path)),
            "sources": self.sources,
        }  # fmt: skip
        with atomic_write(self.folder / name) as temporary:
            temporary.write_text(json.dumps(index, indent=1) + "\n")


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether priors were made by the same network in the same way."""
    return all(one.get(key) == value for key, value in other.items())


def _stored(kind: Kind, values: np.ndarray, profile: Profile | None) -> np.ndarray:
    """Priors as their files have them: float16, relative depth of one range, normals as MonoSDF's."""
    if kind == "normals":
        return np.moveaxis((values + 1.0) / 2.0, 2, 0).astype(np.float16)
    if profile is not None and profile.depth == "relative":
        low, high = float(values.min()), float(values.max())
        values = LOWEST + (1.0 - LOWEST) * (values - low) / max(high - low, 1e-9)
    return values.astype(np.float16 if float(values.max()) < _MOST_OF_HALF else np.float32)
