"""`neurfield eval`: numbers of a run's mesh and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from neurfield.cli.console import complain, next_commands, print_numbers, print_objects, say
from neurfield.cli.runs import MovedScene, Plugin, tell_troubles
from neurfield.cli.threads import Device, Threads, use_threads
from neurfield.wording import quoted

if TYPE_CHECKING:
    import trimesh

    from neurfield.inputs import Run
    from neurfield.inputs.outcome import Outcome


def evaluate(
    run: Annotated[Positional[str], arg(metavar="RUN")],
    against: Annotated[
        str | None, arg(metavar="MESH", help_behavior_hint="(default: the scene's own true surface)")
    ] = None,
    scene: MovedScene = None,
    dtu: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
    scan: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None,
    tanks: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
    replica: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
    scannet: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="")] = None,
    objects: bool = False,
    align: Annotated[
        str | None,
        arg(
            metavar="FILE",
            help_behavior_hint="(default: for --dtu none, for --tanks the scene's cameras)",
        ),
    ] = None,
    plugin: Plugin = (),
    device: Device = None,
    threads: Threads = None,
) -> int:
    """Measure a run: its mesh.ply against the true surface, its pictures against the true ones.

    Only what the cameras saw counts; docs/evaluation.md tells how it is measured, and how by the protocols of
    DTU and of Tanks and Temples, each without and with ICP, and by those that papers on rooms follow for
    Replica and ScanNet. Writes metrics.json and report.html anew.

    Args:
        run: a run's folder, for example runs/room0/latest.
        against: a mesh of the true surface, or points on it, in the scene's frame and units.
        scene: where the run's scene lies now, if it was moved.
        dtu: measure by DTU's protocol, too: the folder of its Points and ObsMask.
        scan: the number of DTU's scan.
        tanks: measure by the protocol of Tanks and Temples, too: the folder of a training scene's ply, json,
            _trans.txt and _COLMAP_SfM.log.
        replica: measure by MonoSDF's protocol for Replica, too: the folder of a room with traj.txt, or the
            name of a built-in one.
        scannet: measure by MonoSDF's protocol for ScanNet, too: the folder of a scan with pose/ and
            intrinsic/.
        objects: measure each object that the run's field tells apart against the scene's true one, too.
        align: what takes the mesh to the frame of --dtu or --tanks: a 4x4 matrix in a .txt, or for --tanks
            the trajectory of all cameras in a .log.
        plugin: a module or a file that brings parts of the run's method.
        device: where to ask the field.
        threads: how many processors to use.
    """
    use_threads(threads)
    from neurfield.inputs.outcome import Outcome, read_metrics
    from neurfield.inputs.placement import placement_troubles
    from neurfield.inputs.protocols import measure_by, read_protocols
    from neurfield.inputs.run import Run, input_of
    from neurfield.report import write_report
    from neurfield.scenes.truth import read_truth

    truth = None if against is None else read_truth(Path(against))
    kind, _ = input_of(Path(run))
    kind.require("eval", Path(run))
    given = None if against is None or truth is None else (truth, Path(against).name)
    protocols = read_protocols(dtu, scan, tanks, align, replica=replica, scannet=scannet, against=given)
    loaded = Run.load(run, device, scene, plugin)
    folder = loaded.folder
    outcome = Outcome(read_metrics(folder))
    earlier = outcome.metrics.get("geometry")
    with outcome.part("mesh"):
        outcome.mesh = _mesh_of(loaded)
        counts = {"vertices": len(outcome.mesh.vertices), "faces": len(outcome.mesh.faces)}
        numbers = outcome.metrics.get("mesh")
        own = isinstance(numbers, dict) and counts.items() <= numbers.items()
        if not own:  # no longer the fit's mesh
            outcome.metrics["mesh"] = counts
    without = truth is None and not loaded.input.has_truth
    if without and not protocols and earlier is None:
        say(f"the {kind.flag} has no true surface: give one with --against MESH; pictures only")
    if truth is not None and outcome.mesh is not None:
        for trouble in placement_troubles(outcome.mesh, truth):
            complain(f"warning: {against}: {trouble}")
    loaded.input.measure(outcome, truth)
    if without and earlier is not None:
        _keep(outcome, earlier, same=outcome.mesh is not None and own)
    if objects:
        loaded.input.measure_objects(outcome)
    measure_by(protocols, outcome, loaded.input.trajectory)
    outcome.write(folder)
    print_numbers(outcome.metrics)
    if objects:
        print_objects(outcome.metrics)
    report = write_report(folder, outcome.mesh, loaded.input.up, plugin)
    say(f"numbers  {folder / 'metrics.json'}", f"report   {report}")
    if outcome.mesh is not None:
        next_commands((f"neurfield view {quoted(run)}", "shows the mesh"))
    return tell_troubles(outcome.troubles.values())


def _keep(outcome: Outcome, earlier: Any, same: bool) -> None:
    """Keep what was measured against a mesh that is not given now, if the run's mesh is the same since."""
    if same:
        outcome.metrics["geometry"] = earlier
        say("the geometry is that of an earlier --against: the mesh is the same since")
    else:
        say("the geometry of an earlier --against is left out: the mesh is another; give it again")


def _mesh_of(run: Run) -> trimesh.Trimesh:
    """The run's mesh.ply, extracted now if there is none."""
    from neurfield.report.mesh_file import read_mesh
    from neurfield.stereo.progress import moving_bar
    from neurfield.surfaces import save_mesh

    path = run.folder / "mesh.ply"
    if not path.is_file():
        with moving_bar() as bar:
            mesh = run.mesh(faces="auto", tell=bar)
        save_mesh(mesh, path)
    return read_mesh(path)
