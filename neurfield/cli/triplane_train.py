"""`neurfield triplane train` and `predict`: networks that look at tri-planes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.cli.threads import Threads, use_threads
from neurfield.errors import UserError
from neurfield.wording import quoted

_SHOWN = 40  # rows of a table


def train(
    fields: Annotated[Positional[Path], arg(metavar="FIELDS")],
    task: Annotated[Literal["classify", "segment"], arg(metavar="classify|segment")] = "classify",
    model: Annotated[
        Literal["triplane", "pointnet", "weights"], arg(metavar="triplane|pointnet|weights")
    ] = "triplane",
    size: Annotated[Literal["small", "published"], arg(metavar="small|published")] = "small",
    epochs: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: 100; published: 150, of parts 75)")
    ] = None,
    seed: Annotated[int, arg(metavar="N")] = 0,
    out: Annotated[
        Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: FIELDS-TASK-MODEL beside it)")
    ] = None,
    threads: Threads = None,
) -> None:
    """Learn to tell classes, or parts, from tri-planes; what was stopped goes on.

    Args:
        fields: what `triplane build` wrote.
        task: what a shape is, or which part each point of its surface belongs to.
        model: what the network looks at: planes, points, or the numbers of the fields' networks.
        size: of the transformer; published: the authors', some twenty times slower.
        epochs: at most; it stops once 20 of them brought nothing better.
        seed: of first numbers and orders.
        out: the folder to write.
        threads: how many processors to use.
    """
    if epochs is not None and epochs < 1:
        raise UserError(f"--epochs {epochs}: give 1 or more")
    use_threads(threads)
    from neurfield.triplanes.dataset import read_data
    from neurfield.triplanes.networks import size_of
    from neurfield.triplanes.page import write_training_page
    from neurfield.triplanes.train import Plan, read_model
    from neurfield.triplanes.train import train as learn

    fields = fields.expanduser()
    fields = fields.resolve() if fields.name in ("", "..") else fields
    path = fields.with_name(f"{fields.name}-{task}-{model}") if out is None else out.expanduser()
    epochs = size_of(size, task).epochs if epochs is None else epochs
    metrics = learn(fields, path, Plan(task, model, size, epochs, seed), say)
    page = write_training_page(path, metrics, read_data(fields), fields, read_model(path)[0])
    rows = [
        (split, key.replace("_", " ").replace("miou", "mean IoU"), f"{100.0 * value:.1f} %")
        for split in ("val", "test")
        for key, value in metrics[split].items()
        if isinstance(value, float)
    ]
    table(f"{path}: the best of {len(metrics['log'])} epochs is {metrics['epoch']}", ("split", "", ""), rows)
    say("", f"report   {page}")
    next_commands(
        (f"neurfield triplane predict {quoted(path)} {quoted(fields)}", "what it says of each"),
    )


def predict(
    model: Annotated[Positional[Path], arg(metavar="MODEL")],
    shapes: Annotated[Positional[Path], arg(metavar="SHAPES")],
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: MESH-parts.ply)")] = None,
    label: Annotated[str | None, arg(metavar="CLASS", help_behavior_hint="(parts of a mesh need it)")] = None,
    threads: Threads = None,
) -> None:
    """What a network says of shapes: of a folder of tri-planes, or of one mesh, which is fitted first.

    Args:
        model: what `triplane train` wrote.
        shapes: a folder of `triplane build`, or a mesh or a cloud.
        out: of a mesh whose parts are told: the mesh in their colours.
        label: the class of a mesh whose parts are told.
        threads: how many processors to use.
    """
    use_threads(threads)
    from neurfield.triplanes.predict import of_folder, of_mesh

    if shapes.expanduser().is_dir():
        rows, words = of_folder(model, shapes)
        table(f"{shapes}", ("shape", "is", "named", ""), rows[:_SHOWN])
        if len(rows) > _SHOWN:
            say(f"... and {len(rows) - _SHOWN} more")
        say("", words)
        return
    said, path = of_mesh(model, shapes, out, label)
    table(f"{shapes}", ("", ""), said)
    if path is not None:
        say("", f"mesh     {path}")
        next_commands((f"neurfield view {quoted(path)}", "looks at it"))
