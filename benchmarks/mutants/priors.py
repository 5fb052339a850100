"""Mistakes where ambiguous priors are given a meaning by points that are looked for in pictures."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

MODEL = ("tests/fusion/test_prior_model.py", "tests/fusion/test_align.py")
HIDDEN = ("tests/fusion/test_hidden_pixels.py",)
SEARCH = ("tests/fusion/test_image_search.py", "tests/fusion/test_image_points.py", *HIDDEN)
STEP = ("tests/fusion/test_align_step.py", "tests/fusion/test_align.py", "tests/fusion/test_image_points.py")
SEEN = ("tests/points/test_seen_points.py",)
SCORES = ("tests/ops/test_patch_scores.py",)

SAID = ("tests/scenes/test_check_priors.py",)
TILES = ("tests/priors/test_tiles.py", "tests/priors/test_guess.py")
MADE = ("tests/cli/test_priors.py",)

GUESSED = [
    *of(
        "neurfield/scenes/prior_readings.py",
        SAID,
        ("np.stack([right - left, below - above]", "np.stack([right - left, above - below]", "rows upwards"),
        ("normal[:, :2] / np.maximum(away", "-normal[:, :2] / np.maximum(away", "depth falls where it grows"),
        ("bend.max(axis=1) > _EDGE", "bend.max(axis=1) > -1.0", "every slope is a jump"),
        (
            '("they are in the world\'s axes", look.camera_from_world)',
            '("they are in the world\'s axes", look.camera_from_world.T)',
            "the world turned the other way",
        ),
    ),
    *of(
        "neurfield/scenes/prior_axes.py",
        SAID,
        ("self.facing > _FACING and self.along > _ALONG", "self.facing > _FACING", "mirrored axes pass"),
        ("self.faces and not self.leaning < _LEANING", "self.faces", "how normals lean is not asked"),
    ),
    *of(
        "neurfield/scenes/check_priors.py",
        SAID,
        ("if grows <= AGAINST:", "if grows <= -2.0:", "disparity passes for depth"),
        ('if scene.kind != "inside" or in_one_place', "if in_one_place", "an object's box tells depth"),
        ("if len(told) and float(told.max()) > float(told.min()):", "if True:", "empty maps say something"),
    ),
    *of(
        "neurfield/fusion/prior_views.py",
        ("tests/fusion/test_align.py",),
        (
            "if says else torch.zeros(SMALL, dtype=torch.bool)",
            "if True else shown",
            "no prior is one of zeros",
        ),
    ),
    *of(
        "neurfield/priors/tiles.py",
        TILES,
        ("scale * maps[k].astype(np.float64) + shift", "scale * maps[k].astype(np.float64)", "no shift"),
        ("scale = _median_slope(a, b)", "scale = 0.0", "re-weighting begins anywhere"),
        ("+ _SAME_AXES * np.eye(3)", "", "a wall turns a tile about itself"),
        ("turns = {k: mean.T @ turn", "turns = {k: turn", "one of two middles decides"),
    ),
    *of(
        "neurfield/priors/guess.py",
        TILES,
        ("cx * scale[0] + left - window[1].start", "cx * scale[0] + left", "tiles of one principal point"),
        ("depth *= focal / profile.focal", "pass", "metric depth of another lens"),
        ("2.0 * normal - 1.0 if profile.coded", "normal if profile.coded", "colours for normals"),
    ),
    *of(
        "neurfield/priors/work.py",
        MADE,
        (
            "(self.folder / INDEX).unlink(missing_ok=True)  # of",
            "pass  # of",
            "an index of what is overwritten",
        ),
        ("values = LOWEST + (1.0 - LOWEST)", "values = (1.0 - LOWEST)", "the nearest has no depth"),
    ),
    *of(
        "neurfield/priors/disparity.py",
        MADE,
        ("inverse = 1.0 / depth\n", "inverse = depth\n", "disparity held to depth"),
    ),
    *of(
        "neurfield/scenes/prior_files.py",
        MADE,
        (
            'if entry.get("picture") == picture_print(scene, i)',
            "if True",
            "priors of edited pictures are taken",
        ),
    ),
]
ALIGNMENT = [
    *of(
        "neurfield/fusion/image_points.py",
        SEARCH,
        ("grey[torch.from_numpy(~mask)] = torch.nan", "pass", "pictures looked at behind their masks"),
        (
            "return image, (columns_rows + 0.5) / size",
            "return image, columns_rows / size",
            "corners for the middles of pixels",
        ),
        ("lens * size.repeat(2)", "lens * size.flip(0).repeat(2)", "width and height swapped"),
        (
            "spacing = (around - 1.0 / around) / (depths - 1) / z[sure]",
            "spacing = (around - 1.0 / around) / (depths - 1)",
            "the last search steps through metres",
        ),
        ("refined = 1.0 / (here + offset", "refined = 1.0 / (here - offset", "the peak on the other side"),
        ("(score > LEAST_SCORE) & (lead > least_lead)", "(score > LEAST_SCORE)", "depths that look alike"),
        ("torch.where(inner, score,", "torch.where(peak >= 0, score,", "peaks at the end of the range"),
        (
            "told = (worth[:, :, None] > 0) & ~scores.isnan()",
            "told = ~scores.isnan()",
            "views that do not see a point vote",
        ),
        ("even.append((spread < UNEVEN).float())", "even.append((spread < 9.0).float())", "edges of priors"),
        ("torch.where(facing > 0.2, normal, ray)", "ray", "normals forgotten"),
        ("1.0 / (factors / z[:, None])", "z[:, None] * factors", "steps of depth, not of its inverse"),
        ("grey[..., 2:, :] - grey[..., :-2, :]", "grey[..., 2:, :] - grey[..., 1:-1, :]", "half a gradient"),
    ),
    *of(
        "neurfield/fusion/point_views.py",
        SEARCH,
        ("(angle > LEAST_ANGLE)", "(angle > 0.0)", "views without parallax"),
        ("0.08 * z[:, None], 0.4 * worth, worth)", "0.08 * z[:, None], worth, worth)", "views side by side"),
        ("worth[every, taken] = 0.0", "pass", "one view again and again"),
        ("among[i][best]", "best", "numbers among the promising for those of images"),
    ),
    *of(
        "neurfield/fusion/align_step.py",
        STEP,
        ("log_z - points.depth.log(), slope", "points.depth.log() - log_z, slope", "the residual's sign"),
        ("CoupledBlocks(own, i, j, across)", "CoupledBlocks(own, j, i, across)", "two images for each other"),
        ("(0, points.image, squares)", "(0, points.image * 0, squares)", "points weigh on other images"),
        ("self.blocks.solve(-self.pull)", "self.blocks.solve(self.pull)", "uphill"),
        ("(b * weight * residual).sum", "(a * weight * residual).sum", "one image's slope for the other's"),
        ("(residual.square() + width**2)", "(residual.square() + width)", "the width's root"),
        ("POINT_WEIGHT * flat * _trust", "POINT_WEIGHT * _trust", "points at a prior's jumps count"),
        ("pull[:, 2:] += stiff", "pull[:, 2:] -= stiff", "warps that grow by themselves"),
    ),
    *of(
        "neurfield/fusion/coupled_blocks.py",
        ("tests/fusion/test_coupled_blocks.py",),
        (
            "product.index_add_(0, self.second, (vector[self.first][:, None] @ self.across)[:, 0])",
            "pass",
            "half of a symmetric matrix",
        ),
        ("direction = scaled + inner / last * direction", "direction = scaled", "steepest descent"),
        (
            "residual = residual - step * product",
            "residual = residual + step * product",
            "away from the solution",
        ),
    ),
    *of(
        "neurfield/points/aligned_maps.py",
        ("tests/points/test_aligned_maps.py",),
        (
            "return (place - (stride // 2 + 0.5)) / stride + 0.5",
            "return place / stride",
            "thinned maps half a pixel aside",
        ),
        (".square() * flat, 0.0)", ".square(), 0.0)", "ramps count in full"),
    ),
    *of(
        "neurfield/scenes/cover.py",
        ("tests/scenes/test_cover.py",),
        ("+= shown[i].worth", "+= 1.0", "seen from afar is seen"),
        ("if known < len(chosen):", "if False:", "news of long ago"),
        ("elif chosen and -news < least_news:", "elif False:", "never enough"),
    ),
    *of(
        "neurfield/fusion/prior_views.py",
        HIDDEN,
        ('scene.mask(i) if scene.mask_says == "valid" else None', "None", "no pixel is hidden"),
        ("max_pool2d(small, 3, 1, 1)", "max_pool2d(small, 1, 1, 0)", "read beside what is hidden"),
    ),
    *of(
        "neurfield/fusion/prior_pairs.py",
        HIDDEN,
        (" & views.shows(second, place)", "", "carried into what is hidden"),
    ),
    *of(
        "neurfield/fusion/prior_model.py",
        MODEL,
        ("return z.log() + warp, slope", "return z.log() - warp, slope", "the warp's sign"),
        ("(1 - a) * (1 - b), a * (1 - b)", "(1 - a) * (1 - b), b * (1 - a)", "two nodes' shares swapped"),
    ),
    *of(
        "neurfield/points/seen.py",
        SEEN,
        ("float(depth.median()) / frame.half", "float(depth.median())", "a band in metres"),
        ("(points < high)).all(dim=1)", "(points < high)).any(dim=1)", "points outside the box"),
        ("frame.unit_from_world(world)", "world - frame.centre", "points of the world, unscaled"),
        (
            "torch.randint(len(points), (self.count,)",
            "torch.randint(min(len(points), 16), (self.count,)",
            "the first points alone",
        ),
    ),
]

NATIVE = of(
    "csrc/fusion/patch_scores_cpu.cpp",
    SCORES,
    ("u[p] - 0.5f, y = v[p] - 0.5f", "u[p], y = v[p]", "half a pixel aside"),
    ("second.centre[a]);", "second.centre[r]);", "one coordinate of the other camera"),
    ("variance += value[p] * value[p]", "variance += value[p]", "not squared"),
    ("before &= static_cast<int>(at > 0.0f);", "", "what lies behind a camera"),
    ("* second.lens[1] + second.lens[3]", "* second.lens[0] + second.lens[3]", "one focal length for both"),
    ("(squares + floor)", "squares", "noise of one picture forgotten"),
    ("normal[0] * middle[0] + normal[1] * middle[1] + normal[2];", "normal[2];", "planes across the axis"),
    ("scale > 0.2f && scale < 5.0f", "scale > 0.2f", "planes seen from their edge"),
    built=("csrc/fusion/patch_scores_cpu.cpp",),
)
