"""What `neurfield mesh` adds for viewers and graphics tools: a texture, and which way is up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurfield.cli.console import say
from neurfield.errors import UserError

if TYPE_CHECKING:
    import trimesh

    from neurfield.inputs import Run

FACES = 100_000  # of a textured mesh at most: detail is in the texture, and cutting a million takes minutes
_AXES = {"y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


def check_texture(size: int | None, path: Path, up: str) -> None:
    """Refuse what cannot be written before anything takes long.

    Raises:
        UserError: the size is no texture's, an .stl was asked to hold one, xatlas is not installed, or --up
            is given for a format that knows none.
    """
    from neurfield.optional import require
    from neurfield.textures import check_size

    if up != "auto" and path.suffix.lower() != ".glb":
        raise UserError(f"--up {up}: only a .glb says which way is up, and this is {path.name}: leave it out")
    if size is None:
        return
    check_size(size)
    require("xatlas", extra="texture")
    if path.suffix.lower() == ".stl":
        raise UserError(f"{path}: an .stl holds no texture; use .glb, .obj or .ply")


def textured(
    folder: Path, device: str | None, scene: str | None, plugins: Sequence[str], size: int, **wishes: Any
) -> tuple[trimesh.Trimesh, Run]:
    """A run's mesh with a texture, and the run.

    Args:
        folder: of the run.
        device: where to ask the field.
        scene: where the run's scene lies now.
        plugins: that bring parts of the run's method.
        size: of the texture, texels along a side.
        wishes: arguments of `FittedSurface.mesh`, but for its colour.

    Raises:
        UserError: the run or its pictures are not there, and what `FittedSurface.mesh` and `Run.textured`
            raise.
    """
    from neurfield.inputs import Run
    from neurfield.stereo.progress import moving_bar
    from neurfield.surfaces import clean_up

    run = Run.load(folder, device, scene, plugins)
    faces = wishes.pop("faces", None)
    with moving_bar() as bar:
        mesh = run.mesh(color="none", tell=bar, faces="auto" if faces is None else faces, **wishes)
        if faces is None and len(mesh.faces) > FACES:
            done = mesh.metadata.get("clean_up", [])
            mesh = clean_up(mesh, FACES)
            mesh.metadata["clean_up"] = [*done, *mesh.metadata["clean_up"]]
        return run.textured(mesh, size, bar), run


def say_texture(mesh: trimesh.Trimesh, size: int) -> None:
    """Tell how large a texture is and of what it was made."""
    seen = f"{mesh.metadata['seen']:.0%} of the surface from pictures, the rest from the field"
    say(f"         texture of {size} x {size}: {seen}")


def up_of(choice: str, known: np.ndarray | None) -> np.ndarray | None:
    """Which way of the world is up in a .glb; None: the world's axes stay.

    Args:
        choice: "auto", "y", "z" or "keep".
        known: what the run says.
    """
    if choice == "auto":
        return known
    return np.array(_AXES[choice]) if choice in _AXES else None


def say_up(up: np.ndarray | None, choice: str) -> None:
    """Tell how a .glb stands."""
    if up is None:
        why = "" if choice == "keep" else "; which way is up is not known: --up y or --up z says it"
        say(f"         the world's axes are kept{why}")
        return
    say(f"         upright: {_way(up)} of the world is up (--up keep leaves the axes)")


def say_world_up(up: np.ndarray | None) -> None:
    """Tell which way is up in an .obj, which keeps the world's axes and has no word for it."""
    if up is not None and up[1] < 1.0 - 1e-9:
        say(f"         {_way(up)} is up: tell it an importer, which takes +y for it; a .glb stands by itself")


def _way(up: np.ndarray) -> str:
    """A direction in words: an axis, or three numbers."""
    axis = int(np.abs(up).argmax())
    exact = abs(up[axis]) > 1.0 - 1e-9
    return f"{'-' if up[axis] < 0 else '+'}{'xyz'[axis]}" if exact else " ".join(f"{v:.3f}" for v in up)
