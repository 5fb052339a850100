"""What networks guess of each frame, brought into our conventions and written with what made it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurfield import __version__
from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.priors.checks import signs_of
from neurfield.priors.disparity import FEWEST, depth_of, known_depth, known_from
from neurfield.priors.guess import Guesser
from neurfield.priors.made import MadePriors
from neurfield.priors.network import sha256_of
from neurfield.priors.profiles import Kind, Profile
from neurfield.scenes import Scene
from neurfield.scenes.beside import original, path_from, picture_key, picture_print
from neurfield.scenes.prior_files import INDEX, SUFFIXES, VERSION, current, lens_print, read_index
from neurfield.scenes.prior_readings import PriorLook, prior_look
from neurfield.wording import quoted

UNFINISHED = "unfinished.json"
LOWEST = 0.05  # of relative depth, whose farthest is 1: 0 would stand for nothing
_SOURCE: dict[Kind, str] = {"depth": "prior_depth", "normals": "prior_normal"}
_MOST_OF_HALF = 6e4  # that 16 bits hold

Priors = dict[Kind, np.ndarray]


class Work:
    """One call: what is there, what is still to be made, and how it is written.

    Attributes:
        names: of the networks' files, by kind.
        held_to: what disparity is held to, in words; "" where there is none.
        was_begun: whether some pictures went through these networks before.

    Raises:
        UserError: there are no pictures, or nothing to hold disparity to.
    """

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
                f"{quoted(original(scene.path))}), or take a network of depth"
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
        self.was_begun = all(self.sources[_SOURCE[kind]]["frames"] for kind in self.kinds)
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
