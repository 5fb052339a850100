"""Mistakes in kernels: in their references, and in native code."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

OPACITY = (
    "tests/ops/test_opacity.py",
    "tests/ops/test_sections.py",
)
COMPOSITING = (
    "tests/ops/test_compositing.py",
    "tests/ops/test_sections.py",
)
FUSION = ("tests/ops/test_depth_fusion.py",)
ADAM = ("tests/ops/test_adam.py",)
MARCH = ("tests/ops/test_ray_march.py",)
OCCUPANCY = ("tests/ops/test_occupancy_grid.py",)
CLOSED = ("tests/ops/test_closed_forms.py",)
MLP = ("tests/ops/test_fused_mlp.py",)
ROW = ("tests/ops/test_gradient_row.py",)
TRIPLANE = ("tests/ops/test_triplane.py",)
LEVEL = ("tests/ops/test_level_set.py",)
LATTICE = ("tests/ops/test_dual_lattice.py",)
SHEETS = ("tests/ops/test_quad_sheets.py",)

REFERENCES = [
    *of(
        "neurfield/ops/reference/opacity.py",
        OPACITY,
        ("0.5 * approach * length", "approach * length", "sections twice as long"),
        ("torch.relu(-slope) * anneal", "torch.relu(slope) * anneal", "opaque where the ray leaves"),
        ("0.5 - 0.5 * torch.sign(sdf)", "0.5 + 0.5 * torch.sign(sdf)", "dense outside"),
    ),
    *of(
        "neurfield/ops/reference/compositing.py",
        COMPOSITING,
        ("factors.index_put((rays, place + 1)", "factors.index_put((rays, place)", "a sample hides itself"),
    ),
    *of(
        "neurfield/ops/reference/depth_fusion.py",
        FUSION,
        (
            "((ahead + truncation) / (truncation - sure)).clamp_max(1.0)",
            "torch.ones_like(ahead)",
            "what lies behind counts in full",
        ),
        (
            "(points @ pose[:, :3].T + pose[:, 3])",
            "(points @ pose[:, :3] + pose[:, 3])",
            "poses turned the other way",
        ),
    ),
    *of(
        "neurfield/ops/reference/adam.py",
        ADAM,
        ("(1.0 - beta2) * gradient**2", "(1.0 - beta2) * gradient", "the gradient for its square"),
    ),
    *of(
        "neurfield/ops/reference/ray_march.py",
        MARCH,
        ("jitter[rays, None] + k + 0.5", "jitter[rays, None] + k", "cells looked up where sections start"),
    ),
    *of(
        "neurfield/ops/reference/occupancy_grid.py",
        OCCUPANCY,
        ("half_diagonal + margin", "half_diagonal - margin", "the margin's sign"),
    ),
    *of(
        "neurfield/ops/reference/closed_forms.py",
        CLOSED,
        ("math.pi * 2.0**band", "math.pi * 2.0 * band", "frequencies that do not double"),
    ),
    *of(
        "neurfield/ops/reference/fused_mlp.py",
        MLP,
        (
            "slopes.append(torch.sigmoid(beta * z))",
            "slopes.append(torch.sigmoid(z))",
            "the slope of another softplus",
        ),
    ),
    *of(
        "neurfield/ops/reference/sdf_query.py",
        ROW,
        ("outputs.gather(1, row[:, None])", "outputs[:, 0]", "the first output always"),
    ),
    *of(
        "neurfield/ops/reference/sections.py",
        OPACITY,
        (
            "slope = (gradient * directions",
            "slope = -(gradient * directions",
            "rays that leave for rays that come",
        ),
    ),
]

NATIVE = [
    *of(
        "csrc/marching/compositing.h",
        COMPOSITING,
        (
            "transmittance[i] * (grad_weights[i] - rest)",
            "transmittance[i] * (grad_weights[i] + rest)",
            "the shadow's sign",
        ),
        ("rest = grad_transmittance[i] + alpha[i]", "rest = alpha[i]", "transmittance without a gradient"),
        (
            "product += grad_out[c] * value[c]",
            "product += weight * value[c]",
            "the weight for the ray's gradient",
        ),
        (
            "by_normal + grad_out[6] * t[i] + grad_out[7]",
            "by_normal + grad_out[6] * t[i]",
            "opacity without a gradient",
        ),
        built=("csrc/marching/compositing_cpu.cpp",),
    ),
    *of(
        "csrc/marching/opacity.h",
        OPACITY,
        ("(sdf.at[i] - half_step.at[i])", "(sdf.at[i] + half_step.at[i])", "sections end where they begin"),
        ("Vec(0.5f) * approach(slope.at[i])", "approach(slope.at[i])", "sections twice as long"),
        (
            "(e * sdf.at[i] * inverse - density.at[i])",
            "(e * sdf.at[i] * inverse + density.at[i])",
            "half of the width's gradient turned",
        ),
        built=("csrc/marching/sections_cpu.cpp",),
    ),
    *of(
        "csrc/marching/opacity_point.h",
        OPACITY,
        (
            "by_g[a] += inverse * (by_unit[a] - along * g[a])",
            "by_g[a] += inverse * by_unit[a]",
            "unit vectors that stretch",
        ),
        built=("csrc/marching/sections_cpu.cpp",),
    ),
    *of(
        "csrc/marching/sections_cpu.cpp",
        OPACITY,
        (
            "call.t[i] = 0.5f * (call.t_starts[i] + call.t_ends[i])",
            "call.t[i] = call.t_starts[i]",
            "starts for midpoints",
        ),
        built=("csrc/marching/sections_cpu.cpp",),
    ),
    *of(
        "csrc/fusion/depth_fusion.h",
        FUSION,
        ("min(one, (Vec(ahead) + limit) / (limit - sure))", "one", "what lies behind counts in full"),
        ("(min(Vec(ahead), limit) - mean)", "(Vec(ahead) - mean)", "distances not cut off"),
        (
            "turn[c] * moved[0] + turn[3 + c] * moved[1] + turn[6 + c] * moved[2]",
            "turn[3 * c] * moved[0] + turn[3 * c + 1] * moved[1] + turn[3 * c + 2] * moved[2]",
            "poses turned the other way",
        ),
        built=("csrc/fusion/depth_fusion_cpu.cpp",),
    ),
    *of(
        "csrc/optim/adam.h",
        ADAM,
        (
            "Real(1.0f - step.beta2) * gradient * gradient",
            "Real(1.0f - step.beta2) * gradient",
            "the gradient for its square",
        ),
        (
            "1.0 / std::sqrt(1.0 - std::pow(beta2_",
            "1.0 / (1.0 - std::pow(beta2_",
            "the root of the correction forgotten",
        ),
        built=("csrc/optim/adam_cpu.cpp",),
    ),
    *of(
        "csrc/marching/ray_march.h",
        MARCH,
        ("/ step - jitter - 0.5)", "/ step - jitter)", "the first section left out"),
        (
            "direction[a] > 0.0f ? low + edge : low",
            "direction[a] > 0.0f ? low + 2 * edge : low - edge",
            "empty cells leapt over with the next one",
        ),
        built=("csrc/marching/ray_march_cpu.cpp",),
    ),
    *of(
        "csrc/marching/occupancy_grid.h",
        MARCH,
        (
            ">> ((cell[1] & 7) * 8 + (cell[2] & 7))",
            ">> ((cell[2] & 7) * 8 + (cell[1] & 7))",
            "two axes of a brick swapped",
        ),
        built=("csrc/marching/ray_march_cpu.cpp",),
    ),
    *of(
        "csrc/marching/occupancy_grid_cpu.cpp",
        OCCUPANCY,
        (
            "!(std::fabs(value[i]) > limit)",
            "std::fabs(value[i]) <= limit",
            "what is no number counts as free",
        ),
        built=(
            "csrc/marching/occupancy_grid_cpu.cpp",
            "csrc/marching/ray_march_cpu.cpp",
        ),
    ),
    *of(
        "csrc/encoding/closed_forms.h",
        CLOSED,
        ("out[1] = Real(-kBand1) * y", "out[1] = Real(kBand1) * y", "a harmonic's sign"),
        ("Real(10.0f * kInner3)", "Real(5.0f * kInner3)", "half of a harmonic's slope"),
        built=("csrc/encoding/closed_forms_cpu.cpp",),
    ),
    *of(
        "csrc/encoding/closed_forms_cpu.cpp",
        CLOSED,
        ("(k / dimensions % 2 + order) % 4", "(k % 2 + order) % 4", "sines and cosines by axis"),
        built=("csrc/encoding/closed_forms_cpu.cpp",),
    ),
    *of(
        "csrc/encoding/triplane.h",
        TRIPLANE,
        ("by_b[0] = -by_b[2]", "by_b[0] = by_b[2]", "a texel's weight without its sign"),
        ("6.0f * inside * f * (1.0f - f)", "6.0f * f * (1.0f - f)", "slopes by texel, not by length"),
        built=(
            "csrc/encoding/triplane_cpu.cpp",
            "csrc/encoding/triplane_scatter_cpu.cpp",
        ),
    ),
    *of(
        "csrc/surface/marching_cubes.h",
        LEVEL,
        ("crossing(level, a, b)", "crossing(level, b, a)", "vertices at the other end of their edge"),
        built=("csrc/surface/level_set_cpu.cpp",),
    ),
    *of(
        "csrc/surface/shared_points.h",
        LATTICE,
        ("shared = after == y + 1", "shared = after >= y + 1", "rows that lie apart share their points"),
        ("stride_ + (z == before + 1 ? 0 : 1)", "stride_", "one point too few for cells apart"),
        built=("csrc/surface/dual_lattice_cpu.cpp",),
    ),
    *of(
        "csrc/surface/lattice_edges.h",
        LATTICE,
        ("cells.z(at) < z - 1", "cells.z(at) < z", "no cell below in the rows beside"),
        built=("csrc/surface/dual_lattice_cpu.cpp",),
    ),
    *of(
        "csrc/surface/quad_sheets.h",
        SHEETS,
        ("swapped ? next : i", "swapped ? i : next", "sheets joined upper cell to lower cell"),
        ("odd >= 3", "odd >= 2", "answers turned over where half speaks for them"),
        built=("csrc/surface/quad_sheets_cpu.cpp",),
    ),
    *of(
        "csrc/network/fused_mlp.h",
        MLP,
        (
            "Vec(beta) * (slope - slope * slope)",
            "(slope - slope * slope)",
            "the curvature of another softplus",
        ),
        built=("csrc/network/fused_mlp_cpu.cpp", "csrc/network/mlp_tiles_cpu.cpp"),
    ),
    *of(
        "csrc/network/mlp_worker.h",
        MLP,
        ("row < count ? asked[row] : 0", "row < count ? asked[0] : 0", "one output for all points of a tile"),
        ("[row * stride + asked[row]]", "[row * stride]", "slopes of all outputs teach the first"),
        built=("csrc/network/fused_mlp_cpu.cpp", "csrc/network/mlp_tiles_cpu.cpp"),
    ),
]
