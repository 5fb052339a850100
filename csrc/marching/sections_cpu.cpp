// Ray sections on the CPU: where they are, how opaque, which way their surface faces; and the backward of the latter two.
#include <algorithm>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "marching/opacity.h"
#include "marching/opacity_point.h"
#include "marching/sections_arguments.h"

namespace neurfield::sections {
namespace {

constexpr int64_t kChunk = 2048;  // sections per task

const float* direction(const Sections& s, int64_t i) { return s.directions + 3 * s.rays[i]; }

// The inputs of a tile of sections from `begin` on, `n` of them real.
struct TileInputs {
    alignas(64) float sdf[kTile] = {}, slope[kTile] = {}, length[kTile] = {};

    TileInputs(const Sections& s, int64_t begin, int n) {
        for (int k = 0; k < n; ++k) {
            const int64_t i = begin + k;
            const float *g = s.gradient + 3 * i, *d = direction(s, i);
            sdf[k] = s.sdf[i];
            slope[k] = g[0] * d[0] + g[1] * d[1] + g[2] * d[2];
            length[k] = s.t_ends[i] - s.t_starts[i];
        }
    }
    template <class Kind>
    Tile alpha(const Kind& kind, Slopes* slopes) const {
        return kind.alpha(Tile::load(sdf), Tile::load(slope), Tile::load(length), slopes);
    }
};

// body(tile, first section, how many) for all tiles.
template <class Body>
void for_each_tile(int64_t count, Body&& body) {
    py::gil_scoped_release release;
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i += kTile) body(i, static_cast<int>(std::min<int64_t>(kTile, end - i)));
    });
}

template <class Body>
void with_kind(const Sections& s, Body&& body) {
    if (s.neus)
        body(Neus{*s.width, s.anneal});
    else
        body(Volsdf{*s.width});
}

void section_midpoints(const Midpoints& call) {
    for_each_tile(call.count, [&](int64_t begin, int n) {
        for (int64_t i = begin; i < begin + n; ++i) {
            const float *o = call.origins + 3 * call.rays[i], *d = call.directions + 3 * call.rays[i];
            call.t[i] = 0.5f * (call.t_starts[i] + call.t_ends[i]);
            for (int a = 0; a < 3; ++a) call.points[3 * i + a] = o[a] + call.t[i] * d[a];
        }
    });
}

void section_opacity(const OpacityForward& call) {
    const Sections& s = call.sections;
    with_kind(s, [&](const auto& kind) {
        for_each_tile(s.count, [&](int64_t begin, int n) {
            alignas(64) float found[kTile];
            TileInputs(s, begin, n).alpha(kind, nullptr).store(found);
            std::copy_n(found, n, call.alpha + begin);
            for (int64_t i = begin; i < begin + n; ++i) {
                const float* g = s.gradient + 3 * i;
                const float inverse = inverse_length(g);
                for (int a = 0; a < 3; ++a) call.normal[3 * i + a] = g[a] * inverse;
            }
        });
    });
}

void section_opacity_backward(const OpacityBackward& call) {
    const Sections& s = call.sections;
    const float* d_alpha = call.d_alpha;
    std::vector<double> parts((s.count + kTile - 1) / kTile);  // of each tile: summed in one order whatever the threads
    with_kind(s, [&](const auto& kind) {
        for_each_tile(s.count, [&](int64_t begin, int n) {
            Slopes slopes;
            TileInputs(s, begin, n).alpha(kind, &slopes);
            alignas(64) float by_sdf[kTile], by_slope[kTile], by_width[kTile];
            slopes.sdf.store(by_sdf), slopes.slope.store(by_slope), slopes.width.store(by_width);
            double total = 0.0;
            for (int k = 0; k < n; ++k) {
                const int64_t i = begin + k;
                call.d_sdf[i] = d_alpha[i] * by_sdf[k];
                total += d_alpha[i] * by_width[k];
                float* to = call.d_gradient + 3 * i;
                for (int a = 0; a < 3; ++a) to[a] = d_alpha[i] * by_slope[k] * direction(s, i)[a];
                add_unit_backward(s.gradient + 3 * i, call.d_normal + 3 * i, to);
            }
            parts[begin / kTile] = total;
        });
    });
    double sum = 0.0;
    for (double part : parts) sum += part;
    *call.d_width = static_cast<float>(sum);
}

}  // namespace
}  // namespace neurfield::sections

namespace neurfield {

void bind_sections(py::module_& module) {
    define(module, "section_midpoints", sections::section_midpoints_of, sections::section_midpoints);
    define(module, "section_opacity", sections::section_opacity_of, sections::section_opacity);
    define(module, "section_opacity_backward", sections::section_opacity_backward_of, sections::section_opacity_backward);
}

}  // namespace neurfield
