"""`neurfield shape`: what can be done with clouds of points before a fit, or without one."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, size_of, table
from neurfield.cli.dispatch import Verb, dispatch
from neurfield.cli.threads import Threads, use_threads
from neurfield.errors import UserError
from neurfield.wording import quoted

VERBS = {
    "orient": Verb("neurfield.cli.shape:orient", "give the points of a cloud normals that point outwards"),
}


def shape(arguments: list[str]) -> int:
    """What can be done with clouds of points."""
    return dispatch("neurfield shape", "Clouds of points: normals for them.", VERBS, arguments)


def orient(
    cloud: Annotated[Positional[Path], arg(metavar="CLOUD")],
    out: Annotated[
        Path | None, arg(metavar="FILE", help_behavior_hint="(default: CLOUD_oriented.ply beside it)")
    ] = None,
    method: Annotated[Literal["wnnc", "mst"], arg(metavar="wnnc|mst")] = "wnnc",
    keep_outliers: bool = False,
    threads: Threads = None,
) -> None:
    """Give the points of a cloud normals that point outwards, and write it with them.

    Both methods are asked, and where they disagree is told: few points, where the cloud is a closed surface
    that is dense enough.

    Args:
        cloud: a file of points, see docs/formats.md. Normals that it has are not asked.
        out: the file to write: .ply, .xyz or .npz.
        method: wnnc: by the winding number, for thin parts, voids and noise; mst: along a tree of neighbours.
        keep_outliers: points off any surface, too, which are left out otherwise.
        threads: how many processors to use.
    """
    use_threads(threads)
    from neurfield.shapes import orient_normals
    from neurfield.shapes.cloud_files import SUFFIXES, read_cloud, write_cloud
    from neurfield.stereo.progress import Bar

    path = cloud.with_name(f"{cloud.stem}_oriented.ply") if out is None else out.expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--out {path}: end it in {', '.join(SUFFIXES)}")
    started = time.perf_counter()
    given = read_cloud(cloud, keep_outliers)
    with Bar() as progress:
        found = orient_normals(given.vertices, method, compare=True, progress=progress)
    write_cloud(path, replace(given, normals=found.normals))
    size = float(np.ptp(given.vertices, axis=0).max())
    noise = found.scale.noise
    rows = [
        ("points", f"{len(given.vertices):,}, {found.scale.spacing:.3g} apart"),
        ("noise", f"{noise:.2g} off the surface, {noise / size:.2%} of the longest side"),
    ]
    if found.width is not None:
        rows.append(("width", f"{found.width:.3g}: pairs of points closer than that say nothing of sides"))
    if found.neighbours is None:
        rows.append(("normals", "the winding number's slope: planes are too noisy"))
    else:
        rows.append(("normals", f"of planes through {found.neighbours} points"))
    assert found.agreement is not None
    rows.append(("methods agree", f"on the side of {found.agreement:.2%} of the points"))
    table(f"{cloud}", ("", ""), rows)
    if given.notes:
        say("", *given.notes)
    if found.doubt():
        say("", found.doubt())
    if found.agreement < 0.95:
        say(
            "",
            "the methods disagree: parts thinner than points lie apart, holes, or no inside at all;",
            "look at the mesh before you rely on either",
        )
    say("", f"cloud    {path} ({size_of(path)}), {time.perf_counter() - started:.1f} s")
    next_commands((f"neurfield mesh {quoted(path)}", "makes a mesh of it"))
