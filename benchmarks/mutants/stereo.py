"""Mistakes where pictures are compared across views."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

PICTURES = ("tests/ops/test_stereo_pictures.py",)
SWEEP = ("tests/ops/test_plane_sweep.py",)
BUILT = ("csrc/stereo/plane_sweep_cpu.cpp",)

PYTHON = [
    *of(
        "neurfield/ops/stereo_pictures.py",
        PICTURES,
        (
            "lens=self.lens / 2,",
            "lens=(self.lens - 0.5) / 2 + 0.5,",
            "halves as if pixels had centres at whole numbers",
        ),
        ("center[r] - center[s]", "center[s] - center[r]", "cameras on the other side"),
        ("grey = self.grey.clamp_min(1)", "grey = self.grey", "black taken for background"),
    ),
    *of(
        "neurfield/ops/reference/stereo_pictures.py",
        PICTURES,
        ("foreground >= 0.5)", "foreground > 0.0)", "background where any pixel is"),
        ("return 1 - foreground + foreground *", "return foreground *", "background that matches everything"),
        ("along_x * x - along_y * y", "along_x * x", "ramps down a window called texture"),
        (".abs() - tolerance", ".abs()", "no tolerance of other greys"),
    ),
    *of(
        "neurfield/ops/reference/plane_sweep.py",
        SWEEP,
        (
            "(planes - k).abs() <= BESIDE",
            "(planes - k).abs() < BESIDE",
            "the minimum's own planes compete with it",
        ),
        ("0.5 * (before - after) / bend", "0.5 * (after - before) / bend", "the parabola on the other side"),
    ),
    *of(
        "neurfield/stereo/stages.py",
        ("tests/stereo/test_match.py",),
        ("return max(1, min(VIEWS,", "return max(2, min(VIEWS,", "two of one other must agree"),
    ),
    *of(
        "neurfield/stereo/comparison.py",
        ("tests/stereo/test_comparison.py",),
        ("(sources >= 0)[..., None] & ", "", "planes for pictures that are no sources"),
        ("max()) <= 1 else", "min()) <= 1 else", "one frame with one source decides for all"),
    ),
    *of(
        "neurfield/stereo/boxed.py",
        ("tests/stereo/test_boxed.py",),
        ("torch.minimum(one, other).amax(dim=2)", "torch.minimum(one, other).amin(dim=2)", "in at any side"),
        ("torch.maximum(search.low, self.low)", "search.low", "a search beyond the box"),
    ),
]

NATIVE = [
    *of(
        "csrc/stereo/plane_sweep.h",
        SWEEP,
        ("kMiddle - gain * kMiddle", "0.0f", "gains about the middle grey"),
        ("tolerance_ = Vec(source.tolerance)", "tolerance_ = Vec(0.0f)", "the sweep knows no tolerance"),
        ("Vec(kQuarters + kMiddle);", "Vec(kQuarters);", "greys of two origins"),
        ("const int32_t old = y - past_;", "const int32_t old = y - past_ + 1;", "windows a row too low"),
        ("* Vec(inside_old[x]);", ";", "background of the reference leaves the sums, and never came"),
        ("in = added.holds(piece)", "in = true", "rows that nobody sampled leave the sums"),
        ("if (x > out.begin) slide", "if (x > out.begin + 1) slide", "windows a column too wide"),
        ("(1.0f - kOutside)", "kOutside", "what leaves a source costs too little"),
        ("leaves |= behind | ~(", "leaves |= ~(", "what lies behind a source is sampled"),
        built=BUILT,
    ),
    *of(
        "csrc/stereo/sweep_depth.h",
        SWEEP,
        (
            "kept_(best_of(count))",
            "kept_(std::min<int64_t>(count, kBestSources))",
            "the worse half, where there are few",
        ),
        (
            "static_cast<int64_t>(task.last[p]) + 1",
            "static_cast<int64_t>(task.last[p])",
            "the last plane left out",
        ),
        ("task.pictures.gain[source] / task", "1.0f / task", "gains of sources forgotten"),
        built=BUILT,
    ),
    *of(
        "csrc/stereo/path_costs.h",
        SWEEP,
        ("load_shorts(before + 1)) + next", "load_shorts(before - 1)) + next", "steps to one side alone"),
        (
            "path == 0 ? x - kSign : x + path - 2",
            "path == 0 ? x - kSign : x + path - 1",
            "paths that lean to one side",
        ),
        built=BUILT,
    ),
]
