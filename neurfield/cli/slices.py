"""`neurfield slices`: cross-sections made, brought in, and looked at for mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, size_of
from neurfield.cli.dispatch import Verb, dispatch
from neurfield.errors import UserError
from neurfield.wording import quoted

VERBS = {
    "cut": Verb("neurfield.cli.slices:cut", "cut a mesh by planes, into a CSL file"),
    "check": Verb("neurfield.cli.slices:check", "say what is wrong with slices, by plane and contour"),
    "view": Verb("neurfield.cli.slices:view", "draw the contours in a window, on a page, or as a picture"),
    "select": Verb("neurfield.cli.slices:select", "make a CSL file of one label"),
    "import": Verb("neurfield.cli.slices:import_stack", "make a CSL file of a stack of pictures or drawings"),
}
Out = Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: of that name, .csl)")]


def slices(arguments: list[str]) -> int:
    """What can be done with cross-sections before a fit."""
    return dispatch("neurfield slices", "Cross-sections: made, brought in, checked.", VERBS, arguments)


def cut(
    mesh: Annotated[Positional[Path], arg(metavar="MESH")],
    planes: Annotated[int, arg(metavar="N")] = 20,
    axis: Annotated[Literal["x", "y", "z"], arg(metavar="x|y|z")] = "z",
    random: bool = False,
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 0, and even slabs)")] = None,
    out: Out = None,
) -> None:
    """Cut a closed mesh by planes and write the lines as a CSL file, in the mesh's own coordinates.

    Args:
        mesh: a mesh file.
        planes: how many; they cut it into slabs of the same height.
        axis: that the planes stand across.
        random: planes of any direction instead.
        seed: of random planes; without --random of where planes lie in their slabs.
        out: the file to write.
    """
    import numpy as np

    from neurfield.shapes import UnitShape, read_shape
    from neurfield.slices.csl import write_csl
    from neurfield.slices.cut import cut as cut_mesh
    from neurfield.slices.cut import parallel_planes, random_planes

    if planes < 1:
        raise UserError(f"--planes {planes}: give 1 or more")
    path = _out(out, mesh)
    shape = read_shape(mesh)
    if not shape.is_mesh:
        raise UserError(f"{mesh}: holds points, no triangles: planes do not meet points")
    box = np.stack([shape.vertices.min(axis=0), shape.vertices.max(axis=0)])
    if random:
        chosen = random_planes(box, planes, seed or 0)
    else:
        chosen = parallel_planes(box, planes, "xyz".index(axis), seed)
    found = cut_mesh(_triangles(shape), chosen, mesh.stem)
    write_csl(found, path)
    say(f"slices   {path} ({size_of(path)}): {found.words}")
    empty = sum(not one.contours for one in found.slices)
    if empty:
        say(f"{empty} planes meet nothing and are left out")
    sides = UnitShape(shape).sides
    if not sides.trusted:
        say(f"{mesh}: {sides.words}: it is open, so lines may be closed where it has no surface")
    next_commands(
        (f"neurfield slices check {quoted(path)}", "looks them over"),
        (f"neurfield fit --slices {quoted(path)}", "makes a surface of them"),
    )


def check(file: Annotated[Positional[Path], arg(metavar="FILE")]) -> int:
    """Say what is wrong with slices, by plane and contour; exit code 1 where no fit can be made of them.

    Args:
        file: .csl, .contour, .nii, .nii.gz, .nrrd, .dcm or a folder of DICOM, see docs/slices.md.
    """
    import numpy as np

    from neurfield.slices.inner import inner_labels
    from neurfield.slices.mend import looked_over
    from neurfield.slices.read import as_they_are, readable

    file = readable(file.expanduser())
    given = as_they_are(file)
    _, findings = looked_over(given)
    say(f"{file}: {given.words}" if given.slices else f"{file}: no planes")
    if len(given.corners):
        size = " x ".join(f"{side:.4g}" for side in np.ptp(given.corners, axis=0))
        axes = f", {given.axes} axes" if given.axes else ""
        say(f"size     {size}{f' {given.unit}' if given.unit else ''}{axes}")
    if len(given.gaps):
        low, high = given.gaps.min(), given.gaps.max()
        say(
            f"planes   {low:.4g} apart"
            if high - low < 1e-3 * high
            else f"planes   {low:.4g} to {high:.4g} apart"
        )
    inner = inner_labels(given)
    for label in given.labels:
        around = ", ".join(given.called(other) for other in inner.get(label, ()))
        say(f"label    {given.called(label)}{f', around {around}' if around else ''}")
    say("", *given.notes, *(("CANNOT BE FITTED: " if one.grave else "") + one.words for one in findings))
    if not given.notes and not findings:
        say("nothing is wrong with them")
    return 1 if any(one.grave for one in findings) else 0


def view(
    file: Annotated[Positional[Path], arg(metavar="FILE")],
    screenshot: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="")] = None,
    web: bool = False,
) -> None:
    """Draw the contours of a file in a window, as `neurfield view FILE` does.

    Args:
        file: as of `check`.
        screenshot: write a picture there instead; needs no display.
        web: a page for a browser instead, on this machine alone.
    """
    from neurfield.cli.view import view as show
    from neurfield.slices.dicom import is_dicom
    from neurfield.slices.read import ENDINGS, readable

    file = readable(file.expanduser())
    if not str(file).lower().endswith(ENDINGS) and not is_dicom(file):
        raise UserError(
            f"{file}: not a kind of file that is read as slices: neurfield view shows meshes and runs"
        )
    show(str(file), screenshot, web=web)


def select(
    file: Annotated[Positional[Path], arg(metavar="FILE")],
    label: Annotated[str, arg(metavar="NAME")],
    out: Out = None,
) -> None:
    """Make a CSL file of one label of several.

    Args:
        file: as of `check`.
        label: its name or number.
        out: the file to write.
    """
    from neurfield.slices.csl import write_csl
    from neurfield.slices.read import read_slices
    from neurfield.slices.select import select as one_label

    slices = read_slices(file)
    found = one_label(slices, label)
    path = _out(out, file.with_name(f"{found.name}.csl"))
    write_csl(found, path, empty=True)
    say(*(f"{file}: {note}" for note in slices.notes), f"slices   {path} ({size_of(path)}): {found.words}")
    next_commands((f"neurfield fit --slices {quoted(path)}", "makes a surface of them"))


def import_stack(
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")],
    spacing: Annotated[str, arg(metavar="X,Y,Z")],
    out: Out = None,
) -> None:
    """Make a CSL file of pictures or SVG drawings, one a plane, in the order of the numbers in their names.

    Values of pictures are labels, 0 is nothing; closed shapes of drawings are lines around what is inside.

    Args:
        folder: with the files.
        spacing: of pixels (or a drawing's units) along X and Y, and of planes along Z, in your unit.
        out: the file to write.
    """
    from neurfield.slices.csl import write_csl
    from neurfield.slices.stacks import read_stack

    path, lengths = _out(out, folder), _spacing(spacing)
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    found = read_stack(folder, lengths)
    write_csl(found, path, empty=True)
    say(f"slices   {path} ({size_of(path)}): {found.words}")
    next_commands((f"neurfield slices check {quoted(path)}", "looks them over"))


def _out(out: Path | None, source: Path) -> Path:
    source = source.expanduser().resolve() if source.name in ("", "..") else source.expanduser()
    path = source.with_name(f"{source.stem}.csl") if out is None else out.expanduser()
    if path.suffix.lower() != ".csl":
        raise UserError(f"--out {path}: end it in .csl")
    if path.is_dir():
        raise UserError(f"--out {path}: is a folder: give a file in it")
    return path


def _spacing(words: str) -> list[float]:
    try:
        values = [float(word) for word in words.split(",")]
    except ValueError:
        values = []
    if len(values) != 3 or not all(0.0 < value < float("inf") for value in values):
        raise UserError(f"--spacing {words}: give three lengths above zero, X,Y,Z, such as 0.5,0.5,2")
    return values


def _triangles(shape):  # type: ignore[no-untyped-def]
    import trimesh

    return trimesh.Trimesh(shape.vertices, shape.faces, process=False)
