"""Mistakes in telling objects apart: whose the least distance is, what segments ask, how each is measured."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

FIELD = ("tests/fields/test_objects_field.py",)
WHICH = ("tests/fields/test_make_objects.py", "tests/pixels/test_instances.py")
LOSSES = ("tests/losses/test_objects.py",)
POINTS = ("tests/points/test_objects.py",)
MEASURED = ("tests/evaluation/test_objects.py",)

OBJECTS = [
    *of(
        "neurfield/fields/objects.py",
        FIELD,
        ("if gradient and row is None:", "if False:", "the background's gradient for the least one's"),
        (".argmin(dim=1)", ".argmax(dim=1)", "the farthest object for the nearest"),
        ("torch.where(row < self.objects, own,", "torch.where(row < 0, own,", "the least for the one asked"),
        ("OBJECT_RADIUS * radius, False", "OBJECT_RADIUS * radius, inside", "objects inside out"),
    ),
    *of(
        "neurfield/fields/make_objects.py",
        WHICH,
        ("(-pixels[i], i)", "(pixels[i], i)", "the smallest objects for the largest"),
        ("if instance >= 0:", "if True:", "what is not known is an object"),
    ),
    *of(
        "neurfield/pixels/instances.py",
        WHICH,
        ("order[place] + 1", "order[place]", "the object before"),
    ),
    *of(
        "neurfield/losses/objects.py",
        LOSSES,
        ("relu(-distances - least)", "relu(-distances + least)", "two at one place, the wrong way round"),
        ("least, owner = distances.detach().min", "least, owner = distances.min", "the least one moves, too"),
        (
            "accumulate_along_rays(before, object_alpha",
            "accumulate_along_rays(alpha, object_alpha",
            "what hides an object counts",
        ),
        ("weight * (index >= 0)", "weight", "points of nobody count"),
        (".abs() / (target + band)\n", ".abs() / band\n", "what is far counts as what is near"),
    ),
    *of(
        "neurfield/losses/of_objects.py",
        LOSSES,
        ('["segment"] >= 0', '["segment"] >= -1', "pixels of unknown segments count"),
        ("progress < since", "progress > since", "before its time for after it"),
    ),
    *of(
        "neurfield/points/point_set.py",
        POINTS,
        ("[*rows, *beside])", "[*beside, *rows])", "neighbours' objects for the points'"),
    ),
    *of(
        "neurfield/evaluation/objects.py",
        MEASURED,
        ("max(thresholds))", "10.0)", "another object counts"),
        (
            "**options)  # type: ignore[arg-type]\n    result",
            "**options)  # type: ignore[arg-type]\n    return nothing\n    result",
            "nothing is measured",
        ),
    ),
]
