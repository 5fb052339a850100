"""The table of docs/results.md for the built-in rooms: our fits, and fusion of the same depth beside them.

    python -m benchmarks.room_table [--scenes room0 ...] [--rows tsdf-exact-1cm ours-exact ...]

Every row runs in a process of its own, so that its memory is its own; every mesh is measured here by one and
the same call of `evaluate_mesh` (what no camera saw does not count). Seconds are those of the fit or of the
fusion: starting Python, reading files and writing meshes is left out of both. The peak memory of our rows is
that of all `neurfield fit` does, meshing, measuring and the report included. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trimesh

from benchmarks.common import (
    CHECKOUT,
    machine_record,
    markdown_table,
    run_measured,
    run_script,
    say,
    write_json,
)
from neurfield.errors import UserError
from neurfield.evaluation import evaluate_mesh
from neurfield.scenes import load_scene
from neurfield.scenes.builtin import REPEATING, ROOMS
from neurfield.scenes.scene import Scene

HEADERS = (
    "scene", "run", "fit s", "F@5cm", "F@1cm", "accuracy cm", "completeness cm", "normals", "faces",
    "peak GB",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table: what it is called there, and the flags of the command that makes its mesh.

    repeating: from the room's second kind of priors, whose errors repeat from view to view.
    """

    title: str
    flags: str
    ours: bool
    repeating: bool = False

    def scene_of(self, room: str) -> str:
        """The name under which a room holds what this row starts from."""
        return room + REPEATING if self.repeating else room


def _ours(title: str, flags: str, repeating: bool = False) -> Row:
    return Row(f"neurfield, {title}", flags, True, repeating)


def _peer(title: str, flags: str, repeating: bool = False) -> Row:
    return Row(f"TSDF fusion, {title}", flags, False, repeating)


_PRIORS = "--method monosdf --set data.sensor_depth=off"
_ORACLE = "--peer priors --voxel 0.02 --trunc 0.3"


ROWS = {
    "tsdf-exact-1cm": _peer("exact depth, 1 cm", "--peer tsdf --kind exact --voxel 0.01"),
    "tsdf-exact-2cm": _peer("exact depth, 2 cm", "--peer tsdf --kind exact --voxel 0.02"),
    "ours-exact": _ours("exact depth", "--method neus --set data.sensor_depth=exact"),
    "tsdf-noisy-1cm": _peer("noisy depth, 1 cm", "--peer tsdf --kind noisy --voxel 0.01"),
    "tsdf-noisy-2cm": _peer("noisy depth, 2 cm", "--peer tsdf --kind noisy --voxel 0.02"),
    "ours-noisy": _ours("noisy depth", "--method neus --set data.sensor_depth=noisy"),
    "tsdf-priors": _peer("priors aligned by an oracle", _ORACLE),
    "ours-priors": _ours("ambiguous priors only", _PRIORS),
    "tsdf-repeating": _peer("repeating priors aligned by an oracle", _ORACLE, repeating=True),
    "ours-repeating": _ours("repeating priors only", _PRIORS, repeating=True),
    "ours-images": _ours("images alone", "--method neus --set data.sensor_depth=off"),
}


def make_mesh(name: str, room: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run a row's command in a process of its own: where its mesh is, the seconds and the memory it took.

    room: a built-in room, or a path, to which only rows of the first kind of priors apply.

    Raises:
        UserError: the command failed; what it printed is above.
    """
    row, folder = ROWS[name], args.out / Path(room).name / name
    folder.mkdir(parents=True, exist_ok=True)
    program = ["neurfield", "fit"] if row.ours else ["benchmarks.peers"]
    out = folder if row.ours else folder / "mesh.ply"
    steps = ["--steps", str(args.steps)] if row.ours and args.steps else []
    command = ["-m", *program, "--scene", row.scene_of(room), *row.flags.split(), *steps, "--out", str(out)]
    say(f"{room}, {name}: python {' '.join(command)}")
    result = run_measured([sys.executable, *command])
    if result.status != 0:
        raise UserError(
            f"row {name} of {room} ended with status {result.status}: see above, or leave it out with --rows"
        )
    facts = {
        "command": " ".join(["python", *command]),
        "peak_gb": result.peak_gb,
        "process_seconds": result.seconds,
    }
    if row.ours:
        return facts_of_run(newest_run(folder)) | facts
    return facts | {"mesh": str(out), "fit_seconds": json.loads(result.output.splitlines()[-1])["seconds"]}


def newest_run(folder: Path) -> Path:
    """The run folder below `folder` that was made last.

    Raises:
        UserError: there is none.
    """
    runs = sorted(folder.glob("**/run.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise UserError(f"{folder}: no run in it, a fit writes run.json there")
    return runs[-1].parent


def facts_of_run(run: Path) -> dict[str, Any]:
    """The mesh of a run's folder, and the seconds and memory of its fit by its own account.

    Raises:
        UserError: it has no mesh or no metrics.
    """
    mesh, metrics = run / "mesh.ply", run / "metrics.json"
    for needed in (mesh, metrics):
        if not needed.is_file():
            raise UserError(f"{run} has no {needed.name}: name a folder that `neurfield fit` finished")
    fit = json.loads(metrics.read_text())["fit"]
    return {
        "run": str(run),
        "mesh": str(mesh),
        "fit_seconds": fit["seconds"],
        "steps": fit["steps"],
        "peak_gb": fit["peak_memory_gb"],
    }


def cells(row: dict[str, Any]) -> list[Any]:
    """A row's values in the order of HEADERS."""
    return [
        row["scene"],
        row["title"],
        row["fit_seconds"],
        row["f_score@0.05"],
        row["f_score@0.01"],
        100 * row["accuracy"],
        100 * row["completeness"],
        row["normal_consistency"],
        row["faces"],
        row["peak_gb"],
    ]


def reused(pairs: list[str]) -> dict[str, Path]:
    """`--reuse name=folder` items as a dictionary.

    Raises:
        UserError: not such an item, or not the name of one of our rows.
    """
    found = {}
    for pair in pairs:
        name, separator, folder = pair.partition("=")
        if not separator or name not in ROWS or not ROWS[name].ours:
            known = ", ".join(name for name, row in ROWS.items() if row.ours)
            raise UserError(f"--reuse {pair}: write it as NAME=RUN-FOLDER, NAME one of {known}")
        found[name] = Path(folder)
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="numbers of rooms against their ground truth, fusion beside ours"
    )
    parser.add_argument("--scenes", nargs="+", default=list(ROOMS))
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument(
        "--reuse",
        nargs="+",
        default=[],
        metavar="NAME=RUN",
        help="take a run that exists, of the one scene named",
    )
    parser.add_argument("--steps", type=int, help="steps of our fits (default: the preset's)")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "runs" / "room_table")
    args = parser.parse_args()
    args.out = args.out.resolve()
    return args


def with_truth(name: str) -> Scene:
    """The scene of a name or path.

    Raises:
        UserError: it has no ground truth.
    """
    scene = load_scene(name)
    if scene.ground_truth is None:
        raise UserError(f"{scene.path} has no ground truth: there is nothing to measure against")
    return scene


def main() -> None:
    args = arguments()
    reuse = reused(args.reuse)
    if reuse and len(args.scenes) > 1:
        raise UserError("--reuse: a run is of one scene, name that one with --scenes")
    rows = []
    for room in args.scenes:
        scene = with_truth(room)
        for name in args.rows:
            facts = facts_of_run(reuse[name]) if name in reuse else make_mesh(name, room, args)
            mesh = trimesh.load(facts["mesh"], force="mesh", process=False)
            numbers = evaluate_mesh(mesh, scene.ground_truth, cameras=scene.cameras)
            told = {"scene": scene.name, "row": name, "title": ROWS[name].title}
            rows.append({**told, **facts, **numbers, "faces": len(mesh.faces)})
            say(markdown_table(HEADERS, [cells(rows[-1])]))
    print(markdown_table(HEADERS, [cells(row) for row in rows]))
    record = {"machine": machine_record(), "scenes": args.scenes, "rows": rows}
    say(f"written: {write_json(args.out / 'room_table.json', record)}")


if __name__ == "__main__":
    run_script(main)
