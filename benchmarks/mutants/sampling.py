"""Mistakes in samplers whose error is bounded, and in parts that decide whether they are wanted."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

BOUND = ("tests/rendering/test_error_bounded.py",)
DECIDES = ("tests/fitting/test_dual.py", "tests/rendering/test_exposure.py")

SAMPLING = [
    *of(
        "neurfield/rendering/error_bound.py",
        BOUND,
        ("(4.0 * width**2)", "(16.0 * width**2)", "a quarter of the bound"),
        ("before.sign() * after.sign() == 1, least", "before.sign() < 2, least", "clear across a surface"),
        ("length**2 + b**2 <= c**2, b", "length**2 + b**2 <= c**2, c", "the farther end's clearance"),
        ("torch.where(good, low, middle)", "torch.where(good, middle, low)", "bisected the wrong way"),
    ),
    *of(
        "neurfield/rendering/error_bounded.py",
        BOUND,
        ("(now.width[:, 0] > width)", "(now.width[:, 0] > 0)", "all rays are asked as often as allowed"),
        ("share[:, 0], share[:, -1] = 0.0, 1.0", "pass", "the ends of a stretch are no places"),
        ("torch.where(hit, count, 0)", "torch.where(hit, count, count)", "rays past the box have samples"),
        ("grown * transmittance + LEAST_DOUBT", "transmittance", "places added where there is light"),
    ),
    *of(
        "neurfield/rendering/decided.py",
        DECIDES,
        ("self.active.fill_(float(learns))", "pass", "a checkpoint forgets what was decided"),
    ),
    *of(
        "neurfield/stereo/match.py",
        ("tests/stereo/test_match.py",),
        ("(_FILLED if around else 1.0)", "1.0", "a thing without masks fills its pictures"),
    ),
    *of(
        "neurfield/stereo/stages.py",
        ("tests/stereo/test_comparison.py",),
        (
            "max(problem.settings.geometric, problem.comparison.rounds)",
            "problem.settings.geometric",
            "two maps held to each other once",
        ),
    ),
    *of(
        "neurfield/scenes/check_readings.py",
        ("tests/scenes/test_check_others.py",),
        ("_seen(cameras, scene.points) > _seen(other, scene.points)", "False", "a facade looks away"),
        ("_seen(cameras, scene.points) > _seen(other, scene.points)", "True", "points excuse any reading"),
    ),
    *of(
        "neurfield/cli/import_photos.py",
        ("tests/cli/test_import.py",),
        ("    if fit:\n", "    if not fit:\n", "an import that was to fit does not"),
    ),
]
