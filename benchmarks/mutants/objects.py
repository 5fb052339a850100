"""Mistakes in telling objects apart: whose a place is, what segments ask, how each is measured."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

FIELD = ("tests/fields/test_objects_field.py",)
WHICH = ("tests/fields/test_make_objects.py", "tests/pixels/test_instances.py")
LOSSES = ("tests/losses/test_objects.py",)
POINTS = ("tests/points/test_objects.py",)
MESHES = ("tests/fitting/test_objects.py",)
MEASURED = ("tests/evaluation/test_objects.py",)

OBJECTS = [
    *of(
        "neurfield/fields/objects.py",
        FIELD,
        (".argmax(dim=-1)", ".argmin(dim=-1)", "whose a place is least for whose it is"),
        ("beyond.clamp_max(-NEAR)", "beyond", "unsure labels move the surface"),
        (".minimum(near.clamp_min(0.0) + NEAR)", "", "labels promise lengths"),
    ),
    *of(
        "neurfield/fields/labels.py",
        FIELD,
        ("two[..., 1:])", "two[..., :1])", "an object is beside its own place"),
        ("torch.maximum(sdf", "torch.minimum(sdf", "matter or place for matter and place"),
        (
            "        with torch.random.fork_rng(devices=[]):  # what",
            "        if True:  # what",
            "labels take others' random numbers",
        ),
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
        (
            "index_add(0, ray, weights[:, None] * values)",
            "index_add(0, ray, values)",
            "what hides an object counts",
        ),
        ("(entropy * valid).sum() / valid.sum()", "entropy.sum() / valid.sum()", "pixels of nobody count"),
    ),
    *of(
        "neurfield/losses/of_objects.py",
        LOSSES,
        ('["segment"] >= 0', '["segment"] >= -1', "pixels of unknown segments count"),
        ("sdf.detach()[which]", "sdf[which]", "objects pull at the scene's surface"),
        ("before[which], alone", "alpha[which], alone", "an opacity behind what is not before it"),
    ),
    *of(
        "neurfield/points/object_places.py",
        POINTS,
        ("(owner >= 0).nonzero()", "(owner >= -1).nonzero()", "what is not known is somebody's"),
        ("1.0 / np.sqrt(", "1.0 + 0.0 * np.sqrt(", "small objects are missed"),
    ),
    *of(
        "neurfield/points/point_set.py",
        POINTS,
        ("self.points if self.asked else", "self.points if True else", "a query where nothing is asked"),
    ),
    *of(
        "neurfield/fitting/points_step.py",
        POINTS,
        ("sum(one.asked for one in sets.values())", "len(sets)", "sums in another order beside quiet sets"),
    ),
    *of(
        "neurfield/fitting/object_meshes.py",
        MESHES,
        ("np.maximum(begin - 1, 0)", "begin", "the rim of an object is cut off"),
        ("np.maximum.at(last", "np.minimum.at(last", "a cell of an object for the whole of it"),
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
