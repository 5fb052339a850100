"""Mistakes in what a step does, and in what a run leaves."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

TRUE = ("tests/fitting/test_true_field.py",)
VOLUME = ("tests/points/test_true_volume.py", "tests/points/test_hold.py")
PIXELS = ("tests/pixels/test_pixels.py",)
SCHEDULE = ("tests/fitting/test_rates.py", "tests/fitting/test_schedule.py")
OPTIMIZER = ("tests/fitting/test_rates.py", "tests/fitting/test_optimizer.py")
BUDGET = ("tests/rendering/test_sample_budget.py",)
WEIGHTED = ("tests/losses/test_weighted.py",)
LOOK = ("tests/fitting/test_rays_step.py",)
STEP = ("tests/fitting/test_step.py",)
SCORES = ("tests/fitting/test_image_scores.py",)
MESH = ("tests/fitting/test_mesh_in_world.py",)

STEPS = [
    *of(
        "neurfield/pixels/masks.py",
        TRUE,
        ("torch.lerp(behind, pixels.rgb, mask", "torch.lerp(pixels.rgb, behind, mask", "the mask inside out"),
        ("(mask > 0.5) & (mask < 1.5)", "(mask < 0.5)", "the figure of what is masked away"),
    ),
    *of(
        "neurfield/losses/of_priors.py",
        TRUE,
        (
            "z = rendered.distance * pixels.rays.z_per_t",
            "z = rendered.distance",
            "prior depth compared along the ray",
        ),
    ),
    *of(
        "neurfield/losses/seen.py",
        TRUE,
        ("facing = -(normalize(", "facing = (normalize(", "the sign of the incidence"),
    ),
    *of(
        "neurfield/losses/weighted.py",
        (*WEIGHTED, *TRUE),
        (
            "math.exp(-self.decay * moment.progress)",
            "math.exp(self.decay * moment.progress)",
            "priors grow",
        ),
    ),
    *of(
        "neurfield/losses/weighted.py",
        WEIGHTED,
        ("weight = points.hold * weight", "pass", "points that are let go of count fully"),
        (
            "return marked.required | marked.optional",
            "return marked.required",
            "losses of what is not there",
        ),
    ),
    *of(
        "neurfield/losses/of_pixels.py",
        TRUE,
        (
            'mask_entropy(seen.rendered("surface").opacity,',
            'mask_entropy(1.0 - seen.rendered("surface").opacity,',
            "transparent where the object is",
        ),
    ),
    *of(
        "neurfield/fitting/rays_step.py",
        TRUE,
        (
            "-10.0 * mean.clamp_min(1e-10).log10()",
            "-20.0 * mean.clamp_min(1e-10).log10()",
            "decibels of amplitudes",
        ),
    ),
    *of(
        "neurfield/fitting/rays_step.py",
        LOOK,
        (
            "sdf, gradient, answers.t.shape[0])",
            "sdf, gradient)",
            "samples for the joined points",
        ),
        ("(near, gradient[start:])", "(near, gradient[: len(near)])", "samples for their neighbours"),
    ),
    *of(
        "neurfield/points/fused_depth.py",
        VOLUME,
        ("2.0 * self.beside.distance * offset", "self.beside.distance * offset", "neighbours half as far"),
        (
            "(self.until - moment.progress) / (self.until - self._alone)",
            "(self.until - moment.progress) / self.until",
            "the volume lets go with a jump",
        ),
        ("0.5 * volume.free_half}", "2.0 * volume.free_half}", "free space asked for more than it has"),
        (
            '"sdf": volume.sdf[index], "weight": volume.weight[index]',
            '"weight": volume.sdf[index], "sdf": volume.weight[index]',
            "distance and weight swapped",
        ),
    ),
    *of(
        "neurfield/points/point_set.py",
        VOLUME,
        (
            "rows = slice(start, start + len(one.queried))",
            "rows = slice(0, len(one.queried))",
            "surface points for free ones",
        ),
    ),
    *of(
        "neurfield/points/fuse_scene.py",
        TRUE,
        (
            "band / frame.half, free, 4.0 * volume.voxel",
            "band / frame.half, free, 8.0 * volume.voxel",
            "free cubes twice too large",
        ),
        (
            "sdf = ((points - centre) / frame.half).float(), distance / frame.half",
            "sdf = ((points - centre) / frame.half).float(), distance",
            "distances left in the world's unit",
        ),
    ),
    *of(
        "neurfield/points/prior_maps.py",
        TRUE,
        (
            "@ world_from_cam[:3, :3].T.astype",
            "@ world_from_cam[:3, :3].astype",
            "normals turned the other way",
        ),
        (
            "turned = normal.reshape(-1, 3) @ world_from_cam[:3, :3].T.astype(np.float32)",
            "turned = normal.reshape(-1, 3)",
            "prior normals not turned to the world",
        ),
    ),
    *of(
        "neurfield/points/fuse_scene.py",
        VOLUME,
        (
            "2.0 * torch.rand(count, 3, generator=generator, device=device) - 1.0",
            "torch.rand(count, 3, generator=generator, device=device)",
            "an eighth of each free cube",
        ),
    ),
    *of(
        "neurfield/fitting/step.py",
        STEP,
        (
            "torch.stack(list(self.losses.values())).sum()",
            "torch.stack(list(self.losses.values())).mean()",
            "a mean of the losses",
        ),
    ),
    *of(
        "neurfield/fitting/schedule.py",
        SCHEDULE,
        ("0.5 * (1.0 + math.cos(", "(1.0 + math.cos(", "twice the learning rate"),
        ("return (step + 1) / warmup", "return step / warmup", "the first step does nothing"),
    ),
    *of(
        "neurfield/moment.py",
        SCHEDULE,
        ("start * (end / start) ** min(", "start + (end - start) * min(", "equal steps for equal factors"),
    ),
    *of(
        "neurfield/fitting/optimizer.py",
        OPTIMIZER,
        ("group.learning_rate * factor", "group.learning_rate", "the schedule of the rate forgotten"),
        ("skip_zero=group.sparse", "skip_zero=not group.sparse", "tables dense, networks sparse"),
        ("flat.gradient.zero_()", "pass", "gradients are not forgotten"),
    ),
    *of(
        "neurfield/rendering/sample_budget.py",
        BUDGET,
        (
            "MEMORY * (samples / max(1, rays) - self.samples_per_ray)",
            "MEMORY * samples / max(1, rays)",
            "a running mean that only grows",
        ),
    ),
]

RUNS = [
    *of(
        "neurfield/inputs/scene/scores.py",
        SCORES,
        ("run.held_out if len(run.held_out) else", "", "fitted frames scored although others are held out"),
    ),
    *of(
        "neurfield/pixels/reader.py",
        PIXELS,
        (
            "values[exact] / (self.frame.half * rays.z_per_t)",
            "values[exact] / self.frame.half",
            "z-depth for the ray's distance",
        ),
    ),
    *of(
        "neurfield/pixels/frames.py",
        PIXELS,
        ("frames % every == every // 2", "frames % every == 0", "the first of each group is held out"),
    ),
    *of(
        "neurfield/pixels/reader.py",
        (*PIXELS, *TRUE),
        (
            "np.stack([chosen.column + 0.5, chosen.row + 0.5], axis=1)",
            "np.stack([chosen.column, chosen.row], axis=1)",
            "corners for the middles of pixels",
        ),
    ),
    *of(
        "neurfield/pixels/frames.py",
        (*PIXELS, *SCORES),
        (
            "return frames[~held_out], frames[held_out]",
            "return frames[held_out], frames[~held_out]",
            "fitted to what is held out",
        ),
    ),
    *of(
        "neurfield/pixels/flat_images.py",
        PIXELS,
        (
            "@ scene.cameras.world_from_cam[i, :3, :3].T.astype",
            "@ scene.cameras.world_from_cam[i, :3, :3].astype",
            "normals turned the other way",
        ),
        ("v * self._width[frames] + u", "u * self._width[frames] + v", "rows and columns swapped"),
    ),
    *of(
        "neurfield/fitting/view.py",
        TRUE,
        (
            "rendered.distance * rays.z_per_t * task.frame.half",
            "rendered.distance * task.frame.half",
            "a picture of distances for depths",
        ),
        ("(np.arange(h) + 0.5) * full_h / h", "np.arange(h) * full_h / h", "pictures half a pixel too high"),
    ),
    *of(
        "neurfield/fitting/surface.py",
        MESH,
        (
            "frame.world_from_unit(vertices[start : start + _ROWS])",
            "vertices[start : start + _ROWS]",
            "a mesh in the unit frame",
        ),
        ("voxel / frame.half, self.device", "voxel, self.device", "voxels in the world's unit"),
    ),
]
