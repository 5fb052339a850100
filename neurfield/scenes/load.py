"""From a name or a path to a Scene: the format is recognised, not asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neurfield.errors import UserError
from neurfield.scenes import builtin, prior_files, replica, stereo_files, transforms_json
from neurfield.scenes.foreign import foreign_format
from neurfield.scenes.layouts import (
    arkitscenes,
    blendedmvs,
    colmap,
    monosdf,
    neural_rgbd,
    neus,
    polycam,
    record3d,
    scannet,
    scannetpp,
    sdfstudio,
    seven_scenes,
    trajectory_log,
    tum,
)
from neurfield.scenes.scene import Scene


@dataclass(frozen=True)
class Format:
    """One layout of files.

    Attributes:
        recognises: whether a path holds it.
        read: the scene of such a path.
        looks_for: its name and files, for an error.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path], Scene]
    looks_for: str


FORMATS = tuple(
    Format(module.recognises, module.read, module.LOOKS_FOR)
    for module in (
        replica,
        scannetpp,
        transforms_json,
        colmap,
        monosdf,
        sdfstudio,
        neus,
        blendedmvs,
        trajectory_log,
        tum,
        seven_scenes,
        scannet,
        neural_rgbd,
        polycam,
        arkitscenes,
        record3d,
    )
)


def load_scene(name_or_path: str | Path, *, stereo: bool = True) -> Scene:
    """The scene of a built-in name (made on first use), or of a folder or file in any known format.

    A built-in name wins over a folder of the same name; write ./room0 for the folder. A folder of stereo maps
    or of networks' priors stands for its scene with these.

    Args:
        name_or_path: see above.
        stereo: whether maps of `neurfield scene stereo` are looked for.

    Raises:
        UserError: there is no such scene (with the close matches), its format is unknown (with what was
            looked for), or a file of it is missing or wrong.
    """
    if str(name_or_path) in builtin.BUILTIN:
        return read_scene(builtin.ensure_builtin(str(name_or_path)), stereo=stereo)
    path = Path(name_or_path).expanduser()
    if not path.exists():
        raise UserError(f"no scene {str(name_or_path)!r}{_close_matches(str(name_or_path), path)}")
    return read_scene(path.resolve(), stereo=stereo)


def read_scene(path: Path, *, stereo: bool = True) -> Scene:
    """The scene of an existing folder or file, with its files checked, and what was made of its pictures.

    Args:
        path: of a scene, or of a folder of stereo maps or priors.
        stereo: whether such maps are looked for.

    Raises:
        UserError: as `load_scene`.
    """
    if stereo_files.recognises(path):
        scene = read_scene(stereo_files.scene_of(path), stereo=False)
        return _checked(stereo_files.with_stereo(scene, path).at(path) if stereo else scene)
    if prior_files.recognises(path):
        scene = read_scene(prior_files.scene_of(path), stereo=stereo)
        return _checked(prior_files.with_priors(scene, path).at(path))
    for format_ in FORMATS:
        if format_.recognises(path):
            scene = prior_files.with_priors(format_.read(path))
            return _checked(stereo_files.with_stereo(scene) if stereo else scene)
    if path.is_dir():
        inside = [entry.name for entry in sorted(path.iterdir()) if any(f.recognises(entry) for f in FORMATS)]
        if inside:
            raise UserError(
                f"{path} holds several scenes ({', '.join(inside[:8])}): name one, e.g. {path / inside[0]}"
            )
        if not any(path.iterdir()):
            raise UserError(f"{path} is an empty folder: {_looked_for()}")
    foreign = foreign_format(path)
    if foreign:
        raise UserError(f"{path} {foreign}")
    raise UserError(f"{path} is in no known format: {_looked_for()}")


def _checked(scene: Scene) -> Scene:
    scene.verify_files()
    return scene


def _looked_for() -> str:
    return "looked for " + "; ".join(format_.looks_for for format_ in FORMATS)


def _close_matches(name: str, path: Path) -> str:
    """The end of "no scene ...": names that look alike among the built-in ones and beside the path."""
    beside = [str(entry) for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(str(path), beside, n=3, cutoff=0.8)
    close = difflib.get_close_matches(name, list(builtin.BUILTIN), n=2, cutoff=0.5) + close
    built_in = ", ".join(builtin.BUILTIN)
    if close:
        return f": did you mean {' or '.join(close)}?"
    return f": give a built-in name ({built_in}) or a folder"
