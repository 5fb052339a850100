"""Mistakes in what a step does, and in what a run leaves."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

TRUE = ("tests/fitting/test_true_field.py",)
VOLUME = ("tests/fitting/test_true_volume.py",)
PIXELS = ("tests/fitting/test_pixels.py",)
SCHEDULE = ("tests/fitting/test_rates.py", "tests/fitting/test_schedule.py")
OPTIMIZER = ("tests/fitting/test_rates.py", "tests/fitting/test_optimizer.py")
BUDGET = ("tests/fitting/test_sample_budget.py",)
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
        "neurfield/fitting/scene.py",
        TRUE,
        (
            "z = seen.distance * pixels.rays.z_per_t",
            "z = seen.distance",
            "prior depth compared along the ray",
        ),
        ("facing = -(nn.functional", "facing = (nn.functional", "the sign of the incidence"),
        (
            "math.exp(-weight.prior_decay * progress)",
            "math.exp(weight.prior_decay * progress)",
            "priors grow",
        ),
        (
            "mask_entropy(seen.opacity, pixels.mask)",
            "mask_entropy(1.0 - seen.opacity, pixels.mask)",
            "transparent where the object is",
        ),
        (
            "-10.0 * mean.clamp_min(1e-10).log10()",
            "-20.0 * mean.clamp_min(1e-10).log10()",
            "decibels of amplitudes",
        ),
    ),
    *of(
        "neurfield/fitting/volume_losses.py",
        VOLUME,
        ("2.0 * SMOOTH_STEP * offset", "SMOOTH_STEP * offset", "neighbours half as far"),
        (
            "(warm.until - progress) / (warm.until - warm.alone)",
            "(warm.until - progress) / warm.until",
            "the volume lets go with a jump",
        ),
        ("0.5 * volume.free_half)", "2.0 * volume.free_half)", "free space asked for more than it has"),
        ("there.sdf[near : near + len(free)]", "there.sdf[: len(free)]", "surface points for free ones"),
        (
            "volume.sdf[index], volume.weight[index]",
            "volume.weight[index], volume.sdf[index]",
            "distance and weight swapped",
        ),
    ),
    *of(
        "neurfield/fitting/warm_start.py",
        TRUE,
        (
            "band / frame.half, free, 4.0 * volume.voxel",
            "band / frame.half, free, 8.0 * volume.voxel",
            "free cubes twice too large",
        ),
        ("near.distance / frame.half", "near.distance", "distances left in the world's unit"),
        (
            "@ scene.cameras.world_from_cam[i, :3, :3].T.astype",
            "@ scene.cameras.world_from_cam[i, :3, :3].astype",
            "normals turned the other way",
        ),
        (
            "turned = normal.reshape(-1, 3) @ scene.cameras.world_from_cam[i, :3, :3].T.astype(np.float32)",
            "turned = normal.reshape(-1, 3)",
            "prior normals not turned to the world",
        ),
    ),
    *of(
        "neurfield/fitting/warm_start.py",
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
        "neurfield/fitting/sample_budget.py",
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
            "depth / (self.frame.half * rays_there.z_per_t)",
            "depth / self.frame.half",
            "z-depth for the ray's distance",
        ),
        ("frames % every == every // 2", "frames % every == 0", "the first of each group is held out"),
    ),
    *of(
        "neurfield/pixels/reader.py",
        (*PIXELS, *TRUE),
        (
            "np.stack([u + 0.5, v + 0.5], axis=1)",
            "np.stack([u, v], axis=1)",
            "corners for the middles of pixels",
        ),
    ),
    *of(
        "neurfield/pixels/reader.py",
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
            "seen.distance * rays.z_per_t * task.frame.half",
            "seen.distance * task.frame.half",
            "a picture of distances for depths",
        ),
        ("(np.arange(h) + 0.5) * full_h / h", "np.arange(h) * full_h / h", "pictures half a pixel too high"),
    ),
    *of(
        "neurfield/fitting/surface.py",
        MESH,
        (
            "frame.world_from_unit(np.asarray(mesh.vertices))",
            "np.asarray(mesh.vertices)",
            "a mesh in the unit frame",
        ),
        ("voxel / frame.half, device", "voxel, device", "voxels in the world's unit"),
    ),
]
