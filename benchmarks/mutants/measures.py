"""Mistakes in what a fit is told it costs, and in what it is measured by."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

DEPTH = ("tests/losses/test_by_hand.py", "tests/losses/test_depth.py")
FUSED = ("tests/losses/test_fused.py",)
SIMPLE = ("tests/losses/test_by_hand.py", "tests/losses/test_simple.py")
UNCERTAIN = ("tests/losses/test_uncertain.py",)
PRIORS = ("tests/losses/test_prior_values.py", "tests/losses/test_priors.py")
GEOMETRY = ("tests/evaluation/test_by_hand.py", "tests/evaluation/test_geometry.py")
CULLING = ("tests/evaluation/test_by_hand.py", "tests/evaluation/test_culling.py")
IMAGE = ("tests/evaluation/test_by_hand.py", "tests/evaluation/test_image.py")
NEAREST = ("tests/evaluation/test_nearest.py",)
SAMPLING = ("tests/evaluation/test_sampling.py",)

LOSSES = [
    *of(
        "neurfield/losses/depth.py",
        DEPTH,
        ("(left.abs() < truncation)", "(left < truncation)", "what lies far behind counts as near"),
        ("(sdf - left * incidence)", "(sdf - left)", "the ray's distance for the plane's"),
        ("(sdf - left * incidence)", "(sdf + left * incidence)", "inside and outside swapped"),
        (".sum() / inside.sum().clamp_min(1)", ".mean()", "a mean over samples out of the band"),
        ("relu(0.1 * truncation - sdf)", "relu(truncation - sdf)", "too much asked of free space"),
        ("torch.relu(sdf - left)", "torch.relu(left - sdf)", "free space held down to the surface"),
        ("(left >= truncation)", "(left <= truncation)", "free space behind the surface"),
        (".abs().clamp_max(0.1)", ".abs()", "one wild measurement outweighs the picture"),
        ("(opacity.detach() > 0.5)", "(opacity.detach() > 0.0)", "depth asked of rays that hit nothing"),
    ),
    *of(
        "neurfield/losses/fused.py",
        FUSED,
        ("/ (band * weight.sum()", "/ (weight.sum()", "not in bands"),
        ("(sdf - target).abs() * weight", "(sdf - target).abs()", "weights forgotten"),
        ("+ (1.0 - (unit * normal)", "+ (1.0 + (unit * normal)", "the angle's sign"),
        ("unit = normalize(gradient, dim=1, eps=1e-5)", "unit = gradient", "the slope counts as an angle"),
        ("torch.relu(least - sdf)", "torch.relu(sdf - least)", "free space pulled to the surface"),
    ),
    *of(
        "neurfield/losses/geometric.py",
        SIMPLE,
        ("(gradient.norm(dim=1) - 1.0).square()", "(gradient.norm(dim=1) - 1.0).abs()", "not squared"),
        ("gradient.norm(dim=1)", "gradient.square().sum(dim=1)", "the square of the slope for the slope"),
        (".square().sum(dim=1).add(1e-12).sqrt()", ".square().sum(dim=1)", "the root forgotten"),
    ),
    *of(
        "neurfield/losses/photometric.py",
        SIMPLE,
        ("(rgb - target).abs()", "(rgb - target).square()", "colours squared"),
        ("opacity.clamp(1e-3, 1.0 - 1e-3)", "opacity.clamp(1e-7, 1.0)", "clipped less than NeuS does"),
    ),
    *of(
        "neurfield/losses/uncertain.py",
        UNCERTAIN,
        ("density(error, uncertainty.detach())", "density(error, uncertainty)", "certainty learns twice"),
        ("density(error.detach(), uncertainty)", "density(error, uncertainty)", "the field learns twice"),
        ("of_field * sure", "of_field", "the field follows priors that are uncertain"),
        ("(z - target).abs() / z.detach()", "(z - target).abs() / 1.0 + 0.0 * z.detach()", "not relative"),
        ("DEPTH_UNIT * (z", "(z", "thresholds of another unit"),
    ),
    *of(
        "neurfield/losses/priors.py",
        PRIORS,
        (
            "sum_w, sum_p, sum_d = total(w)",
            "sum_w, sum_p, sum_d = total(torch.ones_like(w))",
            "weights do not add up",
        ),
        ("shift = mean_d - scale * mean_p", "shift = mean_d + scale * mean_p", "the shift's sign"),
        ("- mean_p.square()\n", "\n", "not the variance"),
        (
            "(residual / (2.0 * typical + 1e-9)).square()",
            "(residual / (2.0 * typical + 1e-9))",
            "outliers given up too late",
        ),
        (
            "shift = solve_scale_shift(prior, depth, robust,",
            "shift = solve_scale_shift(prior, depth, weight,",
            "outliers bend the fit",
        ),
        ("robust * upright", "robust", "a prior inside out is believed"),
        (
            "(depth - target).abs() / depth.detach().clamp_min(1e-3)",
            "(depth - target).abs()",
            "metres for parts of the depth",
        ),
        (
            "(count - 1).clamp_min(0).view(1) // 2",
            "count.clamp_max(len(values) - 1).view(1) // 2",
            "the upper median",
        ),
        ("(unit - prior).abs()", "(unit + prior).abs()", "normals pushed away"),
    ),
]

EVALUATION = [
    *of(
        "neurfield/evaluation/geometry.py",
        GEOMETRY,
        (
            "rec.nearest(MeshSamples(places, np.zeros(len(places), dtype=np.int64))).distance",
            "rec._whole(places)[0]",
            "points are near to what no camera sees",
        ),
        (
            "(to_truth.distance < threshold)",
            "(to_truth.distance < 2 * threshold)",
            "precision at twice the threshold",
        ),
        (
            "(to_mesh.distance < threshold)",
            "(to_mesh.distance < 2 * threshold)",
            "recall at twice the threshold",
        ),
        ("2 * precision * recall / both", "precision * recall / both", "half the F-score"),
        ('result["completeness"]) / 2', 'result["completeness"])', "Chamfer as a sum"),
        ('"accuracy": float(to_truth', '"accuracy": float(to_mesh', "accuracy measured from the truth"),
        (
            'np.abs(np.einsum("ki,ki->k", a, b))',
            'np.einsum("ki,ki->k", a, b)',
            "flipped normals count against",
        ),
        ("~self._visible.nearly_sees(points)", "self._visible.nearly_sees(points)", "seen for hidden"),
    ),
    *of(
        "neurfield/evaluation/culling.py",
        CULLING,
        ("uv[:, 1] < cameras.height[i]", "uv[:, 1] < cameras.width[i]", "rows held against the width"),
        ("GRAZING = 0.1", "GRAZING = 0.05", "grazed at three degrees"),
        ("length * (1.0 - stop_short)", "length * (1.0 + stop_short)", "a surface hides itself"),
        ('query="OCCLUDED") != -1', 'query="OCCLUDED") == -1', "hidden for seen"),
        ("across = np.abs(np.einsum", "across = (np.einsum", "only one side of a surface is seen"),
    ),
    *of(
        "neurfield/evaluation/image.py",
        IMAGE,
        ("-10.0 * np.log10(error)", "-20.0 * np.log10(error)", "decibels of amplitudes"),
        ("squared = squared[mask]", "squared = squared * mask[..., None]", "the outside counts as agreement"),
        ("c1, c2 = 0.01**2, 0.03**2", "c1, c2 = 0.01, 0.03", "the constants of SSIM not squared"),
    ),
    *of(
        "neurfield/evaluation/nearest.py",
        NEAREST,
        ("1.0 - along_bc", "along_bc", "the nearest point of the third edge mirrored"),
        ("squared = radius**2", "squared = radius", "a radius for its square"),
    ),
    *of(
        "neurfield/evaluation/sampling.py",
        SAMPLING,
        ("np.sqrt(rng.random(count))[:, None]", "rng.random(count)[:, None]", "points crowd at a corner"),
        ("at = share * cumulative[-1]", "at = share * len(cumulative)", "points not by area"),
    ),
]
