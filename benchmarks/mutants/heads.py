"""Mistakes in what is rendered beside the distance: heads, their opacity, and colours decoded afterwards."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

HEADS = ("tests/fields/test_heads.py",)
OPACITY = ("tests/rendering/test_head_opacity.py",)
LATENT = ("tests/fields/test_latent.py",)
PASSES = ("tests/losses/test_other_passes.py",)

BESIDE = [
    *of(
        "neurfield/fields/sdf.py",
        HEADS,
        ("last.weight[self._follows > 0.0] = 0.0", "pass", "a head that starts anywhere"),
        (
            "of_sdf = weights[-1][:1].detach()",
            "of_sdf = weights[-1][:1]",
            "a head that pulls at the SDF",
        ),
        (
            "biases[-1] = torch.addcmul(biases[-1], self._follows, of_sdf[1])",
            "pass",
            "a head beside the SDF's surface",
        ),
    ),
    *of(
        "neurfield/rendering/head_opacity.py",
        OPACITY,
        ("torch.sigmoid(-occupancy / width)", "torch.sigmoid(occupancy / width)", "opaque where it is free"),
        ("answers.slopes[HEAD]", "answers.gradient", "the distance's normals"),
        ("leads = False", "leads = True", "samples by a pass that has none"),
    ),
    *of(
        "neurfield/fields/latent.py",
        LATENT,
        (
            "channels[LINEAR] / opacity.clamp_min(LEAST_OPACITY)[:, None]",
            "channels[LINEAR]",
            "decoded of sums, not of means",
        ),
        ("opacity[:, None] * _squashed", "_squashed", "colours of rays that see nothing"),
        ("*self.decoder.parameters()", "*[]", "a decoder that is never learnt"),
    ),
    *of(
        "neurfield/losses/of_priors.py",
        PASSES,
        (
            "leading = next(iter(seen.rays.passes.values()))",
            "*_, leading = seen.rays.passes.values()",
            "hits of the pass that could escape",
        ),
    ),
    *of(
        "neurfield/losses/of_pixels.py",
        PASSES,
        ('channels["direct"]', "rgb", "the pixels' colours twice"),
    ),
]
